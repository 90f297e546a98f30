package mcpserver

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	maxCredentials = 1024            // credentials remembered at a time
	credentialFor  = 1 * time.Minute // how long the API's word on one is taken for admission
)

// credentialCache remembers which credentials the API knew a moment ago, and which vault each
// uses. It is bounded: the one that was used longest ago makes room. Credentials
// are kept as hashes.
type credentialCache struct {
	now func() time.Time

	mu   sync.Mutex
	data map[credentialKey]*entry
}

type credentialKey [sha256.Size]byte

type entry struct {
	choice *vaultChoice
	asked  time.Time // the API knew it then
	used   time.Time
}

func newCredentialCache(now func() time.Time) *credentialCache {
	return &credentialCache{now: now, data: map[credentialKey]*entry{}}
}

// keyOf hashes a credential with the vault it asked for. No credential holds NUL.
func keyOf(bearer, vault string) credentialKey { return sha256.Sum256([]byte(bearer + "\x00" + vault)) }

// get returns nil when the API has to be asked.
func (s *credentialCache) get(k credentialKey) *vaultChoice {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.data[k]
	if e == nil || s.now().Sub(e.asked) >= credentialFor {
		return nil
	}
	e.used = s.now()
	return e.choice
}

// add notes that the API knew k just now. A choice that k has already stays.
func (s *credentialCache) add(k credentialKey, c *vaultChoice) *vaultChoice {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if e := s.data[k]; e != nil {
		e.asked, e.used = now, now
		return e.choice
	}
	if len(s.data) >= maxCredentials {
		s.makeRoom()
	}
	s.data[k] = &entry{choice: c, asked: now, used: now}
	return c
}

func (s *credentialCache) makeRoom() {
	var oldest credentialKey
	var when time.Time
	for k, e := range s.data {
		if when.IsZero() || e.used.Before(when) {
			oldest, when = k, e.used
		}
	}
	delete(s.data, oldest)
}

// drop forgets a credential that the API has refused.
func (s *credentialCache) drop(k credentialKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.data, k)
}
