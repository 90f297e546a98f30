package store_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// TestEachTextIsJSONOrNot: texts that are no identifiers are TEXT in the migrations, and
// not CTEXT, and are known here or as JSON.
func TestEachTextIsJSONOrNot(t *testing.T) {
	plain := map[string]bool{
		"address": true, "client": true, "cmek_fingerprint": true, "decision_reason": true, "description": true, "display_name": true, "ecdh_public_key": true, "error": true, "events": true,
		"explorer_url": true, "kind": true, "label": true, "model": true, "name": true, "native_currency": true, "password_hash": true, "passphrase_hash": true,
		"reason": true, "rpc_url": true, "ws_url": true, "url": true, "value": true, "client_cert_fingerprint": true, "oidc_issuer": true,
		"oidc_client_id": true, "ssh_public_key": true, "tx_max_value_eth": true, "tx_daily_limit_eth": true,
	}
	db := dbkit.Open(t, dbkit.Engines["postgres"](t))
	seen := 0
	dbkit.Each(t, db, `SELECT table_name::text, column_name::text FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name NOT LIKE 'goose%' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`,
		func(scan func(...any) error) error {
			var table, column string
			if err := scan(&table, &column); err != nil {
				return err
			}
			seen++
			if plain[column] == store.IsJSON(column) {
				t.Errorf("%s.%s: is its text JSON, or not? Say so here or in jsonColumns", table, column)
			}
			return nil
		})
	if seen < 30 {
		t.Errorf("only %d columns", seen)
	}
}
