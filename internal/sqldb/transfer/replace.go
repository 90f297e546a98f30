package transfer

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// A row that is put in the place of another takes out whatever has its key, or has a name that is
// its name by now. Rows of PostgreSQL that come later were there together at a later moment than
// those that came before, so what is taken out is gone there. What it was is noted aside, for the digest.

// gone is the table aside in which rows of a table are that were taken out of it.
func gone(name string) string { return quote("gone from " + name) }

// watch has what is taken out of a table of the target noted.
func (t *transfer) watch(ctx context.Context, name string, columns []column) error {
	if err := t.exec(ctx, `CREATE TABLE aside.`+gone(name)+` AS SELECT `+quoted(columns)+` FROM main.`+quote(name)+` LIMIT 0`); err != nil {
		return err
	}
	old := make([]string, len(columns))
	for i, c := range columns {
		old[i] = `OLD.` + quote(c.name)
	}
	return t.exec(ctx, `CREATE TEMP TRIGGER `+gone(name)+` BEFORE DELETE ON main.`+quote(name)+`
		BEGIN INSERT INTO `+gone(name)+` (`+quoted(columns)+`) VALUES (`+strings.Join(old, `, `)+`); END`)
}

// put puts rows that were taken into a table that is watched, in place of others, and keeps its digest.
func (t *transfer) put(ctx context.Context, name string, rows kept, has *digest) error {
	columns := t.tables[name]
	if err := t.insert(ctx, t.to.inserts(`INSERT OR REPLACE`, quote(name), columns), rows, has); err != nil {
		return err
	}
	return t.forgetGone(ctx, name, columns, has)
}

// insert puts rows that were taken, and adds them to a digest.
func (t *transfer) insert(ctx context.Context, in *inserts, rows kept, d *digest) error {
	err := t.spool.each(rows, func(spelled []byte) error {
		d.addSpelled(spelled)
		row, err := read(make([]any, 0, len(in.columns)), spelled)
		if err != nil {
			return err
		}
		return in.add(ctx, row)
	})
	if err != nil {
		return err
	}
	return in.end(ctx)
}

// keep takes out of a table all but the rows with the given keys.
func (t *transfer) keep(ctx context.Context, name string, keys kept, has *digest) error {
	const into = `aside."keys"`
	columns := t.tables[name]
	key := keyOf(columns)
	if err := t.exec(ctx, `CREATE TABLE `+into+` AS SELECT `+quoted(key)+` FROM main.`+quote(name)+` LIMIT 0`); err != nil {
		return err
	}
	if err := t.insert(ctx, t.to.inserts(`INSERT`, into, key), keys, &digest{}); err != nil {
		return err
	}
	if err := t.exec(ctx, `DELETE FROM main.`+quote(name)+` WHERE (`+quoted(key)+`) NOT IN (SELECT `+quoted(key)+` FROM `+into+`)`); err != nil {
		return err
	}
	if err := t.exec(ctx, `DROP TABLE `+into); err != nil {
		return err
	}
	return t.forgetGone(ctx, name, columns, has)
}

// forgetGone takes out of the digest what was taken out of its table.
func (t *transfer) forgetGone(ctx context.Context, name string, columns []column, has *digest) error {
	before := has.rows
	err := t.to.raw(ctx, `SELECT `+quoted(columns)+` FROM aside.`+gone(name), nil, len(columns), valued(name, columns, has.remove))
	if err != nil || has.rows == before {
		return err
	}
	return t.exec(ctx, `DELETE FROM aside.`+gone(name))
}

func (t *transfer) exec(ctx context.Context, query string) error {
	_, err := t.to.q.ExecContext(ctx, query)
	return driver.Wrap("copy", err)
}
