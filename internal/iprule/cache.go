package iprule

import (
	"context"
	"sync"
)

// fences keeps the rules of organisations for as long as their epochs do not move.
type fences struct {
	mu *sync.RWMutex
	by map[string]fence
}

type fence struct {
	rules []Rule
	epoch int64
}

// maxFences bounds the organisations whose rules are kept.
const maxFences = 4096

func newFences() fences { return fences{mu: &sync.RWMutex{}, by: map[string]fence{}} }

func (f *fences) get(ctx context.Context, st Store, org string) ([]Rule, error) {
	// The epoch is read before the rows: rows that change meanwhile move it.
	epoch, exact := st.EpochOf(org)
	if exact {
		f.mu.RLock()
		known, ok := f.by[org]
		f.mu.RUnlock()
		if ok && known.epoch == epoch {
			return known.rules, nil
		}
	}
	rules, err := st.IPRules(ctx, org)
	if err != nil || !exact {
		return rules, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.by) >= maxFences {
		clear(f.by)
	}
	f.by[org] = fence{rules, epoch}
	return rules, nil
}
