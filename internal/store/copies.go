package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
)

// jsonColumns are the columns, of whatever table, whose texts are JSON. They are
// TEXT in the migrations: TestEachTextIsJSONOrNot fails for a new one that is not told.
var jsonColumns = map[string]bool{
	"scopes": true, "vault_ids": true, "tx_to_allowlist": true, "tx_allowed_chains": true, "held": true, "tx_fields": true, "shroud_config": true,
	"permissions": true, "conditions": true, "metadata": true, "rotation_policy": true, "maker_scopes": true, "ip_allowlist": true,
	"details": true, "violations": true, "hosts": true, "kinds": true, "bindings": true,
	"execution": true, "config": true, "guardrails": true, "set_scopes": true,
}

// isTime reports whether a column, of whatever table, is a time in microseconds.
func isTime(column string) bool {
	switch column {
	case "at", "period_end":
		return true
	case "said_at": // a time and an order, as one number
		return false
	}
	return strings.HasSuffix(column, "_at") || strings.HasSuffix(column, "_until") || strings.HasSuffix(column, "_since")
}

// SchemaFlaw says how the notes of the schema's steps, which say that it has the version
// have and not yet want, do not fit it. Empty: they do.
func (db *DB) SchemaFlaw(ctx context.Context, have, want int64) (string, error) {
	missing, err := db.UnnotedSteps(ctx, have)
	if err != nil {
		return "", err
	}
	if len(missing) > 0 {
		return fmt.Sprintf("table goose_db_version has no row of the step %d, although a later one was run", missing[0]), nil
	}
	if have >= want {
		return "", nil
	}
	column, err := transfer.Untold(ctx, db.DB, have)
	if err != nil || column == "" {
		return "", err
	}
	return fmt.Sprintf("table goose_db_version ends with the step %d, although a later one made the column %s", have, column), nil
}

// Flaws feeds found the flaws of all values of all tables, as they are at one moment,
// until it returns an error.
func (db *DB) Flaws(ctx context.Context, progress transfer.Progress, found func(transfer.Flaw) error) error {
	means := transfer.Meaning{JSON: jsonColumns, Time: isTime, First: firstMicro - 1, Last: lastMicro} // the zero time too
	return transfer.Flaws(ctx, db.DB, means, progress, found)
}
