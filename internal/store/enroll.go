package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

var (
	errNoEnrollment = fault.New(fault.NotFound, "enrollment_not_found", "No such enrolment waits for this user.")

	// errEnrollLately undoes what would name an address again too soon. No caller sees it.
	errEnrollLately = errors.New("the address was named lately")
)

// AddEnrollRequest implements agent.EnrollStore. It does the same for every
// address. The lock on the organisation's audit head makes it exact on many nodes.
func (db *DB) AddEnrollRequest(ctx context.Context, r agent.EnrollRequest, emailHash string, next time.Time, all int, ev *audit.Event) (wait time.Time, added bool, err error) {
	err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		now := micros(r.CreatedAt)
		if _, err := tx.Sweep(`DELETE FROM enroll_limits WHERE next_at <= $1`, sqldb.LongAgo(r.CreatedAt)); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO enroll_limits (email_hash, next_at) VALUES ($1, $2)
			ON CONFLICT (email_hash) DO UPDATE SET next_at = excluded.next_at WHERE enroll_limits.next_at <= $3 OR enroll_limits.next_at > $4`,
			emailHash, micros(next), now, micros(next.Add(identity.SetBack))) // the last: it was named before the clock was set back
		if err != nil {
			return err
		}
		if n == 0 {
			var at int64
			if _, err := tx.Row(`SELECT next_at FROM enroll_limits WHERE email_hash = $1`, []any{emailHash}, &at); err != nil {
				return err
			}
			wait = fromMicros(at)
			return errEnrollLately
		}
		n, err = tx.Exec(`INSERT INTO enroll_requests (id, email, name, description, address, created_at, next_at)
			SELECT $1, $2, $3, $4, $5, $6, $6 WHERE (SELECT COUNT(*) FROM enroll_requests) < $7`,
			r.ID, r.Email, r.Name, r.Description, r.Address, now, all)
		if err == nil && n == 0 {
			wait = time.Time{}
			return errFull
		}
		tx.Record(ev)
		return err
	})
	if errors.Is(err, errEnrollLately) || errors.Is(err, errFull) {
		return wait, false, nil
	}
	return time.Time{}, err == nil, err
}

// ClaimEnrollRequest implements agent.EnrollStore. It looks before it writes,
// since there is mostly nothing.
func (db *DB) ClaimEnrollRequest(ctx context.Context, now, lease time.Time) (r agent.EnrollRequest, found bool, err error) {
	var id string
	if found, err = db.Row(ctx, `SELECT id FROM enroll_requests WHERE next_at <= $1 ORDER BY next_at LIMIT 1`, []any{micros(now)}, &id); err != nil || !found {
		return r, false, err
	}
	err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		var created int64
		var err error
		found, err = tx.Row(`UPDATE enroll_requests SET next_at = $2 WHERE next_at <= $1
			AND id = (SELECT id FROM enroll_requests WHERE next_at <= $1 ORDER BY next_at LIMIT 1)
			RETURNING id, email, name, description, address, created_at`, []any{micros(now), micros(lease)},
			&r.ID, &r.Email, &r.Name, &r.Description, &r.Address, &created)
		r.CreatedAt = fromMicros(created)
		return err
	})
	return r, found && err == nil, err
}

// DropEnrollRequest implements agent.EnrollStore.
func (db *DB) DropEnrollRequest(ctx context.Context, id string) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`DELETE FROM enroll_requests WHERE id = $1`, id)
		return err
	})
}

// AddEnrollment implements agent.EnrollStore. What expired long ago is
// forgotten on the way.
func (db *DB) AddEnrollment(ctx context.Context, request, org string, e agent.Enrollment, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		if err := tx.alive(e.User); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM enroll_requests WHERE id = $1`, request)
		if err == nil {
			_, err = tx.Sweep(`DELETE FROM enrollments WHERE expires_at <= $1`, sqldb.LongAgo(ev.At))
		}
		if err == nil {
			_, err = tx.Exec(`INSERT INTO enrollments (id, user_id, name, description, key_hash, key_prefix, token_hash, address,
				created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
				e.ID, e.User, e.Name, e.Description, e.KeyHash, e.KeyPrefix, e.TokenHash, e.Address, micros(e.CreatedAt), micros(e.ExpiresAt))
		}
		tx.Record(ev)
		return err
	})
}

func (db *DB) enrollments(ctx context.Context, where string, args ...any) ([]agent.Enrollment, error) {
	var out []agent.Enrollment
	err := db.Each(ctx, `SELECT id, user_id, name, description, key_hash, key_prefix, token_hash, address, created_at, expires_at
		FROM enrollments WHERE `+where+` ORDER BY created_at, id`, args, func(rows *sql.Rows) error {
		var e agent.Enrollment
		var created, expires int64
		err := rows.Scan(&e.ID, &e.User, &e.Name, &e.Description, &e.KeyHash, &e.KeyPrefix, &e.TokenHash, &e.Address, &created, &expires)
		e.CreatedAt, e.ExpiresAt = fromMicros(created), fromMicros(expires)
		out = append(out, e)
		return err
	})
	return out, err
}

// Enrollments implements agent.EnrollStore.
func (db *DB) Enrollments(ctx context.Context, user string, now time.Time) ([]agent.Enrollment, error) {
	return db.enrollments(ctx, `user_id = $1 AND expires_at > $2`, user, micros(now))
}

// EnrollmentByToken implements agent.EnrollStore.
func (db *DB) EnrollmentByToken(ctx context.Context, hash string, now time.Time) (agent.Enrollment, error) {
	all, err := db.enrollments(ctx, `token_hash = $1 AND expires_at > $2`, hash, micros(now))
	if err == nil && len(all) == 0 {
		err = errNoEnrollment
	}
	if err != nil {
		return agent.Enrollment{}, err
	}
	return all[0], nil
}

// AcceptEnrollment implements agent.EnrollStore.
func (db *DB) AcceptEnrollment(ctx context.Context, id string, a agent.Agent, g *policy.Spec, ev *audit.Event) error {
	caps, err := db.caps(ctx, a.Org)
	if err != nil {
		return err
	}
	return db.Write(ctx, a.Org, func(tx Tx) error {
		n, err := tx.Exec(`DELETE FROM enrollments WHERE id = $1 AND user_id = $2 AND expires_at > $3`, id, a.Creator, micros(a.CreatedAt))
		if err == nil && n == 0 {
			return tx.Refuse(errNoEnrollment)
		}
		if err == nil {
			err = tx.room(billing.Agents, caps, a.Org)
		}
		if err == nil {
			err = tx.addAgent(&a)
		}
		if err == nil {
			err = tx.putKeys(&a, caps)
		}
		if err == nil && g != nil {
			err = tx.addPolicy(g, &a)
		}
		if err == nil {
			err = tx.made("agents", a.ID, ev)
		}
		if err == nil && g != nil {
			err = tx.made("policies", g.ID, ev)
		}
		tx.Record(ev)
		tx.Changed(a.Org)
		return err
	})
}

// addPolicy writes the first policy of an agent, made by the agent's creator.
func (tx Tx) addPolicy(g *policy.Spec, a *agent.Agent) error {
	perms, err := json.Marshal(g.Permissions)
	if err != nil {
		return err
	}
	n, err := tx.Exec(`INSERT INTO policies (id, vault_id, secret_path_pattern, principal_type, principal_id, permissions,
			conditions, expires_at, created_by, created_by_type, created_at)
		SELECT $1, $2, $3, 'agent', $4, $5, $6, $7, $8, 'user', $9 WHERE EXISTS (SELECT 1 FROM vaults WHERE id = $2)`,
		g.ID, g.Vault, g.Pattern, a.ID, string(perms), string(g.Conditions), nullMicros(g.ExpiresAt), a.Creator, micros(a.CreatedAt))
	if err == nil && n == 0 {
		err = errNoVault
	}
	return err
}

// RejectEnrollment implements agent.EnrollStore.
func (db *DB) RejectEnrollment(ctx context.Context, org, user, id string, now time.Time, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		n, err := tx.Exec(`DELETE FROM enrollments WHERE id = $1 AND user_id = $2 AND expires_at > $3`, id, user, micros(now))
		if err == nil && n == 0 {
			return tx.Refuse(errNoEnrollment)
		}
		tx.Record(ev)
		return err
	})
}
