package transfer_test

import (
	"bytes"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// Every table that the migrations make is filled, and every row goes from each
// engine to each, straight and by way of a backup. What a later migration adds is
// covered without a word here.
func TestEveryRowOfEveryTableRoundTrips(t *testing.T) {
	for _, from := range slices.Sorted(maps.Keys(dbkit.Engines)) {
		cfg := dbkit.Engines[from](t)
		tables := fill(t, dbkit.Open(t, cfg))
		source := dbkit.Look(t, cfg)
		want := contents(t, source, tables)
		dir := t.TempDir()
		if _, err := transfer.Backup(t.Context(), source.DB, dir, nil); err != nil {
			t.Fatalf("backup of %s: %v", from, err)
		}
		early := t.TempDir()
		if _, err := transfer.BackupEarly(t.Context(), source.DB, early, transfer.Early{Walk: 5}, nil); err != nil {
			t.Fatalf("backup of %s, each table early: %v", from, err)
		}
		t.Run(from+" to a backup, each table early", func(t *testing.T) {
			sameRows(t, want, contents(t, dbkit.Look(t, store.Config{Dir: early}), tables))
		})
		backup := dbkit.Look(t, store.Config{Dir: dir})
		t.Run(from+" to a backup", func(t *testing.T) { sameRows(t, want, contents(t, backup, tables)) })
		for _, to := range slices.Sorted(maps.Keys(dbkit.Engines)) {
			for way, src := range map[string]*store.DB{"": source, " through a backup": backup} {
				t.Run(from+" to "+to+way, func(t *testing.T) {
					target := dbkit.Unmade[to](t)
					rows, err := transfer.Transfer(t.Context(), src.DB, target, nil)
					if err != nil {
						t.Fatal(err)
					}
					sameRows(t, want, contents(t, dbkit.Look(t, target), tables))
					for name := range tables {
						if got := rows[name].Rows; got != int64(len(want[name])) {
							t.Errorf("%s: %d rows were counted, %d are there", name, got, len(want[name]))
						}
					}
				})
			}
		}
	}
}

// shape is what the schema says of a column.
type shape struct {
	name, kind string // kind is TEXT, BLOB or BIGINT
	null       bool
	indexed    bool // an index bounds how long it may be
	unique     bool // it is in a key: each row must have another value
}

// schema reads the tables from a database that was migrated.
func shapes(t *testing.T) map[string][]shape {
	t.Helper()
	db := dbkit.Open(t, dbkit.Engines["sqlite"](t))
	tables := map[string][]shape{}
	dbkit.Each(t, db, `SELECT t.name, c.name, c.type, c."notnull" = 0 AND c.pk = 0,
			EXISTS (SELECT 1 FROM pragma_index_list(t.name) l, pragma_index_info(l.name) i WHERE i.name = c.name),
			c.pk > 0 OR EXISTS (SELECT 1 FROM pragma_index_list(t.name) l, pragma_index_info(l.name) i WHERE l."unique" AND i.name = c.name)
		FROM sqlite_schema t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'goose%' AND t.name NOT LIKE 'sqlite%' ORDER BY 1, 2`, func(scan func(...any) error) error {
		var table string
		var c shape
		if err := scan(&table, &c.name, &c.kind, &c.null, &c.indexed, &c.unique); err != nil {
			return err
		}
		tables[table] = append(tables[table], c)
		return nil
	})
	if len(tables) < 40 {
		t.Fatalf("only %d tables", len(tables))
	}
	return tables
}

// values are what a column of each type must carry.
func values(t *testing.T, c shape) []any {
	t.Helper()
	long := 20_000 // more than a page of either engine
	if c.indexed || c.unique {
		long = 400
	}
	switch c.kind {
	case "BIGINT":
		return []any{int64(0), int64(-1), int64(77), int64(1<<53 + 1), int64(math.MaxInt64), int64(math.MinInt64)}
	case "TEXT":
		return []any{"", "a", " 0012.50 ", "NULL", `\x6162`, "it's \"quoted\"\r\n\t\x01", "žluťoučký 漢字 😀 e\u0301 \u200b\ufeff", strings.Repeat("long é", long/7)}
	case "BLOB":
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		return []any{[]byte{}, []byte{0}, []byte{0xff}, []byte(`\x6162`), []byte("\x00\xff\xc3\x28'"), every, bytes.Repeat(every, long/256+1)}
	}
	t.Fatalf("column %s has the type %q, which this test has no values for: add them", c.name, c.kind)
	return nil
}

// distinct are n values of a column that is part of a key; one is NULL where it may be.
func distinct(t *testing.T, c shape, n int) []any {
	out := values(t, c)
	if c.null {
		out = append(out, nil)
	}
	for i := len(out); i < n; i++ {
		switch c.kind {
		case "BIGINT":
			out = append(out, int64(1000+i))
		case "TEXT":
			out = append(out, "other "+strconv.Itoa(i))
		default:
			out = append(out, []byte("other "+strconv.Itoa(i)))
		}
	}
	return out
}

// fill puts rows into every table: each column takes each of its values, and NULL
// where it may.
func fill(t *testing.T, db *store.DB) map[string][]shape {
	t.Helper()
	const rows = 12
	tables := shapes(t)
	for name, columns := range tables {
		var names, marks []string
		var args []any
		for _, c := range columns {
			names = append(names, `"`+c.name+`"`)
		}
		for row := range rows {
			var places []string
			for i, c := range columns {
				pool := values(t, c)
				if c.null {
					pool = append(pool, nil)
				}
				v := pool[(row+i)%len(pool)] // shifted, so that values meet in many ways
				if c.unique {
					v = distinct(t, c, rows)[row]
				}
				args = append(args, v)
				places = append(places, "$"+strconv.Itoa(len(args)))
			}
			marks = append(marks, "("+strings.Join(places, ", ")+")")
		}
		dbkit.Exec(t, db, `INSERT INTO "`+name+`" (`+strings.Join(names, ", ")+`) VALUES `+strings.Join(marks, ", "), args...)
	}
	return tables
}

// contents are the rows of each table as the engine itself spells them: not as
// the driver and the code under test read them.
func contents(t *testing.T, db *store.DB, tables map[string][]shape) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for name, columns := range tables {
		var parts []string
		for _, c := range columns {
			col := `"` + c.name + `"`
			value := `typeof(` + col + `) || ':' || hex(` + col + `)`
			if db.Postgres() {
				value = map[string]string{
					"BIGINT": `'integer:' || upper(encode(convert_to(` + col + `::text, 'UTF8'), 'hex'))`,
					"TEXT":   `'text:' || upper(encode(convert_to(` + col + `, 'UTF8'), 'hex'))`,
					"BLOB":   `'blob:' || upper(encode(` + col + `, 'hex'))`,
				}[c.kind]
			}
			parts = append(parts, `'`+c.name+`=' || CASE WHEN `+col+` IS NULL THEN 'NULL' ELSE `+value+` END`)
		}
		dbkit.Each(t, db, `SELECT `+strings.Join(parts, ` || ' ' || `)+` FROM "`+name+`"`, func(scan func(...any) error) error {
			var row string
			if err := scan(&row); err != nil {
				return err
			}
			out[name] = append(out[name], row)
			return nil
		})
		slices.Sort(out[name])
	}
	return out
}

func sameRows(t *testing.T, want, got map[string][]string) {
	t.Helper()
	for name := range want {
		if len(want[name]) != len(got[name]) {
			t.Errorf("%s: %d rows, want %d", name, len(got[name]), len(want[name]))
			continue
		}
		for i, row := range want[name] {
			if got[name][i] != row {
				t.Errorf("%s: row %d is\n%.300s\nwant\n%.300s", name, i, got[name][i], row)
				break
			}
		}
	}
}
