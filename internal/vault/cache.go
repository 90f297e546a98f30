package vault

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// entry is a vault with its policies compiled.
type entry struct {
	vault       Vault
	policyVault *policy.Vault
	policies    *policy.Set
	epoch       int64
}

// maxCached bounds the vaults whose policies are kept compiled.
const maxCached = 4096

// cache keeps entries for as long as the epoch of their organisation does not move.
type cache struct {
	mu      *sync.RWMutex
	entries map[string]*entry
	log     *slog.Logger
}

func newCache(log *slog.Logger) cache {
	return cache{mu: &sync.RWMutex{}, entries: map[string]*entry{}, log: log}
}

// of is get for a caller of an organisation. What another organisation has takes
// the same way, and so the same time, as what nobody has: a query that finds no
// row.
func (k *cache) of(ctx context.Context, st Store, org, id string) (*entry, error) {
	if e := k.cached(st, id); e != nil && e.vault.Org == org {
		return e, nil
	}
	if err := st.HasVault(ctx, org, id); err != nil {
		return nil, err
	}
	return k.get(ctx, st, id)
}

// cached is the entry as of now, or nil.
func (k *cache) cached(st Store, id string) *entry {
	k.mu.RLock()
	e := k.entries[id]
	k.mu.RUnlock()
	if e == nil {
		return nil
	}
	if epoch, exact := st.EpochOf(e.vault.Org); !exact || e.epoch != epoch {
		return nil
	}
	return e
}

func (k *cache) get(ctx context.Context, st Store, id string) (*entry, error) {
	if e := k.cached(st, id); e != nil {
		return e, nil
	}
	// The epoch is read before the rows: when the organisation has changed after it,
	// this entry is not kept.
	began, _ := st.Epoch()
	e, err := k.load(ctx, st, id)
	if err != nil {
		return nil, err
	}
	var exact bool
	if e.epoch, exact = st.EpochOf(e.vault.Org); exact && e.epoch <= began {
		k.mu.Lock()
		if len(k.entries) >= maxCached {
			clear(k.entries)
		}
		k.entries[id] = e
		k.mu.Unlock()
	}
	return e, nil
}

func (k *cache) load(ctx context.Context, st Store, id string) (*entry, error) {
	v, err := st.Vault(ctx, id)
	if err != nil {
		return nil, err
	}
	grants, err := st.Grants(ctx, id)
	if err != nil {
		return nil, err
	}
	compiled := make([]policy.Policy, 0, len(grants))
	for _, g := range grants {
		p, err := g.compile()
		if err != nil {
			// A policy only ever allows, so to leave one out can only deny.
			k.log.Error("a stored policy is not understood and does not count", slog.String("policy", g.ID), slog.Any("error", err))
			continue
		}
		compiled = append(compiled, p)
	}
	return &entry{vault: v, policyVault: v.resource(), policies: policy.NewSet(compiled)}, nil
}

// locks serialises writers of one path within this process, so that the common
// race (two writers, one path, one node) needs no second try. Paths share 256
// locks.
type locks [256]sync.Mutex

var lockSeed = maphash.MakeSeed()

func (l *locks) of(vault, path string) *sync.Mutex {
	return &l[(maphash.String(lockSeed, vault)^maphash.String(lockSeed, path))%uint64(len(l))]
}
