package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

const approvalColumns = `id, org_id, vault_id, path, operation, requester_kind, requester_id, requester_human, policy_id, policy_revision, reason,
	status, valid_seconds, max_uses, uses_left, created_at, expires_at, decided_by, decided_at, decision_reason, withdrawn_by, withdrawn_at`

// managers are the roles of those who manage an organisation, as policy.Principal.Manages
// has them: TestManagersAreThoseOfPolicy.
const managers = `('` + string(policy.RoleOwner) + `', '` + string(policy.RoleAdmin) + `')`

// What an approval rests on, as conditions on its row. They are asked wherever it
// counts, so nothing has to be told when one of them ends.
const (
	// sameRequester: who asked is there, with the credentials that it had then.
	sameRequester = `(requester_kind = 'agent' AND EXISTS (SELECT 1 FROM agents g WHERE g.id = approvals.requester_id
			AND g.org_id = approvals.org_id AND g.is_active = 1 AND g.token_gen = approvals.requester_gen)
		OR requester_kind = 'user' AND EXISTS (SELECT 1 FROM users u JOIN memberships m ON m.user_id = u.id
			WHERE u.id = approvals.requester_id AND m.org_id = approvals.org_id AND u.token_gen = approvals.requester_gen))`
	// samePolicy: the policy stands as it did at the decision. One that waits for the
	// decision takes the terms that hold then.
	samePolicy = `EXISTS (SELECT 1 FROM policies p WHERE p.id = approvals.policy_id AND p.vault_id = approvals.vault_id
		AND (p.revision = approvals.policy_revision OR approvals.status = 'pending'))`
	// sameRules: the rules of the agent, which the path names, that ask for its signatures to
	// be approved stand as they did when they asked.
	sameRules = `(operation <> '` + string(approval.Sign) + `' OR policy_revision =
		COALESCE((SELECT g.revision FROM guard_rules g WHERE g.agent_id = substr(approvals.path, 8, 36)), 0))`
	// sameDecider: who decided may decide still, and has been in the organisation
	// with the same credentials since.
	sameDecider = `EXISTS (SELECT 1 FROM users u JOIN memberships m ON m.user_id = u.id
		LEFT JOIN vaults v ON v.id = approvals.vault_id AND v.creator_left = 0 AND (v.created_by = u.id OR v.creator_human = u.id)
		WHERE u.id = approvals.decided_by AND m.org_id = approvals.org_id AND u.token_gen = approvals.decider_gen
		AND m.created_at <= approvals.decided_at AND (m.role IN ` + managers + ` OR v.id IS NOT NULL))`
	// standing: all that it needs. A request that no policy asked for needs none.
	standing = `(` + sameRequester + ` AND (policy_id = '' AND ` + sameRules + ` OR ` + samePolicy + `) AND (status = 'pending' OR ` + sameDecider + `))`
)

const (
	anyApproval    = `SELECT ` + approvalColumns + `, CASE WHEN ` + standing + ` THEN 0 ELSE 1 END`
	selectApproval = anyApproval + ` FROM approvals `
	// selectNamed is selectApproval with what those who may decide are told by name.
	selectNamed = anyApproval + `, COALESCE((SELECT name FROM vaults WHERE vaults.id = approvals.vault_id), ''),
	COALESCE((SELECT name FROM agents WHERE agents.id = approvals.requester_id AND requester_kind = 'agent'),
		(SELECT email FROM users WHERE users.id = approvals.requester_id AND requester_kind = 'user'), '') FROM approvals `
)

// approvalRow is a row as it is scanned.
type approvalRow struct {
	approval.Request
	valid, created, expires int64
	decided, withdrawn      sql.NullInt64
	stale                   int64
}

// fields takes selectApproval.
func (r *approvalRow) fields() []any { return append(r.columns(), &r.stale) }

// named takes selectNamed.
func (r *approvalRow) named() []any { return append(r.fields(), &r.VaultName, &r.RequesterName) }

// columns takes approvalColumns.
func (r *approvalRow) columns() []any {
	return []any{
		&r.ID, &r.Org, &r.Vault, &r.Path, &r.Operation, &r.Kind, &r.Principal, &r.Human, &r.Policy.ID, &r.Policy.Revision, &r.Reason,
		&r.Status, &r.valid, &r.MaxUses, &r.UsesLeft, &r.created, &r.expires, &r.DecidedBy, &r.decided, &r.DecisionReason,
		&r.WithdrawnBy, &r.withdrawn,
	}
}

