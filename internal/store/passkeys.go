package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

var (
	errNoPasskey    = fault.New(fault.NotFound, "passkey_not_found", "You have no such passkey.")
	errPasskeyTaken = fault.New(fault.Conflict, "passkey_exists", "This authenticator has a passkey for an account here already.")
	errManyPasskeys = fault.New(fault.Conflict, "too_many_passkeys", "An account has at most 20 passkeys. Remove one that you do not use.")
	errLastWay      = fault.New(fault.Conflict, "last_way_in", "This passkey is the only way into your account. Add another, or set a password, before you remove it.")
)

// AddPasskeyChallenge implements account.PasskeyStore.
func (db *DB) AddPasskeyChallenge(ctx context.Context, ch account.PasskeyChallenge, now time.Time, ev *audit.Event) error {
	return db.Write(ctx, ev.Org, func(tx Tx) error {
		if ch.User != "" {
			if err := tx.alive(ch.User); err != nil {
				return err
			}
		}
		_, err := tx.Sweep(`DELETE FROM passkey_challenges WHERE expires_at < $1`, sqldb.LongAgo(now))
		if err == nil {
			_, err = tx.Exec(`INSERT INTO passkey_challenges (hash, challenge, user_id, made_with, expires_at) VALUES ($1, $2, $3, $4, $5)`,
				ch.Hash, ch.Text, ch.User, ch.With, micros(ch.ExpiresAt))
		}
		tx.Record(ev)
		return err
	})
}

// TakePasskeyChallenge implements account.PasskeyStore.
func (db *DB) TakePasskeyChallenge(ctx context.Context, hash string, now time.Time) (account.PasskeyChallenge, error) {
	ch := account.PasskeyChallenge{Hash: hash}
	err := db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		var ends int64
		found, err := tx.Row(`DELETE FROM passkey_challenges WHERE hash = $1 AND expires_at > $2 RETURNING challenge, user_id, made_with, expires_at`,
			[]any{hash, micros(now)}, &ch.Text, &ch.User, &ch.With, &ends)
		if err == nil && !found {
			return tx.Refuse(errNoChallenge)
		}
		tx.Wrote()
		ch.ExpiresAt = fromMicros(ends)
		return err
	})
	return ch, err
}

// AddPasskey implements account.PasskeyStore.
func (db *DB) AddPasskey(ctx context.Context, org string, p *account.Passkey, most int, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		if err := tx.alive(p.User); err != nil {
			return err
		}
		// This changes nothing and holds the row: of two that come at once, one is counted first.
		_, err := tx.Exec(`UPDATE users SET email_verified = email_verified WHERE id = $1`, p.User)
		var n int
		if err == nil {
			_, err = tx.Row(`SELECT COUNT(*) FROM passkeys WHERE user_id = $1 AND removed_at IS NULL`, []any{p.User}, &n)
		}
		if err != nil {
			return err
		}
		if n >= most {
			return tx.Refuse(errManyPasskeys)
		}
		added, err := tx.Exec(`INSERT INTO passkeys (id, user_id, credential_id, public_key, sign_count, transports, aaguid, backable, backed_up, name, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
			p.ID, p.User, p.Credential.ID, p.Key, int64(p.Count), listText(p.Transports), p.AAGUID, number(p.Backable), number(p.BackedUp), p.Name, micros(p.CreatedAt))
		if err == nil && added == 0 {
			return tx.Refuse(errPasskeyTaken)
		}
		if err == nil {
			err = tx.made("passkeys", p.ID, ev)
		}
		tx.Record(ev)
		return err
	})
}

const selectPasskey = `SELECT id, user_id, credential_id, public_key, sign_count, transports, aaguid, backable, backed_up, name, created_at, used_at
	FROM passkeys WHERE removed_at IS NULL AND `

func readPasskey(scan func(...any) error) (account.Passkey, error) {
	var p account.Passkey
	var count, backable, backed, created int64
	var transports string
	var used sql.NullInt64
	err := scan(&p.ID, &p.User, &p.Credential.ID, &p.Key, &count, &transports, &p.AAGUID, &backable, &backed, &p.Name, &created, &used)
	if err == nil {
		err = readList(transports, &p.Transports)
	}
	p.Count, p.Backable, p.BackedUp = uint32(count), backable != 0, backed != 0
	p.CreatedAt, p.UsedAt = fromMicros(created), fromNull(used)
	return p, err
}

// Passkeys implements account.PasskeyStore.
func (db *DB) Passkeys(ctx context.Context, user string) (out []account.Passkey, err error) {
	err = db.Each(ctx, selectPasskey+`user_id = $1 ORDER BY created_at, id`, []any{user}, func(rows *sql.Rows) error {
		p, err := readPasskey(rows.Scan)
		out = append(out, p)
		return err
	})
	return out, err
}

// PasskeyByCredential implements account.PasskeyStore.
func (db *DB) PasskeyByCredential(ctx context.Context, credential string) (p account.Passkey, a identity.Account, err error) {
	found := false
	err = db.Each(ctx, selectPasskey+`credential_id = $1`, []any{credential}, func(rows *sql.Rows) (err error) {
		p, err = readPasskey(rows.Scan)
		found = true
		return err
	})
	if err == nil && !found {
		err = errNoPasskey
	}
	if err == nil {
		a, err = db.atHome(ctx, `WHERE u.id = $1`, p.User)
	}
	return p, a, err
}

// UsePasskey implements account.PasskeyStore. The condition holds for two nodes that are
// shown the same count at once, too.
func (db *DB) UsePasskey(ctx context.Context, id string, count uint32, backedUp bool, at time.Time, ev *audit.Event) error {
	return db.Write(ctx, ev.Org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE passkeys SET sign_count = $2, backed_up = $3, used_at = $4
			WHERE id = $1 AND removed_at IS NULL AND (sign_count < $2 OR sign_count = 0 AND $2 = 0)`, id, int64(count), number(backedUp), micros(at))
		if err == nil && n == 0 {
			return tx.Refuse(errNoPasskey)
		}
		tx.Record(ev)
		return err
	})
}

