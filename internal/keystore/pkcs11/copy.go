//go:build pkcs11 && cgo

package pkcs11

import (
	"bytes"
	"errors"
	"strings"
	"time"

	p11 "github.com/miekg/pkcs11"
)

// askEvery is how long a key is used before the token is asked again whether it
// still holds it. A key that another process destroyed, and a token that went
// away, are noticed within this time.
const askEvery = time.Second

var (
	errReplaced = errors.New("the handle has come to mean another key")
	errBadCopy  = errors.New("the copy of the key is not good for the same work")
)

// ask has the token say that it still holds the durable object of the key.
func (s *Store) ask(sh p11.SessionHandle, k *key, now time.Time) error {
	id, err := s.attribute(sh, k.object, p11.CKA_ID)
	if err != nil {
		return err
	}
	if !bytes.Equal(id, k.id) {
		return errReplaced
	}
	k.asked.Store(now.UnixNano())
	return nil
}

// ensureCopy gives the key its session copy, made by the token inside itself.
// A token may keep the durable object where it must look it up and lock it at
// every use (SoftHSM: in a file), the copy is in its working memory. When it
// makes none, or none that is of use, the key goes on without.
func (s *Store) ensureCopy(sh p11.SessionHandle, class uint, k *key, now time.Time) error {
	if k.copy.Load() != 0 || k.refused.Load() || !k.cached || strings.HasPrefix(k.label, evmPrefix) {
		return nil // keys of accounts sign seldom, and never the same twice, by which a copy could be proved
	}
	s.copying.Lock()
	defer s.copying.Unlock()
	if k.copy.Load() != 0 || k.refused.Load() {
		return nil
	}
	ok, gone := s.keys.room(now)
	if gone != nil {
		s.letGo(sh, gone)
	}
	if !ok {
		return nil // asked again when the key is next due
	}
	made, err := s.makeCopy(sh, class, k.object)
	switch {
	case is(err, p11.CKR_SESSION_HANDLE_INVALID, p11.CKR_SESSION_CLOSED):
		return err // the anchor is gone, and the login and all copies with it
	case err != nil:
		k.refused.Store(true)
		return nil
	}
	s.keys.counted(1)
	k.copy.Store(uint64(made))
	return nil
}

// makeCopy makes the copy in the anchor, whose end is the end of the connection:
// no copy in the cache outlives its session. It is held to what the key itself
// is held to, and has to do the same work.
func (s *Store) makeCopy(sh p11.SessionHandle, class uint, object p11.ObjectHandle) (p11.ObjectHandle, error) {
	made, err := s.copyObject(s.anchor, object, []*p11.Attribute{p11.NewAttribute(p11.CKA_TOKEN, false)})
	if err != nil {
		return 0, err
	}
	if made == object {
		return 0, errBadCopy // and nothing to destroy
	}
	if _, err = s.checkGuarded(sh, made, guard{made: true}); err == nil {
		err = s.checkSame(sh, class, object, made)
	}
	if err != nil {
		_ = s.lib.DestroyObject(sh, made)
		return 0, errors.Join(errBadCopy, err)
	}
	return made, nil
}

// checkSame proves that the copy is the key: what is wrapped under anything
// else could never be opened again.
func (s *Store) checkSame(sh p11.SessionHandle, class uint, object, made p11.ObjectHandle) error {
	challenge := newTag()
	if class == p11.CKO_PRIVATE_KEY {
		one, err := s.signEd25519(sh, object, challenge)
		if err != nil {
			return err
		}
		two, err := s.signEd25519(sh, made, challenge)
		if err == nil && !bytes.Equal(one, two) {
			err = errBadCopy
		}
		return err
	}
	for _, pair := range [][2]p11.ObjectHandle{{object, made}, {made, object}} {
		sealed, err := s.encrypt(sh, pair[0], challenge, nil)
		if err != nil {
			return err
		}
		opened, err := s.decrypt(sh, pair[1], sealed, nil)
		if err != nil {
			return err
		}
		if !bytes.Equal(opened, challenge) {
			return errBadCopy
		}
	}
	return nil
}

// letGo ends one use of the key, and the copy with the last one.
func (s *Store) letGo(sh p11.SessionHandle, k *key) {
	if k.users.Add(-1) > 0 {
		return
	}
	if c := k.copy.Load(); c != 0 {
		_ = s.lib.DestroyObject(sh, p11.ObjectHandle(c)) // else it ends with the connection
		s.keys.counted(-1)
	}
}

// drop forgets the key under label; only that one key when it is given. It
// returns the generation to put under.
func (s *Store) drop(sh p11.SessionHandle, label string, only *key) uint64 {
	gone, gen := s.keys.drop(label, only)
	if gone != nil {
		s.letGo(sh, gone)
	}
	return gen
}