func (r *approvalRow) request() approval.Request {
	r.ValidFor, r.Stale = time.Duration(r.valid)*time.Second, r.stale != 0
	r.CreatedAt, r.ExpiresAt, r.DecidedAt, r.WithdrawnAt = fromMicros(r.created), fromMicros(r.expires), fromNull(r.decided), fromNull(r.withdrawn)
	return r.Request
}

// allows: it is worth something, which one that nobody asked for is not.
const allows = `(policy_id <> '' OR operation = '` + string(approval.Sign) + `')`

// ofUse is the condition of a Use, with useArgs.
const ofUse = `requester_id = $1 AND vault_id = $2 AND path = $3 AND operation = $4 AND requester_kind = $5 AND org_id = $6`

func useArgs(u *approval.Use, more ...any) []any {
	return append([]any{u.Principal, u.Vault, u.Path, string(u.Operation), string(u.Kind), u.Org}, more...)
}

// LiveApprovals implements approval.Store.
func (db *DB) LiveApprovals(ctx context.Context, u approval.Use, now time.Time) ([]approval.Given, error) {
	var out []approval.Given
	err := db.Each(ctx, `SELECT id, policy_id, policy_revision FROM approvals WHERE `+ofUse+` AND status = 'approved' AND uses_left > 0
		AND expires_at > $7 AND `+allows+` AND `+standing+` ORDER BY expires_at, id`, useArgs(&u, micros(now)), func(rows *sql.Rows) error {
		var g approval.Given
		err := rows.Scan(&g.ID, &g.Policy.ID, &g.Policy.Revision)
		out = append(out, g)
		return err
	})
	return out, err
}

// ApprovalStands implements approval.Store.
func (db *DB) ApprovalStands(ctx context.Context, id string) (v policy.Version, stands bool, err error) {
	stands, err = db.Row(ctx, `SELECT policy_id, policy_revision FROM approvals WHERE id = $1 AND status = 'approved'
		AND `+allows+` AND `+standing, []any{id}, &v.ID, &v.Revision)
	return v, stands, err
}

