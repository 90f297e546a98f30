//go:build pkcs11 && cgo

package pkcs11

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"

	p11 "github.com/miekg/pkcs11"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

const (
	kekPrefix    = "oneclaw/kek/"
	signerPrefix = "oneclaw/signer/"
	evmPrefix    = "oneclaw/evm/"
	findBatch    = 100
)

var (
	errTwoKeys     = errors.New("the token holds two keys under one id")
	errNoAttribute = errors.New("the token did not return the attribute")
)

// newTag is the CKA_ID of a new key: it tells our own key, whose creation was
// done but whose answer was lost, from somebody else's.
func newTag() []byte {
	tag := make([]byte, 16)
	rand.Read(tag) // never fails: crypto/rand stops the program instead
	return tag
}

// find returns the token objects of a class; an empty label means all of them.
func (s *Store) find(sh p11.SessionHandle, class uint, label string) ([]p11.ObjectHandle, error) {
	template := []*p11.Attribute{p11.NewAttribute(p11.CKA_CLASS, class), p11.NewAttribute(p11.CKA_TOKEN, true)}
	if label != "" {
		template = append(template, p11.NewAttribute(p11.CKA_LABEL, label))
	}
	if err := s.lib.FindObjectsInit(sh, template); err != nil {
		return nil, err
	}
	var all []p11.ObjectHandle
	for {
		batch, _, err := s.lib.FindObjects(sh, findBatch)
		if err != nil {
			_ = s.lib.FindObjectsFinal(sh)
			return nil, err
		}
		if len(batch) == 0 {
			return all, s.lib.FindObjectsFinal(sh)
		}
		all = append(all, batch...)
	}
}

// one returns the one key under label, from the cache or from the token. The
// caller must letGo of it.
func (s *Store) one(sh p11.SessionHandle, class uint, label string) (*key, error) {
	now := s.cfg.Now() // before the token is asked, so that an answer never counts for too long
	k, gen := s.keys.get(label)
	if k != nil {
		if !k.due(now) {
			return k, nil
		}
		err := s.ask(sh, k, now)
		if err == nil {
			return s.withCopy(sh, class, k, now)
		}
		s.letGo(sh, k)
		if lost(err) {
			return nil, err
		}
		gen = s.drop(sh, label, k)
	}
	found, err := s.find(sh, class, label)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, s.missing(sh)
	case len(found) > 1:
		return nil, keystore.Unusable(errTwoKeys)
	}
	id, err := s.checkGuarded(sh, found[0], guard{made: !strings.HasPrefix(label, evmPrefix), durable: true})
	if err != nil {
		// A key that is destroyed while we look seems to lack its attributes.
		if left, findErr := s.find(sh, class, label); findErr == nil && len(left) == 0 {
			return nil, s.missing(sh)
		}
		return nil, err
	}
	k, gone := s.keys.put(newKey(label, found[0], id, now.UnixNano()), gen)
	if gone != nil {
		s.letGo(sh, gone)
	}
	return s.withCopy(sh, class, k, now)
}

func (s *Store) withCopy(sh p11.SessionHandle, class uint, k *key, now time.Time) (*key, error) {
	if err := s.ensureCopy(sh, class, k, now); err != nil {
		s.letGo(sh, k)
		return nil, err
	}
	return k, nil
}

// missing tells a key that is not there from a token that is not there.
func (s *Store) missing(sh p11.SessionHandle) error {
	if err := s.tryProbe(sh); err != nil {
		return err
	}
	return keystore.KeyNotFound()
}

// use calls f with the object under label, and once more with a new handle when
// the token complains: another caller may have destroyed the key, or made it
// anew.
func (s *Store) use(sh p11.SessionHandle, class uint, label string, f func(p11.ObjectHandle) error) error {
	for again := false; ; again = true {
		k, err := s.one(sh, class, label)
		if err != nil {
			return err
		}
		err = f(k.handle())
		switch {
		case errors.Is(err, errUnauthentic):
			same, askErr := s.still(sh, class, k)
			s.letGo(sh, k)
			if askErr != nil {
				return askErr
			}
			if same || again {
				return keystore.UnwrapFailed()
			}
			continue
		case !odd(err):
			s.letGo(sh, k)
			return err
		}
		s.letGo(sh, k)
		s.drop(sh, label, k)
		switch {
		case again && stale(err):
			return errLost
		case again:
			return err
		}
	}
}

// still asks the token at once whether k is the key that label stands for.
func (s *Store) still(sh p11.SessionHandle, class uint, k *key) (bool, error) {
	k.asked.Store(0)
	now, err := s.one(sh, class, k.label)
	if err != nil {
		return false, err
	}
	s.letGo(sh, now)
	return now == k, nil
}

func (s *Store) attribute(sh p11.SessionHandle, obj p11.ObjectHandle, typ uint) ([]byte, error) {
	got, err := s.lib.GetAttributeValue(sh, obj, []*p11.Attribute{p11.NewAttribute(typ, nil)})
	if err != nil {
		return nil, err
	}
	if len(got) != 1 {
		return nil, errNoAttribute
	}
	return got[0].Value, nil
}

// guard is what a key must be besides private, sensitive and not extractable.
type guard struct {
	made    bool // inside the token, which never let it out: all but keys of accounts, which may be imported
	durable bool // a key, and not a copy
}

// checkGuarded asks the token itself whether the key can't leave it, and returns
// its CKA_ID.
func (s *Store) checkGuarded(sh p11.SessionHandle, obj p11.ObjectHandle, g guard) (id []byte, err error) {
	type flag struct {
		typ uint
		is  bool
	}
	want := []flag{{p11.CKA_PRIVATE, true}, {p11.CKA_SENSITIVE, true}, {p11.CKA_EXTRACTABLE, false}, {p11.CKA_TOKEN, g.durable}}
	if g.made {
		want = append(want, flag{p11.CKA_LOCAL, true}, flag{p11.CKA_ALWAYS_SENSITIVE, true}, flag{p11.CKA_NEVER_EXTRACTABLE, true})
	}
	ask := []*p11.Attribute{p11.NewAttribute(p11.CKA_ID, nil)}
	for _, w := range want {
		ask = append(ask, p11.NewAttribute(w.typ, nil))
	}
	got, err := s.lib.GetAttributeValue(sh, obj, ask)
	if err != nil {
		return nil, err
	}
	if len(got) != len(ask) {
		return nil, errNoAttribute
	}
	for i, w := range want {
		value := got[i+1].Value
		if len(value) != 1 || value[0] != 0 != w.is {
			return nil, keystore.Unusable(errors.New("the token holds the key in a way that lets it out"))
		}
	}
	return got[0].Value, nil
}
