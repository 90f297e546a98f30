package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// copies are the two folders of a backup.
type copies struct{ db, keys string }

// backedUp makes a backup of the place, and returns the public key that was printed.
func (p *place) backedUp(more ...string) (copies, string) {
	p.t.Helper()
	c := copies{filepath.Join(p.t.TempDir(), "db"), filepath.Join(p.t.TempDir(), "keys")}
	out, code := p.run(append([]string{"backup", "--to", c.db, "--keys-to", c.keys}, more...)...)
	key := regexp.MustCompile(`backup:\d+=\S{44}`).FindString(out)
	if code != 0 || key == "" || !strings.Contains(out, "are what the database has") {
		p.t.Fatalf("backup: exit code %d:\n%s", code, out)
	}
	return c, key
}

func (c copies) restore(more ...string) []string {
	return append([]string{"restore", "--from", c.db, "--keys-from", c.keys}, more...)
}

// twin is a copy of the backup that a test may harm.
func (c copies) twin(t testing.TB) copies {
	d := copies{filepath.Join(t.TempDir(), "db"), filepath.Join(t.TempDir(), "keys")}
	copyTree(t, c.db, d.db)
	copyTree(t, c.keys, d.keys)
	return d
}

func TestABackupIsWholeForEachCommandThatServes(t *testing.T) {
	t.Run("dev", func(t *testing.T) {
		p := newPlace(t)
		s := p.start()
		s.login().want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]string{"name": "kept"})
		c, key := p.backedUp() // beside the server
		s.stop()
		for _, name := range []string{s.Password, s.AgentAPIKey} {
			if holds(t, c.db, name) {
				t.Error("the copy of the database holds a password or a key")
			}
		}
		fresh := newPlace(t)
		fresh.done(nil, c.restore("--check")...)
		if _, err := os.Stat(fresh.data); err == nil {
			t.Error("a check made a data folder")
		}
		fresh.done([]string{"was signed with " + key}, c.restore("--key", key)...)
		again := fresh.start()
		if again.Password != s.Password || again.AgentAPIKey != s.AgentAPIKey {
			t.Error("dev has another password or agent")
		}
		if m := again.login().want(t, http.StatusOK, "GET", "/v1/vaults", nil); !strings.Contains(string(must[[]byte](t)(json.Marshal(m))), "kept") {
			t.Errorf("the vaults are %v", m)
		}
	})
	t.Run("serve with a sealed root key", func(t *testing.T) {
		h := newSealedHouse(t)
		c, _ := h.backedUp()
		h.s.stop()
		to := h.elsewhere(t, "")
		sealed := to.env
		to.env = sealed[:len(sealed)-1]
		to.fails("sealed under a passphrase", c.restore()...)
		to.untouched()
		to.env = sealed
		to.done([]string{"are whole"}, c.restore()...)
		to.asBefore()
	})
	t.Run("serve with keys in hardware", func(t *testing.T) {
		h := newHardwareHouse(t)
		h.fails("in a hardware module", "backup", "--to", filepath.Join(h.home, "b"), "--keys-to", filepath.Join(h.home, "k"))
		db := filepath.Join(h.home, "db")
		h.done([]string{"in the hardware module, and not in the backup", "ONECLAW_PKCS11_PIN_FILE"}, "backup", "--to", db)
		h.s.stop()
		to := h.elsewhere(t, "")
		to.done([]string{"can be restored"}, "restore", "--check", "--from", db)
		to.done([]string{"are whole"}, "restore", "--from", db)
		to.asBefore()
		to.s.stop()
		// Another token has none of the keys.
		other := h.elsewhere(t, "")
		other.env = append(newToken(t), other.env[0], other.env[1])
		other.fails("has not got the key that signed", "restore", "--from", db)
		other.untouched()
	})
}

func newSealedHouse(t testing.TB) *house {
	p := newPlace(t)
	p.command = "serve"
	files := t.TempDir()
	p.env = []string{
		"ONECLAW_OWNER_EMAIL=" + ownerEmail, "ONECLAW_OWNER_PASSWORD_FILE=" + writeFile(t, files, "password", ownerPassword),
		"ONECLAW_ROOT_PASSPHRASE_FILE=" + writeFile(t, files, "passphrase", "five words and no more"),
	}
	h := &house{place: p}
	h.open()
	h.w = newWorker(t, h.owner, "main")
	return h
}

func newHardwareHouse(t testing.TB) *house {
	p := newPlace(t)
	p.command = "serve"
	var err error
	if p.binary, err = build("oneclaw-hsm", "CGO_ENABLED=1", "-tags", "pkcs11"); err != nil {
		t.Fatal(err)
	}
	p.env = append([]string{"ONECLAW_OWNER_EMAIL=" + ownerEmail, "ONECLAW_OWNER_PASSWORD_FILE=" + writeFile(t, t.TempDir(), "password", ownerPassword)}, newToken(t)...)
	h := &house{place: p}
	h.open()
	h.w = newWorker(t, h.owner, "main")
	return h
}

