package mcpserver

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	maxSeen = 1024            // credentials remembered at a time
	seenFor = 1 * time.Minute // how long the API's word on one is taken for admission
)

// seen remembers which credentials the API knew a moment ago, and which vault each
// uses. It is bounded: the one that was used longest ago makes room. Credentials
// are kept as hashes.
type seen struct {
	now func() time.Time

	mu   sync.Mutex
	data map[seenKey]*entry
}

type seenKey [sha256.Size]byte

type entry struct {
	choice *vaultChoice
	asked  time.Time // the API knew it then
	used   time.Time
}

func newSeen(now func() time.Time) *seen {
	return &seen{now: now, data: map[seenKey]*entry{}}
}

// keyOf hashes a credential with the vault it asked for. No credential holds NUL.
func keyOf(bearer, vault string) seenKey { return sha256.Sum256([]byte(bearer + "\x00" + vault)) }

// get returns nil when the API has to be asked.
func (s *seen) get(k seenKey) *vaultChoice {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.data[k]
	if e == nil || s.now().Sub(e.asked) >= seenFor {
		return nil
	}
	e.used = s.now()
	return e.choice
}

// add notes that the API knew k just now. A choice that k has already stays.
func (s *seen) add(k seenKey, c *vaultChoice) *vaultChoice {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if e := s.data[k]; e != nil {
		e.asked, e.used = now, now
		return e.choice
	}
	if len(s.data) >= maxSeen {
		s.makeRoom()
	}
	s.data[k] = &entry{choice: c, asked: now, used: now}
	return c
}

func (s *seen) makeRoom() {
	var oldest seenKey
	var when time.Time
	for k, e := range s.data {
		if when.IsZero() || e.used.Before(when) {
			oldest, when = k, e.used
		}
	}
	delete(s.data, oldest)
}

// drop forgets a credential that the API has refused.
func (s *seen) drop(k seenKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.data, k)
}
