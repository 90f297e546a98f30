//go:build pkcs11 && cgo

package pkcs11

import (
	"context"
	"errors"
	"time"

	p11 "github.com/miekg/pkcs11"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// retryEvery is how often a token that is away is looked for. In between, calls
// fail at once: each look takes the module down and up again.
const retryEvery = time.Second

// run calls f with a session that nobody else uses, and a second time after
// connecting again when the connection was lost. So f may run twice.
func (s *Store) run(ctx context.Context, f func(p11.SessionHandle) error) error {
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return keystore.Unavailable(ctx.Err())
	}
	conn, err := s.once(f)
	if err != nil && lost(err) {
		if err := s.reconnect(conn); err != nil {
			return asFault(err)
		}
		_, err = s.once(f)
	}
	return asFault(err)
}

// once says which connection it used.
func (s *Store) once(f func(p11.SessionHandle) error) (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return s.conn, keystore.Unavailable(errClosed)
	}
	if s.down != nil {
		return s.conn, errLost
	}
	sh, err := s.take()
	if err != nil {
		return s.conn, err
	}
	err = f(sh)
	if _, ours := errors.AsType[*fault.Error](err); err == nil || ours {
		s.freeLock.Lock()
		s.free = append(s.free, sh)
		s.freeLock.Unlock()
		return s.conn, err
	}
	// An operation may have been left half done in it.
	_ = s.lib.CloseSession(sh)
	return s.conn, err
}

// take returns an idle session or opens one; turns bounds how many there are.
func (s *Store) take() (p11.SessionHandle, error) {
	s.freeLock.Lock()
	defer s.freeLock.Unlock()
	if n := len(s.free); n > 0 {
		sh := s.free[n-1]
		s.free = s.free[:n-1]
		return sh, nil
	}
	return s.lib.OpenSession(s.slot, p11.CKF_SERIAL_SESSION|p11.CKF_RW_SESSION)
}

// reconnect replaces the connection conn, unless somebody else has done so.
func (s *Store) reconnect(conn uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	switch {
	case s.closed:
		return keystore.Unavailable(errClosed)
	case s.conn != conn:
		return nil
	case s.fatal != nil:
		return keystore.Unavailable(s.fatal)
	case s.down != nil && now.Before(s.retry) && s.retry.Sub(now) <= retryEvery:
		return keystore.Unavailable(s.down)
	}
	// New sessions are enough for a token that dropped the old ones. One that
	// was pulled out is seen again only after the module has started afresh.
	err := s.connect(false)
	if err != nil && s.fatal == nil {
		err = s.connect(true)
	}
	if err != nil {
		s.down, s.retry = err, now.Add(retryEvery)
		return keystore.Unavailable(err)
	}
	s.down = nil
	s.conn++
	return nil
}

func (s *Store) connect(restart bool) error {
	s.keys.clear()
	s.free = nil
	_ = s.lib.CloseAllSessions(s.slot) // they are gone already, or of no use
	if restart {
		_ = s.lib.Finalize() // fails when it never came up, which is fine
		if err := s.lib.Initialize(); err != nil && !is(err, p11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
			return err
		}
	}
	if err := s.login(); err != nil {
		return err
	}
	return s.findProbe()
}

// login finds the token by its label and opens the session that holds the login.
func (s *Store) login() error {
	if err := s.cfg.untried(); err != nil {
		s.fatal = err
		return err
	}
	slot, err := s.findSlot()
	if err != nil {
		return err
	}
	sh, err := s.lib.OpenSession(slot, p11.CKF_SERIAL_SESSION|p11.CKF_RW_SESSION)
	if err != nil {
		return err
	}
	s.slot, s.anchor = slot, sh
	err = s.lib.Login(sh, p11.CKU_USER, string(s.cfg.PIN.Reveal()))
	if err == nil || is(err, p11.CKR_USER_ALREADY_LOGGED_IN) {
		s.cfg.forget()
		return nil
	}
	if badPIN(err) {
		s.fatal = fault.Wrap(errors.Join(err, s.cfg.remember()), fault.Invalid, "pkcs11_pin",
			"The token refused the PIN. It is not tried again, since that could lock the token: mend the configuration and restart.")
		return s.fatal
	}
	return err
}

func (s *Store) findSlot() (uint, error) {
	slots, err := s.lib.GetSlotList(true)
	if err != nil {
		return 0, err
	}
	var found []uint
	for _, slot := range slots {
		info, err := s.lib.GetTokenInfo(slot)
		if err == nil && info.Label == s.cfg.TokenLabel {
			found = append(found, slot)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return 0, fault.New(fault.Unavailable, keystore.CodeUnavailable, "No token with the configured label is present.")
	default:
		return 0, fault.New(fault.Invalid, "pkcs11_token", "More than one token has the configured label.")
	}
}
