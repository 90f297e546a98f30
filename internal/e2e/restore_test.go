package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

func TestARestoreThatIsKilledGoesOn(t *testing.T) {
	for engine, fresh := range map[string]func() string{
		"SQLite":     func() string { return "" },
		"PostgreSQL": func() string { return pgtest.Shared(t).DSN(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			h := newHouse(t, fresh())
			c, _ := h.backedUp()
			h.s.stop()
			other := newHouse(t, "")
			theirs, _ := other.backedUp()
			other.s.stop()
			unfinished := func(to *house) string { return filepath.Join(to.data, "restore-unfinished.json") }
			mark := func(to *house) {
				text := fmt.Sprintf(`{"backup": %q, "log": 7, "at": "2026-01-02T03:04:05Z"}`, sum(t, filepath.Join(c.db, "backup.json")))
				if err := errors.Join(os.MkdirAll(to.data, 0o700), os.WriteFile(unfinished(to), []byte(text), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			barred := func(to *house) {
				t.Helper()
				s := to.launch()
				if s.wait(); s.err == nil || !strings.Contains(s.output(), "did not come to its end") {
					t.Errorf("a server started on it: %v\n%s", s.err, s.output())
				}
			}

			t.Run("wherever it is", func(t *testing.T) {
				to := h.elsewhere(t, fresh())
				to.killed(15*time.Millisecond, func() (done bool) {
					if _, err := os.Stat(unfinished(to)); err == nil {
						barred(to)
						return false
					}
					if left := must[[]string](t)(filepath.Glob(filepath.Join(to.data, ".restoring-*"))); len(left) > 0 {
						barred(to)
						return false
					}
					// Without the mark nothing is in its place, or all is: asBefore looks.
					_, keys := os.Stat(filepath.Join(to.data, "keystore", "root.key"))
					_, db := os.Stat(filepath.Join(to.data, "oneclaw.db"))
					if engine == "SQLite" && (keys == nil) != (db == nil) {
						t.Errorf("keys: %v, database: %v, and nothing says that the rest is not there", keys, db)
					}
					return keys == nil
				}, c.restore()...)
				to.asBefore()
			})
			t.Run("before anything is in its place", func(t *testing.T) {
				to := h.elsewhere(t, fresh())
				if err := os.MkdirAll(filepath.Join(to.data, ".restoring-1", "data"), 0o700); err != nil {
					t.Fatal(err)
				}
				barred(to)
				to.done([]string{"are whole"}, c.restore()...)
				to.asBefore()
				to.s.stop()
			})
			t.Run("before its last step", func(t *testing.T) {
				to := h.elsewhere(t, fresh())
				mark(to) // so that what it restores is what the mark below names
				to.done(nil, c.restore()...)
				mark(to)
				barred(to)
				to.fails("another backup", theirs.restore()...)
				to.done([]string{"All was there already"}, c.restore()...)
				to.asBefore()
				to.s.stop()
				mark(to)
				to.fails("another database", c.restore()...) // it was served from since
			})
			t.Run("between the keys and the database", func(t *testing.T) {
				to := h.elsewhere(t, fresh())
				copyTree(t, c.keys, filepath.Join(to.data, "keystore"))
				for _, name := range []string{"backup.json", "backup.sig"} {
					remove(t, filepath.Join(to.data, "keystore", name))
				}
				mark(to)
				barred(to)
				to.done([]string{"are whole"}, c.restore()...)
				to.asBefore()
			})
			t.Run("and the keys are others", func(t *testing.T) {
				to := h.elsewhere(t, fresh())
				copyTree(t, theirs.keys, filepath.Join(to.data, "keystore"))
				mark(to)
				to.fails("is not the one of the backup", c.restore()...)
			})
		})
	}
}

// limited runs a command that may write files of so many bytes only: its disk is full
// then. Anybody may set that, unlike mount a small disk.
func (p *place) limited(bytes int, args ...string) (string, error) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "sh", append([]string{"-c", fmt.Sprintf(`ulimit -f %d; exec "$0" "$@"`, bytes/512), p.binary}, append(args, "--data", p.data)...)...)
	cmd.Env = append([]string{"HOME=" + p.home, "PATH=" + os.Getenv("PATH")}, p.env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestAFullDiskLeavesNoBackupAndNoServer(t *testing.T) {
	for engine, fresh := range map[string]func() string{
		"SQLite":     func() string { return "" },
		"PostgreSQL": func() string { return pgtest.Shared(t).DSN(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			h := newHouse(t, fresh())
			c := copies{filepath.Join(h.home, "db"), filepath.Join(h.home, "keys")}
			for _, bytes := range []int{0, 20 << 10, 100 << 10, 300 << 10} {
				out, err := h.limited(bytes, "backup", "--to", c.db, "--keys-to", c.keys)
				if err == nil {
					t.Fatalf("with %d bytes it said that it was done:\n%s", bytes, out)
				}
				if !strings.Contains(out, "no space for what is written to "+h.home) || strings.Contains(out, "The database") {
					t.Errorf("with %d bytes it said:\n%s", bytes, out)
				}
				for _, dir := range []string{c.db, c.keys} {
					if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
						t.Errorf("with %d bytes it left %v %v", bytes, left, err)
					}
				}
			}
			h.done(nil, "backup", "--to", c.db, "--keys-to", c.keys)
			h.s.stop()
			to := h.elsewhere(t, fresh())
			for _, bytes := range []int{512, 20 << 10, 100 << 10, 300 << 10} {
				if out, err := to.limited(bytes, c.restore()...); err == nil {
					t.Fatalf("with %d bytes it said that it was done:\n%s", bytes, out)
				}
				to.untouched()
			}
			to.done(nil, c.restore()...)
			to.asBefore()
		})
	}
}

// A refused restore leaves an empty folder empty, and one that was not there away.
func TestARefusedRestoreLeavesNothing(t *testing.T) {
	h := newHouse(t, "")
	c, _ := h.backedUp()
	h.s.stop()
	remove(t, keyFile(t, c.keys))
	to := h.elsewhere(t, "")
	to.fails("is missing", c.restore()...)
	if _, err := os.Stat(to.data); !os.IsNotExist(err) {
		t.Errorf("the data folder: %v", err)
	}
	if err := os.MkdirAll(to.data, 0o700); err != nil {
		t.Fatal(err)
	}
	to.fails("is missing", c.restore()...)
	to.fails("There is no keystore", "restore", "--from", c.db)
	if left := must[[]os.DirEntry](t)(os.ReadDir(to.data)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Everything that the API makes is there after a restore, from either engine into
// either, and after a move; and it works.
func TestEverythingComesBack(t *testing.T) {
	engines := map[string]func() string{
		"SQLite":     func() string { return "" },
		"PostgreSQL": func() string { return pgtest.Shared(t).DSN(t) },
	}
	for from, fresh := range engines {
		h := newHouse(t, fresh())
		f := furnish(t, h)
		f.remember(t, h)
		c, _ := h.backedUp()
		h.s.stop()
		t.Run("but what is sealed under keys that are lost", func(t *testing.T) {
			to := h.elsewhere(t, "") // looks at the database that is there
			if from == "SQLite" {
				copyTree(t, h.data, to.data)
			} else {
				copyTree(t, filepath.Join(h.data, "keystore"), filepath.Join(to.data, "keystore"))
			}
			for _, id := range []string{"shares", "system:approval-webhooks"} {
				remove(t, filepath.Join(to.data, "keystore", fmt.Sprintf("kek-%x.key", id)))
			}
			webhooks := filepath.Join(to.data, "keystore", fmt.Sprintf("kek-%x.key", "system:approval-webhooks"))
			to.fails("has not got the key of links of shares", "doctor")
			to.fails("has not got the key of signing secrets of webhooks", "doctor")
			writeFile(t, filepath.Dir(webhooks), filepath.Base(webhooks), "damaged")
			to.fails("The key of signing secrets of webhooks does not open: its file "+filepath.Base(webhooks)+" is damaged.", "doctor")
		})
		for to, fresh := range engines {
			t.Run(from+" to "+to, func(t *testing.T) {
				to := h.elsewhere(t, "")
				to.env = slices.DeleteFunc(slices.Clone(to.env), func(v string) bool { return strings.HasPrefix(v, "ONECLAW_DATABASE_URL_FILE=") })
				if dsn := fresh(); dsn != "" {
					to.env = append(to.env, "ONECLAW_DATABASE_URL_FILE="+writeFile(t, to.home, "dsn", dsn))
				}
				to.done([]string{"are whole"}, c.restore()...)
				f.works(t, to)
				to.s.stop()
			})
		}
		if from == "SQLite" {
			t.Run("moved to PostgreSQL", func(t *testing.T) {
				to := h.elsewhere(t, engines["PostgreSQL"]())
				to.data = h.data
				to.done([]string{"each arrived as it was"}, "migrate", "--from", h.data)
				to.done([]string{"All had arrived already"}, "migrate", "--from", h.data)
				f.works(t, to)
				to.s.stop()
				to.fails("not empty", "migrate", "--from", h.data)
			})
		}
	}
}

// furniture is what was made through the API.
type furniture struct {
	link, key, agentKey string
	gated               string
	lists               map[string]string // what they answered
	paths               []string
}

func furnish(t testing.TB, h *house) *furniture {
	t.Helper()
	f := &furniture{agentKey: h.w.key, lists: map[string]string{}}
	make := func(path string, body any) map[string]any {
		t.Helper()
		r := h.owner.do(t, "POST", path, body)
		if r.status/100 != 2 {
			t.Fatalf("POST %s: %d %s", path, r.status, r.body)
		}
		var m map[string]any
		if err := json.Unmarshal(r.body, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	secret := text(t, h.owner.want(t, http.StatusCreated, "PUT", h.w.vault+"/secrets/deep/path", map[string]any{"value": "ž\u0000漢", "type": "note", "metadata": map[string]any{"a": "é"}}), "id")
	h.owner.want(t, http.StatusCreated, "PUT", h.w.vault+"/secrets/gone", map[string]any{"value": "v"})
	if r := h.owner.do(t, "DELETE", h.w.vault+"/secrets/gone", nil); r.status/100 != 2 {
		t.Fatalf("delete: %d", r.status)
	}
	expires := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	share := "/v1/secrets/" + secret + "/share"
	f.link = text(t, make(share, map[string]any{"recipient_type": "anyone_with_link", "expires_at": expires}), "share_url")
	make(share, map[string]any{"recipient_type": "external_email", "recipient_email": "x@example.com", "expires_at": expires})
	make(share, map[string]any{"recipient_type": "agent", "recipient_id": h.w.id, "expires_at": expires})
	f.key = text(t, make("/v1/auth/api-keys", map[string]any{"name": "k"}), "api_key")
	make("/v1/org/invite", map[string]any{"email": "y@example.com", "role": "member"})
	make("/v1/security/ip-rules", map[string]any{"rule_type": "block", "cidr": "198.51.100.0/24", "label": "é"})
	second := text(t, make("/v1/vaults", map[string]any{"name": "second", "description": ""}), "id")
	f.gated = "/v1/vaults/" + second
	make(f.gated+"/policies", map[string]any{"secret_path_pattern": "gated/**", "principal_type": "agent", "principal_id": h.w.id, "permissions": []string{"read"}, "conditions": map[string]any{"require_approval": true}})
	h.owner.want(t, http.StatusCreated, "PUT", f.gated+"/secrets/gated/one", map[string]string{"value": "v"})
	h.w.token.want(t, http.StatusCreated, "POST", "/v1/approvals", map[string]any{"vault_id": second, "secret_path": "gated/one"})
	h.owner.want(t, http.StatusOK, "PUT", "/v1/org/approval-webhook", map[string]string{"url": "https://93.184.215.14/hook"})
	make("/v1/webhooks", map[string]any{"url": "https://93.184.215.14/events", "events": []string{"admin.user_delete"}})
	f.paths = []string{
		h.w.vault, h.w.vault + "/secrets", h.w.vault + "/policies", h.w.vault + "/secrets/deep/path", "/v1/vaults", "/v1/agents", "/v1/auth/api-keys", "/v1/org/members",
		"/v1/org/invitations", "/v1/security/ip-rules", "/v1/shares/outbound", "/v1/chains", "/v1/auth/me", "/v1/approvals", "/v1/org/approval-webhook", "/v1/webhooks", "/v1/audit/keys", "/.well-known/jwks.json",
	}
	return f
}

// steady leaves out what a look itself changes.
func steady(body []byte) string {
	var out []string
	for _, part := range strings.Split(string(body), ",") {
		if !strings.Contains(part, "last_used_at") && !strings.Contains(part, "last_active_at") && !lastCall(part) && !strings.Contains(part, "http://127.0.0.1") {
			out = append(out, part)
		}
	}
	return strings.Join(out, ",")
}

// lastCall is of the webhook for approvals, which is called meanwhile.
func lastCall(part string) bool {
	for _, name := range []string{"last_status", "last_error", "last_called_at", "last_delivered_at"} {
		if strings.Contains(part, name) {
			return true
		}
	}
	return false
}

func (f *furniture) remember(t testing.TB, h *house) {
	t.Helper()
	for _, path := range f.paths {
		r := h.owner.do(t, "GET", path, nil)
		if r.status != http.StatusOK {
			t.Fatalf("GET %s: %d %s", path, r.status, r.body)
		}
		f.lists[path] = steady(r.body)
	}
}

// A restore pauses webhooks (TestARestoreLeavesWebhooksPausedUntilTheyAreStarted), and leaves all
// else of them as it was.
var (
	restoredAt = regexp.MustCompile(`"paused_at":"[^"]*"`)
	unpaused   = strings.NewReplacer(`"status":"paused"`, `"status":"active"`, `"paused_for":"restored"`, `"paused_for":null`)
)

// works wants the server to have all of it, and each thing to do what it is for.
func (f *furniture) works(t *testing.T, h *house) {
	t.Helper()
	h.asBefore()
	if r := h.owner.do(t, "DELETE", h.w.vault+"/secrets/two", nil); r.status != http.StatusNoContent {
		t.Errorf("delete: %d", r.status)
	}
	for _, path := range f.paths {
		r := h.owner.do(t, "GET", path, nil)
		if got := unpaused.Replace(restoredAt.ReplaceAllString(steady(r.body), `"paused_at":null`)); r.status != http.StatusOK || got != f.lists[path] {
			t.Errorf("GET %s: %d\n%s\nwant\n%s", path, r.status, got, f.lists[path])
		}
	}
	_, link, _ := strings.Cut(f.link, "/v1/")
	anybody := h.owner.as("")
	if m := anybody.want(t, http.StatusOK, "GET", "/v1/"+link, nil); m["value"] != "ž\u0000漢" {
		t.Errorf("the link shows %v", m)
	}
	h.owner.as(f.key).want(t, http.StatusOK, "GET", "/v1/auth/me", nil)
	agent := h.owner.exchange(t, f.agentKey)
	agent.want(t, http.StatusForbidden, "GET", f.gated+"/secrets/gated/one", nil)
	if r := agent.do(t, "GET", "/v1/shares/inbound", nil); r.status != http.StatusOK || !strings.Contains(string(r.body), "agent") {
		t.Errorf("what is shared with the agent: %d %s", r.status, r.body)
	}
	h.owner.verified(t)
}

// The server that a backup is of may live on, so one that was made of it calls nobody before
// it is told to.
func TestARestoreLeavesWebhooksPausedUntilTheyAreStarted(t *testing.T) {
	for engine, fresh := range map[string]func() string{
		"SQLite":     func() string { return "" },
		"PostgreSQL": func() string { return pgtest.Shared(t).DSN(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			calls := make(chan string, 100)
			receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var e struct{ Type, Log string }
				if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
					t.Error(err)
				}
				calls <- e.Type + " of " + e.Log
			}))
			t.Cleanup(receiver.Close)
			called := func(what string) string {
				t.Helper()
				select {
				case got := <-calls:
					if !strings.HasPrefix(got, what+" of ") {
						t.Fatalf("called with %s, want %s", got, what)
					}
					return got
				case <-time.After(patience):
					t.Fatalf("not called with %s", what)
				}
				return ""
			}
			h := newHouse(t, fresh())
			h.s.stop()
			h.env = append(h.env, "ONECLAW_OUTBOUND_ALLOW=127.0.0.1")
			h.open()
			hook := "/v1/webhooks/" + h.owner.want(t, http.StatusCreated, "POST", "/v1/webhooks",
				map[string]any{"url": receiver.URL, "events": []string{"vault.create"}})["id"].(string)
			h.owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]any{"name": "before"})
			before := called("vault.create")
			db, keys := filepath.Join(h.home, "backup"), filepath.Join(h.home, "keys-backup")
			h.done(nil, "backup", "--to", db, "--keys-to", keys)
			h.s.stop()

			to := h.elsewhere(t, fresh())
			to.done([]string{"Webhooks are called no more"}, "restore", "--from", db, "--keys-from", keys)
			to.open()
			if m := to.owner.want(t, http.StatusOK, "GET", hook, nil); m["status"] != "paused" || m["paused_for"] != "restored" {
				t.Errorf("after the restore: %v, for %v", m["status"], m["paused_for"])
			}
			to.owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]any{"name": "unheard"})
			if m := to.owner.want(t, http.StatusOK, "PATCH", hook, map[string]any{"is_active": true}); m["status"] != "active" || m["paused_for"] != nil {
				t.Errorf("started: %v, for %v", m["status"], m["paused_for"])
			}
			to.owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]any{"name": "heard"})
			if after := called("vault.create"); after == before {
				t.Errorf("the log is still %s", after)
			}
			to.s.stop()
			if n := len(calls); n != 0 {
				t.Errorf("%d more calls: what came while it was paused was told", n)
			}
		})
	}
}
