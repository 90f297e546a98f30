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
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

var errNoSession = fault.New(fault.NotFound, "session_not_found", "You have no such session, or it has ended.")

// openSession writes the session that begins with an event, so that no token is of a
// session without a row. One of somebody who was deleted meanwhile is not written, and
// its token is dead.
func openSession(tx *commit.Tx, ev *audit.Event) error {
	b := ev.Begins
	return tx.Last(commit.Stmt{Query: `INSERT INTO sessions (id, user_id, org_id, kind, client, address, created_at, expires_at, made_with)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE EXISTS (SELECT 1 FROM users WHERE id = $2)`,
		Args: []any{b.ID, b.User, b.Org, b.Kind, b.Client, b.Address, micros(b.At), micros(b.Expires), b.With}})
}

const selectSession = `SELECT id, user_id, org_id, kind, client, address, created_at, expires_at, seen_at, ended_at FROM sessions `

// sessionRow takes the columns of a session.
type sessionRow struct {
	s                identity.Session
	created, expires int64
	seen, ended      sql.NullInt64
}

func (r *sessionRow) dest() []any {
	return []any{&r.s.ID, &r.s.User, &r.s.Org, &r.s.Kind, &r.s.Client, &r.s.Address, &r.created, &r.expires, &r.seen, &r.ended}
}

func (r *sessionRow) session() identity.Session {
	r.s.At, r.s.Expires = fromMicros(r.created), fromMicros(r.expires)
	if r.seen.Valid {
		r.s.SeenAt = fromMicros(r.seen.Int64)
	}
	if r.ended.Valid {
		r.s.EndedAt = fromMicros(r.ended.Int64)
	}
	return r.s
}

// Session implements identity.PrincipalStore.
func (db *DB) Session(ctx context.Context, id string) (identity.Session, error) {
	var r sessionRow
	found, err := db.Row(ctx, selectSession+`WHERE id = $1`, []any{id}, r.dest()...)
	if err == nil && !found {
		err = errNoSession
	}
	if err != nil {
		return identity.Session{}, err
	}
	return r.session(), nil
}

// Sessions implements account.SessionStore.
func (db *DB) Sessions(ctx context.Context, user string, ended bool, now time.Time, most int) ([]identity.Session, error) {
	var out []identity.Session
	live, keys := `AND expires_at > $2 AND ended_at IS NULL`, ` AND k.revoked_at IS NULL`
	if ended {
		now, live, keys = now.Add(-identity.SessionKept), `AND expires_at > $2`, ""
	}
	add := func(rows *sql.Rows) error {
		var r sessionRow
		err := rows.Scan(r.dest()...)
		out = append(out, r.session())
		return err
	}
	err := db.Each(ctx, selectSession+`WHERE user_id = $1 `+live+` ORDER BY created_at DESC, id LIMIT $3`, []any{user, micros(now), most}, add)
	if err != nil {
		return nil, err
	}
	// A key that lives no longer than a stored login is one: the login that it was made with has
	// a session of its own, which says where that came from, and ends long before the key. Each
	// of both lists is cut by itself: a key makes keys, and must not hide the login by a flood of them.
	err = db.Each(ctx, `SELECT k.id, k.user_id, k.org_id, 'key', COALESCE(s.client, k.name), COALESCE(s.address, ''), k.created_at, k.expires_at, k.last_used_at, k.revoked_at
		FROM user_keys k LEFT JOIN sessions s ON s.id = substr(k.made_with, 9)
		WHERE k.user_id = $1 AND k.expires_at - k.created_at <= $4 AND k.expires_at > $2`+keys+` ORDER BY k.created_at DESC, k.id LIMIT $3`,
		[]any{user, micros(now), most, account.StoredLogin.Microseconds()}, add)
	slices.SortStableFunc(out, func(a, b identity.Session) int { return b.At.Compare(a.At) })
	return out, err
}

