package store

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
)

// jsonColumns are the columns, of whatever table, whose texts are JSON. They are
// TEXT in the migrations: TestEachTextIsJSONOrNot fails for a new one that is not told.
var jsonColumns = map[string]bool{
	"scopes": true, "vault_ids": true, "tx_to_allowlist": true, "tx_allowed_chains": true, "held": true, "shroud_config": true,
	"permissions": true, "conditions": true, "metadata": true, "rotation_policy": true, "maker_scopes": true, "ip_allowlist": true,
	"details": true,
}

// Flaws feeds found the flaws of all texts of all tables, as they are at one moment,
// until it returns an error.
func (db *DB) Flaws(ctx context.Context, progress transfer.Progress, found func(transfer.Flaw) error) error {
	return transfer.Flaws(ctx, db.DB, jsonColumns, progress, found)
}
