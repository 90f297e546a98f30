package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

var (
	errNoUser     = fault.New(fault.NotFound, "user_not_found", "There is no user with this id.")
	errMailTaken  = fault.New(fault.Conflict, "email_taken", "There is an account with this mail address already.")
	errOtherHash  = fault.New(fault.Conflict, "password_changed", "The password was changed meanwhile.")
	errNoSuchMail = fault.New(fault.NotFound, "token_not_found", "There is no such token.")
	errHasUsers   = fault.New(fault.Conflict, "has_users", "The server has users already.")
)

// AddUser implements account.UserStore.
func (db *DB) AddUser(ctx context.Context, a identity.Account, orgName string, t *account.MailToken, ev *audit.Event) error {
	return db.Write(ctx, a.Org, func(tx Tx) error {
		if err := tx.addUser(&a, orgName); err != nil {
			return err
		}
		if t != nil {
			if err := tx.addMailToken(a.ID, t); err != nil {
				return err
			}
		}
		tx.Record(ev)
		return nil
	})
}

// AddFirstOwner implements account.UserStore. The row in meta lets one of
// several nodes win.
func (db *DB) AddFirstOwner(ctx context.Context, a identity.Account, orgName string, ev *audit.Event) (bool, error) {
	err := db.Write(ctx, a.Org, func(tx Tx) error {
		n, err := tx.Exec(`INSERT INTO meta (name, value) SELECT 'first_owner', $1
			WHERE NOT EXISTS (SELECT 1 FROM users) ON CONFLICT (name) DO NOTHING`, micros(a.CreatedAt))
		if err == nil && n == 0 {
			return tx.Refuse(errHasUsers)
		}
		if err == nil {
			_, err = tx.Exec(`DELETE FROM meta WHERE name >= $1 AND name < $2`, setupCode, setupCode+"~")
		}
		if err == nil {
			err = tx.addUser(&a, orgName)
		}
		tx.Record(ev)
		return err
	})
	if fault.Is(err, fault.Conflict) {
		return false, nil
	}
	return err == nil, err
}

// addUser writes the user first: when the mail is taken nothing was written.
func (tx Tx) addUser(a *identity.Account, orgName string) error {
	err := tx.addUserIn(a)
	if err == nil {
		_, err = tx.Exec(`INSERT INTO orgs (id, name, created_at) VALUES ($1, $2, $3)`, a.Org, orgName, micros(a.CreatedAt))
	}
	return err
}

// addUserIn writes a user of an organisation that there is.
func (tx Tx) addUserIn(a *identity.Account) error {
	n, err := tx.Exec(`INSERT INTO users (id, email, display_name, password_hash, auth_method, email_verified,
			marketing_emails, platform_admin, home_org, token_gen, token_kept, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', $11) ON CONFLICT (email) DO NOTHING`,
		a.ID, a.Email, a.DisplayName, a.PasswordHash, a.AuthMethod, number(a.EmailVerified),
		number(a.MarketingEmails), number(a.PlatformAdmin), a.Org, a.TokenGen, micros(a.CreatedAt))
	if err == nil && n == 0 {
		return errMailTaken
	}
	if err == nil {
		_, err = tx.Exec(`INSERT INTO memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)`,
			a.Org, a.ID, string(a.Role), micros(a.CreatedAt))
	}
	return err
}

// selectAccount finds no organisation and no role for who is in none.
const selectAccount = `SELECT u.id, u.email, u.display_name, u.password_hash, u.auth_method, u.email_verified,
	u.marketing_emails, u.platform_admin, u.home_org, u.token_gen, u.token_kept, u.totp, u.created_at,
	COALESCE(m.org_id, ''), COALESCE(m.role, ''), COALESCE(m.term, '')
	FROM users u LEFT JOIN memberships m ON m.user_id = u.id `

// accountRow takes selectAccount.
type accountRow struct {
	a                                         identity.Account
	verified, marketing, admin, totp, created int64
	role                                      string
}

func (r *accountRow) dest() []any {
	a := &r.a
	return []any{&a.ID, &a.Email, &a.DisplayName, &a.PasswordHash, &a.AuthMethod, &r.verified, &r.marketing, &r.admin, &a.HomeOrg,
		&a.TokenGen, &a.TokenKept, &r.totp, &r.created, &a.Org, &r.role, &a.Term}
}

