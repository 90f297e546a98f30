//go:build pkcs11 && cgo

package pkcs11

import (
	"bytes"

	p11 "github.com/miekg/pkcs11"
)

// probeLabel can't clash with a key: ids do not hold a slash.
const probeLabel = "oneclaw/probe"

// openProbe finds the probe key, or makes one in a new token.
func (s *Store) openProbe() error {
	found, err := s.find(s.anchor, p11.CKO_SECRET_KEY, probeLabel)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		if _, err := s.generateAES(s.anchor, probeLabel, newTag()); err != nil {
			return err
		}
		if found, err = s.find(s.anchor, p11.CKO_SECRET_KEY, probeLabel); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return errLost
	}
	// Two processes may have made one each; any of them will do.
	s.probe = found[0]
	s.probeID, err = s.attribute(s.anchor, s.probe, p11.CKA_ID)
	if err != nil {
		return err
	}
	return s.tryProbe(s.anchor)
}

// findProbe looks for the probe key of this Store and no other: a new token
// under the old label must not be taken for the old one.
func (s *Store) findProbe() error {
	found, err := s.find(s.anchor, p11.CKO_SECRET_KEY, probeLabel)
	if err != nil {
		return err
	}
	for _, obj := range found {
		id, err := s.attribute(s.anchor, obj, p11.CKA_ID)
		if err == nil && bytes.Equal(id, s.probeID) {
			s.probe = obj
			return s.tryProbe(s.anchor)
		}
	}
	return errLost
}

// tryProbe encrypts and decrypts with the probe key.
func (s *Store) tryProbe(sh p11.SessionHandle) error {
	aad := []byte(probeLabel)
	sealed, err := s.encrypt(sh, s.probe, s.probeID, aad)
	if err == nil {
		_, err = s.decrypt(sh, s.probe, sealed, aad)
	}
	if stale(err) {
		return errLost
	}
	return err
}
