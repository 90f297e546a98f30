package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

var (
	errNoMember  = fault.New(fault.NotFound, "member_not_found", "There is no member with this id in the organisation.")
	errLastOwner = fault.New(fault.Denied, "last_owner", "This is the organisation's last owner. Make somebody else an owner first.")
)

const selectMember = `SELECT u.id, u.email, u.display_name, u.auth_method, m.role, m.created_at
	FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1`

// memberRow takes the columns of a member.
type memberRow struct {
	m       identity.Member
	role    string
	created int64
}

func (r *memberRow) dest() []any {
	return []any{&r.m.ID, &r.m.Email, &r.m.DisplayName, &r.m.AuthMethod, &r.role, &r.created}
}

func (r *memberRow) member() identity.Member {
	r.m.Role, r.m.CreatedAt = policy.Role(r.role), fromMicros(r.created)
	return r.m
}

// Members implements identity.OrgStore.
func (db *DB) Members(ctx context.Context, org string) ([]identity.Member, error) {
	var out []identity.Member
	err := db.each(ctx, selectMember+` ORDER BY m.created_at, u.id`, []any{org}, func(rows *sql.Rows) error {
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
func (tx *Tx) member(org, user string) (identity.Member, error) {
	var r memberRow
	found, err := tx.row(selectMember+` AND m.user_id = $2`, []any{org, user}, r.dest()...)
	if err == nil && !found {
		err = errNoMember
	}
	return r.member(), err
}

// allowed reads who acts and who is acted on, as they are now, and asks change.
// It refuses what would leave the organisation without an owner.
func (tx *Tx) allowed(org, actor, user string, keepsOwner bool, change func(actor, m identity.Member) error) (identity.Member, error) {
	by, err := tx.member(org, actor)
	if err != nil {
		return identity.Member{}, err
	}
	m, err := tx.member(org, user)
	if err == nil {
		err = change(by, m)
	}
	if err != nil || m.Role != policy.RoleOwner || keepsOwner {
		return m, err
	}
	var owners int64
	if _, err := tx.row(`SELECT COUNT(*) FROM memberships WHERE org_id = $1 AND role = $2`,
		[]any{org, string(policy.RoleOwner)}, &owners); err != nil {
		return m, err
	}
	if owners < 2 {
		return m, errLastOwner
	}
	return m, nil
}

// ChangeRole implements identity.OrgStore.
func (db *DB) ChangeRole(ctx context.Context, org, actor, user string, role policy.Role, may func(actor, m identity.Member) error, ev *audit.Event) (identity.Member, error) {
	var m identity.Member
	err := db.Write(ctx, org, func(tx *Tx) (err error) {
		if m, err = tx.allowed(org, actor, user, role == policy.RoleOwner, may); err != nil {
			return tx.refuse(err)
		}
		if m.Role != role {
			// What the old role let them offer to others is offered no more.
			if _, err = tx.exec(`DELETE FROM invitations WHERE org_id = $1 AND invited_by = $2`, org, user); err != nil {
				return err
			}
		}
		if role != policy.RoleOwner && role != policy.RoleAdmin {
			e, err := tx.endManaging(org, user, actor, tx.w.db.clock())
			if err != nil {
				return err
			}
			e.note(ev)
		}
		m.Role = role
		_, err = tx.exec(`UPDATE memberships SET role = $3 WHERE org_id = $1 AND user_id = $2`, org, user, string(role))
		if err == nil {
			err = tx.endApprovalsOf(org, user, actor)
		}
		tx.record(ev)
		tx.ended(org)
		return err
	})
	return m, err
}

// RemoveMember implements identity.OrgStore.
func (db *DB) RemoveMember(ctx context.Context, r identity.Removal, may func(actor, m identity.Member) error, ev *audit.Event) error {
	return db.Write(ctx, r.Org, func(tx *Tx) error {
		m, err := tx.allowed(r.Org, r.Actor, r.User, false, may)
		if err != nil {
			return tx.refuse(err)
		}
		if r.Gate != nil {
			_, gated, err := tx.gatedAmong(policiesNaming, string(policy.KindUser), r.User, r.Org)
			if err == nil && len(gated) > 0 {
				err = r.Gate()
			}
			if err != nil {
				return tx.refuse(err)
			}
		}
		e, err := tx.endMembership(r.Org, r.User, r.Actor, r.At)
		if err != nil {
			return err
		}
		e.note(ev)
		if r.OwnOrg != "" {
			if err := tx.ownOrg(&r, m.DisplayName); err != nil {
				return err
			}
		}
		tx.record(ev)
		tx.ended(r.Org)
		return nil
	})
}

const policiesNaming = `principal_type = $1 AND principal_id = $2 AND vault_id IN (SELECT id FROM vaults WHERE org_id = $3)`

// endMembership ends what somebody may do in an organisation. Its agents stop and
// become the heir's.
func (tx *Tx) endMembership(org, user, heir string, at time.Time) (ending, error) {
	var e ending
	err := tx.endWebhooks(&e, org, user)
	if err == nil { // it knows them
		err = tx.endKeysGiven(&e, at, keysOfOthers, user, org)
	}
	if err == nil {
		err = tx.endTaken(&e, org, user, "", at)
	}
	if err == nil {
		err = tx.passOn(&e, org, user, heir, "", at)
	}
	if err != nil {
		return e, err
	}
	for _, s := range []stmt{
		{`DELETE FROM memberships WHERE org_id = $1 AND user_id = $2`, []any{org, user}},
		{`UPDATE device_codes SET status = 'denied' WHERE org_id = $1 AND user_id = $2 AND status = 'approved'`, []any{org, user}},
		{`DELETE FROM invitations WHERE org_id = $1 AND invited_by = $2`, []any{org, user}},
		{`UPDATE user_keys SET revoked_at = $3 WHERE org_id = $1 AND user_id = $2 AND revoked_at IS NULL`,
			[]any{org, user, micros(at)}},
		{`DELETE FROM policies WHERE ` + policiesNaming, []any{string(policy.KindUser), user, org}},
		{`UPDATE vaults SET creator_left = 1 WHERE org_id = $1 AND created_by_type = $2 AND created_by = $3`,
			[]any{org, string(policy.KindUser), user}},
		{`UPDATE vaults SET creator_human = '' WHERE org_id = $1 AND creator_human = $2`, []any{org, user}},
		// Coming back must bring none of this back.
		{`UPDATE shares SET revoked_at = $3 WHERE org_id = $1 AND revoked_at IS NULL AND (maker_type = 'user' AND maker_id = $2
			OR recipient_type IN ('user', 'creator') AND recipient_id = $2)`, []any{org, user, micros(at)}},
		{`UPDATE shares SET maker_human = $3 WHERE org_id = $1 AND maker_human = $2 AND maker_type = 'agent'`, []any{org, user, heir}},
		{`DELETE FROM approvals WHERE org_id = $1 AND requester_kind = 'user' AND requester_id = $2`, []any{org, user}},
		{`UPDATE approvals SET requester_human = $3 WHERE org_id = $1 AND requester_human = $2`, []any{org, user, heir}},
	} {
		if _, err := tx.exec(s.query, s.args...); err != nil {
			return e, err
		}
	}
	return e, tx.endApprovalsOf(org, user, heir)
}

// ownOrg gives somebody who is in no organisation now an empty one.
func (tx *Tx) ownOrg(r *identity.Removal, name string) error {
	var one int
	elsewhere, err := tx.row(`SELECT 1 FROM memberships WHERE user_id = $1 LIMIT 1`, []any{r.User}, &one)
	if err != nil || elsewhere {
		return err
	}
	for _, s := range []stmt{
		{`INSERT INTO orgs (id, name, created_at) VALUES ($1, $2, $3)`, []any{r.OwnOrg, name, micros(r.At)}},
		{`INSERT INTO memberships (org_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)`,
			[]any{r.OwnOrg, r.User, string(policy.RoleOwner), micros(r.At)}},
		{`UPDATE users SET home_org = $2 WHERE id = $1`, []any{r.User, r.OwnOrg}},
	} {
		if _, err := tx.exec(s.query, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// Orgs implements identity.OrgStore.
func (db *DB) Orgs(ctx context.Context, user string) ([]identity.Membership, error) {
	var out []identity.Membership
	err := db.each(ctx, `SELECT o.id, o.name, m.role, m.created_at FROM memberships m JOIN orgs o ON o.id = m.org_id
		WHERE m.user_id = $1 ORDER BY m.created_at, o.id`, []any{user}, func(rows *sql.Rows) error {
		var m identity.Membership
		var role string
		var at int64
		err := rows.Scan(&m.Org, &m.Name, &role, &at)
		m.Role, m.Since = policy.Role(role), fromMicros(at)
		out = append(out, m)
		return err
	})
	return out, err
}

// SetHome implements identity.OrgStore.
func (db *DB) SetHome(ctx context.Context, user, org string, ev *audit.Event) error {
	return db.changeUser(ctx, org, ev, false, errNoUser, `UPDATE users SET home_org = $2 WHERE id = $1
		AND EXISTS (SELECT 1 FROM memberships WHERE user_id = $1 AND org_id = $2)`, user, org)
}

var (
	errNoInvitation = fault.New(fault.NotFound, "invitation_not_found", "There is no invitation with this id.")
	errInvited      = fault.New(fault.Conflict, "already_invited",
		"This address is invited already. Send the invitation again, or take it back first.")
	errIsMember    = fault.New(fault.Conflict, "already_member", "This address is a member's already.")
	errInvitations = fault.New(fault.Conflict, "too_many_invitations", "Too many invitations wait for an answer. Take some back first.")
)

// maxInvitations bounds the invitations of an organisation that wait.
const maxInvitations = 500

const invitationColumns = `id, org_id, email, role, token_hash, invited_by, created_at, expires_at`

// invitationRow takes the columns of an invitation.
type invitationRow struct {
	i                identity.Invitation
	role             string
	created, expires int64
}

func (r *invitationRow) dest() []any {
	return []any{&r.i.ID, &r.i.Org, &r.i.Email, &r.role, &r.i.TokenHash, &r.i.InvitedBy, &r.created, &r.expires}
}

func (r *invitationRow) invitation() identity.Invitation {
	r.i.Role, r.i.CreatedAt, r.i.ExpiresAt = policy.Role(r.role), fromMicros(r.created), fromMicros(r.expires)
	return r.i
}

// Invited implements identity.OrgStore.
func (db *DB) Invited(ctx context.Context, org, email string, now time.Time) error {
	return invited(org, email, now, func(query string, args ...any) (bool, error) {
		var one int
		return db.row(ctx, query, args, &one)
	})
}

func invited(org, email string, now time.Time, found func(query string, args ...any) (bool, error)) error {
	is, err := found(`SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND u.email = $2`, org, email)
	switch {
	case err != nil:
		return err
	case is:
		return errIsMember
	}
	is, err = found(`SELECT 1 FROM invitations WHERE org_id = $1 AND email = $2 AND expires_at > $3`, org, email, micros(now))
	if err == nil && is {
		err = errInvited
	}
	return err
}

// Awaited reports whether some organisation waits for somebody with this
// address.
func (db *DB) Awaited(ctx context.Context, email string, now time.Time) (bool, error) {
	var one int
	return db.row(ctx, `SELECT 1 FROM invitations WHERE email = $1 AND expires_at > $2 LIMIT 1`, []any{email, micros(now)}, &one)
}

// AddInvitation implements identity.OrgStore.
func (db *DB) AddInvitation(ctx context.Context, i identity.Invitation, may func(actor identity.Member) error, ev *audit.Event) error {
	return db.Write(ctx, i.Org, func(tx *Tx) error {
		by, err := tx.member(i.Org, i.InvitedBy)
		if err == nil {
			err = may(by)
		}
		if err == nil {
			err = invited(i.Org, i.Email, i.CreatedAt, func(query string, args ...any) (bool, error) {
				var one int
				return tx.row(query, args, &one)
			})
		}
		var waiting int64
		if err == nil {
			_, err = tx.row(`SELECT COUNT(*) FROM invitations WHERE org_id = $1 AND expires_at > $2`,
				[]any{i.Org, micros(i.CreatedAt)}, &waiting)
		}
		if err == nil && waiting >= maxInvitations {
			err = errInvitations
		}
		if err != nil {
			return tx.refuse(err)
		}
		if _, err = tx.sweep(`DELETE FROM invitations WHERE org_id = $1 AND expires_at <= $2`, i.Org, longAgo(i.CreatedAt)); err != nil {
			return err
		}
		// What is left of this address has ended: another that waits was refused above.
		if _, err = tx.exec(`DELETE FROM invitations WHERE org_id = $1 AND email = $2`, i.Org, i.Email); err != nil {
			return err
		}
		_, err = tx.exec(`INSERT INTO invitations (`+invitationColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			i.ID, i.Org, i.Email, string(i.Role), i.TokenHash, i.InvitedBy, micros(i.CreatedAt), micros(i.ExpiresAt))
		if err == nil {
			err = tx.made("invitations", i.ID, ev)
		}
		tx.record(ev)
		return err
	})
}

// Invitations implements identity.OrgStore.
func (db *DB) Invitations(ctx context.Context, org string) ([]identity.Invitation, error) {
	var out []identity.Invitation
	err := db.each(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE org_id = $1 ORDER BY created_at, id`, []any{org},
		func(rows *sql.Rows) error {
			var r invitationRow
			err := rows.Scan(r.dest()...)
			out = append(out, r.invitation())
			return err
		})
	return out, err
}

// Invitation implements identity.OrgStore.
func (db *DB) Invitation(ctx context.Context, org, id string) (identity.Invitation, error) {
	return db.invitation(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE org_id = $1 AND id = $2`, org, id)
}

// InvitationByToken implements identity.OrgStore.
func (db *DB) InvitationByToken(ctx context.Context, hash string, now time.Time) (identity.Invitation, error) {
	return db.invitation(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE token_hash = $1 AND expires_at > $2`, hash, micros(now))
}

func (db *DB) invitation(ctx context.Context, query string, args ...any) (identity.Invitation, error) {
	var r invitationRow
	found, err := db.row(ctx, query, args, r.dest()...)
	if err == nil && !found {
		err = errNoInvitation
	}
	return r.invitation(), err
}

// RenewInvitation implements identity.OrgStore.
func (db *DB) RenewInvitation(ctx context.Context, was identity.Invitation, hash string, expires time.Time, ev *audit.Event) error {
	return db.changeUser(ctx, was.Org, ev, false, errNoInvitation, `UPDATE invitations SET token_hash = $4, expires_at = $5
		WHERE org_id = $1 AND id = $2 AND token_hash = $3`, was.Org, was.ID, was.TokenHash, hash, micros(expires))
}

// RemoveInvitation implements identity.OrgStore.
func (db *DB) RemoveInvitation(ctx context.Context, org, id string, ev *audit.Event) error {
	return db.changeUser(ctx, org, ev, false, errNoInvitation, `DELETE FROM invitations WHERE org_id = $1 AND id = $2`, org, id)
}

// Join implements identity.OrgStore.
func (db *DB) Join(ctx context.Context, i identity.Invitation, user string, now time.Time, ev *audit.Event) error {
	return db.Write(ctx, i.Org, func(tx *Tx) error {
		// This holds the user: who is deleted at the same time joins nothing. It
		// comes first, as in RemoveUser, and changes nothing.
		var with string
		n, err := tx.exec(`UPDATE users SET email_verified = email_verified WHERE id = $1`, user)
		if err == nil && n == 0 {
			return tx.refuse(errNoUser)
		}
		if err == nil {
			with, err = tx.spend(&i, now)
		}
		if err == nil { // the token came by mail: the address is theirs
			_, err = tx.exec(`UPDATE users SET email_verified = 1 WHERE id = $1`, user)
		}
		if err == nil {
			_, err = tx.exec(`INSERT INTO memberships (org_id, user_id, role, created_at, made_with, term) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (org_id, user_id) DO NOTHING`, i.Org, user, string(i.Role), micros(now), with, rand.Text())
		}
		tx.record(ev)
		tx.changed(i.Org)
		return err
	})
}

// AddInvitedUser implements identity.OrgStore.
func (db *DB) AddInvitedUser(ctx context.Context, a identity.Account, i identity.Invitation, ev *audit.Event) error {
	return db.Write(ctx, i.Org, func(tx *Tx) error {
		with, err := tx.spend(&i, a.CreatedAt)
		if err == nil {
			err = tx.addUserIn(&a)
		}
		if err == nil && with != "" {
			_, err = tx.exec(`UPDATE memberships SET made_with = $3 WHERE org_id = $1 AND user_id = $2`, i.Org, a.ID, with)
		}
		tx.record(ev)
		return err
	})
}

// spend takes an invitation: of those who try, one does. It returns the credential
// that the invitation was made with.
func (tx *Tx) spend(i *identity.Invitation, now time.Time) (with string, err error) {
	tx.wrote = true
	found, err := tx.row(`DELETE FROM invitations WHERE id = $1 AND token_hash = $2 AND expires_at > $3 RETURNING made_with`,
		[]any{i.ID, i.TokenHash, micros(now)}, &with)
	if err == nil && !found {
		err = tx.refuse(errNoInvitation)
	}
	return with, err
}