func (r *accountRow) account() identity.Account {
	a := r.a
	a.EmailVerified, a.MarketingEmails, a.PlatformAdmin, a.TOTP = r.verified != 0, r.marketing != 0, r.admin != 0, r.totp != 0
	a.Role, a.CreatedAt = policy.Role(r.role), fromMicros(r.created)
	return a
}

// atHome is the user that a condition finds, as the member that its logins lead to.
func (db *DB) atHome(ctx context.Context, where string, args ...any) (identity.Account, error) {
	var all []identity.Account
	err := db.Each(ctx, selectAccount+where+` ORDER BY m.created_at, m.org_id`, args, func(rows *sql.Rows) error {
		var r accountRow
		err := rows.Scan(r.dest()...)
		all = append(all, r.account())
		return err
	})
	a, found := identity.AtHome(all)
	if err == nil && !found {
		err = errNoUser
	}
	return a, err
}

// Account implements identity.PrincipalStore.
func (db *DB) Account(ctx context.Context, user, org string) (identity.Account, error) {
	var r accountRow
	found, err := db.Row(ctx, selectAccount+`WHERE u.id = $1 AND m.org_id = $2`, []any{user, org}, r.dest()...)
	if err == nil && !found {
		err = errNoUser
	}
	return r.account(), err
}

// AccountByEmail implements account.UserStore.
func (db *DB) AccountByEmail(ctx context.Context, email string) (identity.Account, error) {
	return db.atHome(ctx, `WHERE u.email = $1`, email)
}

// ChangeProfile implements account.UserStore.
func (db *DB) ChangeProfile(ctx context.Context, org, user string, name *string, marketing *bool, ev *audit.Event) error {
	var emails sql.NullInt64
	if marketing != nil {
		emails = sql.NullInt64{Int64: number(*marketing), Valid: true}
	}
	return db.changeUser(ctx, org, ev, false, errNoUser, `UPDATE users SET display_name = COALESCE($2, display_name),
		marketing_emails = COALESCE($3, marketing_emails) WHERE id = $1`, user, name, emails)
}

// SetPassword implements account.UserStore.
func (db *DB) SetPassword(ctx context.Context, org, user, old, hash string, kept account.Kept, ev *audit.Event) error {
	return db.writeOf(ctx, org, user, func(tx Tx, all endings) error {
		n, err := tx.Exec(`UPDATE users SET password_hash = $3, token_gen = token_gen + 1, token_kept = $4
			WHERE id = $1 AND password_hash = $2`, user, old, hash, kept.Token)
		if err == nil && n == 0 {
			return tx.Refuse(errOtherHash)
		}
		if err == nil {
			err = tx.endLogins(all, org, user, kept)
		}
		tx.recordAll(all, ev)
		return err
	})
}

// Rehash implements account.UserStore.
func (db *DB) Rehash(ctx context.Context, user, old, hash string) error {
	return db.changeUser(ctx, audit.SystemOrg, nil, false, errOtherHash,
		`UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2`, user, old, hash)
}

func (db *DB) changeUser(ctx context.Context, org string, ev *audit.Event, ends bool, missing error, query string, args ...any) error {
	return db.Write(ctx, org, func(tx Tx) error {
		n, err := tx.Exec(query, args...)
		if err == nil && n == 0 {
			return tx.Refuse(missing)
		}
		tx.Record(ev)
		if ends {
			tx.Ended(org)
		}
		return err
	})
}

// MailToken implements account.MailTokenStore.
func (db *DB) MailToken(ctx context.Context, hash, purpose string, now time.Time) (identity.Account, error) {
	return db.atHome(ctx, `JOIN mail_tokens t ON t.user_id = u.id
		WHERE t.token_hash = $1 AND t.purpose = $2 AND t.expires_at > $3`, hash, purpose, micros(now))
}

// VerifyEmail implements account.MailTokenStore.
func (db *DB) VerifyEmail(ctx context.Context, org, user, hash string, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		n, err := tx.Exec(`DELETE FROM mail_tokens WHERE token_hash = $1 AND user_id = $2`, hash, user)
		if err == nil && n == 0 {
			return tx.Refuse(errNoSuchMail)
		}
		if err == nil {
			_, err = tx.Exec(`UPDATE users SET email_verified = 1 WHERE id = $1`, user)
		}
		tx.Record(ev)
		return err
	})
}