// AskApproval implements approval.Store. Requests of one organisation are
// written one after the other, so that two at once find each other.
func (db *DB) AskApproval(ctx context.Context, r approval.Request, ev *audit.Event) (approval.Request, error) {
	var out approval.Request
	err := db.Write(ctx, r.Org, func(tx Tx) error {
		if err := tx.alive(r.Principal, r.Human); err != nil {
			return err
		}
		var row approvalRow
		found, err := tx.Row(selectApproval+`WHERE `+ofUse+` AND policy_id = $7 AND status = 'pending' AND expires_at > $8
			AND `+standing+` ORDER BY created_at LIMIT 1`, useArgs(&r.Use, r.Policy.ID, micros(r.CreatedAt)), row.fields()...)
		if err != nil {
			return err
		}
		ev.Details.Target = r.ID
		if out = r; found {
			out = row.request()
			ev.Details.Target = out.ID
			tx.Record(ev)
			if r.Reason == "" || out.Reason != "" { // a reason that somebody may have read never changes
				return nil
			}
			out.Reason = r.Reason
			_, err = tx.Exec(`UPDATE approvals SET reason = $2 WHERE id = $1`, out.ID, r.Reason)
			return err
		}
		if err := tx.mayAsk(&r); err != nil {
			return err
		}
		// What the same use waited for under another policy is asked for no more.
		if _, err := tx.Exec(`UPDATE approvals SET status = 'withdrawn', withdrawn_by = $1, withdrawn_at = $7, notify_at = NULL, mail_at = NULL
			WHERE `+ofUse+` AND status = 'pending' AND expires_at > $7`, useArgs(&r.Use, micros(r.CreatedAt))...); err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO approvals (`+approvalColumns+`, requester_gen, notify_at, notify_attempts, mail_at, asked_with)
			SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'pending', $12, $13, 0, $14, $15, '', NULL, '', '', NULL,
			COALESCE((SELECT token_gen FROM agents WHERE id = $7), (SELECT token_gen FROM users WHERE id = $7), 0), $14, 0, $14, $16`,
			r.ID, r.Org, r.Vault, r.Path, string(r.Operation), string(r.Kind), r.Principal, r.Human, r.Policy.ID, r.Policy.Revision, r.Reason,
			int64(r.ValidFor/time.Second), r.MaxUses, micros(r.CreatedAt), micros(r.ExpiresAt), ev.With)
		tx.Record(ev)
		return err
	})
	return out, err
}

// mayAsk asks approval whether there may be one more request, and refuses one about a
// vault that is gone.
func (tx Tx) mayAsk(r *approval.Request) error {
	var denials, last, waiting, asked int64
	var reason string // of the last denial
	alike := approval.Alike(r.Path)
	if _, err := tx.Row(`SELECT COUNT(*) OVER (), decided_at, decision_reason FROM approvals WHERE requester_id = $1 AND operation = $2 AND requester_kind = $3 AND org_id = $4
		AND vault_id = $5 AND (path = $6 OR $7 < length($6) AND substr(path, 1, $7) = substr($6, 1, $7)) AND status = 'denied' AND decided_at > $8
		ORDER BY decided_at DESC LIMIT 1`,
		[]any{r.Principal, string(r.Operation), string(r.Kind), r.Org, r.Vault, r.Path, len(alike), micros(r.CreatedAt.Add(-approval.PauseMemory))}, &denials, &last, &reason); err != nil {
		return err
	}
	if err := approval.AfterDenials(denials, fromMicros(last), r.CreatedAt, reason); err != nil {
		return tx.Refuse(err)
	}
	if _, err := tx.Row(`SELECT COUNT(CASE WHEN status = 'pending' AND expires_at > $2 AND `+standing+` THEN 1 END),
		COUNT(CASE WHEN created_at > $3 THEN 1 END) FROM approvals WHERE requester_id = $1`,
		[]any{r.Principal, micros(r.CreatedAt), micros(r.CreatedAt.Add(-approval.AskedWithin))}, &waiting, &asked); err != nil {
		return err
	}
	if err := approval.RoomToAsk(waiting, asked); err != nil {
		return tx.Refuse(err)
	}
	var one int
	found, err := tx.Row(`SELECT 1 FROM vaults WHERE id = $1`, []any{r.Vault}, &one)
	if err == nil && !found {
		err = tx.Refuse(errNoVault)
	}
	return err
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
	found, err := db.Row(ctx, selectApproval+`WHERE `+visible+` AND id = $5`, append(seenArgs(s), id), row.fields()...)
	if err == nil && !found {
		err = approval.ErrNotFound
	}
	return row.request(), err
}

// Approvals implements approval.Store.
func (db *DB) Approvals(ctx context.Context, s approval.Seen, status approval.Status, now time.Time, limit, after int) ([]approval.Request, error) {
	var out []approval.Request
	query := selectApproval + `WHERE ` + visible
	args := seenArgs(s)
	switch status {
	case "":
	case approval.Pending:
		query, args = query+` AND status = 'pending' AND expires_at > $5 AND `+standing, append(args, micros(now))
	case approval.Expired:
		query, args = query+` AND status = 'pending' AND expires_at <= $5`, append(args, micros(now))
	case approval.Ended:
		query, args = query+` AND (status = 'approved' OR status = 'pending' AND expires_at > $5) AND NOT `+standing, append(args, micros(now))
	case approval.Approved:
		query, args = query+` AND status = $5 AND `+standing, append(args, string(status))
	default:
		query, args = query+` AND status = $5`, append(args, string(status))
	}
	limited := ` ORDER BY created_at DESC, id LIMIT $5 OFFSET $6`
	if len(args) == 5 {
		limited = ` ORDER BY created_at DESC, id LIMIT $6 OFFSET $7`
	}
	err := db.Each(ctx, query+limited, append(args, limit, after), func(rows *sql.Rows) error {
		var row approvalRow
		err := rows.Scan(row.fields()...)
		out = append(out, row.request())
		return err
	})
	return out, err
}

// ApprovalVault implements approval.Store.
func (db *DB) ApprovalVault(ctx context.Context, id string) (policy.Vault, error) {
	v, err := db.Vault(ctx, id)
	return *v.Made(), err
}

// SweepApprovals implements approval.Store.
func (db *DB) SweepApprovals(ctx context.Context, before time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Sweep(`DELETE FROM approvals WHERE expires_at < $1 OR status = 'denied' AND decided_at < $1 OR withdrawn_at < $1`, micros(before))
		return err
	})
}
