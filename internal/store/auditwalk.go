package store

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

// walkPage is how many events or checkpoints a walk reads at a time. It holds the
// connection for that long, a few milliseconds.
const walkPage = 1000

// Walk feeds an organisation's events to fn in order of their sequence numbers,
// starting after the given one, until fn returns false. It holds no connection
// while fn runs: fn may be as slow as a client that reads an export.
func (db *DB) Walk(ctx context.Context, org string, after uint64, fn func(*audit.Row) bool) error {
	page := make([]*audit.Row, 0, walkPage)
	for {
		page = page[:0]
		err := db.EachAside(ctx, `SELECT `+commit.EventColumns+` FROM audit_events WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
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
				return sqldb.ErrColumn // or this would go round for ever
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
		err := db.EachAside(ctx, `SELECT seq, hash, at, key_id, signature FROM audit_checkpoints WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
			[]any{org, int64(after), walkPage}, func(rows *sql.Rows) error {
				c := audit.Checkpoint{Org: org}
				var seq, at int64
				var hash []byte
				err := rows.Scan(sqldb.Strict(&seq), sqldb.Strict(&hash), sqldb.Strict(&at), sqldb.Strict(&c.KeyID), sqldb.Strict(&c.Signature))
				c.Seq, c.At, c.Hash = uint64(seq), fromMicros(at), asHash(hash)
				out = append(out, c)
				return err
			})
		if err != nil || len(out) < n+walkPage {
			return out, err
		}
		if out[len(out)-1].Seq <= after {
			return out, sqldb.ErrColumn
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
	err = db.Each(ctx, `SELECT `+commit.EventColumns+` FROM audit_events `+where, args, func(rows *sql.Rows) (err error) {
		r, err = scanEvent(rows)
		return err
	})
	return r, err == nil && r != nil, err
}
