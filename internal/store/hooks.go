package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/webhook"
)

const selectHooks = `SELECT id, org_id, url, events, description, is_active, wrapped, sealed, created_by, created_at, updated_at, revision,
	told_seq, skipped, next_at, attempts, failing_since, paused_at, ` + lastColumns + ` FROM webhooks `

type hookRow struct {
	h                              webhook.Hook
	events                         string
	active, created, updated, told int64
	skipped                        int64
	next, failing, paused          sql.NullInt64
	last                           lastRow
}

func (r *hookRow) fields() []any {
	h := &r.h
	return append([]any{
		&h.ID, &h.Org, &h.URL, &r.events, &h.Description, &r.active, &h.Box.WrappedDEK, &h.Box.Ciphertext, &h.CreatedBy, &r.created, &r.updated,
		&h.Revision, &r.told, &r.skipped, &r.next, &h.Attempts, &r.failing, &r.paused,
	}, r.last.fields()...)
}

func (r *hookRow) hook() webhook.Hook {
	h := r.h
	h.Events, h.Active = strings.Fields(r.events), r.active != 0
	h.CreatedAt, h.UpdatedAt = fromMicros(r.created), fromMicros(r.updated)
	h.Told, h.Skipped = uint64(r.told), uint64(r.skipped)
	h.Next, h.FailingSince, h.PausedAt, h.Last = fromNull(r.next), fromNull(r.failing), fromNull(r.paused), r.last.value()
	return h
}

func scanHooks(out *[]webhook.Hook) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var r hookRow
		err := rows.Scan(r.fields()...)
		*out = append(*out, r.hook())
		return err
	}
}

// AddHook implements webhook.Store.
func (db *DB) AddHook(ctx context.Context, h *webhook.Hook, ev *audit.Event) error {
	return db.Write(ctx, h.Org, func(tx Tx) error {
		if err := tx.alive(h.Org, h.CreatedBy); err != nil {
			return err
		}
		var has int
		if _, err := tx.Row(`SELECT COUNT(*) FROM webhooks WHERE org_id = $1`, []any{h.Org}, &has); err != nil {
			return err
		}
		if err := webhook.CheckRoom(has); err != nil {
			return tx.Refuse(err)
		}
		_, err := tx.Exec(`INSERT INTO webhooks (id, org_id, url, events, description, is_active, wrapped, sealed, created_by, created_at, updated_at, revision,
				told_seq, skipped, next_at, attempts, last_status, last_error)
			VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $9, $10, (SELECT seq FROM audit_heads WHERE org_id = $2), 0, $9, 0, 0, '')`,
			h.ID, h.Org, h.URL, strings.Join(h.Events, " "), h.Description, h.Box.WrappedDEK, h.Box.Ciphertext, h.CreatedBy, micros(h.CreatedAt), h.Revision)
		if err == nil {
			err = tx.made("webhooks", h.ID, ev)
		}
		tx.Record(ev)
		return err
	})
}

// Hooks implements webhook.Store.
func (db *DB) Hooks(ctx context.Context, org string) (out []webhook.Hook, err error) {
	err = db.Each(ctx, selectHooks+`WHERE org_id = $1 ORDER BY created_at, id`, []any{org}, scanHooks(&out))
	return out, err
}

// Hook implements webhook.Store.
func (db *DB) Hook(ctx context.Context, org, id string) (webhook.Hook, error) {
	var r hookRow
	found, err := db.Row(ctx, selectHooks+`WHERE id = $1 AND org_id = $2`, []any{id, org}, r.fields()...)
	if err == nil && !found {
		err = errNoWebhook
	}
	return r.hook(), err
}

