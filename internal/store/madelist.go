package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

const within = ` WHERE org_id = $1 AND made_with >= $2 AND made_with < $3`

// Made implements account.KeyStore.
func (db *DB) Made(ctx context.Context, org, from, below string, now time.Time, of func(*identity.Made) bool) (identity.AllMade, error) {
	var out identity.AllMade
	err := db.Each(ctx, `SELECT 'api_key', id, name, created_at, made_with,
			CASE WHEN revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $4) THEN 1 ELSE 0 END, '' FROM user_keys`+within+`
		UNION ALL SELECT 'agent', id, name, created_at, made_with, CASE WHEN is_active = 1 AND (expires_at IS NULL OR expires_at > $4) THEN 1 ELSE 0 END, '' FROM agents`+within+`
		UNION ALL SELECT 'share', id, path, created_at, made_with, CASE WHEN revoked_at IS NULL AND declined_at IS NULL AND expires_at > $4 THEN 1 ELSE 0 END, vault_id FROM shares`+within+`
		UNION ALL SELECT 'policy', id, secret_path_pattern, created_at, made_with, CASE WHEN expires_at IS NULL OR expires_at > $4 THEN 1 ELSE 0 END, vault_id FROM policies
			WHERE vault_id IN (SELECT id FROM vaults WHERE org_id = $1) AND made_with >= $2 AND made_with < $3
		UNION ALL SELECT 'vault', id, name, created_at, made_with, 1, id FROM vaults`+within+`
		UNION ALL SELECT 'invitation', id, email, created_at, made_with, CASE WHEN expires_at > $4 THEN 1 ELSE 0 END, '' FROM invitations`+within+`
		UNION ALL SELECT 'ip_rule', id, cidr, created_at, made_with, 1, '' FROM ip_rules`+within+`
		UNION ALL SELECT 'session', id, client, created_at, made_with, CASE WHEN ended_at IS NULL AND expires_at > $4 THEN 1 ELSE 0 END, '' FROM sessions`+within+`
		UNION ALL SELECT 'passkey', id, name, created_at, made_with, CASE WHEN removed_at IS NULL THEN 1 ELSE 0 END, '' FROM passkeys
			WHERE made_with >= $2 AND made_with < $3 AND user_id IN (SELECT user_id FROM memberships WHERE org_id = $1)
		UNION ALL SELECT 'member', user_id, (SELECT email FROM users WHERE id = user_id), created_at, made_with, 1, '' FROM memberships`+within+`
		UNION ALL SELECT 'agent_token', id, agent_id, created_at, made_with, CASE WHEN `+strings.ReplaceAll(liveToken, "$1", "$4")+` THEN 1 ELSE 0 END, '' FROM agent_tokens`+within+`
		UNION ALL SELECT 'router_key', id, name, created_at, made_with, CASE WHEN `+strings.ReplaceAll(liveRouter, "$1", "$4")+` THEN 1 ELSE 0 END, '' FROM router_keys`+within+`
		UNION ALL SELECT 'binding', s.id, s.path, s.set_at, s.made_with, 1, s.vault_id FROM binding_setters s JOIN secret_bindings b ON b.id = s.binding_id`+withinSet+`
		UNION ALL SELECT 'binding', id, path, set_at, made_with, 1, vault_id FROM secret_bindings`+within+` AND NOT EXISTS (SELECT 1 FROM binding_setters s WHERE s.binding_id = secret_bindings.id)
		UNION ALL SELECT 'agent_binding', id, name, created_at, made_with, is_active, vault_id FROM agent_bindings`+within+`
		UNION ALL SELECT 'webhook', id, '', created_at, made_with, 1, '' FROM approval_webhooks`+within+`
		UNION ALL SELECT 'webhook', id, '', created_at, made_with, is_active, '' FROM webhooks`+within+`
		`+madeAlso+`
		ORDER BY 4 DESC, 2 DESC`, []any{org, from, below, micros(now)}, func(rows *sql.Rows) error {
		var m identity.Made
		var at, live int64
		err := rows.Scan(&m.Kind, &m.ID, &m.Name, &at, &m.With, &live, &m.Vault)
		m.CreatedAt, m.Live = fromMicros(at), live != 0
		if err == nil && of(&m) {
			out.Add(m)
		}
		return err
	})
	return out, err
}

// madeAlso are the parts of Made for what a credential gave, widened or approved.
const madeAlso = `UNION ALL SELECT 'agent_key', id, name, COALESCE(key_at, created_at), key_with, CASE WHEN is_active = 1 AND (key_hash IS NOT NULL OR auth_method <> 'api_key') THEN 1 ELSE 0 END, ''
			FROM agents WHERE org_id = $1 AND key_with >= $2 AND key_with < $3
		UNION ALL SELECT 'policy_change', p.id, p.secret_path_pattern, w.created_at, w.made_with, CASE WHEN p.expires_at IS NULL OR p.expires_at > $4 THEN 1 ELSE 0 END, p.vault_id
			FROM widenings w JOIN policies p ON p.id = w.subject_id` + withinOf + `
		UNION ALL SELECT 'agent_change', a.id, a.name, w.created_at, w.made_with, CASE WHEN a.is_active = 1 AND (a.expires_at IS NULL OR a.expires_at > $4) THEN 1 ELSE 0 END, ''
			FROM widenings w JOIN agents a ON a.id = w.subject_id` + withinOf + `
		UNION ALL SELECT 'invitation_change', i.id, i.email, w.created_at, w.made_with, CASE WHEN i.expires_at > $4 THEN 1 ELSE 0 END, ''
			FROM widenings w JOIN invitations i ON i.id = w.subject_id` + withinOf + `
		UNION ALL SELECT 'webhook_change', h.id, '', w.created_at, w.made_with, h.is_active, ''
			FROM widenings w JOIN webhooks h ON h.id = w.subject_id` + withinOf + `
		UNION ALL SELECT 'agent_binding_change', b.id, b.name, w.created_at, w.made_with, b.is_active, b.vault_id
			FROM widenings w JOIN agent_bindings b ON b.id = w.subject_id` + withinOf + `
		UNION ALL SELECT 'role_change', w.subject_id, m.role, w.created_at, w.made_with, 1, ''
			FROM widenings w JOIN memberships m ON m.user_id = w.subject_id AND m.org_id = w.org_id` + withinOf + ` AND w.kind = '` + wideMember + `'
		UNION ALL SELECT '` + wideRemoved + `', w.subject_id, w.name, w.created_at, w.made_with, 1, '' FROM widenings w` + withinOf + ` AND w.kind = '` + wideRemoved + `'
		UNION ALL SELECT 'approval', id, path, decided_at, decided_with, CASE WHEN status = 'approved' AND uses_left > 0 AND expires_at > $4 THEN 1 ELSE 0 END, vault_id
			FROM approvals WHERE org_id = $1 AND decided_with >= $2 AND decided_with < $3`

const withinSet = ` WHERE s.org_id = $1 AND s.made_with >= $2 AND s.made_with < $3`

const withinOf = ` WHERE w.org_id = $1 AND w.made_with >= $2 AND w.made_with < $3`
