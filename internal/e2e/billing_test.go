package e2e_test

import (
	"context"
	"database/sql"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that looks into a server's database

	_ "github.com/oneclaw-dev/oneclaw/internal/store" // the driver that looks into a server's file
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// counting is a place for servers that count, and what to look into their
// database with: asking the server would make it write.
type counting struct {
	*place
	driver, source string
}

// onBothEngines runs a test where the database is a file, and where it is PostgreSQL.
func onBothEngines(t *testing.T, test func(*testing.T, counting)) {
	t.Run("sqlite", func(t *testing.T) {
		p := newPlace(t)
		test(t, counting{p, "sqlite", "file:" + filepath.Join(p.data, "oneclaw.db") + "?mode=ro&_pragma=busy_timeout(10000)"})
	})
	t.Run("postgres", func(t *testing.T) {
		dsn := pgtest.Shared(t).DSN(t)
		test(t, counting{newNodes(t, dsn, 1).places[0], "pgx", dsn})
	})
}

// serves starts a server on it.
func (c counting) serves() *server {
	s := c.start()
	if c.command == "serve" {
		s.Email, s.Password = ownerEmail, ownerPassword
	}
	return s
}

// stored is what the database says all organisations together made.
func (c counting) stored() int64 {
	c.t.Helper()
	db := must[*sql.DB](c.t)(sql.Open(c.driver, c.source))
	defer db.Close()
	var n sql.NullInt64
	if err := db.QueryRowContext(c.t.Context(), `SELECT CAST(SUM(total) AS BIGINT) FROM billing_usage`).Scan(&n); err != nil {
		c.t.Fatal(err)
	}
	return n.Int64
}

// requests is what the server says that the caller's organisation made this month.
func (c caller) requests(t testing.TB) int64 {
	t.Helper()
	m := c.want(t, http.StatusOK, "GET", "/v1/billing/usage", nil)
	month, _ := m["current_month"].(map[string]any)
	n, ok := month["total_requests"].(float64)
	if !ok {
		t.Fatalf("usage is %v", m)
	}
	return int64(n)
}

// pressure sends requests that count from several callers until their server is
// gone or stop is called. It returns how many were answered and how many were not.
func pressure(t testing.TB, c caller, path string, answered *atomic.Int64) (end func() (lost int64)) {
	ctx, stop := context.WithCancel(t.Context())
	var lost atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		mine := c
		mine.http = over(t, &net.Dialer{})
		all.Go(func() {
			for ctx.Err() == nil {
				// Not with ctx: what is under way is answered.
				r, err := mine.try(t.Context(), "GET", path, nil)
				if err != nil {
					lost.Add(1)
					return
				}
				if r.status != http.StatusOK {
					t.Errorf("%d %s", r.status, r.body)
				}
				answered.Add(1)
			}
		})
	}
	return func() int64 {
		stop()
		all.Wait()
		return lost.Load()
	}
}

func TestAKilledServerLosesNoCountThatItHasWritten(t *testing.T) {
	onBothEngines(t, func(t *testing.T, c counting) {
		s := c.serves()
		owner := s.login()
		w := newWorker(t, owner, "counted")
		for round := range 4 {
			before := owner.requests(t)
			var answered atomic.Int64
			end := pressure(t, w.token.at(s), w.vault+"/secrets/one", &answered)
			// Nobody asks for the usage: the server writes by itself, while it is busy.
			eventually(t, "some counts in the database, and some only in memory", func() bool {
				seen := c.stored()
				return seen > before && answered.Load() > seen-before
			})
			written := c.stored()
			s.kill9()
			lost := end()
			s = c.serves()
			owner = owner.at(s)
			got := owner.requests(t)
			if most := before + answered.Load() + lost; got < written || got > most {
				t.Errorf("round %d: %d are counted; %d were written when it was killed, %d made at most", round, got, written, most)
			}
			t.Logf("round %d: %d of %d answers are counted", round, got-before, answered.Load())
		}
	})
}

