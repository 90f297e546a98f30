// Package transfer copies whole databases: from one engine to the other, and into
// backups.
//
// Its promise: a copy is what the database was at one moment, or there is none. What
// was read back from it is compared with what was sent before anybody is told of it.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// Transfer copies all that is in from, as it is at one moment, into the empty
// database of to, and returns what each table has. It finds the tables in the
// schema. All is put there in one transaction, which is committed only when what
// the target reads back is what the source has: a transfer that ended early, however
// it ended, left an empty database, and may be started again.
func Transfer(ctx context.Context, from *sqldb.DB, to sqldb.Config, progress Progress) (map[string]Sum, error) {
	return Within(ctx, from, to, transferPatience, progress)
}

// Within is Transfer with another patience: how long either PostgreSQL may answer nothing.
func Within(ctx context.Context, from *sqldb.DB, to sqldb.Config, patience time.Duration, progress Progress) (map[string]Sum, error) {
	have, want, err := from.Schema(ctx)
	if err != nil {
		return nil, err
	}
	if have != want {
		return nil, fault.New(fault.Conflict, "schema_differs",
			fmt.Sprintf("The database to copy has schema %d, and this version of oneclaw %d. Start this version on it once, then copy.", have, want))
	}
	return transferTo(ctx, from, to, have, patience, how{}, progress)
}

// transferPatience is how long either PostgreSQL may answer nothing.
const transferPatience = 30 * time.Second

// how is how a database is copied.
type how struct {
	scratch bool  // the target is thrown away when anything fails, and the caller reads what arrived in it, once it is on the disk
	early   Early // of a scratch copy of PostgreSQL
}

// transferTo is Transfer into a database that is brought to the given schema.
func transferTo(ctx context.Context, from *sqldb.DB, to sqldb.Config, schema int64, patience time.Duration, how how, progress Progress) (_ map[string]Sum, err error) {
	empty, err := freshCounts(ctx, from, schema)
	if err != nil {
		return nil, err
	}
	dst, err := sqldb.OpenBare(to, from.Parts())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dst.Close()) }() // whichever it is by then
	for _, db := range []*sqldb.DB{from, dst} {
		var failure func(error) error
		ctx, failure = db.WhileAlive(ctx, patience)
		defer func() { err = failure(err) }()
	}
	if err := dst.MigrateTo(ctx, schema); err != nil {
		return nil, err
	}
	if how.scratch {
		if err := dst.Close(); err != nil {
			return nil, err
		}
		again, err := sqldb.OpenScratch(to.Dir, from.Parts())
		if err != nil {
			return nil, err
		}
		dst = again
	}
	t := &transfer{how: how, schema: schema, sums: map[string]Sum{}, progress: progress}
	late := how.scratch && from.Postgres()
	if late {
		if err := t.attachAside(ctx, dst, to.Dir); err != nil {
			return nil, err
		}
		if t.spool, err = newSpool(to.Dir); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, t.spool.remove()) }()
	}
	tx, err := dst.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // nothing, once it is committed
	t.to = end{tx, dst.Postgres()}
	if err := t.prepare(ctx, from, empty); err != nil {
		return nil, err
	}
	if late {
		if err = t.copyEarly(ctx, from); err == nil {
			err = t.copyLate(ctx, from)
		}
	} else {
		err = t.run(ctx, from)
	}
	if err != nil {
		return nil, err
	}
	return t.sums, driver.Wrap("commit", tx.Commit())
}

