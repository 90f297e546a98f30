package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

var (
	errGone = fault.New(fault.Conflict, "account_gone", "The account or the organisation was deleted meanwhile.")

	// errMoved says that the user's organisations are not those that were locked.
	errMoved = errors.New("the user's organisations changed meanwhile")
)

// nobody stands where the id of a user stood who is gone.
const nobody = "00000000-0000-0000-0000-000000000000"

// maxMoves bounds how often an erasure begins anew since its user joined or left
// an organisation meanwhile.
const maxMoves = 8

// RemoveUser implements account.UserStore. All of it is one transaction, which
// locks the log of every organisation of the user first: of two owners who go at
// once the second sees that the first is gone.
func (db *DB) RemoveUser(ctx context.Context, e account.Erasure, ev *audit.Event) error {
	return db.inAll(ctx, e.User, func(orgs []string) error {
		// The server's own log, too: platform admins who go at once have no other
		// in common.
		return db.writeLong(ctx, append(orgs, ev.Org, audit.SystemOrg), func(tx Tx) error { return tx.removeUser(&e, orgs, ev) })
	})
}

// EmailOf implements account.UserStore.
func (db *DB) EmailOf(ctx context.Context, user string) (email string, err error) {
	found, err := db.Row(ctx, `SELECT email FROM users WHERE id = $1`, []any{user}, &email)
	if err == nil && !found {
		err = errNoUser
	}
	return email, err
}

func (db *DB) orgsOf(ctx context.Context, user string) (orgs []string, err error) {
	err = db.Each(ctx, `SELECT org_id FROM memberships WHERE user_id = $1 ORDER BY org_id`, []any{user}, func(rows *sql.Rows) error {
		var org string
		err := rows.Scan(&org)
		orgs = append(orgs, org)
		return err
	})
	return orgs, err
}

// place is what becomes of one organisation of a user who goes.
type place struct {
	org       string
	successor string // who gets the user's agents; empty: nobody else is there, and the organisation goes too
}

func (tx Tx) removeUser(e *account.Erasure, locked []string, ev *audit.Event) error {
	var email string
	var admin, others int64
	tx.Wrote()
	// This holds the row: who joins an organisation changes it first, and waits.
	found, err := tx.Row(`UPDATE users SET token_gen = token_gen + 1 WHERE id = $1 RETURNING email, platform_admin`,
		[]any{e.User}, &email, &admin)
	if err == nil && !found {
		return tx.Refuse(errNoUser)
	}
	if err == nil && admin != 0 {
		_, err = tx.Row(`SELECT COUNT(*) FROM users WHERE platform_admin = 1 AND id <> $1`, []any{e.User}, &others)
		if err == nil {
			err = account.KeepsAdmin(others)
		}
	}
	var places []place
	if err == nil {
		places, err = tx.places(e.User, locked)
	}
	if err == nil {
		err = tx.keepGates(e.User)
	}
	for _, p := range places {
		var gone ending
		if err == nil && p.successor == "" {
			err = tx.removeOrg(p.org, e.At)
		} else if err == nil {
			gone, err = tx.endMembership(p.org, e.User, p.successor, e.At)
		}
		if p.org == ev.Org {
			gone.note(ev)
		} else if err == nil {
			own := e.Note(p.org)
			gone.note(own)
			tx.Record(own)
		}
	}
	if err == nil {
		err = tx.forgetUser(e.User, email)
	}
	if err == nil {
		err = tx.markGone(e.User, e.At)
	}
	tx.forgetAll()
	tx.Record(ev)
	tx.Ended(locked...)
	return err
}

// keepGates takes the name of a user who goes off the policies that ask for approvals:
// they hold for the paths of others too, and to lift one takes a person.
func (tx Tx) keepGates(user string) error {
	_, gated, err := tx.gatedAmong(`principal_type = $1 AND principal_id = $2`, string(policy.KindUser), user)
	for _, id := range gated {
		if err == nil {
			_, err = tx.Exec(`UPDATE policies SET principal_id = $2 WHERE id = $1`, id, nobody)
		}
	}
	return err
}

// places asks about all organisations before anything is written.
func (tx Tx) places(user string, locked []string) ([]place, error) {
	var all []place
	for after := ""; ; {
		p := place{}
		var role policy.Role
		found, err := tx.Row(`SELECT org_id, role FROM memberships WHERE user_id = $1 AND org_id > $2 ORDER BY org_id LIMIT 1`,
			[]any{user, after}, &p.org, &role)
		if err != nil || !found {
			if err == nil && len(all) != len(locked) {
				err = errMoved
			}
			return all, err
		}
		if !slices.Contains(locked, p.org) {
			return nil, errMoved
		}
		others, err := tx.others(p.org, user)
		if err == nil {
			err = org.MayDelete(role, others)
		}
		if err != nil {
			return nil, err
		}
		p.successor, _ = org.Successor(others)
		all, after = append(all, p), p.org
	}
}

