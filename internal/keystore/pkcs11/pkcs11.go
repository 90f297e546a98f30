//go:build pkcs11 && cgo

package pkcs11

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	p11 "github.com/miekg/pkcs11"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

const defaultSessions = 8

// Store is a keystore.KeyStore in a token.
type Store struct {
	cfg     Config
	lib     *p11.Ctx
	turns   chan struct{} // one element for each session in use
	keys    keyCache      // handles, good for one connection
	making  sync.Mutex    // serialises creations: see the package comment
	copying sync.Mutex    // serialises copies, since all are made in the anchor
	probeID []byte        // CKA_ID of the probe key: tells our token from another one

	// Calls into the token hold mu for reading; connecting holds it for writing,
	// since C_Finalize must not run beside anything else.
	mu     sync.RWMutex
	conn   uint64 // counts connections
	slot   uint
	anchor p11.SessionHandle // holds the login and the session copies; never used for work
	probe  p11.ObjectHandle
	down   error     // why the last attempt to connect failed
	retry  time.Time // when to try next
	fatal  error     // a reason not to try again: more wrong PINs would lock the token
	closed bool

	free     []p11.SessionHandle // open and idle
	freeLock sync.Mutex

	// copyObject is C_CopyObject. Not every token has it.
	copyObject func(p11.SessionHandle, p11.ObjectHandle, []*p11.Attribute) (p11.ObjectHandle, error)
}

var _ keystore.KeyStore = (*Store)(nil)

// Open loads the module, logs in, and makes the probe key when the token has
// none: a small AES key that tells a missing key from a missing token.
func Open(ctx context.Context, cfg Config) (keystore.KeyStore, error) {
	if err := ctx.Err(); err != nil {
		return nil, keystore.Unavailable(err)
	}
	if cfg.Module == "" || cfg.TokenLabel == "" || cfg.PIN.Len() == 0 {
		return nil, fault.New(fault.Invalid, "pkcs11_config", "PKCS#11 needs the path of the module, the label of the token and its PIN.")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxSessions <= 0 {
		cfg.MaxSessions = defaultSessions
	}
	cfg.PIN = secret.New(bytes.Clone(cfg.PIN.Reveal())) // needed again when the token comes back
	lib := p11.New(cfg.Module)
	if lib == nil {
		return nil, fault.New(fault.Invalid, "pkcs11_module", "The PKCS#11 module can't be loaded: check its path and that it is for this machine.")
	}
	s := &Store{cfg: cfg, lib: lib, turns: make(chan struct{}, cfg.MaxSessions), copyObject: lib.CopyObject}
	s.keys.limit = maxCopies
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.start(); err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

// start is the first connection.
func (s *Store) start() error {
	if err := s.lib.Initialize(); err != nil && !is(err, p11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		return keystore.Unavailable(err)
	}
	if err := s.login(); err != nil {
		return asFault(err)
	}
	if err := s.openProbe(); err != nil {
		return asFault(err)
	}
	return nil
}

// Health has the token encrypt with the probe key.
func (s *Store) Health(ctx context.Context) keystore.Health {
	err := s.run(ctx, s.tryProbe)
	return keystore.Health{Provider: "pkcs11", Connected: err == nil}
}

// Close logs out and lets go of the module.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.cfg.PIN.Wipe()
	s.keys.clear()
	s.release()
	return nil
}

// release undoes what start did. A token that is away makes these calls fail,
// which changes nothing.
func (s *Store) release() {
	_ = s.lib.CloseAllSessions(s.slot)
	_ = s.lib.Finalize()
	s.lib.Destroy()
}

var errClosed = errors.New("the keystore is closed")
