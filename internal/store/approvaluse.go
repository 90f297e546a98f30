package store

import (
	"context"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// ApprovalPolicy implements approval.Store.
func (db *DB) ApprovalPolicy(ctx context.Context, id string) (policy.Approval, policy.Version, error) {
	v := policy.Version{ID: id}
	var conditions []byte
	found, err := db.Row(ctx, `SELECT conditions, revision FROM policies WHERE id = $1`, []any{id}, &conditions, &v.Revision)
	if err != nil {
		return policy.Approval{}, v, err
	}
	if !found {
		return policy.Approval{}, v, errNoGrant
	}
	c, err := policy.CompileConditions(conditions)
	if err == nil && c.Approval == nil {
		err = errNoGrant
	}
	if err != nil {
		return policy.Approval{}, v, err
	}
	return *c.Approval, v, nil
}

// DecideApproval implements approval.Store. All that the decision rests on is
// compared in the statement that stores it.
func (db *DB) DecideApproval(ctx context.Context, r approval.Request, ev *audit.Event) error {
	return db.Write(ctx, r.Org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE approvals SET status = $2, uses_left = $3, expires_at = $4, decided_by = $5, decided_at = $6,
			decision_reason = $7, policy_revision = $8, valid_seconds = $9, max_uses = $10, notify_at = NULL, mail_at = NULL,
			decider_gen = (SELECT token_gen FROM users WHERE id = $5), decided_with = $11
			WHERE id = $1 AND status = 'pending' AND expires_at > $6 AND `+sameRequester+`
			AND (policy_id = '' AND `+sameRules+` OR EXISTS (SELECT 1 FROM policies p WHERE p.id = approvals.policy_id AND p.revision = $8))
			AND EXISTS (SELECT 1 FROM users u JOIN memberships m ON m.user_id = u.id LEFT JOIN vaults v ON v.id = approvals.vault_id
				AND v.creator_left = 0 AND (v.created_by = u.id OR v.creator_human = u.id)
				WHERE u.id = $5 AND m.org_id = approvals.org_id AND (m.role IN `+managers+` OR v.id IS NOT NULL))`,
			r.ID, string(r.Status), r.UsesLeft, micros(r.ExpiresAt), r.DecidedBy, micros(r.DecidedAt), r.DecisionReason,
			r.Policy.Revision, int64(r.ValidFor/time.Second), r.MaxUses, ev.With)
		if err == nil && n == 0 {
			return tx.Refuse(tx.whyUndecided(&r))
		}
		tx.Record(ev)
		return err
	})
}

// whyUndecided reads why a decision did not fit.
func (tx Tx) whyUndecided(r *approval.Request) error {
	var revision, same int64
	waits, err := tx.Row(`SELECT COALESCE((SELECT p.revision FROM policies p WHERE p.id = approvals.policy_id), -1),
		CASE WHEN `+sameRequester+` AND (policy_id <> '' OR `+sameRules+`) THEN 1 ELSE 0 END FROM approvals
		WHERE id = $1 AND status = 'pending' AND expires_at > $2`, []any{r.ID, micros(r.DecidedAt)}, &revision, &same)
	if err != nil {
		return err
	}
	return approval.WhyUndecided(waits, r.Policy.ID == "" || revision == r.Policy.Revision, same != 0)
}

// WithdrawApproval implements approval.Store.
func (db *DB) WithdrawApproval(ctx context.Context, r approval.Request, ev *audit.Event) error {
	return db.Write(ctx, r.Org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE approvals SET status = 'withdrawn', uses_left = 0, withdrawn_by = $2, withdrawn_at = $3,
			notify_at = NULL, mail_at = NULL
			WHERE id = $1 AND expires_at > $3 AND status IN ('pending', 'approved')`, // used up or not: a call that rests on it may be under way
			r.ID, r.WithdrawnBy, micros(r.WithdrawnAt))
		if err == nil && n == 0 {
			return tx.Refuse(approval.ErrOver)
		}
		tx.Record(ev)
		return err
	})
}

// spendApproval counts one use of the approval that ev rests on, if it rests on
// one: with the event in the same transaction, no use goes uncounted. What the
// approval rests on is compared there too: a use comes before an edit of the
// policy, a withdrawal or a removal of who decided, or it does not happen.
func (tx Tx) spendApproval(ev *audit.Event) error {
	if ev == nil || ev.Details.Approval == "" {
		return nil
	}
	return tx.useApproval(ev.Details.Approval, ev.At)
}

func (tx Tx) useApproval(id string, at time.Time) error {
	n, err := tx.Exec(`UPDATE approvals SET uses_left = uses_left - 1 WHERE id = $1 AND status = 'approved' AND uses_left > 0
		AND expires_at > $2 AND `+allows+` AND `+standing, id, micros(at))
	if err == nil && n == 0 {
		err = approval.ErrUsed
	}
	return err
}

// AppendApproved implements vault.Store.
func (db *DB) AppendApproved(ctx context.Context, ev *audit.Event) error {
	return db.Write(ctx, ev.Org, func(tx Tx) error {
		if err := tx.spendApproval(ev); err != nil {
			if errors.Is(err, approval.ErrUsed) {
				return tx.Refuse(err)
			}
			return err
		}
		tx.Record(ev)
		return nil
	})
}

// endApprovalsOf ends for good what somebody approved who may decide no more, so
// that it does not count again when the right comes back.
func (tx Tx) endApprovalsOf(org, decider, by string) error {
	_, err := tx.Exec(`UPDATE approvals SET status = 'withdrawn', uses_left = 0, withdrawn_by = $3, withdrawn_at = $4
		WHERE org_id = $1 AND decided_by = $2 AND status = 'approved' AND NOT `+sameDecider, org, decider, by, micros(tx.Now()))
	return err
}
