package store

import (
	"context"
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// Bindings implements broker.Store.
func (db *DB) Bindings(ctx context.Context, vaultID, path string) (b broker.Bound, err error) {
	var list string
	var at int64
	found, err := db.Row(ctx, `SELECT id, org_id, vault_id, path, bindings, set_by, set_at FROM secret_bindings WHERE vault_id = $1 AND path = $2`,
		[]any{vaultID, path}, &b.ID, &b.Org, &b.Vault, &b.Path, &list, &b.By, &at)
	if err != nil || !found {
		return broker.Bound{}, err
	}
	b.At = fromMicros(at)
	return b, sqldb.Parsed(json.Unmarshal([]byte(list), &b.List))
}

// BindingSetters implements broker.Store.
func (db *DB) BindingSetters(ctx context.Context, b *broker.Bound) ([]string, error) {
	entries, err := entriesOf(b)
	if err != nil {
		return nil, err
	}
	err = readSetters(entries, b.ID, func(query string, args []any, each eachRow) error { return db.Each(ctx, query, args, each) })
	return settersOf(entries), err
}

// SetBindings implements broker.Store. It may end a right: uses that were decided before are
// decided anew.
func (db *DB) SetBindings(ctx context.Context, b *broker.Bound, ev *audit.Event) (setters []string, err error) {
	wanted, err := entriesOf(b)
	if err != nil {
		return nil, err
	}
	if ev != nil {
		for i := range wanted {
			wanted[i].with = ev.With
		}
	}
	err = db.Write(ctx, b.Org, func(tx Tx) error {
		if err := tx.alive(b.Org, b.By); err != nil {
			return err
		}
		var one int
		there, err := tx.Row(`SELECT 1 FROM vaults WHERE id = $1`, []any{b.Vault}, &one)
		if err == nil && !there && len(wanted) > 0 {
			err = tx.Refuse(errNoVault)
		}
		if err != nil {
			return err
		}
		_, was, err := tx.boundAt(`vault_id = $1 AND path = $2`, b.Vault, b.Path)
		if err != nil {
			return err
		}
		entries := kept(was, wanted)
		setters = settersOf(entries)
		if err = tx.writeBindings(b, entries, ev); err == nil {
			tx.Record(ev)
			tx.Ended(b.Org)
		}
		return err
	})
	return setters, err
}
