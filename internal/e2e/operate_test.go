package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// run runs a command of the operator in the place, and returns what it printed
// and its exit code.
func (p *place) run(args ...string) (string, int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 5*patience) // commands of low priority wait for whatever else is busy
	defer cancel()
	cmd := exec.CommandContext(ctx, p.binary, append(args, "--data", p.data)...)
	cmd.Env = append([]string{"HOME=" + p.home, "PATH=" + os.Getenv("PATH")}, p.env...)
	out, err := cmd.CombinedOutput()
	if e := (*exec.ExitError)(nil); err != nil && !errors.As(err, &e) {
		p.t.Fatal(err)
	}
	if strings.Contains(string(out), ownerPassword) || strings.Contains(string(out), "postgres://") {
		p.t.Errorf("%v printed a secret:\n%s", args, out)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// done runs a command that must succeed and print the texts.
func (p *place) done(texts []string, args ...string) {
	p.t.Helper()
	out, code := p.run(args...)
	if code != 0 {
		p.t.Fatalf("%v: exit code %d:\n%s", args, code, out)
	}
	for _, s := range texts {
		if !strings.Contains(out, s) {
			p.t.Errorf("%v did not print %q:\n%s", args, s, out)
		}
	}
}

// fails runs a command that must fail and print the text.
func (p *place) fails(text string, args ...string) {
	p.t.Helper()
	if out, code := p.run(args...); code == 0 || !strings.Contains(out, text) {
		p.t.Errorf("%v: exit code %d, want a failure with %q:\n%s", args, code, text, out)
	}
}

// house is a server for the operator's commands, with something in it.
type house struct {
	*place
	s     *server
	owner caller
	w     *worker
}

// newHouse starts "oneclaw serve" on SQLite, or on PostgreSQL when dsn is set.
func newHouse(t testing.TB, dsn string) *house {
	p := newPlace(t)
	p.command = "serve"
	files := t.TempDir()
	p.env = []string{
		"ONECLAW_OWNER_EMAIL=" + ownerEmail, "ONECLAW_OWNER_PASSWORD_FILE=" + writeFile(t, files, "password", ownerPassword),
		"ONECLAW_RATE_AUTH=off", // PostgreSQL keeps the count, and each start logs in
	}
	if dsn != "" {
		p.env = append(p.env, "ONECLAW_DATABASE_URL_FILE="+writeFile(t, files, "dsn", dsn))
	}
	h := &house{place: p}
	h.open()
	h.w = newWorker(t, h.owner, "main")
	return h
}

func (h *house) open() {
	h.t.Helper()
	h.s = h.start()
	h.s.Email, h.s.Password = ownerEmail, ownerPassword
	h.owner = h.s.login()
}

// asBefore wants the server to have what newHouse put there.
func (h *house) asBefore() {
	h.t.Helper()
	h.open()
	agent := h.owner.exchange(h.t, h.w.key)
	if m := agent.want(h.t, http.StatusOK, "GET", h.w.vault+"/secrets/one", nil); m["value"] != "v" {
		h.t.Errorf("the secret is %v", m["value"])
	}
	h.owner.want(h.t, http.StatusCreated, "PUT", h.w.vault+"/secrets/two", map[string]string{"value": "later"})
	h.owner.verified(h.t)
	h.done(nil, "doctor", "--full")
}

func TestADisasterIsSurvivedWithTheBackups(t *testing.T) {
	for engine, fresh := range map[string]func() string{
		"SQLite":     func() string { return "" },
		"PostgreSQL": func() string { return pgtest.Shared(t).DSN(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			h := newHouse(t, fresh())
			db, keys := filepath.Join(h.home, "backup"), filepath.Join(h.home, "keys-backup")
			h.fails("must not lie together", "backup", "--to", db, "--keys-to", filepath.Join(db, "keys"))
			// The server serves while it is copied.
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan int)
			go func() { ended <- h.writes(ctx) }()
			h.done([]string{"Copied the database", "Keep them apart"}, "backup", "--to", db, "--keys-to", keys)
			stop()
			t.Logf("%d writes during the backup", <-ended)
			h.fails("is not empty", "backup", "--to", db)
			h.owner.want(t, http.StatusCreated, "PUT", h.w.vault+"/secrets/after", map[string]string{"value": "after the backup"})
			h.fails("", "restore", "--from", db, "--keys-from", keys) // onto a server that lives
			h.s.stop()

			t.Run("the server is lost", func(t *testing.T) {
				h := h.elsewhere(t, fresh())
				h.done([]string{"are whole", "Revoke them again"}, "restore", "--from", db, "--keys-from", keys)
				h.asBefore()
				if r := h.owner.do(t, "GET", h.w.vault+"/secrets/after", nil); r.status != http.StatusNotFound {
					t.Errorf("what came after the backup: %d", r.status)
				}
				h.s.stop()
				h.fails("empty", "restore", "--from", db, "--keys-from", keys)
				h.fails("empty", "restore", "--from", db)
			})
			t.Run("the database is lost", func(t *testing.T) {
				h := h.elsewhere(t, fresh())
				copyTree(t, keys, filepath.Join(h.data, "keystore"))
				h.done([]string{"are whole"}, "restore", "--from", db)
				h.asBefore()
			})
			t.Run("the keystore is lost with its backup", func(t *testing.T) {
				h := h.elsewhere(t, fresh())
				h.fails("There is no keystore", "restore", "--from", db)
				newHouseIn(t, h.data).s.stop() // another server's keys
				if err := os.Remove(filepath.Join(h.data, "oneclaw.db")); err != nil {
					t.Fatal(err)
				}
				h.fails("", "restore", "--from", db)
				h.untouched()
			})
			t.Run("only the database's own file is lost", func(t *testing.T) {
				if engine != "SQLite" {
					t.Log("PostgreSQL keeps no files here")
					return
				}
				h := h.elsewhere(t, "")
				newHouseIn(t, h.data).s.kill9() // its log of writes stays
				if err := os.Remove(filepath.Join(h.data, "oneclaw.db")); err != nil {
					t.Fatal(err)
				}
				if err := os.RemoveAll(filepath.Join(h.data, "keystore")); err != nil {
					t.Fatal(err)
				}
				h.fails("left of another database", "restore", "--from", db, "--keys-from", keys)
				h.untouched()
				for _, of := range []string{"-wal", "-shm"} {
					if err := os.Remove(filepath.Join(h.data, "oneclaw.db"+of)); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Remove(filepath.Join(h.data, "audit-signed.json")); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				h.done([]string{"are whole"}, "restore", "--from", db, "--keys-from", keys)
				h.asBefore()
			})
			t.Run("the keystore is lost under a server", func(t *testing.T) {
				h := h.elsewhere(t, fresh())
				h.done(nil, "restore", "--from", db, "--keys-from", keys)
				if err := os.RemoveAll(filepath.Join(h.data, "keystore")); err != nil {
					t.Fatal(err)
				}
				s := h.launch() // must not make new keys and carry on
				if s.wait(); s.err == nil || !strings.Contains(s.output(), "keystore is empty") {
					t.Errorf("it ended with %v:\n%s", s.err, s.output())
				}
			})
			t.Run("the backup is damaged", func(t *testing.T) {
				h := h.elsewhere(t, fresh())
				bad := filepath.Join(h.home, "bad")
				copyTree(t, db, bad)
				flip(t, filepath.Join(bad, "oneclaw.db"))
				h.fails("the file oneclaw.db was damaged or altered: table audit_events is not what it was", "restore", "--from", bad, "--keys-from", keys)
				// Whoever repairs the sums as well has the signature to forge, and whoever
				// talks the operator out of that has the log to fool.
				forge(t, bad)
				h.fails("the file backup.json was altered since it was signed", "restore", "--from", bad, "--keys-from", keys)
				h.untouched()
				remove(t, filepath.Join(bad, "backup.sig"))
				h.fails("is not signed", "restore", "--from", bad, "--keys-from", keys)
				h.fails("is not whole", "restore", "--from", bad, "--keys-from", keys, "--unsigned")
				h.untouched()
				if err := os.Remove(filepath.Join(bad, "backup.json")); err != nil {
					t.Fatal(err)
				}
				h.fails("no whole backup", "restore", "--from", bad, "--keys-from", keys)
			})
		})
	}
}

// writes writes until ctx ends and returns how often.
func (h *house) writes(ctx context.Context) (n int) {
	for ; ctx.Err() == nil; n++ {
		r, err := h.owner.try(context.WithoutCancel(ctx), "PUT", h.w.vault+"/secrets/busy", map[string]string{"value": "v"})
		if err != nil || r.status != http.StatusCreated {
			h.t.Errorf("a write during the backup: %v %+v", err, r)
			return n
		}
	}
	return n
}

// elsewhere is the same house on a machine where nothing is yet.
func (h *house) elsewhere(t testing.TB, dsn string) *house {
	p := *h.place
	p.t, p.data, p.home = t, filepath.Join(t.TempDir(), "data"), t.TempDir()
	if dsn != "" {
		p.env = append(slices.Clone(p.env), "ONECLAW_DATABASE_URL_FILE="+writeFile(t, p.home, "dsn", dsn))
	}
	return &house{place: &p, w: h.w}
}

// newHouseIn is another SQLite server's folder.
func newHouseIn(t testing.TB, data string) *house {
	h := newHouse(t, "")
	h.s.stop()
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	copyTree(t, h.data, data)
	p := *h.place
	p.data = data
	other := &house{place: &p, w: h.w}
	other.open()
	return other
}

// untouched wants nothing to be in the place that a server could start on, and
// nothing left of what was tried.
func (h *house) untouched() {
	h.t.Helper()
	for _, pattern := range []string{"oneclaw.db", ".restoring*"} {
		if left, err := filepath.Glob(filepath.Join(h.data, pattern)); err != nil || len(left) > 0 {
			h.t.Errorf("left behind: %v %v", left, err)
		}
	}
}

func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.Walk(to, func(name string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(name, map[bool]os.FileMode{true: 0o700, false: 0o600}[info.IsDir()])
	})
	if err != nil {
		t.Fatal(err)
	}
}