func TestAServerThatStopsLosesNoCount(t *testing.T) {
	onBothEngines(t, func(t *testing.T, c counting) {
		s := c.serves()
		owner := s.login()
		w := newWorker(t, owner, "counted")
		for round := range 3 {
			before := owner.requests(t)
			var answered atomic.Int64
			end := pressure(t, w.token.at(s), w.vault+"/secrets/one", &answered)
			eventually(t, "200 requests", func() bool { return answered.Load() > 200 })
			s.stop()
			end()
			s = c.serves()
			owner = owner.at(s)
			if got, want := owner.requests(t)-before, answered.Load(); got != want {
				t.Errorf("round %d: %d answers, and %d are counted", round, want, got)
			}
		}
	})
}

func TestTwoNodesCountRequestsTogether(t *testing.T) {
	c := newNodes(t, pgtest.Shared(t).DSN(t), 2)
	servers := c.start()
	owner := servers[0].login()
	w := newWorker(t, owner, "counted")
	// Asking a node makes it write what it counted.
	total := func() int64 {
		owner.at(servers[1]).requests(t)
		return owner.requests(t)
	}
	before := total()
	both(t, servers, 4, 25, func(s *server) int { return w.token.at(s).do(t, "GET", w.vault+"/secrets/one", nil).status }, http.StatusOK)
	if got := total() - before; got != 200 {
		t.Errorf("200 requests at two nodes count %d", got)
	}

	// A limit of both together: nobody passes it on once both know of each other.
	org := text(t, owner.want(t, http.StatusOK, "GET", "/v1/auth/me", nil), "org_id")
	owner.want(t, http.StatusOK, "PUT", "/v1/admin/orgs/"+org+"/limits", map[string]any{"free_tier_override": total() + 60})
	limit := func(s *server) bool {
		return w.token.at(s).do(t, "GET", w.vault+"/secrets/one", nil).status == http.StatusPaymentRequired
	}
	for n, s := range servers {
		eventually(t, "the limit at a node", func() bool { return limit(s) })
		if n == 0 {
			owner.requests(t) // so that the other learns of it
		}
	}
	if got := total() - before; got < 260 || got > 320 {
		t.Errorf("with 60 more allowed, %d in all", got)
	}
	for _, s := range servers {
		if !limit(s) {
			t.Error("a node lets requests pass again")
		}
	}
}

func TestATierBitesOnEveryNode(t *testing.T) {
	c := newNodes(t, pgtest.Shared(t).DSN(t), 2)
	servers := c.start()
	owner := servers[0].login()
	there := owner.at(servers[1])
	org := text(t, owner.want(t, http.StatusOK, "GET", "/v1/auth/me", nil), "org_id")
	for _, name := range []string{"a", "b", "c", "d"} {
		there.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]string{"name": name})
	}
	put := func(tier string) {
		t.Helper()
		owner.want(t, http.StatusOK, "PUT", "/v1/admin/orgs/"+org+"/billing-tier", map[string]string{"tier": tier})
	}
	// More than the free tier has are there: one more is refused as soon as the node knows.
	n := 0
	more := func() int {
		n++
		return there.do(t, "POST", "/v1/vaults", map[string]string{"name": "more" + string(rune('a'+n%26)) + string(rune('a'+n/26%26)) + string(rune('a'+n/676))}).status
	}
	put("free")
	if r := owner.do(t, "POST", "/v1/vaults", map[string]string{"name": "here"}); r.status != http.StatusForbidden {
		t.Errorf("at its own node: %d %s", r.status, r.body)
	}
	eventually(t, "the tier at the other node", func() bool { return more() == http.StatusForbidden })
	put("enterprise")
	owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]string{"name": "here"})
	eventually(t, "no limit at the other node", func() bool { return more() == http.StatusCreated })
}
