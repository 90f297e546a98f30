package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

func TestSharesOnTheRealServer(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("hunter2", "secret", "set", "db/password")
	fields := func(out string) map[string]string {
		got := map[string]string{}
		for line := range strings.Lines(out) {
			if k, v, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
				got[strings.ToLower(k)] = v
			}
		}
		return got
	}
	phrase := filepath.Join(t.TempDir(), "phrase")
	if err := os.WriteFile(phrase, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	made := fields(s.ok("", "share", "create", "db/password", "--link", "--max-reads", "2", "--passphrase-file", phrase))
	id, url := made["id"], made["url"]
	if id == "" || !strings.HasSuffix(url, "/v1/share/"+id) {
		t.Fatalf("made %v", made)
	}
	s.fails(cli.ExitDenied, "share", "get", id)
	if got := s.ok("", "share", "get", url, "--passphrase-file", phrase); got != "hunter2" {
		t.Errorf("got %q", got)
	}
	if got := s.ok("open sesame\n", "share", "get", id, "--passphrase"); got != "hunter2" {
		t.Errorf("got %q", got)
	}
	s.fails(cli.ExitNotFound, "share", "get", id, "--passphrase-file", phrase)
	if out := s.ok("", "share", "list"); !strings.HasPrefix(out, id+"\tdb/password\tanyone_with_link\tused_up\t2 of 2\t") {
		t.Errorf("list: %q", out)
	}
	if out := s.ok("", "share", "list", "--inbound"); strings.Contains(out, id) {
		t.Errorf("inbound: %q", out)
	}
	s.fails(cli.ExitDenied, "share", "accept", id)
	s.fails(cli.ExitDenied, "share", "decline", id)
	s.ok("", "share", "revoke", id, "--yes")
	s.fails(cli.ExitNotFound, "share", "revoke", id, "--yes")
	s.fails(cli.ExitUsage, "share", "create", "db/password")
	s.fails(cli.ExitUsage, "share", "create", "db/password", "--link", "--creator")
	s.fails(cli.ExitNotFound, "share", "create", "db/none", "--link")
	me := fields(s.ok("", "whoami"))
	mine := fields(s.ok("", "share", "create", "db/password", "--user", me["id"]))["id"]
	s.fails(cli.ExitDenied, "share", "get", mine)
	s.ok("", "share", "accept", mine)
	if got := s.ok("", "share", "get", mine); got != "hunter2" {
		t.Errorf("got %q", got)
	}
	s.ok("", "share", "decline", mine)
}
