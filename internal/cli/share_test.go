package cli_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
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
	for _, ref := range []string{mine, "db/password"} {
		if got := s.ok("", "share", "get", ref); got != "hunter2" {
			t.Errorf("%s: got %q", ref, got)
		}
	}
	s.fails(cli.ExitNotFound, "share", "get", "db/none")
	s.ok("", "share", "decline", mine)
}

// TestAShareIsReadFromItsLink: by whoever has it, without login and settings.
func TestAShareIsReadFromItsLink(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("hunter2", "secret", "set", "db/password")
	link := regexp.MustCompile(`http://\S+`).FindString(s.ok("", "share", "create", "db/password", "--link", "--max-reads", "3"))
	s.tty = "o"
	if out := s.ok("", "share", "create", "db/password", "--link"); !regexp.MustCompile(`http://[^/ ]+/share/\S+`).MatchString(out) || strings.Contains(out, "/v1/share/") {
		t.Errorf("a person is told %q", out)
	}
	for i := range 4 { // the fourth within an hour is not mailed
		out := s.ok("", "share", "create", "db/password", "--email", "eve@example.com")
		mailed, none := strings.Contains(out, "in the mail to eve@example.com"), strings.Contains(out, "none was sent")
		if mailed != (i < 3) || none != (i == 3) || strings.Contains(out, "http://") || strings.Contains(out, "external_email") {
			t.Errorf("share %d by mail: %q", i, out)
		}
	}
	s.tty = ""
	stranger := newShell(t, "")
	for who, sh := range map[string]*shell{"a stranger": stranger, "its maker": s} {
		if got := sh.ok("", "share", "get", link); got != "hunter2" {
			t.Errorf("%s got %q", who, got)
		}
	}
	if got := stranger.ok("", "share", "get", strings.Replace(link, "/v1/share/", "/share/", 1)+"?x=1"); got != "hunter2" {
		t.Errorf("the page's link: %q", got)
	}
	stranger.fails(cli.ExitNotFound, "share", "get", link) // used up
	for _, wrong := range []string{"https:///v1/share/1", "https://user@example.com/share/1", "https://example.com/1"} {
		stranger.fails(cli.ExitUsage, "share", "get", wrong)
	}
	s.fails(cli.ExitNotFound, "share", "get", "example.com/share/1") // a path: only what has :// is a link
}

// The log says which share a stranger read by: of several of one secret nothing else tells them apart.
func TestTheLogNamesTheShareThatAStrangerReadBy(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	s.ok("hunter2", "secret", "set", "db/password")
	link := func() string {
		return regexp.MustCompile(`http://\S+`).FindString(s.ok("", "share", "create", "db/password", "--link", "--max-reads", "3"))
	}
	read, other := link(), link()
	newShell(t, "").ok("", "share", "get", read)
	out := s.ok("", "audit", "list", "--action", "share.access")
	_, id, _ := strings.Cut(strings.TrimSpace(out), "anonymous by share:")
	id, _, _ = strings.Cut(id, "\t")
	if strings.Count(out, "\n") != 1 || len(id) != 36 {
		t.Fatalf("the log has\n%s", out)
	}
	if got := s.ok("", "audit", "list", "--resource", read, "--action", "share.access"); got != out {
		t.Errorf("of the link that was read the log has\n%s", got)
	}
	if got := s.ok("", "audit", "list", "--resource", other, "--action", "share.access"); got != "" {
		t.Errorf("of the other link the log has\n%s", got)
	}
	s.tty, s.width = "o", 200
	short := console.Shortened(id)
	if out := s.ok("", "audit", "list", "--action", "share.access"); !strings.Contains(out, "anonymous by share:"+short+" ") {
		t.Errorf("a person sees\n%s", out)
	}
	if out := s.ok("", "audit", "list", "--resource", short); !strings.Contains(out, "share.access") || !strings.Contains(out, "share.create") {
		t.Errorf("of %s a person sees\n%s", short, out)
	}
}

// TestALinkGetsNoCredentialOfAnotherServer: neither the stored login nor what the environment
// holds for the server that commands use.
func TestALinkGetsNoCredentialOfAnotherServer(t *testing.T) {
	_, s := loggedIn(t)
	var got []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(`{"id":"1","path":"a","type":"note","value":"v","access_count":1,"max_access_count":0}`))
	}))
	defer other.Close()
	s.ok("", "share", "get", other.URL+"/v1/share/1")
	s.env["ONECLAW_TOKEN"] = "secret-token"
	s.ok("", "share", "get", other.URL+"/share/1?proof=abc")
	if want := []string{"GET /v1/share/1 ", "POST /v1/shares/1/access "}; !slices.Equal(got, want) {
		t.Errorf("the other server got %q", got)
	}
}
