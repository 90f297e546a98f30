package store

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

// addFlagged stores what is kept of a call, beside its row of the activity.
func (tx Tx) addFlagged(t *flagged.Text) error {
	return tx.Last(commit.Stmt{Query: `INSERT INTO flagged_texts (activity_id, org_id, agent_id, kinds, created_at, keep_until, wrapped, sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, Args: []any{
		t.ID, t.Org, t.Agent, listText(t.Kinds), micros(t.At), micros(t.Until), t.Box.WrappedDEK, t.Box.Ciphertext,
	}})
}

// FlaggedText implements flagged.Store.
func (db *DB) FlaggedText(ctx context.Context, org, id string) (t flagged.Text, err error) {
	if err := db.CatchUp(ctx, org); err != nil { // what this node has served is there
		return t, err
	}
	var kinds string
	var at, until int64
	found, err := db.Row(ctx, `SELECT activity_id, org_id, agent_id, kinds, created_at, keep_until, wrapped, sealed FROM flagged_texts WHERE activity_id = $1 AND org_id = $2`,
		[]any{id, org}, &t.ID, &t.Org, &t.Agent, &kinds, &at, &until, &t.Box.WrappedDEK, &t.Box.Ciphertext)
	switch {
	case err == nil && !found:
		err = flagged.ErrNone
	case err == nil:
		err = readList(kinds, &t.Kinds)
	}
	t.At, t.Until = fromMicros(at), fromMicros(until)
	return t, err
}
