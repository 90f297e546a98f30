package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"math"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// spendTakes adds takes to what an agent spent in the minute of a time, or takes them off again.
func (tx Tx) spendTakes(t *transaction.Tx, at time.Time, takes []guard.Take, add bool) error {
	minute := at.Unix() / 60
	for _, take := range takes {
		var text string
		found, err := tx.Row(`SELECT amount FROM spends WHERE agent_id = $1 AND asset = $2 AND minute = $3`, []any{t.Agent, take.Asset, minute}, &text)
		if err != nil {
			return err
		}
		var sum uint256.Int
		if found {
			if sum, err = evm.ParseUnits(text, 0); err != nil {
				return sqldb.Parsed(err)
			}
		}
		if add {
			if _, over := sum.AddOverflow(&sum, &take.Amount); over {
				sum.SetAllOne()
			}
		} else if _, under := sum.SubOverflow(&sum, &take.Amount); under {
			sum.Clear()
		}
		if _, err = tx.Exec(`INSERT INTO spends (agent_id, asset, minute, org_id, amount) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (agent_id, asset, minute) DO UPDATE SET amount = excluded.amount`, t.Agent, take.Asset, minute, t.Org, sum.Dec()); err != nil {
			return err
		}
	}
	return nil
}

// family is what a transaction and all that have replaced or been replaced by it count, in the minute of the
// newest. Of rest one is left out.
type family struct {
	all, rest []guard.Take
	at        time.Time
	byHuman   bool // a person had one of it signed, to stop the others
}

func (tx Tx) family(t *transaction.Tx, without string) (family, error) {
	var f family
	first := t.Replaces
	if first == "" {
		first = t.ID
	}
	err := tx.Each(`SELECT id, takes, created_at, CASE WHEN status IN ('pending', 'signed', 'broadcast') THEN by_human ELSE 0 END FROM transactions WHERE chain_id = $1 AND from_address = $2 AND nonce = $3 AND agent_id = $4 AND (id = $5 OR replaces = $5)`,
		[]any{int64(t.ChainID), t.From.String(), int64(t.Nonce), t.Agent, first}, func(rows *sql.Rows) error {
			var id, text string
			var created, byHuman int64
			if err := rows.Scan(&id, &text, &created, &byHuman); err != nil {
				return err
			}
			var takes []guard.Take
			if err := json.Unmarshal([]byte(text), &takes); err != nil {
				return sqldb.Parsed(err)
			}
			f.byHuman = f.byHuman || byHuman != 0
			f.all = transaction.Most(f.all, takes)
			if id != without {
				f.rest = transaction.Most(f.rest, takes)
			}
			if at := fromMicros(created); at.After(f.at) {
				f.at = at
			}
			return nil
		})
	return f, err
}

// release takes off what a transaction counts that no chain will take: what its family does not
// count without it.
func (tx Tx) release(t *transaction.Tx) error {
	f, err := tx.family(t, t.ID)
	if err == nil {
		err = tx.spendTakes(t, f.at, transaction.Less(f.all, f.rest), false)
	}
	if err == nil {
		_, err = tx.Exec(`UPDATE transactions SET takes = '[]' WHERE id = $1`, t.ID)
	}
	return err
}

// reads is what reads rows, in a transaction or not.
type reads interface {
	Row(query string, args []any, dest ...any) (bool, error)
	Each(query string, args []any, scan func(*sql.Rows) error) error
}

// outside reads outside of a transaction.
type outside struct {
	db  *DB
	ctx context.Context
}

func (o outside) Row(query string, args []any, dest ...any) (bool, error) {
	return o.db.Row(o.ctx, query, args, dest...)
}

func (o outside) Each(query string, args []any, scan func(*sql.Rows) error) error {
	return o.db.Each(o.ctx, query, args, scan)
}

// SpentBy implements transaction.Store.
func (db *DB) SpentBy(ctx context.Context, agent string, since time.Time, chain uint64, recipients []evm.Address) (*guard.Spent, error) {
	return spentBy(outside{db, ctx}, agent, since, chain, recipients)
}

// spentBy is what an agent has spent since a time, by asset, and which of some accounts it
// has paid or allowed something on a chain, in a block or by a message. Rows of before that was kept by chain count on all.
func spentBy(in reads, agent string, since time.Time, chain uint64, recipients []evm.Address) (*guard.Spent, error) {
	out := guard.NewSpent()
	var count uint256.Int
	err := in.Each(`SELECT asset, amount FROM spends WHERE agent_id = $1 AND minute >= $2`, []any{agent, since.Unix() / 60}, func(rows *sql.Rows) error {
		var asset, text string
		if err := rows.Scan(&asset, &text); err != nil {
			return err
		}
		amount, err := evm.ParseUnits(text, 0)
		if err != nil {
			return sqldb.Parsed(err)
		}
		if asset == transaction.Counted {
			count.Add(&count, &amount)
			return nil
		}
		out.Add(asset, &amount)
		return nil
	})
	for _, a := range recipients {
		var one int
		var known bool
		if err == nil {
			known, err = in.Row(`SELECT 1 WHERE EXISTS (SELECT 1 FROM chain_recipients WHERE agent_id = $1 AND address = $2 AND chain_id = $3)
				OR EXISTS (SELECT 1 FROM tx_recipients WHERE agent_id = $1 AND address = $2 AND chain_id = $3 AND paid = 1)
				OR EXISTS (SELECT 1 FROM recipients WHERE agent_id = $1 AND address = $2)`, []any{agent, a.String(), int64(chain)}, &one)
		}
		if known {
			out.Know(a)
		}
	}
	out.Count = int(min(count.Uint64(), math.MaxInt32))
	return out, err
}

// sameBytes ends refused transactions whose bytes are those of a later one: the chain takes them
// once, as the later one. So they have these bytes and their hash no more, and what was reserved
// for them is given back.
func (tx Tx) sameBytes(t *transaction.Tx) error {
	var old []transaction.Tx
	err := tx.Each(`SELECT `+txColumns+` FROM transactions WHERE chain_id = $1 AND from_address = $2 AND nonce = $3 AND agent_id = $4 AND hash = $5 AND id <> $6
		AND mined = ''`, []any{int64(t.ChainID), t.From.String(), int64(t.Nonce), t.Agent, hashText(t.Hash), t.ID}, func(rows *sql.Rows) error {
		var r txRow
		if err := rows.Scan(r.dest()...); err != nil {
			return err
		}
		was, err := r.tx()
		old = append(old, was)
		return err
	})
	for i := range old {
		if err == nil {
			code, why := transaction.SubmittedAgain(t.ID)
			_, err = tx.Exec(`UPDATE transactions SET status = 'failed', mined = 'replaced', next_at = NULL, error_code = $2, error = $3, raw = $4, hash = ''
				WHERE id = $1`, old[i].ID, code, why, []byte{})
		}
		if err == nil {
			err = tx.release(&old[i])
		}
	}
	return err
}