// flip changes one byte of an event that the database holds.
func flip(t testing.TB, file string) {
	t.Helper()
	b := must[[]byte](t)(os.ReadFile(file))
	at := strings.Index(string(b), "secret.write")
	if at < 0 {
		t.Fatal("no event in the file")
	}
	b[at+7] = 'W'
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// forge makes the backup's own sum of the database fit again.
func forge(t testing.TB, dir string) {
	t.Helper()
	file := filepath.Join(dir, "backup.json")
	var m map[string]any
	if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(file)), &m); err != nil {
		t.Fatal(err)
	}
	m["files"].(map[string]any)["oneclaw.db"].(map[string]any)["sha256"] = sum(t, filepath.Join(dir, "oneclaw.db"))
	if err := os.WriteFile(file, must[[]byte](t)(json.Marshal(m)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestMovingFromSQLiteToPostgreSQL(t *testing.T) {
	h := newHouse(t, "")
	for i := range 40 {
		h.owner.want(t, http.StatusCreated, "PUT", fmt.Sprintf("%s/secrets/many/%d", h.w.vault, i), map[string]string{"value": strings.Repeat("x", 20_000)})
	}
	to := h.elsewhere(t, pgtest.Shared(t).DSN(t))
	to.data = h.data // the same server, on another database
	migrate := []string{"migrate", "--from", h.data}
	h.fails("ONECLAW_DATABASE_URL_FILE", migrate...)
	to.fails("Another oneclaw process", migrate...)
	h.s.stop()
	before := sum(t, filepath.Join(h.data, "oneclaw.db"))

	// Killed at any point it leaves the target empty.
	killed := 0
	for delay := 5 * time.Millisecond; ; delay += 20 * time.Millisecond {
		cmd := exec.Command(to.binary, append(migrate, "--data", to.data)...)
		cmd.Env = append([]string{"HOME=" + to.home, "PATH=" + os.Getenv("PATH")}, to.env...)
		var out output
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(delay, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if err == nil {
			break
		}
		if cmd.ProcessState.Exited() {
			t.Fatalf("%v:\n%s", err, out.String())
		}
		killed++
	}
	t.Logf("killed %d times before it was let through", killed)
	if killed == 0 {
		t.Error("it was never killed: nothing was tested")
	}
	if sum(t, filepath.Join(h.data, "oneclaw.db")) != before {
		t.Error("the source was changed")
	}
	to.done([]string{"All had arrived already"}, migrate...)
	to.asBefore()
	to.fails("Another oneclaw process uses this data directory", migrate...)
	to.s.stop()
	to.fails("not empty", migrate...) // it was served from since
	to.open()
	if n := len(to.owner.want(t, http.StatusOK, "GET", h.w.vault+"/secrets?prefix=many/", nil)["secrets"].([]any)); n != 40 {
		t.Errorf("%d secrets, want 40", n)
	}
}

func TestSigningKeysAreRotatedBesideAServer(t *testing.T) {
	h := newHouse(t, "")
	before := h.owner
	h.done([]string{"token:000002"}, "keys", "rotate", "token")
	h.done([]string{"audit:2"}, "keys", "rotate", "audit")
	before.want(t, http.StatusOK, "GET", "/v1/auth/me", nil)
	before.verified(t)
	h.s.stop() // signs the end of the log with the new key
	h.open()
	before.at(h.s).want(t, http.StatusOK, "GET", "/v1/auth/me", nil)
	if kid(t, before.token) == kid(t, h.owner.token) {
		t.Error("the new token is signed with the old key")
	}
	h.owner.verified(t)
	keys := h.owner.want(t, http.StatusOK, "GET", "/v1/audit/keys", nil)
	if text := fmt.Sprint(keys); !strings.Contains(text, "audit:1") || !strings.Contains(text, "audit:2") {
		t.Errorf("the log's keys are %v", keys)
	}
	h.done([]string{"with 2 keys"}, "doctor", "--full")
}

func kid(t testing.TB, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	var h struct{ Kid string }
	if err := json.Unmarshal(must[[]byte](t)(base64.RawURLEncoding.DecodeString(head)), &h); err != nil {
		t.Fatal(err)
	}
	return h.Kid
}

func TestTheDoctorFindsWhatIsWrong(t *testing.T) {
	h := newHouse(t, "")
	h.done([]string{"ok    settings", "ok    database", "ok    keystore", "ok    vaults", "ok    signed log"}, "doctor") // beside the server
	h.s.stop()
	h.done([]string{"ok    log"}, "doctor", "--full")
	for name, c := range map[string]struct {
		harm func(h *house)
		says string
	}{
		"the data folder is open to all": {func(h *house) { chmod(h.t, h.data, 0o777) }, "FAIL  data folder"},
		"there is no database":           {func(h *house) { remove(h.t, filepath.Join(h.data, "oneclaw.db")) }, "FAIL  database"},
		"the database is empty": {func(h *house) {
			if err := os.Truncate(filepath.Join(h.data, "oneclaw.db"), 0); err != nil {
				h.t.Fatal(err)
			}
		}, "FAIL  database     The file oneclaw.db in "},
		"there is no root key":  {func(h *house) { remove(h.t, filepath.Join(h.data, "keystore", "root.key")) }, "FAIL  keystore"},
		"a vault's key is lost": {func(h *house) { removeKEKs(h.t, h.data) }, "has not got the key of vault"},
		"an event was altered":  {func(h *house) { flip(h.t, filepath.Join(h.data, "oneclaw.db")) }, "is not whole"},
		"the log is not the signed one": {func(h *house) {
			file := filepath.Join(h.data, "audit-signed.json")
			b := must[[]byte](h.t)(os.ReadFile(file))
			i := strings.Index(string(b), `"hash": "`) + len(`"hash": "`)
			if b[i]++; b[i] == '9'+1 || b[i] == 'f'+1 { // another digit of base 16
				b[i] = '0'
			}
			if err := os.WriteFile(file, b, 0o600); err != nil {
				h.t.Fatal(err)
			}
		}, "FAIL  signed log"},
		"a setting is not safe":   {func(h *house) { h.env = append(h.env, "ONECLAW_LISTEN=0.0.0.0:1") }, "FAIL  settings"},
		"the certificate is none": {func(h *house) { h.env = append(h.env, "ONECLAW_TLS_CERT_FILE=/x", "ONECLAW_TLS_KEY_FILE=/x") }, "FAIL  certificate"},
		"the database is not there": {func(h *house) {
			h.env = append(h.env, "ONECLAW_DATABASE_URL_FILE="+writeFile(h.t, h.home, "dsn", "postgres://u:hunter2@127.0.0.1:1/db"))
		}, "FAIL  database"},
	} {
		t.Run(name, func(t *testing.T) {
			sick := h.elsewhere(t, "")
			sick.env = slices.Clone(sick.env)
			copyTree(t, h.data, sick.data)
			c.harm(sick)
			out, code := sick.run("doctor", "--full")
			if code != 1 || !strings.Contains(out, c.says) || strings.Contains(out, "hunter2") {
				t.Errorf("exit code %d, want %q:\n%s", code, c.says, out)
			}
		})
	}
}

// A role that may not do all that a server does is no healthy database.
func TestTheDoctorFindsWhatARoleMayNotDo(t *testing.T) {
	dsn := pgtest.Shared(t).DSN(t)
	h := newHouse(t, dsn)
	h.done([]string{"ok    database"}, "doctor")
	h.s.stop()
	u := must[*url.URL](t)(url.Parse(dsn))
	sql, role := pgtest.Session(t, dsn), "lesser_"+strings.TrimPrefix(u.Path, "/")
	sql(`CREATE ROLE ` + role + ` LOGIN PASSWORD 'hunter2'; GRANT USAGE ON SCHEMA public TO ` + role)
	sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ` + role)
	u.User = url.UserPassword(role, "hunter2")
	h.env = append(h.env, "ONECLAW_DATABASE_URL_FILE="+writeFile(t, h.home, "dsn", u.String()))
	h.done([]string{"ok    database"}, "doctor")
	for harm, c := range map[string]struct {
		says, undo string
	}{
		"REVOKE DELETE ON sessions FROM $":                       {"FAIL  database     The server's role lacks DELETE on sessions", "GRANT DELETE ON sessions TO $"},
		"REVOKE ALL ON vaults FROM $":                            {"(read: ERROR: permission denied for table vaults (SQLSTATE 42501))", "GRANT SELECT, INSERT, UPDATE, DELETE ON vaults TO $"},
		"REVOKE ALL ON goose_db_version FROM $":                  {"permission denied for table goose_db_version", "GRANT SELECT ON goose_db_version TO $"},
		"ALTER ROLE $ SET default_transaction_read_only TO 'on'": {"FAIL  database     Its sessions may only read", "ALTER ROLE $ RESET default_transaction_read_only"},
	} {
		as := func(text string) string {
			return strings.ReplaceAll(text, "$", role)
		}
		sql(as(harm))
		out, code := h.run("doctor")
		if code != 1 || !strings.Contains(out, c.says) || strings.Contains(out, "hunter2") {
			t.Errorf("%s: exit code %d, want %q:\n%s", harm, code, c.says, out)
		}
		sql(as(c.undo))
	}
}

func chmod(t testing.TB, name string, mode os.FileMode) {
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, name string) {
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func removeKEKs(t testing.TB, data string) {
	names := must[[]string](t)(filepath.Glob(filepath.Join(data, "keystore", "kek-*")))
	if len(names) == 0 {
		t.Fatal("no keys")
	}
	for _, n := range names {
		remove(t, n)
	}
}
