package vault

import (
	"context"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
)

const (
	// mostPlaces bounds the places that are remembered.
	mostPlaces = 10_000
	// freshPlaces is after how long vaults are looked for again although this node knows of no change.
	freshPlaces = time.Second
)

// places remembers which vaults have a secret at a path.
type places struct {
	mu sync.Mutex
	of map[place]found
}

type place struct{ org, path string }

type found struct {
	vaults []string
	writes uint64 // of the organisation, on this node
	epoch  int64  // of its rights
	at     time.Time
}

// With are the vaults of the caller's organisation that have a secret at a path, which this node's writes are
// seen in at once, and those of others within a second. Whether it is still there and may be used is decided
// when it is. That there is none is not remembered.
func (s *Service) With(ctx context.Context, c *call.Call, path string) ([]string, error) {
	at, writes := place{c.Who.Org, path}, s.Writes(c.Who.Org)
	epoch, sure := s.store.EpochOf(c.Who.Org)
	k := &s.places
	k.mu.Lock()
	was, ok := k.of[at]
	k.mu.Unlock()
	if age := c.Now.Sub(was.at); ok && sure && was.epoch == epoch && was.writes == writes && age >= 0 && age < freshPlaces {
		return was.vaults, nil
	}
	all, err := s.store.VaultsWith(ctx, c.Who.Org, path)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil || len(k.of) >= mostPlaces {
		k.of = map[place]found{}
	}
	k.of[at] = found{all, writes, epoch, c.Now}
	return all, nil
}
