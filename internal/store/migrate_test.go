package store_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// schema is every table, index and column as the database describes it.
var schema = map[string]string{
	"sqlite": `SELECT type || ' ' || name || ' ' || COALESCE(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'goose%' AND tbl_name NOT LIKE 'goose%' ORDER BY 1`,
	"postgres": `SELECT * FROM (
		SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || COALESCE(collation_name, '') || ' ' || COALESCE(column_default, '') AS line
		FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%'
		UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%') s ORDER BY 1`,
}

func TestEveryStepOfTheMigrationsLeadsToTheSameSchema(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			describe := func(cfg store.Config, steps bool) []string {
				p, db := store.Migrator(t, cfg)
				sources := p.ListSources()
				if len(sources) == 0 {
					t.Fatal("there are no migrations")
				}
				for i, s := range sources {
					if s.Version != int64(i+1) {
						t.Errorf("migration %d has the number %d", i+1, s.Version)
					}
				}
				if steps {
					for _, s := range sources {
						if _, err := p.UpTo(t.Context(), s.Version); err != nil {
							t.Fatalf("to version %d: %v", s.Version, err)
						}
						if v, err := p.GetDBVersion(t.Context()); err != nil || v != s.Version {
							t.Fatalf("the database says version %d, %v, want %d", v, err, s.Version)
						}
					}
				} else if _, err := p.Up(t.Context()); err != nil {
					t.Fatal(err)
				}
				rows, err := db.QueryContext(t.Context(), schema[name])
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = rows.Close() }()
				var lines []string
				for rows.Next() {
					var line string
					if err := rows.Scan(&line); err != nil {
						t.Fatal(err)
					}
					lines = append(lines, line)
				}
				if err := rows.Err(); err != nil {
					t.Fatal(err)
				}
				return lines
			}
			whole, stepwise := describe(fresh(t), false), describe(fresh(t), true)
			if len(whole) < 20 || !slices.Equal(whole, stepwise) {
				t.Errorf("from empty:\n%q\nstep by step:\n%q", whole, stepwise)
			}
		})
	}
}

func TestOpenAgainKeepsAllThatIsThere(t *testing.T) {
	onEach(t, func(t *testing.T, cfg store.Config) {
		org := newOrg()
		db := open(t, cfg)
		want := appendEvents(t, db, org, 3)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = open(t, cfg)
		want = append(want, appendEvents(t, db, org, 2)...)
		got := chain(t, db, org)
		if len(got) != len(want) {
			t.Fatalf("%d events, want %d", len(got), len(want))
		}
		for i, r := range got {
			if r.ID != want[i].ID || r.Seq != uint64(i+1) {
				t.Errorf("event %d is %s with number %d, want %s", i+1, r.ID, r.Seq, want[i].ID)
			}
		}
	})
}

func TestManyOpenAnEmptyPostgresAtOnce(t *testing.T) {
	cfg := engines["postgres"](t)
	org := newOrg()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Append(t.Context(), event(org)); err != nil {
				t.Error(err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(chain(t, open(t, cfg), org)); n != 4 {
		t.Errorf("%d events, want 4", n)
	}
}