// freshCounts is how many rows each table of a new database has.
func freshCounts(ctx context.Context, from *sqldb.DB, schema int64) (map[string]int64, error) {
	dir, err := os.MkdirTemp("", "oneclaw-fresh-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := sqldb.OpenBare(sqldb.Config{Dir: dir}, from.Parts())
	if err != nil {
		return nil, err
	}
	if err := db.MigrateTo(ctx, schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	tx, err := db.Snapshot(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	e := end{tx, db.Postgres()}
	tables, err := e.tables(ctx)
	out := map[string]int64{}
	for name := range tables {
		n, countErr := e.count(ctx, name)
		out[name], err = n, errors.Join(err, countErr)
	}
	return out, errors.Join(err, tx.Rollback(), db.Close())
}

type transfer struct {
	from, to end
	tables   map[string][]column
	how      how
	schema   int64
	early    early
	spool    *spool // of a copy that is made early
	sums     map[string]Sum
	progress Progress
}

// prepare compares the schemas, and empties the target, which must be one that nobody used.
func (t *transfer) prepare(ctx context.Context, src *sqldb.DB, empty map[string]int64) error {
	var err error
	if t.tables, err = tablesOf(ctx, src); err != nil {
		return err
	}
	theirs, err := t.to.tables(ctx)
	if err != nil {
		return err
	}
	if !sameTables(t.tables, theirs) || len(theirs) == 0 {
		return fault.New(fault.Conflict, "schema_differs", "The two databases do not have the same tables.")
	}
	names := slices.Sorted(maps.Keys(t.tables))
	for _, name := range names {
		if t.to.postgres { // a node that starts on it meanwhile waits
			if _, err := t.to.q.ExecContext(ctx, `LOCK TABLE `+quote(name)+` IN ACCESS EXCLUSIVE MODE`); err != nil {
				return driver.Wrap("lock", err)
			}
		}
		n, err := t.to.count(ctx, name)
		if err != nil {
			return err
		}
		if n > empty[name] {
			return fault.New(fault.Conflict, "target_not_empty", "The target database is not empty. Give an empty one.")
		}
	}
	for _, name := range names {
		if _, err := t.to.q.ExecContext(ctx, `DELETE FROM `+quote(name)); err != nil {
			return driver.Wrap("empty the target", err)
		}
	}
	return nil
}

// tablesOf are the tables of a database as they are now.
func tablesOf(ctx context.Context, db *sqldb.DB) (tables map[string][]column, err error) {
	err = atOnce(ctx, db, func(e end) (err error) {
		tables, err = e.tables(ctx)
		return err
	})
	return tables, err
}

func sameTables(a, b map[string][]column) bool { return maps.EqualFunc(a, b, slices.Equal) }

// run copies what the source has at one moment.
func (t *transfer) run(ctx context.Context, src *sqldb.DB) error {
	tx, err := src.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // it only read
	t.from = end{tx, src.Postgres()}
	if err := t.sameSchema(ctx, src, t.from); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(t.tables)) {
		columns := t.tables[name]
		var sent digest
		if err := t.rows(ctx, name, columns, &sent); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		if t.sums[name] = sent.result(); t.how.scratch {
			continue
		}
		came, err := t.to.digest(ctx, name, columns, nil)
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		if sent != came {
			return fault.New(fault.Internal, "transfer_differs", "What arrived in table "+name+" is not what was sent. Nothing was kept.")
		}
	}
	return nil
}

// sameSchema refuses a source whose schema is another by now.
func (t *transfer) sameSchema(ctx context.Context, src *sqldb.DB, e end) error {
	now, err := e.tables(ctx)
	if err != nil {
		return err
	}
	have, _, err := src.Schema(ctx) // it only grows: what it is now it was at that moment at most
	if err != nil {
		return err
	}
	if have != t.schema || !sameTables(t.tables, now) {
		return fault.New(fault.Conflict, "schema_differs", "The schema of the database changed during the copy. Start again.")
	}
	return nil
}

// rows copies a table, and adds its rows to sent.
func (t *transfer) rows(ctx context.Context, name string, columns []column, sent *digest) error {
	in := t.to.inserts(`INSERT`, quote(name), columns)
	err := t.from.each(ctx, name, columns, func(row []any) error {
		if err := sent.add(row); err != nil {
			return err
		}
		if err := t.movable(name, columns, row); err != nil {
			return err
		}
		t.progress.row(name, sent.rows)
		return in.add(ctx, row)
	})
	if err != nil {
		return err
	}
	return in.end(ctx)
}

// sizeOf is how many bytes the texts and bytes of a row are.
func sizeOf(row []any) (size int) {
	for _, v := range row {
		switch v := v.(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		}
	}
	return size
}

// movable refuses a text that PostgreSQL would, which does not say of what row it is.
func (t *transfer) movable(name string, columns []column, row []any) error {
	if !t.to.postgres {
		return nil
	}
	return flaws(name, columns, row, Meaning{}, func(f Flaw) error {
		if !f.Unmovable {
			return nil
		}
		return fault.New(fault.Damaged, audit.CodeDamaged, "PostgreSQL can't store what is damaged: "+f.String()+".")
	})
}
