package store

import (
	"context"
	"errors"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// writeOf is Write for a change that ends what a user's credentials are good for in
// every organisation of theirs. It holds the logs of all of them, and gives fn a place
// for what ends in each.
func (db *DB) writeOf(ctx context.Context, org, user string, fn func(tx Tx, all endings) error) error {
	return db.inAll(ctx, user, func(orgs []string) error {
		all := []string{org}
		for _, o := range orgs {
			if o != org {
				all = append(all, o)
			}
		}
		return db.writeIn(ctx, all, func(tx Tx) error {
			if err := tx.hold(user, all); err != nil {
				return err
			}
			ended := endings{}
			for _, o := range all {
				ended.in(o)
			}
			if err := fn(tx, ended); err != nil {
				return err
			}
			tx.Ended(all...)
			return nil
		})
	})
}

// hold keeps a user from joining an organisation until the transaction ends: who
// joins changes the row first, and waits. It returns errMoved when the user is in
// an organisation whose log is not held.
func (tx Tx) hold(user string, held []string) error {
	var org string
	found, err := tx.Row(`UPDATE users SET email_verified = email_verified WHERE id = $1 RETURNING id`, []any{user}, &org)
	for after := ""; err == nil && found; after = org {
		found, err = tx.Row(`SELECT org_id FROM memberships WHERE user_id = $1 AND org_id > $2 ORDER BY org_id LIMIT 1`, []any{user, after}, &org)
		if err == nil && found && !slices.Contains(held, org) {
			return tx.Refuse(errMoved)
		}
	}
	return err
}

// inAll runs write with the organisations of a user, anew when those change
// meanwhile and write returns errMoved.
func (db *DB) inAll(ctx context.Context, user string, write func(orgs []string) error) error {
	for range maxMoves {
		orgs, err := db.orgsOf(ctx, user)
		if err != nil {
			return err
		}
		if err = write(orgs); !errors.Is(err, errMoved) {
			return err
		}
	}
	return fault.New(fault.Unavailable, "try_again", "The account changes too often. Try again.")
}
