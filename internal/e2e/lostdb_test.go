package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	refused(h.place, "missing or empty", keys+" and "+anchor)
	if err := os.Rename(keys, keys+"-old"); err != nil {
		t.Fatal(err)
	}
	refused(h.place, "missing or empty", anchor)
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
	for name, p := range map[string]*place{
		"with the folder of the old one": h.place,
		"with the keys of the old one": func() *place {
			p := h.elsewhere(t, "").place
			copyTree(t, filepath.Join(h.data, "keystore"), filepath.Join(p.data, "keystore"))
			return p
		}(),
	} {
		lost := *p
		lost.env = append(append([]string(nil), p.env...), "ONECLAW_DATABASE_URL_FILE="+writeFile(t, t.TempDir(), "dsn", other))
		s := lost.launch()
		if s.wait(); s.err == nil || !strings.Contains(s.output(), "PostgreSQL has no tables of oneclaw") {
			t.Errorf("%s: it ended with %v:\n%s", name, s.err, s.output())
		}
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
