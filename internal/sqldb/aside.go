package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// walkTime bounds how long one page may take, and the wait for its turn.
const walkTime = 30 * time.Second

// EachAside runs a query on the connection of walks, of which there is one: they
// take turns at it page by page, in the order in which they came, and use none of
// the readers' or the writer's.
func (db *DB) EachAside(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) (err error) {
	if db.Away() {
		return commit.ErrAway
	}
	ctx, cancel := context.WithTimeout(ctx, walkTime)
	defer cancel()
	rows, err := db.walks.QueryContext(ctx, query, args...)
	if err != nil {
		return driver.Wrap("read", err)
	}
	defer func() { err = driver.Wrap("read", errors.Join(err, rows.Close())) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Check asks SQLite whether the pages and indexes of the whole database fit
// together: a byte that no query happens to read shows there. It takes as long as
// everybody's rows do, so no request may ask for it. PostgreSQL has checksums for
// that, which it looks at whenever it reads a page.
func (db *DB) Check(ctx context.Context) error {
	if db.Postgres() {
		return nil
	}
	var answer string
	if _, err := scanOne(db.walks.QueryRowContext(ctx, `PRAGMA integrity_check(1)`), []any{&answer}); err != nil || answer == "ok" {
		return err
	}
	return fault.Wrap(errors.New(answer), fault.Damaged, audit.CodeDamaged, "The database is damaged.")
}
