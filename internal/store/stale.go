package store

import (
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// What a transaction makes stale in the caches of SQLite: a commit.Stale whose group is
// a vault and whose name is a path, whose next value is the path's newest version if
// that is known. Without a path it is all of the vault, and without a vault everything.

// forget drops a path once this transaction is committed.
func (tx Tx) forget(vault, path string) { tx.Stale(commit.Stale{Group: vault, Name: path}) }

// replace is forget for a path whose newest version will be v.
func (tx Tx) replace(v *vault.Version) {
	tx.Stale(commit.Stale{Group: v.Vault, Name: v.Path, Next: v})
}

// forgetVault drops all of a vault that is deleted.
func (tx Tx) forgetVault(vault string) { tx.Stale(commit.Stale{Group: vault}) }

// forgetAll drops everything.
func (tx Tx) forgetAll() { tx.Stale(commit.Stale{}) }

// forget drops what a committed transaction made stale.
func (db *DB) forget(all []commit.Stale) {
	for _, s := range all {
		switch {
		case s.Group == "":
			db.latest.forgetAll()
			db.lists.forgetAll()
			continue
		case s.Name == "":
			db.latest.forgetVault(s.Group)
		default:
			next, _ := s.Next.(*vault.Version)
			db.latest.forget(secretKey{s.Group, s.Name}, next)
		}
		db.lists.forget(s.Group)
	}
}
