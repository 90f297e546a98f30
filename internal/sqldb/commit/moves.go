package commit

import (
	"errors"
	"maps"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/call"
)

// EpochChannel is where a transaction that moves the epoch says so: PostgreSQL
// hands it out when the transaction is committed.
const EpochChannel = "oneclaw_epoch"

// A Move is what a transaction changes of an organisation beside its rows: the
// numbers in the head of its log.
type Move struct {
	Org   string
	What  Kind
	Token string // that was revoked
}

// Kind is the kind of a Move.
type Kind uint8

// Changed makes caches of the organisation look again. Ended does, too, and makes
// writes under way be decided anew: a right may have gone. Revoked concerns the
// bearer of one token alone.
const (
	Changed Kind = iota
	Ended
	Revoked
)

// Changed says that caches of what organisations have must look again once this
// transaction is committed: something was added, or concerns no right.
func (tx *Tx) Changed(orgs ...string) { tx.move(Changed, orgs) }

// Ended says that a right in these organisations may have gone: no write that was
// decided before is committed after it.
func (tx *Tx) Ended(orgs ...string) { tx.move(Ended, orgs) }

// Revoked says that one token is no good any more.
func (tx *Tx) Revoked(org, token string) {
	tx.moves = append(tx.moves, Move{Org: org, What: Revoked, Token: token})
}

func (tx *Tx) move(what Kind, orgs []string) {
	for _, org := range orgs {
		tx.moves = append(tx.moves, Move{Org: org, What: what})
	}
}

// errNotHeld is a mistake in a write: it must hold the log of whomever it changes.
var errNotHeld = errors.New("a change or an event of an organisation whose log the transaction does not hold")

// stands refuses an op that rests on rights which have ended: in a transaction
// before, which the heads tell, or in this one.
func (tx *Tx) stands(o *op) error {
	b := o.basis
	if b == nil {
		return nil
	}
	for _, org := range o.orgs {
		if tx.heads[org].ended > b.Epoch || slices.ContainsFunc(tx.moves, func(m Move) bool { return m.Org == org && m.What == Ended }) {
			return call.ErrMoved
		}
	}
	if slices.ContainsFunc(tx.moves, func(m Move) bool { return m.What == Revoked && m.Token == b.Token }) {
		return call.ErrMoved
	}
	if b.Token == "" || tx.heads[b.Org].revoked <= b.Epoch {
		return nil
	}
	// Some token of the organisation was revoked since: was it this one?
	var one int
	found, err := tx.Row(`SELECT 1 FROM revoked_tokens WHERE id = $1`, []any{b.Token}, &one)
	if err == nil && found {
		err = call.ErrMoved
	}
	return err
}

// moveEpochs gives the transaction the server's next number, which n takes at the
// commit, and writes it into the heads of the organisations that it changed. It comes
// last: whoever takes a number holds it until the commit, so numbers have the order of
// commits.
func (tx *Tx) moveEpochs(n *int64) error {
	query := `UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value`
	if tx.w.cfg.Engine.Postgres {
		query = `WITH moved AS (` + query + `) SELECT value FROM moved, pg_notify('` + EpochChannel + `', value::text)`
	}
	// Nodes tell by the second count whether a program has moved the epoch that does not
	// say whose it was: then they forget all.
	all := []Stmt{{Query: query, Into: []any{n}}, {Query: `UPDATE meta SET value = value + 1 WHERE name = 'epoch_orgs'`}}
	const number = `(SELECT value FROM meta WHERE name = 'epoch')`
	kinds := map[string][3]int64{}
	for _, m := range tx.moves {
		if !tx.Holds(m.Org) {
			return errNotHeld
		}
		is := kinds[m.Org]
		is[m.What] = 1
		kinds[m.Org] = is
		if m.What == Revoked {
			all = append(all, Stmt{Query: `UPDATE revoked_tokens SET epoch = ` + number + ` WHERE id = $1`, Args: []any{m.Token}})
		}
	}
	for _, org := range slices.Sorted(maps.Keys(kinds)) {
		is := kinds[org]
		all = append(all, Stmt{Query: `UPDATE audit_heads SET epoch = CASE WHEN $2 = 1 THEN ` + number + ` ELSE epoch END,
			ended = CASE WHEN $3 = 1 THEN ` + number + ` ELSE ended END, revoked = CASE WHEN $4 = 1 THEN ` + number + ` ELSE revoked END
			WHERE org_id = $1`, Args: []any{org, max(is[Changed], is[Ended]), is[Ended], is[Revoked]}})
	}
	for _, s := range all {
		if err := tx.Last(s); err != nil {
			return err
		}
	}
	return nil
}
