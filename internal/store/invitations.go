package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

var errNoInvitation = fault.New(fault.NotFound, "invitation_not_found", "There is no invitation with this id.")

const invitationColumns = `id, org_id, email, role, token_hash, invited_by, created_at, expires_at`

// invitationRow takes the columns of an invitation.
type invitationRow struct {
	i                org.Invitation
	role             string
	created, expires int64
}

func (r *invitationRow) dest() []any {
	return []any{&r.i.ID, &r.i.Org, &r.i.Email, &r.role, &r.i.TokenHash, &r.i.InvitedBy, &r.created, &r.expires}
}

func (r *invitationRow) invitation() org.Invitation {
	r.i.Role, r.i.CreatedAt, r.i.ExpiresAt = policy.Role(r.role), fromMicros(r.created), fromMicros(r.expires)
	return r.i
}

// Invited implements org.Store.
func (db *DB) Invited(ctx context.Context, org, email string, now time.Time) error {
	return invited(org, email, now, func(query string, args []any, dest ...any) (bool, error) { return db.Row(ctx, query, args, dest...) })
}

func invited(orgID, email string, now time.Time, row func(query string, args []any, dest ...any) (bool, error)) error {
	var members, waiting int64
	if _, err := row(`SELECT (SELECT COUNT(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND u.email = $2),
		(SELECT COUNT(*) FROM invitations WHERE org_id = $1 AND email = $2 AND expires_at > $3)`,
		[]any{orgID, email, micros(now)}, &members, &waiting); err != nil {
		return err
	}
	return org.Invitable(members > 0, waiting > 0)
}

// Awaited reports whether some organisation waits for somebody with this
// address.
func (db *DB) Awaited(ctx context.Context, email string, now time.Time) (bool, error) {
	var one int
	return db.Row(ctx, `SELECT 1 FROM invitations WHERE email = $1 AND expires_at > $2 LIMIT 1`, []any{email, micros(now)}, &one)
}

// AddInvitation implements org.Store.
func (db *DB) AddInvitation(ctx context.Context, i org.Invitation, may func(actor org.Member) error, ev *audit.Event) error {
	return db.Write(ctx, i.Org, func(tx Tx) error {
		by, err := tx.member(i.Org, i.InvitedBy)
		if err == nil {
			err = may(by)
		}
		if err == nil {
			err = invited(i.Org, i.Email, i.CreatedAt, tx.Row)
		}
		var waiting int64
		if err == nil {
			_, err = tx.Row(`SELECT COUNT(*) FROM invitations WHERE org_id = $1 AND expires_at > $2`,
				[]any{i.Org, micros(i.CreatedAt)}, &waiting)
		}
		if err == nil {
			err = org.RoomForInvitation(waiting)
		}
		if err != nil {
			return tx.Refuse(err)
		}
		if _, err = tx.Sweep(`DELETE FROM invitations WHERE org_id = $1 AND expires_at <= $2`, i.Org, sqldb.LongAgo(i.CreatedAt)); err != nil {
			return err
		}
		// What is left of this address has ended: another that waits was refused above.
		if _, err = tx.Exec(`DELETE FROM invitations WHERE org_id = $1 AND email = $2`, i.Org, i.Email); err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO invitations (`+invitationColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			i.ID, i.Org, i.Email, string(i.Role), i.TokenHash, i.InvitedBy, micros(i.CreatedAt), micros(i.ExpiresAt))
		if err == nil {
			err = tx.made("invitations", i.ID, ev)
		}
		tx.Record(ev)
		return err
	})
}

// Invitations implements org.Store.
func (db *DB) Invitations(ctx context.Context, orgID string) ([]org.Invitation, error) {
	var out []org.Invitation
	err := db.Each(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE org_id = $1 ORDER BY created_at, id`, []any{orgID},
		func(rows *sql.Rows) error {
			var r invitationRow
			err := rows.Scan(r.dest()...)
			out = append(out, r.invitation())
			return err
		})
	return out, err
}

// Invitation implements org.Store.
func (db *DB) Invitation(ctx context.Context, org, id string) (org.Invitation, error) {
	return db.invitation(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE org_id = $1 AND id = $2`, org, id)
}

// InvitationByToken implements org.Store.
func (db *DB) InvitationByToken(ctx context.Context, hash string, now time.Time) (org.Invitation, error) {
	return db.invitation(ctx, `SELECT `+invitationColumns+` FROM invitations WHERE token_hash = $1 AND expires_at > $2`, hash, micros(now))
}

func (db *DB) invitation(ctx context.Context, query string, args ...any) (org.Invitation, error) {
	var r invitationRow
	found, err := db.Row(ctx, query, args, r.dest()...)
	if err == nil && !found {
		err = errNoInvitation
	}
	return r.invitation(), err
}

// RenewInvitation implements org.Store.
func (db *DB) RenewInvitation(ctx context.Context, was org.Invitation, hash string, expires time.Time, ev *audit.Event) error {
	return db.Write(ctx, was.Org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE invitations SET token_hash = $4, expires_at = $5
			WHERE org_id = $1 AND id = $2 AND token_hash = $3`, was.Org, was.ID, was.TokenHash, hash, micros(expires))
		if err == nil && n == 0 {
			return tx.Refuse(errNoInvitation)
		}
		if err == nil {
			err = tx.widened(wideInvitation, was.ID, was.Org, false, ev)
		}
		tx.Record(ev)
		return err
	})
}