// EndSession implements identity.PrincipalStore. Tokens of a session are of several
// organisations.
func (db *DB) EndSession(ctx context.Context, org, user, id string, keep bool, now time.Time, ev *audit.Event) error {
	return db.inAll(ctx, user, func(orgs []string) error {
		all := append([]string{org}, slices.DeleteFunc(orgs, func(o string) bool { return o == org })...)
		return db.writeIn(ctx, all, func(tx Tx) error {
			if err := tx.hold(user, all); err != nil {
				return err
			}
			n, err := tx.Exec(`UPDATE sessions SET ended_at = $3
				WHERE id = $1 AND user_id = $2 AND ended_at IS NULL AND expires_at > $3`, id, user, micros(now))
			there := n > 0
			if err == nil && !there {
				var one int
				there, err = tx.Row(`SELECT 1 FROM sessions WHERE id = $1 AND user_id = $2`, []any{id, user}, &one)
			}
			if err == nil && !there {
				err = tx.Refuse(errNoSession)
			}
			if err != nil {
				return err
			}
			return tx.endCredential(credential{with: "session:" + id, orgs: all, again: n == 0, keep: keep, none: errNoSession}, now, ev)
		})
	})
}

// EndSessions implements account.SessionStore.
func (db *DB) EndSessions(ctx context.Context, org, user, kept string, now time.Time, ev *audit.Event) error {
	return db.writeOf(ctx, org, user, func(tx Tx, all endings) error {
		err := tx.endSessions(all, org, user, account.Kept{Session: kept, At: now})
		if err == nil { // logins that wait for their second factor, and devices that were let in
			_, err = tx.Exec(`DELETE FROM mfa_challenges WHERE user_id = $1`, user)
		}
		if err == nil {
			_, err = tx.Exec(`DELETE FROM device_codes WHERE user_id = $1`, user)
		}
		tx.recordAll(all, ev)
		return err
	})
}

// endSessions ends the sessions of a user and the keys that are a stored login, but for
// what is kept, and the tokens of agents that were taken with them. What else was made
// with them stays: each can be ended for that by itself. Those that have expired end too,
// in case a clock goes back. Sessions are of no organisation: home tells of them.
func (tx Tx) endSessions(all endings, home, user string, kept account.Kept) (err error) {
	for org, e := range all {
		if err == nil {
			err = tx.endTokens(e, kept.At, `user_id = $2 AND made_with LIKE 'session:%' AND made_with <> $3 AND org_id = $4`, user, "session:"+kept.Session, org)
		}
	}
	const others = `UPDATE sessions SET ended_at = $3 WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL`
	if err == nil {
		err = tx.count(&all.in(home).sessions, others+` AND expires_at > $3`, user, kept.Session, micros(kept.At))
	}
	if err == nil {
		_, err = tx.Exec(others, user, kept.Session, micros(kept.At))
	}
	if err == nil {
		err = tx.endKeys(all, kept.At, user, `expires_at - created_at <= $3 AND id <> $4`, account.StoredLogin.Microseconds(), kept.Key)
	}
	return err
}

// endKeys ends a user's API keys of a condition, whose arguments begin with $3, and the
// tokens of agents that were taken with them.
func (tx Tx) endKeys(all endings, now time.Time, user, which string, args ...any) error {
	type key struct {
		id, org string
		live    bool
	}
	var keys []key
	err := tx.Each(`SELECT id, org_id, CASE WHEN expires_at <= $1 THEN 0 ELSE 1 END FROM user_keys
		WHERE user_id = $2 AND revoked_at IS NULL AND `+which, append([]any{micros(now), user}, args...), func(rows *sql.Rows) error {
		var k key
		var live int64
		err := rows.Scan(&k.id, &k.org, &live)
		k.live = live != 0
		keys = append(keys, k)
		return err
	})
	for _, k := range keys {
		e := all.in(k.org)
		if k.live {
			e.keys = append(e.keys, k.id)
		}
		if err == nil {
			_, err = tx.Exec(`UPDATE user_keys SET revoked_at = $2 WHERE id = $1`, k.id, micros(now))
		}
		if err == nil {
			err = tx.endTokens(e, now, `made_with = $2`, "key:"+k.id)
		}
	}
	return err
}

// endLogins is what a new password and a second factor have in common: all sessions
// but the one kept end, and so do tokens for a new password that wait in a mailbox.
func (tx Tx) endLogins(all endings, home, user string, kept account.Kept) error {
	_, err := tx.Exec(`DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = $2`, user, account.PurposeReset)
	if err == nil {
		err = tx.endSessions(all, home, user, kept)
	}
	return err
}
