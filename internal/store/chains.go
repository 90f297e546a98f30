package store

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
)

var (
	errNoChain    = fault.New(fault.NotFound, "chain_not_found", "There is no chain with this name, number or id.")
	errChainTaken = fault.New(fault.Conflict, "chain_taken", "There is a chain of this name or number already.")
	errManyChains = fault.New(fault.Conflict, "too_many_chains", "There are as many chains as there may be. Remove one first.")
)

const otherChain = `SELECT 1 FROM chains WHERE id <> $1 AND (name = $2 OR chain_id = $3)`

const chainColumns = `id, name, display_name, chain_id, rpc_url, ws_url, explorer_url, native_currency, is_testnet, is_enabled,
	created_at, updated_at`

// chainRow takes the columns of a chain.
type chainRow struct {
	intents.Chain
	rpc, ws, explorer                  sql.NullString
	testnet, enabled, created, updated int64
}

func (r *chainRow) dest() []any {
	c := &r.Chain
	return []any{&c.ID, &c.Name, &c.DisplayName, &c.ChainID, &r.rpc, &r.ws, &r.explorer, &c.NativeCurrency, &r.testnet, &r.enabled,
		&r.created, &r.updated}
}

func (r *chainRow) chain() intents.Chain {
	c := r.Chain
	c.RPCURL, c.WSURL, c.ExplorerURL = r.rpc.String, r.ws.String, r.explorer.String
	c.Testnet, c.Enabled = r.testnet != 0, r.enabled != 0
	c.CreatedAt, c.UpdatedAt = fromMicros(r.created), fromMicros(r.updated)
	return c
}

func chainValues(c *intents.Chain) []any {
	return []any{c.ID, c.Name, c.DisplayName, c.ChainID, nullString(c.RPCURL), nullString(c.WSURL), nullString(c.ExplorerURL),
		c.NativeCurrency, number(c.Testnet), number(c.Enabled), micros(c.CreatedAt), micros(c.UpdatedAt)}
}

// EVMChains implements intents.ChainStore.
func (db *DB) EVMChains(ctx context.Context) ([]intents.Chain, error) {
	out := []intents.Chain{}
	err := db.Each(ctx, `SELECT `+chainColumns+` FROM chains ORDER BY chain_id`, nil, func(rows *sql.Rows) error {
		var r chainRow
		err := rows.Scan(r.dest()...)
		out = append(out, r.chain())
		return err
	})
	return out, err
}

// EVMChain implements intents.ChainStore.
func (db *DB) EVMChain(ctx context.Context, name string, number int64) (intents.Chain, bool, error) {
	var r chainRow
	found, err := db.Row(ctx, `SELECT `+chainColumns+` FROM chains WHERE name = $1 OR chain_id = $2`, []any{name, number}, r.dest()...)
	return r.chain(), found, err
}

// AddChain implements intents.ChainStore.
func (db *DB) AddChain(ctx context.Context, org string, c intents.Chain, limit int, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		if err := tx.holdPlatform(); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO chains (`+chainColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			ON CONFLICT DO NOTHING`, chainValues(&c)...)
		if err == nil && n == 0 {
			return tx.Refuse(errChainTaken)
		}
		if err == nil {
			err = tx.namesChain(&c)
		}
		var all int
		if err == nil {
			_, err = tx.Row(`SELECT COUNT(*) FROM chains`, nil, &all)
		}
		if err == nil && all > limit {
			err = errManyChains
		}
		tx.Record(ev)
		return err
	})
}

// ChangeChain implements intents.ChainStore. The row is held while it is changed.
func (db *DB) ChangeChain(ctx context.Context, org, id string, change func(*intents.Chain) error, ev *audit.Event) (intents.Chain, error) {
	var c intents.Chain
	err := db.Write(ctx, org, func(tx Tx) error {
		if err := tx.holdPlatform(); err != nil {
			return err
		}
		var r chainRow
		found, err := tx.Row(`UPDATE chains SET id = id WHERE id = $1 RETURNING `+chainColumns, []any{id}, r.dest()...)
		if err == nil && !found {
			err = errNoChain
		}
		if err == nil {
			c = r.chain()
			err = change(&c)
		}
		if err != nil {
			return err
		}
		var one int
		if taken, err := tx.Row(otherChain, []any{c.ID, c.Name, c.ChainID}, &one); err != nil || taken {
			if taken {
				err = errChainTaken
			}
			return err
		}
		_, err = tx.Exec(`UPDATE chains SET name = $2, display_name = $3, chain_id = $4, rpc_url = $5, ws_url = $6, explorer_url = $7,
			native_currency = $8, is_testnet = $9, is_enabled = $10, created_at = $11, updated_at = $12 WHERE id = $1`, chainValues(&c)...)
		if err == nil {
			err = tx.namesChain(&c)
		}
		tx.Record(ev)
		return err
	})
	return c, err
}

// RemoveChain implements intents.ChainStore.
func (db *DB) RemoveChain(ctx context.Context, org, id string, ev *audit.Event) error {
	return db.changeUser(ctx, org, ev, false, errNoChain, `DELETE FROM chains WHERE id = $1`, id)
}
