//go:build pkcs11 && cgo

package pkcs11

import (
	"bytes"
	"crypto/rand"
	"errors"
	"sync"

	p11 "github.com/miekg/pkcs11"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

const (
	kekPrefix    = "oneclaw/kek/"
	signerPrefix = "oneclaw/signer/"
	maxHandles   = 10_000
	findBatch    = 100
)

var errTwoKeys = errors.New("the token holds two keys under one id")

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

// one returns the one object under label, from the cache or from the token.
func (s *Store) one(sh p11.SessionHandle, class uint, label string) (p11.ObjectHandle, error) {
	obj, gen, ok := s.objects.get(label)
	if ok {
		return obj, nil
	}
	found, err := s.find(sh, class, label)
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, s.missing(sh)
	case len(found) > 1:
		return 0, keystore.Unusable(errTwoKeys)
	}
	if err := s.checkGuarded(sh, found[0]); err != nil {
		// A key that is destroyed while we look seems to lack its attributes.
		if left, findErr := s.find(sh, class, label); findErr == nil && len(left) == 0 {
			return 0, s.missing(sh)
		}
		return 0, err
	}
	s.objects.put(label, found[0], gen)
	return found[0], nil
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
		obj, err := s.one(sh, class, label)
		if err != nil {
			return err
		}
		err = f(obj)
		if !odd(err) {
			return err
		}
		s.objects.drop(label)
		switch {
		case again && stale(err):
			return errLost
		case again:
			return err
		}
	}
}

func (s *Store) attribute(sh p11.SessionHandle, obj p11.ObjectHandle, typ uint) ([]byte, error) {
	got, err := s.lib.GetAttributeValue(sh, obj, []*p11.Attribute{p11.NewAttribute(typ, nil)})
	if err != nil {
		return nil, err
	}
	if len(got) != 1 {
		return nil, errors.New("the token did not return the attribute")
	}
	return got[0].Value, nil
}

// checkGuarded asks the token itself whether the key was made inside it and
// can't leave it. A key that somebody imported is not used.
func (s *Store) checkGuarded(sh p11.SessionHandle, obj p11.ObjectHandle) error {
	want := map[uint]byte{
		p11.CKA_LOCAL: 1, p11.CKA_SENSITIVE: 1, p11.CKA_ALWAYS_SENSITIVE: 1,
		p11.CKA_EXTRACTABLE: 0, p11.CKA_NEVER_EXTRACTABLE: 1,
	}
	for typ, value := range want {
		got, err := s.attribute(sh, obj, typ)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, []byte{value}) {
			return keystore.Unusable(errors.New("the token holds the key in a way that lets it out"))
		}
	}
	return nil
}

// objectCache keeps handles by label. The zero value is ready.
type objectCache struct {
	mu      sync.Mutex
	handles map[string]p11.ObjectHandle
	gen     uint64 // counts drops: what was found before one must not be put after it
}

func (c *objectCache) get(label string) (p11.ObjectHandle, uint64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	obj, ok := c.handles[label]
	return obj, c.gen, ok
}

func (c *objectCache) put(label string, obj p11.ObjectHandle, gen uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if gen != c.gen {
		return
	}
	if c.handles == nil || len(c.handles) >= maxHandles {
		c.handles = map[string]p11.ObjectHandle{}
	}
	c.handles[label] = obj
}

func (c *objectCache) drop(label string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.handles, label)
	c.gen++
}

func (c *objectCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handles = nil
	c.gen++
}
