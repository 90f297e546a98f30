package transfer

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// late is what the snapshot had of a table.
type late struct {
	rows  kept  // all of a small table, of a large one what was written since the horizon
	there int64 // how many rows it has
	put   bool  // rows are in the target
	keys  kept  // its keys, if asked is true
	asked bool
}

// copyLate brings the target to what the source has at one moment. In the snapshot it reads what it
// needs; what is done with that waits until the snapshot has ended.
func (t *transfer) copyLate(ctx context.Context, src *sqldb.DB) error {
	names := slices.Sorted(maps.Keys(t.tables))
	all := map[string]*late{}
	err := atOnce(ctx, src, func(e end) error {
		if err := t.sameSchema(ctx, src, e); err != nil {
			return err
		}
		for _, name := range names {
			l, err := t.readLate(ctx, e, name)
			if err != nil {
				return fmt.Errorf("table %s: %w", name, err)
			}
			all[name] = l
		}
		for _, name := range slices.Sorted(maps.Keys(t.early.tables)) {
			if err := t.ask(ctx, e, name, all[name]); err != nil {
				return fmt.Errorf("table %s: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := t.putLate(ctx, name, all[name]); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
	}
	return nil
}

// readLate reads what the snapshot alone can tell of a table.
func (t *transfer) readLate(ctx context.Context, e end, name string) (_ *late, err error) {
	l := &late{}
	var rest string
	var args []any
	has, early := t.early.tables[name]
	if early {
		rest, args = ` WHERE NOT `+WrittenBefore(1), []any{t.early.horizon}
		if l.there, err = e.count(ctx, name); err != nil {
			return nil, err
		}
	}
	rows := has.rows
	l.rows, err = t.spool.take(ctx, e, name, t.tables[name], rest, args, func([]any) {
		rows++
		t.progress.row(name, rows)
	})
	return l, err
}

// ask reads the keys of a table that was copied early, when rows of it may be gone. To know that, few changed
// rows are put while the snapshot waits.
func (t *transfer) ask(ctx context.Context, e end, name string, l *late) (err error) {
	if l.rows.rows < t.how.early.Ask {
		has := t.early.tables[name]
		if err := t.put(ctx, name, l.rows, &has); err != nil {
			return err
		}
		t.early.tables[name], l.put = has, true
		if has.rows == l.there { // each row that is there was copied, so none is gone
			return nil
		}
	}
	l.asked = true
	l.keys, err = t.spool.take(ctx, e, name, keyOf(t.tables[name]), "", nil, nil)
	return err
}

// putLate puts what the snapshot had of a table, and notes what the table has then.
func (t *transfer) putLate(ctx context.Context, name string, l *late) error {
	has, early := t.early.tables[name]
	if !early {
		in := t.to.inserts(`INSERT`, quote(name), t.tables[name])
		if err := t.insert(ctx, in, l.rows, &has); err != nil {
			return err
		}
		t.sums[name] = has.result()
		return nil
	}
	if !l.put {
		if err := t.put(ctx, name, l.rows, &has); err != nil {
			return err
		}
	}
	if l.asked && has.rows != l.there {
		if err := t.keep(ctx, name, l.keys, &has); err != nil {
			return err
		}
	}
	if has.rows != l.there {
		return fault.New(fault.Internal, "transfer_differs", "What was copied of table "+name+" is not what it holds. Nothing was kept.")
	}
	t.sums[name] = has.result()
	return nil
}
