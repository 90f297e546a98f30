package app

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// databaseLost is the refusal of a start that would make a new database beside what
// is left of another one, and nil when nothing is left. It must be asked before the
// database is looked at: another node that starts for the first time makes its tables
// before its keys.
//
// A key that signs the log is made after the tables of its database. A hardware
// module may serve several databases by its owner's choice, so its keys show nothing.
func databaseLost(ctx context.Context, cfg config.Config, keys keystore.KeyStore) (lost, err error) {
	var left []string
	if cfg.Keystore != "pkcs11" {
		ids, err := keyring.Audit.IDs(ctx, keys)
		if err != nil {
			return nil, err
		}
		if len(ids) > 0 {
			left = append(left, keyring.Dir(cfg))
		}
	}
	if file := (datadir.Anchor{Dir: cfg.Data}).File(); datadir.Exists(file) {
		left = append(left, file)
	}
	if len(left) == 0 {
		return nil, nil
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
		what = "PostgreSQL has no tables of oneclaw"
		remedy = "Does ONECLAW_DATABASE_URL_FILE name the right one? Restore it from its backup with oneclaw restore."
		if datadir.Exists(filepath.Join(cfg.Data, sqldb.File)) {
			remedy = "Move the SQLite database in " + cfg.Data + " there with oneclaw migrate, or name the right one with ONECLAW_DATABASE_URL_FILE."
		}
	}
	return fault.New(fault.Conflict, "database_lost", "The database is gone: "+what+", but "+names+" "+were+" used with one. "+remedy+
		" To begin anew instead, move "+names+" away first, and keep "+them+need+"."), nil
}