// RenamePasskey implements account.PasskeyStore.
func (db *DB) RenamePasskey(ctx context.Context, org, user, id, name string, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE passkeys SET name = $3 WHERE id = $1 AND user_id = $2 AND removed_at IS NULL`, id, user, name)
		if err == nil && n == 0 {
			return tx.Refuse(errNoPasskey)
		}
		tx.Record(ev)
		return err
	})
}

// RemovePasskey implements account.PasskeyStore. Its logins are of several organisations.
func (db *DB) RemovePasskey(ctx context.Context, org, user, id string, keep bool, at time.Time, ev *audit.Event) error {
	return db.inAll(ctx, user, func(orgs []string) error {
		all := append([]string{org}, slices.DeleteFunc(orgs, func(o string) bool { return o == org })...)
		return db.writeIn(ctx, all, func(tx Tx) error {
			if err := tx.hold(user, all); err != nil {
				return err
			}
			n, err := tx.Exec(`UPDATE passkeys SET removed_at = $3 WHERE id = $1 AND user_id = $2 AND removed_at IS NULL`, id, user, micros(at))
			there := n > 0
			if err == nil && !there {
				var one int
				there, err = tx.Row(`SELECT 1 FROM passkeys WHERE id = $1 AND user_id = $2`, []any{id, user}, &one)
			}
			if err == nil && !there {
				return tx.Refuse(errNoPasskey)
			}
			if err == nil {
				err = tx.keepsWayIn(user)
			}
			if err != nil {
				return err
			}
			if keep {
				return tx.endPasskeyLogins(all, org, user, id, n == 0, at, ev)
			}
			return tx.endCredential(credential{with: passkeyName + id, orgs: all, again: n == 0, none: errNoPasskey}, at, ev)
		})
	})
}

// passkeyName begins what made_with says of what a passkey began.
const passkeyName = "passkey:"

// letNobodyIn is a condition for passkeys that began no login whose row is kept.
const letNobodyIn = ` AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.made_with = 'passkey:' || passkeys.id)`

// keepsWayIn refuses what leaves a user nothing to sign in with.
func (tx Tx) keepsWayIn(user string) error {
	var one int
	ok, err := tx.Row(`SELECT 1 FROM users WHERE id = $1 AND (password_hash <> ''
		OR EXISTS (SELECT 1 FROM provider_accounts p WHERE p.user_id = users.id)
		OR EXISTS (SELECT 1 FROM passkeys k WHERE k.user_id = users.id AND k.removed_at IS NULL))`, []any{user}, &one)
	if err == nil && !ok {
		err = errLastWay
	}
	return err
}

// endPasskeyLogins ends the logins that a passkey began, the tokens of agents that were taken
// with them and the keys that are a stored login. What else was made with them stays.
func (tx Tx) endPasskeyLogins(orgs []string, home, user, id string, again bool, at time.Time, ev *audit.Event) error {
	const its = ` IN (SELECT 'session:' || id FROM sessions WHERE user_id = $2 AND made_with = $3)`
	all, with := endings{}, passkeyName+id
	for _, org := range orgs {
		if err := tx.endTokens(all.in(org), at, `made_with`+its+` AND org_id = $4`, user, with, org); err != nil {
			return err
		}
	}
	err := tx.endKeys(all, at, user, `made_with`+its+` AND expires_at - created_at <= $4`, with, account.StoredLogin.Microseconds())
	if err == nil {
		err = tx.count(&all.in(home).sessions, `UPDATE sessions SET ended_at = $2 WHERE made_with = $1 AND ended_at IS NULL AND expires_at > $2`, with, micros(at))
	}
	if err == nil { // also those that have expired, in case a clock goes back
		_, err = tx.Exec(`UPDATE sessions SET ended_at = $2 WHERE made_with = $1 AND ended_at IS NULL`, with, micros(at))
	}
	if err == nil && again && all.sum().text() == "" {
		return errNoPasskey
	}
	if err == nil {
		tx.recordAll(all, ev)
		tx.Ended(orgs...)
	}
	return err
}
