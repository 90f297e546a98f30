package store

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

// RemoveMember implements org.Store.
func (db *DB) RemoveMember(ctx context.Context, r org.Removal, may func(actor, m org.Member) error, ev *audit.Event) error {
	return db.Write(ctx, r.Org, func(tx Tx) error {
		m, err := tx.allowed(r.Org, r.Actor, r.User, "", may)
		if err != nil {
			return tx.Refuse(err)
		}
		if r.Gate != nil {
			_, gated, err := tx.gatedAmong(policiesNaming, string(policy.KindUser), r.User, r.Org)
			if err == nil && len(gated) > 0 {
				err = r.Gate()
			}
			if err != nil {
				return tx.Refuse(err)
			}
		}
		e, err := tx.endMembership(r.Org, r.User, r.Successor(), r.At)
		if err != nil {
			return err
		}
		e.note(ev)
		if r.OwnOrg != "" {
			if err := tx.ownOrg(&r, m.DisplayName); err != nil {
				return err
			}
		}
		tx.Record(ev)
		tx.Ended(r.Org)
		return nil
	})
}

const policiesNaming = `principal_type = $1 AND principal_id = $2 AND vault_id IN (SELECT id FROM vaults WHERE org_id = $3)`

// endMembership ends what somebody may do in an organisation. Its agents stop and
// become the successor's.
func (tx Tx) endMembership(org, user, successor string, at time.Time) (ending, error) {
	var e ending
	err := tx.endWebhooks(&e, org, user)
	if err == nil { // it knows them
		err = tx.endKeysGiven(&e, at, keysOfOthers, user, org)
	}
	if err == nil {
		err = tx.endTaken(&e, org, user, "", at)
	}
	if err == nil {
		err = tx.passOn(&e, org, user, successor, "", at)
	}
	if err == nil { // what it was sent by mail as a member
		err = tx.count(&e.shares, `UPDATE shares SET revoked_at = $3 WHERE org_id = $1 AND revoked_at IS NULL AND recipient_type = 'external_email'
			AND (recipient_id = $2 OR recipient_email = (SELECT email FROM users WHERE id = $2))`, org, user, micros(at))
	}
	if err == nil { // where it had secrets go
		err = tx.endBindings(&e.bindings, `set_by = $1 AND org_id = $2`, user, org)
	}
	if err == nil { // what it vouched for, of others' agents too
		err = tx.dropAgentBindings(&e.services, `set_by = $1 AND org_id = $2`, user, org)
	}
	if err != nil {
		return e, err
	}
	for _, s := range []commit.Stmt{
		stmt(`DELETE FROM memberships WHERE org_id = $1 AND user_id = $2`, org, user),
		stmt(`UPDATE device_codes SET status = 'denied' WHERE org_id = $1 AND user_id = $2 AND status = 'approved'`, org, user),
		stmt(`DELETE FROM invitations WHERE org_id = $1 AND invited_by = $2`, org, user),
		stmt(`UPDATE user_keys SET revoked_at = $3 WHERE org_id = $1 AND user_id = $2 AND revoked_at IS NULL`,
			org, user, micros(at)),
		stmt(`DELETE FROM policies WHERE `+policiesNaming, string(policy.KindUser), user, org),
		stmt(`UPDATE vaults SET creator_left = 1 WHERE org_id = $1 AND created_by_type = $2 AND created_by = $3`,
			org, string(policy.KindUser), user),
		stmt(`UPDATE vaults SET creator_human = '' WHERE org_id = $1 AND creator_human = $2`, org, user),
		// Coming back must bring none of this back.
		stmt(`UPDATE shares SET revoked_at = $3 WHERE org_id = $1 AND revoked_at IS NULL AND (maker_type = 'user' AND maker_id = $2
			OR recipient_type IN ('user', 'creator') AND recipient_id = $2)`, org, user, micros(at)),
		stmt(`UPDATE shares SET maker_human = $3 WHERE org_id = $1 AND maker_human = $2 AND maker_type = 'agent'`, org, user, successor),
		stmt(`DELETE FROM approvals WHERE org_id = $1 AND requester_kind = 'user' AND requester_id = $2`, org, user),
		stmt(`UPDATE approvals SET requester_human = $3 WHERE org_id = $1 AND requester_human = $2`, org, user, successor),
	} {
		if _, err := tx.Exec(s.Query, s.Args...); err != nil {
			return e, err
		}
	}
	return e, tx.endApprovalsOf(org, user, successor)
}

// ownOrg gives somebody who is in no organisation now an empty one.
func (tx Tx) ownOrg(r *org.Removal, name string) error {
	var one int
	elsewhere, err := tx.Row(`SELECT 1 FROM memberships WHERE user_id = $1 LIMIT 1`, []any{r.User}, &one)
	if err != nil || elsewhere {
		return err
	}
	for _, s := range []commit.Stmt{
		stmt(`INSERT INTO orgs (id, name, created_at) VALUES ($1, $2, $3)`, r.OwnOrg, name, micros(r.At)),
		stmt(`INSERT INTO memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)`,
			r.OwnOrg, r.User, string(policy.RoleOwner), micros(r.At)),
		stmt(`UPDATE users SET home_org = $2 WHERE id = $1`, r.User, r.OwnOrg),
	} {
		if _, err := tx.Exec(s.Query, s.Args...); err != nil {
			return err
		}
	}
	return nil
}
