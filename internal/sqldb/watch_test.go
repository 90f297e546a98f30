package sqldb_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// clocks are a wall clock that can be set, and a steady one.
type clocks struct {
	ran, set time.Duration
	said     bytes.Buffer
	cfg      store.Config
}

func newClocks(cfg store.Config) *clocks {
	c := &clocks{}
	c.cfg = cfg
	c.cfg.Clock, c.cfg.Steady = c.now, func() time.Duration { return c.ran }
	c.cfg.Log = slog.New(slog.NewTextHandler(&c.said, nil))
	return c
}

func (c *clocks) now() time.Time {
	return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC).Add(c.ran + c.set)
}

func (c *clocks) jumps() int { return strings.Count(c.said.String(), "the clock jumped") }

// sweeps causes every sweep that a running server does of tokens.
func (c *clocks) sweeps(t *testing.T, db *store.DB) {
	t.Helper()
	if err := db.Sweep(t.Context(), c.now(), c.now().Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := db.Revoke(t.Context(), dbkit.NewOrg(), dbkit.NewOrg(), c.now().Add(time.Hour), c.now(), nil); err != nil {
		t.Fatal(err)
	}
	if err := db.SpendToken(t.Context(), dbkit.NewOrg(), c.now().Add(time.Hour), c.now()); err != nil {
		t.Fatal(err)
	}
}

// TestAJumpOfTheClockRevivesNoToken sets the clock ahead while the server runs,
// while it is off, and lets sweeps run meanwhile.
func TestAJumpOfTheClockRevivesNoToken(t *testing.T) {
	for name, by := range map[string]time.Duration{"an hour": time.Hour, "40 days": 40 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
				c := newClocks(cfg)
				db := dbkit.Open(t, c.cfg)
				token, spent := dbkit.NewOrg(), dbkit.NewOrg()
				if err := db.Revoke(t.Context(), dbkit.NewOrg(), token, c.now().Add(15*time.Minute), c.now(), nil); err != nil {
					t.Fatal(err)
				}
				if err := db.SpendToken(t.Context(), spent, c.now().Add(15*time.Minute), c.now()); err != nil {
					t.Fatal(err)
				}
				holds := func(when string) {
					t.Helper()
					if is, err := db.Revoked(t.Context(), token); err != nil || !is {
						t.Errorf("%s: the token is revoked: %v, %v", when, is, err)
					}
					if err := db.SpendToken(t.Context(), spent, c.now().Add(time.Minute), c.now()); err == nil {
						t.Errorf("%s: the token was spent again", when)
					}
				}
				reopen := func() {
					t.Helper()
					if err := db.Close(); err != nil {
						t.Fatal(err)
					}
					db = dbkit.Open(t, c.cfg)
				}
				c.sweeps(t, db)
				for range 2 {
					c.set = by
					c.sweeps(t, db)
					c.sweeps(t, db)
					holds("ahead")
					c.set = 0
					c.sweeps(t, db)
					holds("back")
				}
				if c.jumps() != 2 {
					t.Errorf("%d jumps were told, not 2: %s", c.jumps(), &c.said)
				}
				if strings.Count(c.said.String(), "the clock is back") != 2 {
					t.Errorf("that the clock is back was not told: %s", &c.said)
				}
				c.set = by
				reopen()
				c.sweeps(t, db)
				holds("ahead at a start")
				c.set = 0
				reopen()
				c.sweeps(t, db)
				holds("back at a start")
			})
		})
	}
}

// TestAClockThatRunsEvenlyIsBelievedAgain: a day after a jump sweeps delete again,
// and a clock that stood before what was seen is told at the start.
func TestAClockThatRunsEvenlyIsBelievedAgain(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		c := newClocks(cfg)
		db := dbkit.Open(t, c.cfg)
		c.sweeps(t, db)
		rows := func() (n int) {
			t.Helper()
			dbkit.Scan(t, db, `SELECT COUNT(*) FROM revoked_tokens`, nil, &n)
			return n
		}
		seen := func() (at int64) {
			t.Helper()
			dbkit.Scan(t, db, `SELECT value FROM meta WHERE name = 'time_seen'`, nil, &at)
			return at
		}
		before := seen()
		if before != c.now().UnixMicro() {
			t.Errorf("seen was %d at %d", before, c.now().UnixMicro())
		}
		c.set = 40 * 24 * time.Hour
		for c.ran < 23*time.Hour {
			c.sweeps(t, db)
			c.ran += time.Hour
		}
		c.sweeps(t, db)
		if n := rows(); n != 25 || seen() != before {
			t.Errorf("%d rows, seen %d after a jump", n, seen())
		}
		c.ran += time.Hour
		c.sweeps(t, db)
		if n := rows(); n != 25 || seen() != c.now().UnixMicro() { // the one of before the jump went
			t.Errorf("%d rows after a day, seen %d", n, seen())
		}
		if c.jumps() != 1 {
			t.Errorf("%d jumps were told: %s", c.jumps(), &c.said)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		c.set = 0
		db = dbkit.Open(t, c.cfg)
		if off, err := db.ClockOff(t.Context(), c.now()); err != nil || off != -40*24*time.Hour {
			t.Errorf("the clock is off by %v, %v", off, err)
		}
		if c.jumps() != 2 {
			t.Errorf("a start before what was seen: %s", &c.said)
		}
	})
}

// TestManySmallJumpsAreOne: what is below the bound each time does not move it.
func TestManySmallJumpsAreOne(t *testing.T) {
	c := newClocks(store.Config{Dir: t.TempDir()})
	db := dbkit.Open(t, c.cfg)
	for range 60 {
		c.sweeps(t, db)
		c.set += time.Minute
	}
	if c.jumps() == 0 {
		t.Error("an hour in steps of a minute was not told")
	}
}

// TestWhatIsKeptTakesNoPlace: logins that ended fill no cap while sweeps rest.
func TestWhatIsKeptTakesNoPlace(t *testing.T) {
	dbkit.OnEach(t, func(t *testing.T, cfg store.Config) {
		c := newClocks(cfg)
		db := dbkit.Open(t, c.cfg)
		c.set = 40 * 24 * time.Hour
		for range 3 {
			d := account.Device{ID: dbkit.NewOrg(), DeviceHash: dbkit.NewOrg(), UserHash: dbkit.NewOrg(), Network: "n", Status: "pending",
				CreatedAt: c.now(), ExpiresAt: c.now().Add(10 * time.Minute)}
			if added, err := db.AddDevice(t.Context(), d, 1, 1, nil); err != nil || !added {
				t.Errorf("a login found no place: %v", err)
			}
			r := agent.EnrollRequest{ID: dbkit.NewOrg(), Email: "a@example.com", CreatedAt: c.now()}
			if _, added, err := db.AddEnrollRequest(t.Context(), r, "hash", c.now().Add(time.Hour), 10, nil); err != nil || !added {
				t.Errorf("an enrolment found no place: %v", err)
			}
			r.ID = dbkit.NewOrg()
			if wait, added, err := db.AddEnrollRequest(t.Context(), r, "hash", c.now().Add(time.Hour), 10, nil); err != nil || added || !wait.After(c.now()) {
				t.Errorf("an address was named again: %v, %v", wait, err)
			}
			c.ran += 2 * time.Hour
		}
		var n int
		if dbkit.Scan(t, db, `SELECT COUNT(*) FROM device_codes`, nil, &n); n != 3 {
			t.Errorf("%d logins are kept", n)
		}
	})
}
