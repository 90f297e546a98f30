package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/mailbox"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// nodes are places for servers that share a database and a keystore; each has a
// data folder of its own, as on machines of their own.
type nodes struct {
	t      testing.TB
	dsn    string
	keys   string // folder of the software keystore
	places []*place
}

func newNodes(t testing.TB, dsn string, n int, env ...string) *nodes {
	c := &nodes{t: t, dsn: dsn, keys: filepath.Join(t.TempDir(), "keys")}
	files := t.TempDir()
	for range n {
		p := newPlace(t)
		p.command = "serve"
		p.env = append([]string{
			"ONECLAW_DATABASE_URL_FILE=" + writeFile(t, files, "dsn", dsn), "ONECLAW_KEYSTORE_DIR=" + c.keys,
			"ONECLAW_OWNER_EMAIL=" + ownerEmail, "ONECLAW_OWNER_PASSWORD_FILE=" + writeFile(t, files, "password", ownerPassword),
			"ONECLAW_RATE_AUTH=off", // PostgreSQL keeps the count, and each start logs in
		}, env...)
		c.places = append(c.places, p)
	}
	return c
}

func writeFile(t testing.TB, dir, name, content string) string {
	t.Helper()
	f := filepath.Join(dir, name)
	if err := os.WriteFile(f, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// start starts all nodes, one after the other.
func (c *nodes) start() []*server {
	var out []*server
	for _, p := range c.places {
		s := p.start()
		s.Email, s.Password = ownerEmail, ownerPassword
		out = append(out, s)
	}
	return out
}

// cutListeners ends each session that listens for changes, as soon as it is
// there, until stop is called.
func (c *nodes) cutListeners() (stop func()) {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.dsn)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var cut atomic.Int64
	go func() {
		defer close(done)
		tick := time.NewTicker(3 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			var n int64
			err := conn.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE datname = current_database() AND query LIKE 'LISTEN%'`).Scan(&n)
			if err != nil && ctx.Err() == nil {
				c.t.Error(err)
				return
			}
			cut.Add(n)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	eventually(c.t, "a listener to cut", func() bool { return cut.Load() >= int64(len(c.places)) })
	return func() {
		cancel()
		<-done
		_ = conn.Close(context.Background())
	}
}

// change is something that must bite on every node: caller may read before it
// and not after.
type change struct {
	caller caller
	path   string
	after  int // the status then
	do     func()
}

// changes are made by the owner at one node and looked for at the others. Each
// gets an agent and a vault of its own.
var changes = map[string]func(t testing.TB, owner caller, w *worker) change{
	"a token is revoked": func(t testing.TB, _ caller, w *worker) change {
		return w.barred(w.token, http.StatusUnauthorized, func() { w.token.want(t, http.StatusNoContent, "DELETE", "/v1/auth/token", nil) })
	},
	"an agent is deactivated": func(t testing.TB, owner caller, w *worker) change {
		return w.barred(w.token, http.StatusUnauthorized, func() {
			owner.want(t, http.StatusOK, "PATCH", "/v1/agents/"+w.id, map[string]any{"is_active": false})
		})
	},
	"an agent is deleted": func(t testing.TB, owner caller, w *worker) change {
		return w.barred(w.token, http.StatusUnauthorized, func() { owner.want(t, http.StatusNoContent, "DELETE", "/v1/agents/"+w.id, nil) })
	},
	"an agent's key is rotated": func(t testing.TB, owner caller, w *worker) change {
		return w.barred(w.token.as(w.key), http.StatusUnauthorized, func() {
			owner.want(t, http.StatusOK, "POST", "/v1/agents/"+w.id+"/rotate-key", nil)
		})
	},
	"a policy is changed": func(t testing.TB, owner caller, w *worker) change {
		return w.barred(w.token, http.StatusForbidden, func() {
			owner.want(t, http.StatusOK, "PUT", w.vault+"/policies/"+w.policy, map[string]any{"permissions": []string{"write"}})
		})
	},
	"a policy is deleted": func(t testing.TB, owner caller, w *worker) change {
		return w.barred(w.token, http.StatusForbidden, func() {
			owner.want(t, http.StatusNoContent, "DELETE", w.vault+"/policies/"+w.policy, nil)
		})
	},
	"an address is denied": func(t testing.TB, owner caller, w *worker) change {
		denied := w.token
		const ip = "127.7.7.7"
		denied.http = from(t, ip)
		return w.barred(denied, http.StatusForbidden, func() {
			r := owner.want(t, http.StatusCreated, "POST", "/v1/security/ip-rules", map[string]string{"rule_type": "deny", "cidr": ip})
			w.after = func() { owner.want(t, http.StatusNoContent, "DELETE", "/v1/security/ip-rules/"+text(t, r, "id"), nil) }
		})
	},
	"an organisation's limits are changed": func(t testing.TB, owner caller, w *worker) change {
		email := "other-" + w.id + "@example.com"
		owner.as("").want(t, http.StatusOK, "POST", "/v1/auth/signup", map[string]string{"email": email, "password": ownerPassword})
		other := owner.as(text(t, owner.as("").want(t, http.StatusOK, "POST", "/v1/auth/verify-email",
			map[string]string{"token": mailed(t, w.mails, email)}), "access_token"))
		org := text(t, other.want(t, http.StatusOK, "GET", "/v1/auth/me", nil), "org_id")
		return change{other, "/v1/vaults", http.StatusPaymentRequired, func() {
			owner.want(t, http.StatusOK, "PUT", "/v1/admin/orgs/"+org+"/limits", map[string]any{"free_tier_override": 0})
		}}
	},
	"a personal key is revoked": func(t testing.TB, owner caller, w *worker) change {
		k := owner.want(t, http.StatusCreated, "POST", "/v1/auth/api-keys", map[string]any{"name": w.id})
		return w.barred(owner.as(text(t, k, "api_key")), http.StatusUnauthorized, func() {
			owner.want(t, http.StatusNoContent, "DELETE", "/v1/auth/api-keys/"+text(t, k, "key", "id"), nil)
		})
	},
}

// worker is an agent with a vault that holds one secret which it may read.
type worker struct {
	id, key, vault, policy string
	token                  caller
	after                  func() // undoes a change that others would feel
	mails                  *mailbox.Box
}

func mailed(t testing.TB, mails *mailbox.Box, email string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), mailbox.Patience)
	defer stop()
	token, err := mails.Token(ctx, email)
	if err != nil {
		t.Fatalf("no mail came to %s: %v", email, err)
	}
	return token
}

func newWorker(t testing.TB, owner caller, name string) *worker {
	w := &worker{}
	w.vault = "/v1/vaults/" + text(t, owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]string{"name": name}), "id")
	a := owner.want(t, http.StatusCreated, "POST", "/v1/agents", map[string]string{"name": name})
	w.id, w.key = text(t, a, "agent", "id"), text(t, a, "api_key")
	w.policy = text(t, owner.want(t, http.StatusCreated, "POST", w.vault+"/policies", map[string]any{
		"secret_path_pattern": "**", "principal_type": "agent", "principal_id": w.id, "permissions": []string{"read"}}), "id")
	owner.want(t, http.StatusCreated, "PUT", w.vault+"/secrets/one", map[string]string{"value": "v"})
	w.token = owner.exchange(t, w.key)
	return w
}

func (w *worker) barred(c caller, after int, do func()) change {
	return change{c, w.vault + "/secrets/one", after, do}
}

func TestTwoNodesAreOne(t *testing.T) {
	mails, err := mailbox.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer mails.Close()
	c := newNodes(t, pgtest.Shared(t).DSN(t), 2, "ONECLAW_SIGNUP=true", "ONECLAW_VERIFY_EMAIL=true",
		"ONECLAW_SMTP_HOST=127.0.0.1", "ONECLAW_SMTP_TLS=none", "ONECLAW_MAIL_FROM=oneclaw@example.com", fmt.Sprint("ONECLAW_SMTP_PORT=", mails.Port))
	servers := c.start()
	owner := servers[0].login()
	for way, cut := range map[string]bool{"with NOTIFY": false, "while NOTIFY is cut": true} {
		t.Run(way, func(t *testing.T) {
			stop := func() {}
			if cut {
				stop = c.cutListeners()
			}
			defer stop()
			var worst time.Duration
			for name, prepare := range changes {
				w := newWorker(t, owner, name+" "+way)
				w.mails = mails
				ch := prepare(t, owner, w)
				there := ch.caller.at(servers[1])
				for range 3 { // so that it is in that node's caches
					there.want(t, http.StatusOK, "GET", ch.path, nil)
				}
				ch.do()
				began := time.Now()
				if r := ch.caller.do(t, "GET", ch.path, nil); r.status != ch.after {
					t.Errorf("%s: at its own node %d, want %d at once", name, r.status, ch.after)
				}
				eventually(t, name+" at the other node", func() bool { return there.do(t, "GET", ch.path, nil).status == ch.after })
				took := time.Since(began)
				t.Logf("%s: on the other node after %v", name, took.Round(100*time.Microsecond))
				worst = max(worst, took)
				if w.after != nil {
					w.after()
				}
			}
			t.Logf("at most %v", worst.Round(100*time.Microsecond))
		})
	}
	for _, s := range servers {
		owner.at(s).verified(t)
	}
}

func TestTwoNodesCountTogether(t *testing.T) {
	c := newNodes(t, pgtest.Shared(t).DSN(t), 2, "ONECLAW_RATE_AUTH=0.001:4")
	servers := c.start()
	owner := servers[0].login()
	w := newWorker(t, owner, "counted")

	const most = 40
	owner.want(t, http.StatusCreated, "PUT", w.vault+"/secrets/few", map[string]any{"value": "v", "max_access_count": most})
	served, refused := both(t, servers, 8, 10, func(s *server) int { return w.token.at(s).do(t, "GET", w.vault+"/secrets/few", nil).status }, http.StatusOK)
	if served != most || refused != 160-most {
		t.Errorf("%d reads of a secret that may be read %d times, %d refused", served, most, refused)
	}

	attempt := map[string]string{"email": "nobody@example.com", "password": "x"}
	address := from(t, "127.0.0.9")
	looked, limited := both(t, servers, 4, 3, func(s *server) int {
		g := plain(t, s.APIURL)
		g.http = address
		return g.do(t, "POST", "/v1/auth/token", attempt).status
	}, http.StatusUnauthorized)
	if looked != 4 || limited != 24-4 {
		t.Errorf("%d attempts at two nodes with a limit of 4, %d limited", looked, limited)
	}

	// Versions follow each other, whoever writes.
	written, lost := both(t, servers, 4, 5, func(s *server) int {
		return owner.at(s).do(t, "PUT", w.vault+"/secrets/contested", map[string]string{"value": "v"}).status
	}, http.StatusCreated)
	m := owner.want(t, http.StatusOK, "GET", w.vault+"/secrets/contested", nil)
	if m["version"] != float64(written) || lost != 0 {
		t.Errorf("%d writes and %d refused gave version %v", written, lost, m["version"])
	}
	for _, s := range servers {
		owner.at(s).verified(t)
	}
}

func TestTwoNodesCountAShareTogether(t *testing.T) {
	c := newNodes(t, pgtest.Shared(t).DSN(t), 2)
	servers := c.start()
	owner := servers[0].login()
	w := newWorker(t, owner, "shared")
	secret := text(t, owner.want(t, http.StatusOK, "GET", w.vault+"/secrets/one", nil), "id")
	const most = 20
	share := text(t, owner.want(t, http.StatusCreated, "POST", "/v1/secrets/"+secret+"/share",
		map[string]any{"recipient_type": "anyone_with_link", "max_access_count": most}), "id")
	served, refused := both(t, servers, 6, 5, func(s *server) int { return owner.as("").at(s).do(t, "GET", "/v1/share/"+share, nil).status }, http.StatusOK)
	if served != most || refused != 60-most {
		t.Errorf("%d accesses of a share for %d, %d refused", served, most, refused)
	}
	owner.at(servers[1]).verified(t)
}

// both lets callers loose at all nodes at once, and counts the answers with the
// status and all others.
func both(t testing.TB, servers []*server, callers, each int, ask func(*server) int, status int) (with, other int) {
	t.Helper()
	var yes, no atomic.Int64
	var all sync.WaitGroup
	for _, s := range servers {
		for range callers {
			all.Go(func() {
				for range each {
					if ask(s) == status {
						yes.Add(1)
					} else {
						no.Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	return int(yes.Load()), int(no.Load())
}

func TestANodeOnANewerSchemaServes(t *testing.T) {
	c := newNodes(t, pgtest.Shared(t).DSN(t), 1)
	s := c.start()[0]
	owner := s.login()
	w := newWorker(t, owner, "main")
	conn := must[*pgx.Conn](t)(pgx.Connect(t.Context(), c.dsn))
	defer func() { _ = conn.Close(context.Background()) }()
	for _, sql := range []string{
		"CREATE TABLE of_a_later_version (id BIGINT)", "ALTER TABLE secrets ADD COLUMN later BIGINT NOT NULL DEFAULT 0",
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (90001, true)",
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	write := func(s *server) {
		t.Helper()
		owner.at(s).want(t, http.StatusCreated, "PUT", w.vault+"/secrets/two", map[string]string{"value": "v"})
		w.token.at(s).want(t, http.StatusOK, "GET", w.vault+"/secrets/two", nil)
	}
	write(s)
	s.stop()
	s = c.places[0].start()
	write(s)
	s.stop()
	if _, err := conn.Exec(t.Context(), "UPDATE meta SET value = 90002 WHERE name = 'oldest_schema'"); err != nil {
		t.Fatal(err)
	}
	s = c.places[0].launch()
	s.wait()
	if s.err == nil || !strings.Contains(s.output(), "later version of oneclaw") {
		t.Errorf("it ended with %v:\n%s", s.err, s.output())
	}
}

func TestAnUpgradeWithoutDowntime(t *testing.T) {
	c := newNodes(t, pgtest.Shared(t).DSN(t), 2)
	ports := must[[]string](t)(freePorts(2))
	for i, p := range c.places {
		p.listen = ports[i] // the same again after each restart, as in production
	}
	servers := c.start()
	owner := servers[0].login()
	w := newWorker(t, owner, "main")
	owner.want(t, http.StatusCreated, "POST", w.vault+"/policies", map[string]any{
		"secret_path_pattern": "**", "principal_type": "agent", "principal_id": w.id, "permissions": []string{"read", "write"}})
	bases := []string{servers[0].APIURL, servers[1].APIURL}
	ctx, stop := context.WithCancel(t.Context())
	var served, moved atomic.Int64
	var load sync.WaitGroup
	for n := range 6 {
		load.Go(func() { w.balanced(t, ctx, bases, n, &served, &moved) })
	}
	more := func(n int64) {
		t.Helper()
		want := served.Load() + n
		eventually(t, "more requests", func() bool { return served.Load() >= want })
	}
	for round := range 2 {
		for i := range servers {
			more(100)
			servers[i].stop()
			more(100)
			servers[i] = c.places[i].start()
		}
		t.Logf("round %d: %d requests served, %d times the other node was asked", round, served.Load(), moved.Load())
	}
	more(100)
	stop()
	load.Wait()
	if moved.Load() == 0 {
		t.Error("no caller met a node that was down: nothing was tested")
	}
	owner.at(servers[1]).verified(t)
}

// balanced writes and reads as behind a load balancer: at the other node when
// one refuses the connection. Every other failure is an error.
func (w *worker) balanced(t testing.TB, ctx context.Context, bases []string, n int, served, moved *atomic.Int64) {
	c := w.token
	c.http = from(t, fmt.Sprintf("127.1.0.%d", 1+n))
	at := n
	for i := 0; ctx.Err() == nil; i++ {
		method, body, status := "GET", any(nil), http.StatusOK
		path := w.vault + "/secrets/one"
		if i%4 == 0 {
			method, body, status, path = "PUT", map[string]string{"value": "v"}, http.StatusCreated, fmt.Sprintf("%s/secrets/w%d", w.vault, n)
		}
		for try := 0; ; try++ {
			c.base = bases[at%len(bases)]
			r, err := c.try(context.WithoutCancel(ctx), method, path, body)
			if err != nil && strings.Contains(err.Error(), "connection refused") && try < 1000 {
				at++
				moved.Add(1)
				continue
			}
			if err != nil || r.status != status {
				t.Errorf("%s %s: %v, %+v", method, path, err, r)
				return
			}
			break
		}
		served.Add(1)
	}
}
