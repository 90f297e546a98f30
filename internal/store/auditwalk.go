package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// walkPage is how many events or checkpoints a walk reads at a time. It holds the
// connection for that long, a few milliseconds.
const walkPage = 1000

// walkTime bounds how long one page may take, and the wait for its turn.
const walkTime = 30 * time.Second

// onWalks runs a query on the connection of walks, of which there is one: they
// take turns at it page by page, in the order in which they came, and use none of
// the readers' or the writer's.
func (db *DB) onWalks(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) (err error) {
	if db.Away() {
		return errAway
	}
	ctx, cancel := context.WithTimeout(ctx, walkTime)
	defer cancel()
	rows, err := db.walks.QueryContext(ctx, query, args...)
	if err != nil {
		return wrap("read", err)
	}
	defer func() { err = wrap("read", errors.Join(err, rows.Close())) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Walk feeds an organisation's events to fn in order of their sequence numbers,
// starting after the given one, until fn returns false. It holds no connection
// while fn runs: fn may be as slow as a client that reads an export.
func (db *DB) Walk(ctx context.Context, org string, after uint64, fn func(*audit.Row) bool) error {
	page := make([]*audit.Row, 0, walkPage)
	for {
		page = page[:0]
		err := db.onWalks(ctx, `SELECT `+eventColumns+` FROM audit_events WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
			[]any{org, int64(after), walkPage}, func(rows *sql.Rows) error {
				r, err := scanEvent(rows)
				if err == nil {
					page = append(page, r)
				}
				return err
			})
		for _, r := range page { // also those before a row that can't be read
			if !fn(r) {
				return nil
			}
			if r.Seq <= after {
				return errColumn // or this would go round for ever
			}
			after = r.Seq
		}
		if err != nil || len(page) < walkPage {
			return err
		}
	}
}

// Checkpoints returns an organisation's checkpoints of events after the given one,
// in order.
func (db *DB) Checkpoints(ctx context.Context, org string, after uint64) ([]audit.Checkpoint, error) {
	var out []audit.Checkpoint
	for {
		n := len(out)
		err := db.onWalks(ctx, `SELECT seq, hash, at, key_id, signature FROM audit_checkpoints WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
			[]any{org, int64(after), walkPage}, func(rows *sql.Rows) error {
				c := audit.Checkpoint{Org: org}
				var seq, at int64
				var hash []byte
				err := rows.Scan(strict(&seq), strict(&hash), strict(&at), strict(&c.KeyID), strict(&c.Signature))
				c.Seq, c.At, c.Hash = uint64(seq), fromMicros(at), asHash(hash)
				out = append(out, c)
				return err
			})
		if err != nil || len(out) < n+walkPage {
			return out, err
		}
		if out[len(out)-1].Seq <= after {
			return out, errColumn
		}
		after = out[len(out)-1].Seq
	}
}

// Event returns one event of an organisation.
func (db *DB) Event(ctx context.Context, org string, seq uint64) (*audit.Row, bool, error) {
	return db.event(ctx, `WHERE org_id = $1 AND seq = $2`, org, int64(seq))
}

// Newest returns the last event of an organisation, whatever its head says.
func (db *DB) Newest(ctx context.Context, org string) (*audit.Row, bool, error) {
	return db.event(ctx, `WHERE org_id = $1 ORDER BY seq DESC LIMIT 1`, org)
}

func (db *DB) event(ctx context.Context, where string, args ...any) (r *audit.Row, found bool, err error) {
	err = db.each(ctx, `SELECT `+eventColumns+` FROM audit_events `+where, args, func(rows *sql.Rows) (err error) {
		r, err = scanEvent(rows)
		return err
	})
	return r, err == nil && r != nil, err
}

// Check asks SQLite whether the pages and indexes of the whole database fit
// together: a byte that no query happens to read shows there. It takes as long as
// everybody's rows do, so no request may ask for it. PostgreSQL has checksums for
// that, which it looks at whenever it reads a page.
func (db *DB) Check(ctx context.Context) error {
	if db.eng.postgres {
		return nil
	}
	var answer string
	if _, err := scanOne(db.walks.QueryRowContext(ctx, `PRAGMA integrity_check(1)`), []any{&answer}); err != nil || answer == "ok" {
		return err
	}
	return fault.Wrap(errors.New(answer), fault.Damaged, audit.CodeDamaged, "The database is damaged.")
}