// ChangeHook implements webhook.Store.
func (db *DB) ChangeHook(ctx context.Context, org, id string, change func(*webhook.Hook) (widens, resumes bool), ev *audit.Event) (h webhook.Hook, err error) {
	err = db.Write(ctx, org, func(tx Tx) error {
		var r hookRow
		found, err := tx.Row(selectHooks+`WHERE id = $1 AND org_id = $2`, []any{id, org}, r.fields()...)
		if err == nil && !found {
			err = tx.Refuse(errNoWebhook)
		}
		if err != nil {
			return err
		}
		h = r.hook()
		widens, resumes := change(&h)
		h.Next = time.Time{}
		if h.Active && (h.PausedAt.IsZero() || resumes) {
			h.Next = h.UpdatedAt
		}
		if _, err = tx.Exec(`UPDATE webhooks SET url = $2, events = $3, description = $4, is_active = $5, updated_at = $6, revision = $7, next_at = $8
			WHERE id = $1`, id, h.URL, strings.Join(h.Events, " "), h.Description, number(h.Active), micros(h.UpdatedAt), h.Revision, nullMicros(h.Next)); err != nil {
			return err
		}
		if resumes {
			h.PausedAt, h.FailingSince, h.Skipped, h.Attempts = time.Time{}, time.Time{}, 0, 0
			_, err = tx.Exec(`UPDATE webhooks SET told_seq = (SELECT seq FROM audit_heads WHERE org_id = $2), skipped = 0, attempts = 0,
				failing_since = NULL, paused_at = NULL WHERE id = $1`, id, org)
		}
		if err == nil && widens {
			err = tx.widened(wideHook, id, org, true, ev)
		}
		tx.Record(ev)
		return err
	})
	return h, err
}

// RemoveHook implements webhook.Store.
func (db *DB) RemoveHook(ctx context.Context, org, id string, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		n, err := tx.Exec(`DELETE FROM webhooks WHERE id = $1 AND org_id = $2`, id, org)
		if err == nil && n == 0 {
			return tx.Refuse(errNoWebhook)
		}
		if err == nil {
			_, err = tx.Exec(`DELETE FROM widenings WHERE subject_id = $1`, id)
		}
		tx.Record(ev)
		return err
	})
}

// DueHooks implements webhook.Queue.
func (db *DB) DueHooks(ctx context.Context, now time.Time, limit int) (out []webhook.Hook, err error) {
	err = db.Each(ctx, selectHooks+`WHERE next_at <= $1 AND told_seq < (SELECT seq FROM audit_heads a WHERE a.org_id = webhooks.org_id)
		ORDER BY next_at LIMIT $2`, []any{micros(now), limit}, scanHooks(&out))
	return out, err
}

// MoveHook implements webhook.Queue. Its write is nobody's request: what a receiver was
// told is no part of a log. The time alone does not say that nobody else had a turn: a
// turn may end at the moment at which it began.
func (db *DB) MoveHook(ctx context.Context, h *webhook.Hook, to webhook.State) (moved bool, err error) {
	err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE webhooks SET told_seq = $4, skipped = $5, next_at = $6, attempts = $7, failing_since = $8, paused_at = $9,
			last_status = $10, last_error = $11, last_called_at = $12, last_delivered_at = $13
			WHERE id = $1 AND revision = $2 AND next_at = $3 AND told_seq = $14`, h.ID, h.Revision, micros(h.Next), int64(to.Told), int64(to.Skipped), nullMicros(to.Next),
			to.Attempts, nullMicros(to.FailingSince), nullMicros(to.PausedAt), to.Last.Status, string(to.Last.Error),
			nullMicros(to.Last.CalledAt), nullMicros(to.Last.DeliveredAt), int64(h.Told))
		moved = n == 1
		return err
	})
	return moved && err == nil, err
}

// Names implements webhook.Queue. It has the connection of walks, apart from those of
// requests.
func (db *DB) Names(ctx context.Context, org string, after uint64, limit int) (out []webhook.Name, err error) {
	err = db.EachAside(ctx, `SELECT seq, action FROM audit_events WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
		[]any{org, int64(after), limit}, func(rows *sql.Rows) error {
			var n webhook.Name
			var seq int64
			err := rows.Scan(&seq, &n.Action)
			n.Seq = uint64(seq)
			out = append(out, n)
			return err
		})
	return out, err
}

// ActorName implements webhook.Queue.
func (db *DB) ActorName(ctx context.Context, org, kind, id string) (name string, err error) {
	query := `SELECT name FROM agents WHERE id = $1 AND org_id = $2`
	if kind == string(policy.KindUser) {
		query = `SELECT u.email FROM users u JOIN memberships m ON m.user_id = u.id WHERE u.id = $1 AND m.org_id = $2`
	}
	_, err = db.Row(ctx, query, []any{id, org}, &name)
	return name, err
}
