package commit

import (
	"context"
	"fmt"
	"testing"
)

// SyncMode is SQLite's synchronous setting on the writer's connection, asked
// within a transaction: 1 is NORMAL, 2 is FULL.
func (tx *Tx) SyncMode(t *testing.T) (mode int) {
	if err := tx.w.conn.QueryRowContext(tx.ctx, "PRAGMA synchronous").Scan(&mode); err != nil {
		t.Error(err)
	}
	return mode
}

// Queued is how many ops wait for the writer.
func (w *Writer) Queued() int { return len(w.queue) }

// LastMode is the synchronous setting that the last commit was made in. Nothing
// may be under way.
func (w *Writer) LastMode(t *testing.T) (mode int) {
	if err := w.conn.QueryRowContext(context.Background(), "PRAGMA synchronous").Scan(&mode); err != nil {
		t.Error(err)
	}
	return mode
}

// LimitPages bounds the size of the SQLite file on the writer's connection.
// Nothing may be under way.
func (w *Writer) LimitPages(t *testing.T, n int) {
	t.Helper()
	var now int
	if err := w.conn.QueryRowContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count=%d", n)).Scan(&now); err != nil {
		t.Fatal(err)
	}
}
