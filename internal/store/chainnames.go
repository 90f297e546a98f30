package store

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/intents"
)

// namesChain keeps the name of a chain beside those that it had.
func (tx Tx) namesChain(c *intents.Chain) error {
	_, err := tx.Exec(`INSERT INTO chain_names (chain_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING`, c.ChainID, c.Name)
	return err
}

// ChainNames implements intents.ChainStore.
func (db *DB) ChainNames(ctx context.Context, number int64) (n intents.Names, err error) {
	err = db.Each(ctx, `SELECT n.name, (SELECT COUNT(*) FROM chain_names o WHERE o.name = n.name AND o.chain_id <> n.chain_id)
		FROM chain_names n WHERE n.chain_id = $1 ORDER BY n.name`, []any{number}, func(rows *sql.Rows) error {
		var name string
		var others int
		err := rows.Scan(&name, &others)
		n.All = append(n.All, name)
		if others > 0 {
			n.Shared = append(n.Shared, name)
		}
		return err
	})
	return n, err
}

// KnowsChain implements intents.ChainStore and agent.Store.
func (db *DB) KnowsChain(ctx context.Context, name string, number int64) (bool, error) {
	var one int
	return db.Row(ctx, `SELECT 1 FROM chain_names WHERE name = $1 OR chain_id = $2 LIMIT 1`, []any{name, number}, &one)
}
