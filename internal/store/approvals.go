package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

var (
	errManyPending  = &fault.Error{Kind: fault.RateLimited, Code: "too_many_approvals", RetryAfter: time.Minute, Detail: "Too many of your requests wait for a decision."}
	errApprovalUsed = fault.New(fault.Denied, "approval_used", "The approval was used up or ended meanwhile. Try again to ask for another.")
)

const approvalColumns = `id, org_id, vault_id, path, operation, requester_kind, requester_id, requester_human, policy_id, reason,
	status, valid_seconds, max_uses, uses_left, created_at, expires_at, decided_by, decided_at, decision_reason`

// approvalRow is a row as it is scanned.
type approvalRow struct {
	approval.Request
	valid, created, expires int64
	decided                 sql.NullInt64
}

func (r *approvalRow) fields() []any {
	return []any{
		&r.ID, &r.Org, &r.Vault, &r.Path, &r.Operation, &r.Kind, &r.Principal, &r.Human, &r.Policy, &r.Reason,
		&r.Status, &r.valid, &r.MaxUses, &r.UsesLeft, &r.created, &r.expires, &r.DecidedBy, &r.decided, &r.DecisionReason,
	}
}

func (r *approvalRow) request() approval.Request {
	r.ValidFor = time.Duration(r.valid) * time.Second
	r.CreatedAt, r.ExpiresAt, r.DecidedAt = fromMicros(r.created), fromMicros(r.expires), fromNull(r.decided)
	return r.Request
}

// LiveApproval implements approval.Store. The one that ends first is used first.
func (db *DB) LiveApproval(ctx context.Context, u approval.Use, now time.Time) (string, error) {
	var id string
	found, err := db.row(ctx, `SELECT id FROM approvals WHERE requester_id = $1 AND vault_id = $2 AND path = $3 AND operation = $4
		AND requester_kind = $5 AND org_id = $6 AND status = 'approved' AND uses_left > 0 AND expires_at > $7 ORDER BY expires_at LIMIT 1`,
		[]any{u.Principal, u.Vault, u.Path, string(u.Operation), string(u.Kind), u.Org, micros(now)}, &id)
	if err == nil && !found {
		err = approval.ErrNotFound
	}
	return id, err
}

// AskApproval implements approval.Store. Requests of one organisation are
// written one after the other, so that two at once find each other.
func (db *DB) AskApproval(ctx context.Context, r approval.Request, ev *audit.Event) (approval.Request, error) {
	var out approval.Request
	err := db.Write(ctx, r.Org, func(tx *Tx) error {
		if err := tx.alive(r.Principal, r.Human); err != nil {
			return err
		}
		var row approvalRow
		found, err := tx.row(`SELECT `+approvalColumns+` FROM approvals WHERE requester_id = $1 AND vault_id = $2 AND path = $3
			AND operation = $4 AND requester_kind = $5 AND status = 'pending' AND expires_at > $6 ORDER BY created_at LIMIT 1`,
			[]any{r.Principal, r.Vault, r.Path, string(r.Operation), string(r.Kind), micros(r.CreatedAt)}, row.fields()...)
		if err != nil {
			return err
		}
		ev.Details.Target = r.ID
		if out = r; found {
			out = row.request()
			ev.Details.Target = out.ID
			tx.record(ev)
			return nil
		}
		n, err := tx.exec(`INSERT INTO approvals (`+approvalColumns+`, notify_at, notify_attempts)
			SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', $11, $12, 0, $13, $14, '', NULL, '', $13, 0
			WHERE (SELECT COUNT(*) FROM approvals WHERE requester_id = $7 AND status = 'pending' AND expires_at > $13) < $15
			AND EXISTS (SELECT 1 FROM vaults WHERE id = $3)`,
			r.ID, r.Org, r.Vault, r.Path, string(r.Operation), string(r.Kind), r.Principal, r.Human, r.Policy, r.Reason,
			int64(r.ValidFor/time.Second), r.MaxUses, micros(r.CreatedAt), micros(r.ExpiresAt), approval.MaxPending)
		if err == nil && n == 0 {
			return tx.refuse(errManyPending)
		}
		tx.record(ev)
		return err
	})
	return out, err
}

// visible is the condition of Seen, with arguments from the first on.
const visible = `org_id = $1 AND ($2 = 1 OR (requester_kind = $3 AND requester_id = $4) OR ($3 = 'user' AND (requester_human = $4
	OR vault_id IN (SELECT id FROM vaults WHERE org_id = $1 AND creator_left = 0 AND (created_by = $4 OR creator_human = $4)))))`

