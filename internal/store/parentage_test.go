package store_test

import (
	"errors"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// What programs before this schema left: a vault of the server's own that belongs
// to an admin, with a policy and a share, and an agent that is stopped and has its
// key.
func TestOlderReservedVaultsBecomeTheOrganisations(t *testing.T) {
	for name, fresh := range dbkit.Unmade {
		t.Run(name, func(t *testing.T) {
			cfg := fresh(t)
			org, admin, own, other, bot := dbkit.NewOrg(), ids.New(), ids.New(), ids.New(), ids.New()
			old := dbkit.AtSchema(t, cfg, 12)
			conn, err := old.WriteConn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range []struct {
				query string
				args  []any
			}{
				{`INSERT INTO vaults (id, org_id, name, description, created_by, created_by_type, creator_human, created_at)
				VALUES ($1, $2, '__agent-keys', '', $3, 'user', '', 1), ($4, $2, 'apps', '', $3, 'user', '', 1)`, []any{own, org, admin, other}},
				{`INSERT INTO policies (id, vault_id, secret_path_pattern, principal_type, principal_id, permissions, conditions, created_by, created_by_type, created_at)
				VALUES ('p1', $1, '**', 'user', $3, '["read"]', '{}', $3, 'user', 1), ('p2', $2, '**', 'user', $3, '["read"]', '{}', $3, 'user', 1)`,
					[]any{own, other, admin}},
				{`INSERT INTO agents (id, org_id, name, description, auth_method, key_hash, key_prefix, scopes, vault_ids, is_active, intents_api_enabled,
				tx_to_allowlist, tx_allowed_chains, ssh_public_key, ecdh_public_key, shroud_enabled, created_by, created_at, token_gen)
				VALUES ($1, $2, 'bot', '', 'api_key', 'hash', 'ocv_12345678', '[]', '[]', 0, 0, '[]', '[]', '', '', 0, $3, 1, 4)`, []any{bot, org, admin}},
			} {
				if _, err := conn.ExecContext(t.Context(), s.query, s.args...); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(conn.Close(), old.Close()); err != nil {
				t.Fatal(err)
			}

			db := dbkit.Open(t, cfg)
			v, err := db.VaultNamed(t.Context(), org, "__agent-keys")
			if err != nil || v.CreatedBy != org || v.CreatorLeft == 0 {
				t.Errorf("the server's own vault is %+v, %v", v, err)
			}
			if v, err := db.VaultNamed(t.Context(), org, "apps"); err != nil || v.CreatedBy != admin || v.CreatorLeft != 0 {
				t.Errorf("another vault is %+v, %v", v, err)
			}
			if g, err := db.Grants(t.Context(), own); err != nil || len(g) != 0 {
				t.Errorf("policies there: %+v, %v", g, err)
			}
			if g, err := db.Grants(t.Context(), other); err != nil || len(g) != 1 {
				t.Errorf("policies elsewhere: %+v, %v", g, err)
			}
			if _, err := db.AgentStateByKey(t.Context(), "hash"); !fault.Is(err, fault.NotFound) {
				t.Errorf("the stopped agent's key: %v", err)
			}
			if a, err := db.Agent(t.Context(), org, bot); err != nil || a.KeyHash != "" || a.TokenGen != 5 {
				t.Errorf("the agent is %+v, %v", a, err)
			}
		})
	}
}
