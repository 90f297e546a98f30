package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestOneByteOfTheLogAlteredInTheDatabase(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.start()
	owner := s.login()
	vault, _ := grant(t, owner, "**", "read")
	for n := range 30 {
		owner.want(t, 201, "PUT", fmt.Sprintf("%s/secrets/n%d/key", vault, n), map[string]string{"value": "v"})
	}
	events := export(t, owner)
	keys := filepath.Join(t.TempDir(), "log.pub")
	sh := on(t, s, "ONECLAW_TOKEN="+owner.token)
	if err := os.WriteFile(keys, []byte(sh.ok("", "audit", "keys")), 0o600); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if b, err := os.ReadFile(filepath.Join(p.data, "oneclaw.db-wal")); err == nil && len(b) > 0 {
		t.Fatalf("%d bytes are left in the write-ahead log", len(b))
	}

	// Columns follow each other in a row of the table: org_id, seq, id, at, action,
	// actor_kind, actor_id, ..., details, hash.
	target := events[len(events)/2]
	if target.Action != "secret.write" {
		t.Fatalf("event %d is %s", target.Seq, target.Action)
	}
	at := func(b []byte, text string) int {
		i := bytes.Index(b, []byte(text))
		if i < 0 || bytes.Count(b, []byte(text)) != 1 {
			t.Fatalf("%q is %d times in the database", text, bytes.Count(b, []byte(text)))
		}
		return i
	}
	found := func(text string, more int) func([]byte, int) int {
		return func(b []byte, row int) int { return row + bytes.Index(b[row:], []byte(text)) + more }
	}
	offset := func(n int) func([]byte, int) int { return func(_ []byte, row int) int { return row + n } }
	for name, where := range map[string]struct {
		position func(b []byte, row int) int
		id       bool // whether the row can still say which one it was
	}{
		"the id":                {offset(5), false},
		"the last of the id":    {offset(35), false},
		"the time":              {offset(36 + 4), true},
		"the action":            {found("secret.write", 3), true},
		"who did it":            {found("user", 10), true},
		"the path it was about": {found("/key", 2), true},
		"the details' JSON":     {found("{", 0), true},
		"the hash":              {found("}", 4), true},
		"the number":            {offset(-1), false},
		"the organisation":      {offset(-10), false},
		"the row's own header":  {offset(-1 - 36 - 3), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := newPlace(t)
			if err := os.CopyFS(q.data, os.DirFS(p.data)); err != nil {
				t.Fatal(err)
			}
			ownerOnly(t, q.data)
			file := filepath.Join(q.data, "oneclaw.db")
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b[where.position(b, at(b, target.ID))] ^= 1
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			r := on(t, q.start(), "ONECLAW_TOKEN="+owner.token).run("", "audit", "verify")
			if r.code != 1 || !strings.Contains(r.err, "number "+strconv.FormatUint(target.Seq, 10)) || (where.id && !strings.Contains(r.err, target.ID)) {
				t.Errorf("exit code %d, want the event %s, number %d:\n%s%s", r.code, target.ID, target.Seq, r.out, r.err)
			}
		})
	}
}

// ownerOnly gives a copied folder the modes that the server wants.
func ownerOnly(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOneByteOfAnExportAltered(t *testing.T) {
	t.Parallel()
	s := newPlace(t).start()
	owner := s.login()
	vault, _ := grant(t, owner, "**", "read")
	owner.want(t, 201, "PUT", vault+"/secrets/a/b", map[string]string{"value": "v"})
	owner.want(t, 200, "GET", vault+"/secrets/a/b", nil)
	sh := on(t, s, "ONECLAW_TOKEN="+owner.token)
	keys := strings.TrimSpace(sh.ok("", "audit", "keys"))
	whole := sh.ok("", "audit", "export")
	s.stop() // from here on there is no server

	if out := sh.ok(whole, "audit", "verify", "--file", "-", "--public-key", keys); !strings.HasPrefix(out, "whole\tyes\n") {
		t.Fatalf("the export as it is: %s", out)
	}
	step := len(whole)/60 | 1
	for i := 0; i < len(whole)-1; i += step {
		b := []byte(whole)
		b[i] ^= 1
		if r := sh.run(string(b), "audit", "verify", "--file", "-", "--public-key", keys); r.code == 0 {
			t.Errorf("byte %d altered: ...%s[%c]%s... is said to be whole", i, whole[max(0, i-40):i], b[i], whole[i+1:min(len(whole), i+40)])
		}
	}
	lines := strings.SplitAfter(whole, "\n")
	for name, altered := range map[string]string{
		"the last line is missing":   strings.Join(lines[:len(lines)-2], ""),
		"a line is missing":          strings.Join(append(append([]string{}, lines[:5]...), lines[6:]...), ""),
		"two lines changed places":   strings.Join(append(append(append([]string{}, lines[:5]...), lines[6], lines[5]), lines[7:]...), ""),
		"a line is there twice":      strings.Join(append(append([]string{}, lines[:6]...), lines[5:]...), ""),
		"a read became a write":      strings.Replace(whole, "secret.read", "secret.write", 1),
		"nothing is left":            "",
		"only the first line stayed": lines[0],
	} {
		if r := sh.run(altered, "audit", "verify", "--file", "-", "--public-key", keys); r.code != 1 && r.code != 2 {
			t.Errorf("%s: exit code %d: %s%s", name, r.code, r.out, r.err)
		}
	}
}