func seenArgs(s approval.Seen) []any {
	return []any{s.Org, number(s.All), string(s.Kind), s.ID}
}

// Approval implements approval.Store.
func (db *DB) Approval(ctx context.Context, s approval.Seen, id string) (approval.Request, error) {
	var row approvalRow
	found, err := db.row(ctx, `SELECT `+approvalColumns+` FROM approvals WHERE `+visible+` AND id = $5`, append(seenArgs(s), id), row.fields()...)
	if err == nil && !found {
		err = approval.ErrNotFound
	}
	return row.request(), err
}

// Approvals implements approval.Store.
func (db *DB) Approvals(ctx context.Context, s approval.Seen, status approval.Status, now time.Time, limit int) ([]approval.Request, error) {
	var out []approval.Request
	query := `SELECT ` + approvalColumns + ` FROM approvals WHERE ` + visible
	args := seenArgs(s)
	switch status {
	case "":
	case approval.Pending:
		query, args = query+` AND status = 'pending' AND expires_at > $5`, append(args, micros(now))
	case approval.Expired:
		query, args = query+` AND status = 'pending' AND expires_at <= $5`, append(args, micros(now))
	default:
		query, args = query+` AND status = $5`, append(args, string(status))
	}
	limited := ` ORDER BY created_at DESC, id LIMIT $5`
	if len(args) == 5 {
		limited = ` ORDER BY created_at DESC, id LIMIT $6`
	}
	err := db.each(ctx, query+limited, append(args, limit), func(rows *sql.Rows) error {
		var row approvalRow
		err := rows.Scan(row.fields()...)
		out = append(out, row.request())
		return err
	})
	return out, err
}

// DecideApproval implements approval.Store.
func (db *DB) DecideApproval(ctx context.Context, r approval.Request, ev *audit.Event) error {
	return db.Write(ctx, r.Org, func(tx *Tx) error {
		n, err := tx.exec(`UPDATE approvals SET status = $2, uses_left = $3, expires_at = $4, decided_by = $5, decided_at = $6,
			decision_reason = $7, notify_at = NULL WHERE id = $1 AND status = 'pending' AND expires_at > $6`,
			r.ID, string(r.Status), r.UsesLeft, micros(r.ExpiresAt), r.DecidedBy, micros(r.DecidedAt), r.DecisionReason)
		if err == nil && n == 0 {
			return tx.refuse(approval.ErrDecided)
		}
		tx.record(ev)
		return err
	})
}

// spendApproval counts one use of the approval that ev rests on, if it rests on
// one: with the event in the same transaction, no use goes uncounted.
func (tx *Tx) spendApproval(ev *audit.Event) error {
	if ev == nil || ev.Details.Approval == "" {
		return nil
	}
	n, err := tx.exec(`UPDATE approvals SET uses_left = uses_left - 1
		WHERE id = $1 AND status = 'approved' AND uses_left > 0 AND expires_at > $2`, ev.Details.Approval, micros(ev.At))
	if err == nil && n == 0 {
		err = errApprovalUsed
	}
	return err
}

// AppendApproved implements vault.Store.
func (db *DB) AppendApproved(ctx context.Context, ev *audit.Event) error {
	return db.Write(ctx, ev.Org, func(tx *Tx) error {
		if err := tx.spendApproval(ev); err != nil {
			if fault.Is(err, fault.Denied) {
				return tx.refuse(err)
			}
			return err
		}
		tx.record(ev)
		return nil
	})
}

// ApprovalVault implements approval.Store. Who made a vault and has left decides
// about it no more, also after coming back.
func (db *DB) ApprovalVault(ctx context.Context, id string) (policy.Vault, error) {
	v, err := db.Vault(ctx, id)
	if v.CreatorLeft != 0 {
		v.CreatedBy, v.CreatedByKind, v.CreatorHuman = "", "", ""
	}
	return policy.Vault{ID: v.ID, Org: v.Org, CreatedBy: v.CreatedBy, CreatedByKind: v.CreatedByKind, CreatorHuman: v.CreatorHuman}, err
}

// SweepApprovals implements approval.Store.
func (db *DB) SweepApprovals(ctx context.Context, before time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx *Tx) error {
		_, err := tx.exec(`DELETE FROM approvals WHERE expires_at < $1 OR status = 'denied' AND decided_at < $1`, micros(before))
		return err
	})
}
