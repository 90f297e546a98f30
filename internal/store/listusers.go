package store

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// AllAccounts implements account.UserStore.
func (db *DB) AllAccounts(ctx context.Context, limit, offset int) ([]identity.Account, int64, error) {
	out := []identity.Account{}
	var total int64
	if _, err := db.Row(ctx, `SELECT COUNT(*) FROM users`, nil, &total); err != nil {
		return nil, 0, err
	}
	err := db.Each(ctx, `SELECT u.id, u.email, u.display_name, u.auth_method, u.email_verified, u.platform_admin, u.home_org,
			u.created_at, m.role FROM users u LEFT JOIN memberships m ON m.user_id = u.id AND m.org_id = u.home_org
		ORDER BY u.created_at, u.id LIMIT $1 OFFSET $2`, []any{limit, offset}, func(rows *sql.Rows) error {
		var a identity.Account
		var verified, admin, created int64
		var role sql.NullString
		err := rows.Scan(&a.ID, &a.Email, &a.DisplayName, &a.AuthMethod, &verified, &admin, &a.HomeOrg, &created, &role)
		a.EmailVerified, a.PlatformAdmin, a.Org = verified != 0, admin != 0, a.HomeOrg
		a.Role, a.CreatedAt = policy.Role(role.String), fromMicros(created)
		out = append(out, a)
		return err
	})
	return out, total, err
}