// newToken makes a token of SoftHSM's, and returns the settings that name it.
func newToken(t testing.TB) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tokens"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf := "SOFTHSM2_CONF=" + writeFile(t, dir, "conf", "directories.tokendir = "+filepath.Join(dir, "tokens")+"\nobjectstore.backend = file\nlog.level = ERROR\n")
	cmd := exec.CommandContext(t.Context(), "softhsm2-util", "--init-token", "--free", "--label", "test", "--pin", "1234", "--so-pin", "123456")
	cmd.Env = append(os.Environ(), conf)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("softhsm2-util: %v: %s", err, out)
	}
	modules, err := filepath.Glob("/usr/lib/*/softhsm/libsofthsm2.so")
	if err != nil || len(modules) == 0 {
		modules = []string{"/usr/lib/softhsm/libsofthsm2.so"}
	}
	return []string{conf, "ONECLAW_KEYSTORE=pkcs11", "ONECLAW_PKCS11_MODULE=" + modules[0], "ONECLAW_PKCS11_TOKEN=test", "ONECLAW_PKCS11_PIN_FILE=" + writeFile(t, dir, "pin", "1234")}
}

func holds(t testing.TB, dir, text string) bool {
	t.Helper()
	for _, name := range must[[]string](t)(filepath.Glob(filepath.Join(dir, "*"))) {
		if strings.Contains(string(must[[]byte](t)(os.ReadFile(name))), text) {
			return true
		}
	}
	return false
}

