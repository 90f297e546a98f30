package store

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

var errNoMember = fault.New(fault.NotFound, "member_not_found", "There is no member with this id in the organisation.")

const selectMember = `SELECT u.id, u.email, u.display_name, u.auth_method, m.role, m.created_at
	FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1`

// memberRow takes the columns of a member.
type memberRow struct {
	m       org.Member
	role    string
	created int64
}

func (r *memberRow) dest() []any {
	return []any{&r.m.ID, &r.m.Email, &r.m.DisplayName, &r.m.AuthMethod, &r.role, &r.created}
}

func (r *memberRow) member() org.Member {
	r.m.Role, r.m.CreatedAt = policy.Role(r.role), fromMicros(r.created)
	return r.m
}

// Members implements org.Store.
func (db *DB) Members(ctx context.Context, orgID string) ([]org.Member, error) {
	var out []org.Member
	err := db.Each(ctx, selectMember+` ORDER BY m.created_at, u.id`, []any{orgID}, func(rows *sql.Rows) error {
		var r memberRow
		err := rows.Scan(r.dest()...)
		out = append(out, r.member())
		return err
	})
	return out, err
}

// member reads a member as it is in the transaction. Writes of an organisation
// follow each other, on all nodes, since each locks its audit head first: what
// is read here is still so at the commit.
func (tx Tx) member(org, user string) (org.Member, error) {
	var r memberRow
	found, err := tx.Row(selectMember+` AND m.user_id = $2`, []any{org, user}, r.dest()...)
	if err == nil && !found {
		err = errNoMember
	}
	return r.member(), err
}

// allowed reads who acts and who is acted on, as they are now, and asks change, and
// whether the member may get the role; empty: none.
func (tx Tx) allowed(orgID, actor, user string, role policy.Role, change func(actor, m org.Member) error) (org.Member, error) {
	by, err := tx.member(orgID, actor)
	if err != nil {
		return org.Member{}, err
	}
	m, err := tx.member(orgID, user)
	if err == nil {
		err = change(by, m)
	}
	var owners int64
	if err == nil {
		_, err = tx.Row(`SELECT COUNT(*) FROM memberships WHERE org_id = $1 AND role = $2`, []any{orgID, string(policy.RoleOwner)}, &owners)
	}
	if err == nil {
		err = org.RoleChange{Was: m.Role, Is: role}.MayHappen(owners)
	}
	return m, err
}

// ChangeRole implements org.Store.
func (db *DB) ChangeRole(ctx context.Context, orgID, actor, user string, role policy.Role, may func(actor, m org.Member) error, ev *audit.Event) (org.Member, error) {
	var m org.Member
	err := db.Write(ctx, orgID, func(tx Tx) (err error) {
		if m, err = tx.allowed(orgID, actor, user, role, may); err != nil {
			return tx.Refuse(err)
		}
		change := org.RoleChange{Was: m.Role, Is: role}
		if change.EndsInvitations() {
			if _, err = tx.Exec(`DELETE FROM invitations WHERE org_id = $1 AND invited_by = $2`, orgID, user); err != nil {
				return err
			}
		}
		if change.EndsManaging() {
			e, err := tx.endManaging(orgID, user, actor, tx.ByClock())
			if err != nil {
				return err
			}
			e.note(ev)
		}
		m.Role = role
		_, err = tx.Exec(`UPDATE memberships SET role = $3 WHERE org_id = $1 AND user_id = $2`, orgID, user, string(role))
		if err == nil {
			err = tx.endApprovalsOf(orgID, user, actor)
		}
		if err == nil && change.Raises() {
			err = tx.widened(wideMember, user, orgID, false, ev)
		}
		tx.Record(ev)
		tx.Ended(orgID)
		return err
	})
	return m, err
}

// Orgs implements org.Store.
func (db *DB) Orgs(ctx context.Context, user string) ([]org.Membership, error) {
	var out []org.Membership
	err := db.Each(ctx, `SELECT o.id, o.name, m.role, m.created_at FROM memberships m JOIN orgs o ON o.id = m.org_id
		WHERE m.user_id = $1 ORDER BY m.created_at, o.id`, []any{user}, func(rows *sql.Rows) error {
		var m org.Membership
		var role string
		var at int64
		err := rows.Scan(&m.Org, &m.Name, &role, &at)
		m.Role, m.Since = policy.Role(role), fromMicros(at)
		out = append(out, m)
		return err
	})
	return out, err
}

// SetHome implements org.Store.
func (db *DB) SetHome(ctx context.Context, user, org string, ev *audit.Event) error {
	return db.changeUser(ctx, org, ev, false, errNoUser, `UPDATE users SET home_org = $2 WHERE id = $1
		AND EXISTS (SELECT 1 FROM memberships WHERE user_id = $1 AND org_id = $2)`, user, org)
}
