package sqldb_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
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
	for name, fresh := range dbkit.Unmade {
		t.Run(name, func(t *testing.T) {
			describe := func(cfg store.Config, steps bool) []string {
				p, db := sqldb.Migrator(t, cfg, dbkit.Look(t, dbkit.Engines["sqlite"](t)).Parts())
				sources := p.ListSources()
				if len(sources) == 0 {
					t.Fatal("there are no migrations")
				}
				for i, s := range sources[1:] {
					if s.Version <= sources[i].Version {
						t.Errorf("migration %d comes after %d", s.Version, sources[i].Version)
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
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		org := dbkit.NewOrg()
		db := dbkit.Open(t, cfg)
		want := dbkit.AppendEvents(t, db, org, 3)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = dbkit.Open(t, cfg)
		want = append(want, dbkit.AppendEvents(t, db, org, 2)...)
		got := dbkit.Chain(t, db, org)
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
	cfg := dbkit.Unmade["postgres"](t)
	org := dbkit.NewOrg()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := store.Open(t.Context(), cfg)
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Append(t.Context(), dbkit.Event(org)); err != nil {
				t.Error(err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(dbkit.Chain(t, dbkit.Open(t, cfg), org)); n != 4 {
		t.Errorf("%d events, want 4", n)
	}
}

func TestAProgramRefusesASchemaThatLeftItBehind(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		// A later version adds.
		dbkit.Exec(t, db, "CREATE TABLE of_a_later_version (id BIGINT)")
		dbkit.Exec(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (90001, "+map[string]string{"sqlite": "1", "postgres": "true"}[db.Engine()]+")")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = dbkit.Open(t, cfg)
		dbkit.AppendEvents(t, db, dbkit.NewOrg(), 1)
		// One more takes away.
		dbkit.Exec(t, db, "UPDATE meta SET value = 90002 WHERE name = 'oldest_schema'")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(t.Context(), cfg); fault.CodeOf(err) != "schema_too_new" {
			t.Errorf("got %v, want schema_too_new", err)
		}
	})
}

// A program that knows of no generations of keys would write under keys that a
// rekey destroys, so it must not start beside one that rekeys.
func TestProgramsThatKnowNoGenerationsAreRefused(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		db := dbkit.Open(t, cfg)
		for known := range int64(9) {
			err := db.MayUse(t.Context(), known)
			if known < 7 && fault.CodeOf(err) != "schema_too_new" {
				t.Errorf("a program of schema %d: %v, want schema_too_new", known, err)
			}
			if known >= 7 && err != nil {
				t.Errorf("a program of schema %d: %v", known, err)
			}
		}
	})
}
