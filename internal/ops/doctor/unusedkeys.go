package doctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// unusedKeys are the ids of keys of vaults and jobs that no row refers to. A hardware
// module may serve other databases too, and is not asked.
func unusedKeys(ctx context.Context, db *store.DB, keys keystore.KeyStore, now time.Time) (unused []string, err error) {
	s, ok := keys.(*soft.Store)
	if !ok {
		return nil, nil
	}
	ids, err := s.KEKs(now.Add(-keyring.BeingMade)) // before the rows: a key is made first
	if err != nil {
		return nil, err
	}
	rows, err := db.KeysInUse(ctx)
	if err != nil {
		return nil, err
	}
	used := make(map[string]bool, len(rows))
	for _, id := range rows {
		used[id] = true
	}
	for _, id := range ids {
		kind, rest, ours := strings.Cut(id, ":")
		of, _, _ := strings.Cut(rest, ":") // without the generation
		if ours && (kind == "vault" || kind == "job") && !used[id] && !used[kind+":"+of] {
			unused = append(unused, id)
		}
	}
	return unused, nil
}

// lostAccounts are the ids of keys of chains that no row refers to: of agents whose
// organisation was deleted, most likely. They were not destroyed with it, since what their
// accounts own can be moved with them alone. A hardware module is not asked, as above.
func lostAccounts(ctx context.Context, db *store.DB, keys keystore.KeyStore) (lost []string, err error) {
	if _, ok := keys.(*soft.Store); !ok {
		return nil, nil
	}
	ids, err := keys.EVMKeys(ctx) // before the rows: a key is made first
	if err != nil {
		return nil, err
	}
	rows, err := db.AccountKeysInUse(ctx)
	return slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(rows, id) }), err
}

// accounts names them, with the account of each.
func (e *examination) accounts(ctx context.Context, db *store.DB, keys keystore.KeyStore) {
	ids, err := lostAccounts(ctx, db, keys)
	if err != nil {
		e.failed("keystore", err)
		return
	}
	for _, id := range ids[:min(len(ids), maxUnused)] {
		key, err := keys.EVMKey(ctx, id)
		if err != nil {
			continue // a damaged one is named as such
		}
		e.warn("keystore", "No agent has the key of the account %s in %s any more.", key.Address(), soft.EVMFile(id))
	}
	if len(ids) > 0 {
		e.warn("keystore", "%d keys of accounts on chains are of no agent: their organisation was deleted, or a server was killed as it made them. They stay, since what an account owns can be moved with its key alone. Delete the files of accounts that are empty.", len(ids))
	}
}

// maxUnused bounds the keys that are named.
const maxUnused = 20

// unused names keys that nothing needs. They harm nobody.
func (e *examination) unused(ctx context.Context, db *store.DB, keys keystore.KeyStore) {
	ids, err := unusedKeys(ctx, db, keys, e.Now())
	if err != nil {
		e.failed("keystore", err)
		return
	}
	for _, id := range ids[:min(len(ids), maxUnused)] {
		e.warn("keystore", "No row of the database refers to the key of %s in %s.", strings.Replace(id, ":", " ", 1), soft.KEKFile(id))
	}
	if len(ids) > 0 {
		e.warn("keystore", "%d keys are in no use: a server was killed as it made them, or an older database was restored. They may stay; newer backups of the database may need them.", len(ids))
	}
}