// RemoveInvitation implements org.Store.
func (db *DB) RemoveInvitation(ctx context.Context, org, id string, ev *audit.Event) error {
	return db.changeUser(ctx, org, ev, false, errNoInvitation, `DELETE FROM invitations WHERE org_id = $1 AND id = $2`, org, id)
}

// Join implements org.Store.
func (db *DB) Join(ctx context.Context, i org.Invitation, user string, now time.Time, ev *audit.Event) error {
	return db.Write(ctx, i.Org, func(tx Tx) error {
		// This holds the user: one that is deleted at the same time joins nothing. It
		// comes first, as in RemoveUser, and changes nothing.
		var with string
		n, err := tx.Exec(`UPDATE users SET email_verified = email_verified WHERE id = $1`, user)
		if err == nil && n == 0 {
			return tx.Refuse(errNoUser)
		}
		if err == nil {
			with, err = tx.spend(&i, now)
		}
		if err == nil { // the token came by mail: the address is theirs
			_, err = tx.Exec(`UPDATE users SET email_verified = 1 WHERE id = $1`, user)
		}
		if err == nil {
			_, err = tx.Exec(`INSERT INTO memberships (org_id, user_id, role, created_at, made_with, term) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (org_id, user_id) DO NOTHING`, i.Org, user, string(i.Role), micros(now), with, rand.Text())
		}
		tx.Record(ev)
		tx.Changed(i.Org)
		return err
	})
}

// AddInvitedUser implements org.Store.
func (db *DB) AddInvitedUser(ctx context.Context, a identity.Account, i org.Invitation, ev *audit.Event) error {
	return db.Write(ctx, i.Org, func(tx Tx) error {
		with, err := tx.spend(&i, a.CreatedAt)
		if err == nil {
			err = tx.addUserIn(&a)
		}
		if err == nil && with != "" {
			_, err = tx.Exec(`UPDATE memberships SET made_with = $3 WHERE org_id = $1 AND user_id = $2`, i.Org, a.ID, with)
		}
		tx.Record(ev)
		return err
	})
}

// spend takes an invitation: of those who try, one does. It returns the credential
// that the invitation was made with.
func (tx Tx) spend(i *org.Invitation, now time.Time) (with string, err error) {
	tx.Wrote()
	found, err := tx.Row(`DELETE FROM invitations WHERE id = $1 AND token_hash = $2 AND expires_at > $3 RETURNING made_with`,
		[]any{i.ID, i.TokenHash, micros(now)}, &with)
	if err == nil && !found {
		err = tx.Refuse(errNoInvitation)
	}
	return with, err
}