func TestWhatWasDoneToABackupIsNamed(t *testing.T) {
	h := newHouse(t, "")
	h.s.stop() // it has signed the log
	c, key := h.backedUp()
	h.open()
	h.owner.want(t, http.StatusCreated, "PUT", h.w.vault+"/secrets/later", map[string]string{"value": "v"})
	later, _ := h.backedUp()
	h.s.stop()
	other := newHouse(t, "")
	other.s.stop()
	theirs, _ := other.backedUp()
	put := func(name, content string) {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	take := func(from, to string) { put(to, string(must[[]byte](t)(os.ReadFile(from)))) }
	for name, tc := range map[string]struct {
		harm func(c copies)
		says string
		more []string
	}{
		"the database is cut short": {func(c copies) {
			if err := os.Truncate(filepath.Join(c.db, "oneclaw.db"), 8192); err != nil {
				t.Fatal(err)
			}
		}, "the file oneclaw.db does not have the size", nil},
		"the database is another backup's": {func(c copies) { take(filepath.Join(later.db, "oneclaw.db"), filepath.Join(c.db, "oneclaw.db")) }, "the file oneclaw.db ", nil},
		"the anchor is missing":            {func(c copies) { remove(t, filepath.Join(c.db, "audit-signed.json")) }, "the file audit-signed.json is missing", nil},
		"two files are exchanged": {func(c copies) {
			take(filepath.Join(c.db, "oneclaw.db"), filepath.Join(c.db, "audit-signed.json"))
		}, "the file audit-signed.json does not have the size", nil},
		"a file is added":           {func(c copies) { put(filepath.Join(c.db, "oneclaw.db-wal"), "x") }, "the file oneclaw.db-wal was not in it", nil},
		"the list is another one's": {func(c copies) { take(filepath.Join(theirs.db, "backup.json"), filepath.Join(c.db, "backup.json")) }, "the file ", nil},
		"the signature is altered": {func(c copies) {
			take(filepath.Join(later.db, "backup.sig"), filepath.Join(c.db, "backup.sig"))
		}, "the file backup.json was altered since it was signed", nil},
		"the list is damaged":   {func(c copies) { put(filepath.Join(c.db, "backup.json"), "{") }, "the file backup.json was damaged or altered, and can't be read", nil},
		"a key is missing":      {func(c copies) { remove(t, keyFile(t, c.keys)) }, "is missing", nil},
		"a key is altered":      {func(c copies) { put(keyFile(t, c.keys), strings.Repeat("x", 61)) }, "was damaged or altered", nil},
		"a key is added":        {func(c copies) { put(filepath.Join(c.keys, "kek-00.key"), "x") }, "the file kek-00.key was not in it", nil},
		"the keys' list is cut": {func(c copies) { put(filepath.Join(c.keys, "backup.json"), "{}") }, "holds no backup of the keys", nil},
		"folders are exchanged": {func(c copies) { take(filepath.Join(c.keys, "backup.json"), filepath.Join(c.db, "backup.json")) }, "holds no backup of the database", nil},
		"keys are of another server": {func(c copies) {
			if err := os.RemoveAll(c.keys); err != nil {
				t.Fatal(err)
			}
			copyTree(t, theirs.keys, c.keys)
		}, "the file backup.json was altered since it was signed, or was signed by another key", nil},
		"all is of another server": {func(c copies) {
			for _, dir := range []string{c.db, c.keys} {
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
			}
			copyTree(t, theirs.db, c.db)
			copyTree(t, theirs.keys, c.keys)
		}, "signed by another key than the one that counts", []string{"--key", key}},
	} {
		t.Run(name, func(t *testing.T) {
			bad := c.twin(t)
			tc.harm(bad)
			to := h.elsewhere(t, "")
			to.fails(tc.says, bad.restore(tc.more...)...)
			to.untouched()
			to.fails(tc.says, bad.restore(append(tc.more, "--check")...)...)
		})
	}
	to := h.elsewhere(t, "")
	to.done([]string{"can be restored", "are whole"}, c.restore("--check", "--key", key)...)
	to.fails("A public key is", c.restore("--check", "--key", "nonsense")...)
	to.done([]string{"That key came with the backup"}, c.restore()...)
	to.done([]string{key}, "keys", "show")
	to.done([]string{"backup:2"}, "keys", "rotate", "backup")
	second, newer := to.backedUp()
	if !strings.HasPrefix(newer, "backup:2=") {
		t.Errorf("signed with %s", newer)
	}
	to.done([]string{newer}, second.restore("--check")...)
	to.done([]string{key}, "restore", "--check", "--from", c.db) // with the keystore that is there
}

// keyFile is some key's file.
func keyFile(t testing.TB, dir string) string {
	return must[[]string](t)(filepath.Glob(filepath.Join(dir, "kek-*")))[0]
}

// killed runs a command again and again and kills it a little later each time, by step
// and later by a tenth, until it comes to its end. between looks at what each kill left, and whether it had.
func (p *place) killed(step time.Duration, between func() (done bool), args ...string) {
	p.t.Helper()
	kills := 0
	for delay := step; ; delay += max(step, delay/10) {
		cmd := exec.Command(p.binary, append(args, "--data", p.data)...)
		cmd.Env = append([]string{"HOME=" + p.home, "PATH=" + os.Getenv("PATH")}, p.env...)
		var out output
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			p.t.Fatal(err)
		}
		timer := time.AfterFunc(delay, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if err == nil {
			break
		}
		if cmd.ProcessState.Exited() {
			p.t.Fatalf("after %d kills: %v:\n%s", kills, err, out.String())
		}
		if kills++; between() {
			break
		}
	}
	p.t.Logf("killed %d times before it was let through", kills)
	if kills == 0 {
		p.t.Error("it was never killed: nothing was tested")
	}
}

func TestABackupThatIsKilledLooksLikeNone(t *testing.T) {
	for engine, dsn := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.Shared(t).DSN(t)} {
		t.Run(engine, func(t *testing.T) {
			h := newHouse(t, dsn)
			c := copies{filepath.Join(h.home, "db"), filepath.Join(h.home, "keys")}
			h.killed(7*time.Millisecond, func() bool {
				for _, dir := range []string{c.db, c.keys} {
					if _, err := os.Stat(filepath.Join(dir, "backup.json")); err == nil {
						if dir == c.db {
							h.done([]string{"can be restored"}, c.restore("--check")...)
						}
						for _, d := range []string{c.db, c.keys} { // whole: the next one needs another place
							if err := os.RemoveAll(d); err != nil {
								t.Fatal(err)
							}
						}
						return false
					}
				}
				h.fails("no whole backup", c.restore("--check")...)
				return false
			}, "backup", "--to", c.db, "--keys-to", c.keys)
			h.done([]string{"can be restored"}, c.restore("--check")...)
			if left, err := filepath.Glob(filepath.Join(c.db, ".*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// A vault that gets one key after the other meanwhile: a key that came and went while
// the database was copied is in neither copy of the keystore.
func TestABackupBesideRekeysHasAllItsKeysOrIsNone(t *testing.T) {
	for engine, dsn := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.Shared(t).DSN(t)} {
		t.Run(engine, func(t *testing.T) {
			h := newHouse(t, dsn)
			ctx, stop := context.WithCancel(t.Context())
			var busy sync.WaitGroup
			busy.Go(func() {
				for ctx.Err() == nil { // one is refused while another runs
					r, err := h.owner.try(context.WithoutCancel(ctx), "POST", h.w.vault+"/rekey", nil)
					if err != nil {
						t.Error(err)
						return
					}
					if r.status == http.StatusConflict { // each refusal is an event that the backup copies, too
						time.Sleep(5 * time.Millisecond)
					}
				}
			})
			for i := range 2 {
				c := copies{filepath.Join(h.home, fmt.Sprint("db", i)), filepath.Join(h.home, fmt.Sprint("keys", i))}
				if out, code := h.run("backup", "--to", c.db, "--keys-to", c.keys); code != 0 {
					if !strings.Contains(out, "vaults got new keys") {
						t.Errorf("exit %d: %s", code, out)
					}
					if left, err := os.ReadDir(c.db); err != nil || len(left) > 0 {
						t.Errorf("left behind: %v %v", left, err)
					}
					continue
				}
				h.done([]string{"can be restored"}, c.restore("--check")...)
			}
			stop()
			busy.Wait()
			c, _ := h.backedUp()
			h.done([]string{"can be restored"}, c.restore("--check")...)
		})
	}
}
