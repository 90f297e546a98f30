package iprule

import (
	"context"
	"sync"
)

// ruleCache keeps the rules of organisations for as long as their epochs do not move.
type ruleCache struct {
	mu *sync.RWMutex
	by map[string]cachedRules
}

type cachedRules struct {
	rules []Rule
	epoch int64
}

// maxCachedOrgs bounds the organisations whose rules are kept.
const maxCachedOrgs = 4096

func newRuleCache() ruleCache { return ruleCache{mu: &sync.RWMutex{}, by: map[string]cachedRules{}} }

func (f *ruleCache) get(ctx context.Context, st Store, org string) ([]Rule, error) {
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
	if len(f.by) >= maxCachedOrgs {
		clear(f.by)
	}
	f.by[org] = cachedRules{rules, epoch}
	return rules, nil
}
