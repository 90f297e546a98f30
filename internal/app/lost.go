package app

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// databaseLost is the refusal of a start that would make a new database beside what
// is left of another one, and nil when nothing is left. It must be asked before the
// database is looked at: another node that starts for the first time makes its tables
// before its keys.
//
// A key that signs the log is made after the tables of its database. A hardware
// module may serve several databases by its owner's choice, so its keys show nothing.
//
// used says that the database held something: a log was signed, or a vault has a key. A
// first start that was killed leaves tables and keys as well, but neither of these.
func databaseLost(ctx context.Context, cfg config.Config, keys keystore.KeyStore) (lost error, used bool, err error) {
	var left []string
	if s, ok := keys.(*soft.Store); ok {
		ids, err := s.KEKs(now().Add(keyring.BeingMade))
		if err != nil {
			return nil, false, err
		}
		used = slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, "vault:") })
	}
	if cfg.Keystore != "pkcs11" {
		ids, err := keyring.Audit.IDs(ctx, keys)
		if err != nil {
			return nil, false, err
		}
		if len(ids) > 0 {
			left = append(left, keyring.Dir(cfg))
		}
	}
	if file := (datadir.Anchor{Dir: cfg.Data}).File(); datadir.Exists(file) {
		left, used = append(left, file), true
	}
	if len(left) == 0 {
		return nil, false, nil
	}
	names := strings.Join(left, " and ")
	were, them, need := "were", "them", ""
	if len(left) == 1 {
		were, them = "was", "it"
	}
	if left[0] == keyring.Dir(cfg) {
		need = ": without the keys backups do not open"
	}
	what, remedy := filepath.Join(cfg.Data, sqldb.File)+" is missing or empty", "Restore it from its backup with oneclaw restore."
	if cfg.DatabaseURL.Len() > 0 {
		what = "PostgreSQL has no tables of oneclaw, or nothing in them"
		remedy = "Does ONECLAW_DATABASE_URL_FILE name the right one? Restore it from its backup with oneclaw restore."
		if datadir.Exists(filepath.Join(cfg.Data, sqldb.File)) {
			remedy = "Move the SQLite database in " + cfg.Data + " there with oneclaw migrate, or name the right one with ONECLAW_DATABASE_URL_FILE."
		}
	}
	return fault.New(fault.Conflict, "database_lost", "The database is gone: "+what+", but "+names+" "+were+" used with one. "+remedy+
		" To begin anew instead, move "+names+" away first, and keep "+them+need+"."), used, nil
}
