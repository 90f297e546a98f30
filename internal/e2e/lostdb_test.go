package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// A server whose database is gone makes no new one beside the keys of the old one,
// however it went.
func TestAServerWithoutItsDatabaseDoesNotBeginAnew(t *testing.T) {
	h := newHouse(t, "")
	c, _ := h.backedUp()
	h.s.kill9() // the log of writes stays
	file, keys, anchor := filepath.Join(h.data, "oneclaw.db"), filepath.Join(h.data, "keystore"), filepath.Join(h.data, "audit-signed.json")
	_ = os.Remove(anchor)
	for _, of := range []string{"-wal", "-shm"} {
		if err := os.Rename(file+of, filepath.Join(h.home, "oneclaw.db"+of)); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(p *place, texts ...string) {
		t.Helper()
		for _, p.command = range []string{"dev", "serve"} {
			s := p.launch()
			s.wait()
			for _, text := range append(texts, "The database is gone", "oneclaw restore", "begin anew", "move") {
				if s.err == nil || !strings.Contains(s.output(), text) {
					t.Errorf("%s ended with %v, want a failure with %q:\n%s", p.command, s.err, text, s.output())
				}
			}
		}
	}
	remove(t, file)
	refused(h.place, "missing or empty", keys)
	if _, err := os.Stat(file); err == nil {
		t.Error("the refused start left a database")
	}
	writeFile(t, h.data, "oneclaw.db", "")
	refused(h.place, "missing or empty", keys)
	h.done(nil, "restore", "--from", c.db) // the keystore is there, and an empty file is no database
	h.asBefore()
	h.s.stop()
	remove(t, file)
	refused(h.place, "missing or empty", keys+" and "+anchor+" were used with one", "and keep them: without the keys backups do not open")
	if err := os.Rename(keys, keys+"-old"); err != nil {
		t.Fatal(err)
	}
	refused(h.place, "missing or empty", anchor+" was used with one", "and keep it.")
	if err := os.Rename(anchor, anchor+"-old"); err != nil {
		t.Fatal(err)
	}
	h.open() // anew, as was said
	h.s.stop()
}

func TestANodeWithoutItsDatabaseDoesNotBeginAnew(t *testing.T) {
	cluster := pgtest.Shared(t)
	h := newHouse(t, cluster.DSN(t))
	h.s.stop()
	other := cluster.DSN(t)
	refused := func(name string, p *place) {
		t.Helper()
		lost := *p
		lost.env = append(append([]string(nil), p.env...), "ONECLAW_DATABASE_URL_FILE="+writeFile(t, t.TempDir(), "dsn", other))
		s := lost.launch()
		if s.wait(); s.err == nil || !strings.Contains(s.output(), "PostgreSQL has no tables of oneclaw") {
			t.Errorf("%s: it ended with %v:\n%s", name, s.err, s.output())
		}
	}
	places := map[string]*place{
		"with the folder of the old one": h.place,
		"with the keys of the old one": func() *place {
			p := h.elsewhere(t, "").place
			copyTree(t, filepath.Join(h.data, "keystore"), filepath.Join(p.data, "keystore"))
			return p
		}(),
	}
	for name, p := range places {
		refused(name, p)
	}
	// What a migrate that was killed leaves: the tables, and nothing in them.
	db, err := store.Open(t.Context(), store.Config{PostgresDSN: other})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for name, p := range places {
		refused(name+", and empty tables", p)
	}
	h.asBefore()
	// Another node, with the same keys and a folder of its own.
	node := h.elsewhere(t, "")
	copyTree(t, filepath.Join(h.data, "keystore"), filepath.Join(node.data, "keystore"))
	node.asBefore()
}

// One data folder is for one server, also when the database is elsewhere.
func TestADataFolderIsForOneServer(t *testing.T) {
	h := newHouse(t, pgtest.Shared(t).DSN(t))
	s := h.launch()
	if s.wait(); s.err == nil || !strings.Contains(s.output(), "Another oneclaw process uses this data directory") {
		t.Errorf("it ended with %v:\n%s", s.err, s.output())
	}
	h.done(nil, "doctor") // what only looks may be beside it
}

// Verify and health both find an older database that was put in the place of the signed
// one. A damaged key has an error of its own.
func TestVerifySeesWhatHealthSees(t *testing.T) {
	h := newHouse(t, "")
	h.s.stop()
	file := filepath.Join(h.data, "oneclaw.db")
	old := must[[]byte](t)(os.ReadFile(file))
	h.open()
	h.owner.verified(t)
	h.s.stop() // signs what is there
	if err := os.WriteFile(file, old, 0o600); err != nil {
		t.Fatal(err)
	}
	h.open()
	verify := func() map[string]any { return h.owner.do(t, "GET", "/v1/audit/verify", nil).fields(t) }
	if m := verify(); m["ok"] != false || !strings.Contains(fmt.Sprint(m["problem"]), "which this server signed") {
		t.Errorf("verify: %v", m)
	}
	h.s.stop()
	key := filepath.Join(h.data, "keystore", fmt.Sprintf("signer-%x.key", "audit:1"))
	if err := os.Truncate(key, 5); err != nil {
		t.Fatal(err)
	}
	h.open()
	for _, path := range []string{"/v1/audit/verify", "/v1/audit/keys"} {
		if m := h.owner.do(t, "GET", path, nil).fields(t); m["code"] != "log_key_unusable" || m["status"] != 500.0 {
			t.Errorf("%s with a damaged key: %v", path, m)
		}
	}
	remove(t, key)
	h.s.stop()
	s := h.launch()
	if s.wait(); s.err == nil || strings.Contains(s.output(), "keystore is empty") || !strings.Contains(s.output(), "signs the audit log (audit:1") {
		t.Errorf("without the key that signs the log it ended with %v:\n%s", s.err, s.output())
	}
}

func TestADamagedFileOfDevIsNamed(t *testing.T) {
	p := newPlace(t)
	p.start().stop()
	if err := os.Truncate(filepath.Join(p.data, "dev-owner.json"), 20); err != nil {
		t.Fatal(err)
	}
	s := p.launch()
	if s.wait(); s.err == nil || !strings.Contains(s.output(), "dev-owner.json in the data folder is damaged") || !strings.Contains(s.output(), "from a backup of the keys") {
		t.Errorf("it ended with %v:\n%s", s.err, s.output())
	}
}