// others are the ids, roles and ages of an organisation's members but for one.
func (tx Tx) others(orgID, user string) (out []org.Member, err error) {
	err = tx.Each(`SELECT user_id, role, created_at FROM memberships WHERE org_id = $1 AND user_id <> $2`, []any{orgID, user}, func(rows *sql.Rows) error {
		var m org.Member
		var at int64
		err := rows.Scan(&m.ID, &m.Role, &at)
		m.CreatedAt = fromMicros(at)
		out = append(out, m)
		return err
	})
	return out, err
}

// removeOrg deletes an organisation with all that is in it but its log and the
// ledger of its credits. The keys of its vaults are scheduled for destruction
// with it.
func (tx Tx) removeOrg(org string, at time.Time) error {
	for room := int64(clearedAtOnce); ; {
		found, err := tx.removeVault(`id = (SELECT id FROM vaults WHERE org_id = $1 LIMIT 1)`, org, &room)
		if err != nil {
			return err
		}
		if !found {
			break
		}
	}
	for _, query := range []string{
		`DELETE FROM policies WHERE principal_type = 'agent' AND principal_id IN (SELECT id FROM agents WHERE org_id = $1)`,
		`DELETE FROM shares WHERE org_id = $1 OR recipient_id IN (SELECT id FROM agents WHERE org_id = $1)`,
		`DELETE FROM approvals WHERE org_id = $1`,
		`DELETE FROM secret_requests WHERE org_id = $1`,
		`DELETE FROM vault_jobs WHERE org_id = $1`,
		`DELETE FROM approval_webhooks WHERE org_id = $1`,
		`DELETE FROM webhooks WHERE org_id = $1`,
		`DELETE FROM freezes WHERE org_id = $1`,
		`DELETE FROM transactions WHERE org_id = $1`,
		`DELETE FROM guard_rules WHERE org_id = $1`,
		`DELETE FROM spends WHERE org_id = $1`,
		`DELETE FROM recipients WHERE org_id = $1`,
		`DELETE FROM chain_recipients WHERE org_id = $1`,
		`DELETE FROM tx_recipients WHERE org_id = $1`,
		`DELETE FROM shroud_open WHERE org_id = $1`,
		`DELETE FROM shroud_days WHERE org_id = $1`,
		`DELETE FROM shroud_seconds WHERE org_id = $1`,
		`DELETE FROM shroud_findings WHERE org_id = $1`,
		`DELETE FROM shroud_activity WHERE org_id = $1`,
		`DELETE FROM flagged_texts WHERE org_id = $1`,
		`DELETE FROM place_keys WHERE org_id = $1`,
		`DELETE FROM signing_keys WHERE org_id = $1`,
		`DELETE FROM key_addresses WHERE org_id = $1`,
		`DELETE FROM agent_tokens WHERE org_id = $1`,
		`DELETE FROM router_keys WHERE org_id = $1`,
		`DELETE FROM secret_bindings WHERE org_id = $1`,
		`DELETE FROM binding_setters WHERE org_id = $1`,
		`DELETE FROM refreshes WHERE org_id = $1`,
		`DELETE FROM agent_bindings WHERE org_id = $1`,
		`DELETE FROM executions WHERE org_id = $1`,
		`DELETE FROM widenings WHERE org_id = $1`,
		`DELETE FROM agents WHERE org_id = $1`,
		`DELETE FROM user_keys WHERE org_id = $1`,
		`DELETE FROM invitations WHERE org_id = $1`,
		`DELETE FROM ip_rules WHERE org_id = $1`,
		`DELETE FROM device_codes WHERE org_id = $1`,
		`DELETE FROM mfa_challenges WHERE org_id = $1`,
		`UPDATE sessions SET org_id = '' WHERE org_id = $1`, // logins of who has left it
		`DELETE FROM browsers WHERE org_id = $1`,
		`DELETE FROM billing_accounts WHERE org_id = $1`,
		`DELETE FROM billing_usage WHERE org_id = $1`,
		`DELETE FROM billing_events WHERE org_id = $1`,
		`DELETE FROM credit_lots WHERE org_id = $1`,
		`DELETE FROM stripe_customers WHERE org_id = $1`,
		`DELETE FROM stripe_subscriptions WHERE org_id = $1`,
		`UPDATE payments SET payer = NULL WHERE org_id = $1`, // the row says that a payment was used
		`DELETE FROM memberships WHERE org_id = $1`,
		`DELETE FROM orgs WHERE id = $1`,
	} {
		if _, err := tx.Exec(query, org); err != nil {
			return err
		}
	}
	return tx.markGone(org, at)
}

// forgetUser deletes what is a user's own, and its id from what others keep.
func (tx Tx) forgetUser(user, email string) error {
	all := []commit.Stmt{
		stmt(`DELETE FROM shares WHERE maker_id = $1 OR maker_human = $1 OR recipient_id = $1 OR recipient_email = $2`, user, email),
		stmt(`DELETE FROM invitations WHERE invited_by = $1 OR email = $2`, user, email),
		stmt(`DELETE FROM enroll_requests WHERE email = $1`, email),
		stmt(`UPDATE secret_versions SET created_by = $2 WHERE created_by = $1`,
			string(policy.KindUser)+":"+user, string(policy.KindUser)+":"+nobody),
		stmt(`UPDATE vaults SET creator_left = 1, created_by = $2 WHERE created_by = $1`, user, nobody),
		stmt(`UPDATE vaults SET creator_human = '' WHERE creator_human = $1`, user),
	}
	for _, query := range []string{
		`DELETE FROM memberships WHERE user_id = $1`,
		`DELETE FROM mail_tokens WHERE user_id = $1`,
		`DELETE FROM user_keys WHERE user_id = $1`,
		`DELETE FROM user_totp WHERE user_id = $1`,
		`DELETE FROM recovery_codes WHERE user_id = $1`,
		`DELETE FROM mfa_challenges WHERE user_id = $1`,
		`DELETE FROM passkeys WHERE user_id = $1`,
		`DELETE FROM passkey_challenges WHERE user_id = $1`,
		`DELETE FROM sessions WHERE user_id = $1`,
		`DELETE FROM browsers WHERE user_id = $1`,
		`DELETE FROM agent_tokens WHERE user_id = $1`,
		`DELETE FROM widenings WHERE subject_id = $1 AND kind = 'member'`,
		`DELETE FROM provider_accounts WHERE user_id = $1`,
		`DELETE FROM device_codes WHERE user_id = $1`,
		`DELETE FROM enrollments WHERE user_id = $1`,
		`DELETE FROM policies WHERE principal_type = 'user' AND principal_id = $1`,
		`DELETE FROM approvals WHERE requester_id = $1`,
		`DELETE FROM users WHERE id = $1`,
	} {
		all = append(all, stmt(query, user))
	}
	for _, query := range []string{
		`UPDATE policies SET created_by = $2 WHERE created_by = $1`,
		`UPDATE widenings SET by_id = $2 WHERE by_id = $1`,
		`UPDATE agents SET created_by = $2 WHERE created_by = $1`,
		`UPDATE agents SET key_by = $2 WHERE key_by = $1`,
		`UPDATE agents SET key_human = $2 WHERE key_human = $1`,
		`UPDATE ip_rules SET created_by = $2 WHERE created_by = $1`,
		`UPDATE vault_jobs SET created_by = $2 WHERE created_by = $1`,
		`UPDATE approval_webhooks SET created_by = $2 WHERE created_by = $1`,
		`UPDATE webhooks SET created_by = $2 WHERE created_by = $1`,
		`UPDATE freezes SET by_id = $2 WHERE by_id = $1`,
		`UPDATE signing_keys SET created_by = $2 WHERE created_by = $1`,
		`UPDATE router_keys SET user_id = $2 WHERE user_id = $1`,
		`UPDATE secret_bindings SET set_by = $2 WHERE set_by = $1`,
		`UPDATE binding_setters SET set_by = $2 WHERE set_by = $1`,
		`UPDATE agent_bindings SET set_by = $2 WHERE set_by = $1`,
		`UPDATE approvals SET requester_human = $2 WHERE requester_human = $1`,
		`UPDATE approvals SET decided_by = $2 WHERE decided_by = $1`,
		`UPDATE secret_requests SET decided_by = $2 WHERE decided_by = $1`,
		`UPDATE billing_events SET principal_id = $2 WHERE principal_type = 'user' AND principal_id = $1`,
		`UPDATE approvals SET withdrawn_by = $2 WHERE withdrawn_by = $1`,
		`UPDATE admin_settings SET updated_by = $2 WHERE updated_by = $1`,
	} {
		all = append(all, stmt(query, user, nobody))
	}
	for _, s := range all {
		if _, err := tx.Exec(s.Query, s.Args...); err != nil {
			return err
		}
	}
	return nil
}

func goneHash(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

func (tx Tx) markGone(id string, at time.Time) error {
	_, err := tx.Exec(`INSERT INTO gone (hash, gone_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, goneHash(id), micros(at))
	return err
}

// alive refuses when one of the users and organisations was deleted. It comes
// first in the transactions of those that add something to them: they lock the
// log of an organisation that the erasure locked too.
func (tx Tx) alive(ids ...string) error {
	for _, id := range ids {
		gone, err := tx.isGone(id)
		if err == nil && gone {
			err = tx.Refuse(errGone)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (tx Tx) isGone(id string) (bool, error) {
	var one int
	return tx.Row(`SELECT 1 FROM gone WHERE hash = $1`, []any{goneHash(id)}, &one)
}
