package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// A request is asked for as curl is: a body from a file, the head of the answer, a code that tells
// of a failure. JSON is sent as JSON, and what is misunderstood is said in the words of the command.
func TestARequestIsAskedForAsOfCurl(t *testing.T) {
	var kind, sent string
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		kind, sent = r.Header.Get("Content-Type"), string(b)
		w.Header().Set("X-Served-By", "three")
		if strings.HasPrefix(r.URL.Path, "/no") {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = io.WriteString(w, "the body")
	}))
	defer up.Close()
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok("sk_live_12345678", "secret", "set", "pay", "--vault", "app")
	s.ok("", "bind", "pay", "--host", strings.TrimPrefix(up.URL, "http://"), "--vault", "app")
	s.ok("", "bind", "pay", "--host", strings.TrimPrefix(up.URL, "http://"), "--in", "body:/password", "--vault", "app")
	s.ok("", "agent", "create", "worker", "--executions", "on")
	const reference = "Authorization: Bearer {{secret:pay}}"
	request := func(stdin, path string, more ...string) result {
		return s.run(stdin, append([]string{"request", up.URL + path, "--vault", "app"}, more...)...)
	}
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, []byte(`{"a":"of a file"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		stdin, data, header, kind, sent string
	}{
		"JSON":                 {"", `{"a": 1}`, "", "application/json", `{"a": 1}`},
		"JSON with a secret":   {"", `{"password":"{{secret:pay}}"}`, "none", "application/json", `{"password":"sk_live_12345678"}`},
		"a form with a secret": {"", "password={{secret:pay}}", "content-type: application/x-www-form-urlencoded", "application/x-www-form-urlencoded", "password=sk_live_12345678"},
		"of a file":            {"", "@" + file, "", "application/json", `{"a":"of a file"}`},
		"of stdin":             {"plain words", "@-", "", "", "plain words"},
		"named":                {"", `{"a":1}`, "Content-Type: application/vnd.x+json", "application/vnd.x+json", `{"a":1}`},
	} {
		args := []string{"-d", tc.data}
		if tc.header != "none" && !strings.Contains(tc.data, "{{") {
			args = append(args, "-H", reference)
		}
		if strings.Contains(tc.header, ":") {
			args = append(args, "-H", tc.header)
		}
		if r := request(tc.stdin, "/v1", args...); r.code != 0 || kind != tc.kind || sent != tc.sent {
			t.Errorf("%s: exit %d %s: the service got %q of the type %q", name, r.code, r.err, sent, kind)
		}
	}
	if r := request("", "/v1", "-H", reference, "-i"); r.code != 0 || !strings.HasPrefix(r.out, "HTTP 200 OK\n") || !strings.Contains(strings.ToLower(r.out), "\nx-served-by: three\n") || !strings.HasSuffix(r.out, "\n\nthe body") {
		t.Errorf("with its head: %q %s", r.out, r.err)
	}
	if r := request("", "/no", "-H", reference); r.code != 0 || r.out != "the body" || !strings.Contains(r.err, "418") {
		t.Errorf("a failure that is shown: exit %d: %q %s", r.code, r.out, r.err)
	}
	if r := request("", "/no", "-H", reference, "--fail", "-i"); r.code != cli.ExitFailure || !strings.HasPrefix(r.out, "HTTP 418") || strings.Contains(r.out, "the body") || !strings.Contains(r.err, "418") {
		t.Errorf("a failure that fails: exit %d: %q %s", r.code, r.out, r.err)
	}
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no colon":          {[]string{"-H", "Authorization Bearer x"}, "has no colon"},
		"no kind of body":   {[]string{"-d", "password={{secret:pay}}"}, "--header 'Content-Type: application/x-www-form-urlencoded'"},
		"no file":           {[]string{"-H", reference, "-d", "@" + file + "-gone"}, "no such file"},
		"no name of header": {[]string{"-H", ": x"}, "NAME: VALUE"},
	} {
		if r := request("", "/v1", tc.args...); r.code != cli.ExitUsage || !strings.Contains(strings.Join(strings.Fields(r.err), " "), tc.says) {
			t.Errorf("%s: exit %d: %s", name, r.code, r.err)
		}
	}
}

// What the server says of a binding has the flags of the command, a path without a secret is told
// of, and of several references the one that fails is named.
func TestBindingsAreSpokenOfInFlags(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok("sk_live_12345678", "secret", "set", "pay", "--vault", "app")
	for _, tc := range []struct{ args, says, not string }{
		{"--host h.example.com --in oauth2", "--in oauth2 needs --token-url", "token_url"},
		{"--host h.example.com --token-url https://h.example.com/", "--token-url only with --in oauth2", "token_url"},
		{"--host h.example.com --in oauth2 --token-url https://h.example.com/t --token-auth x", "--token-auth is basic or body", "token_auth"},
		{"--host h.example.com --in ssh", "--in ssh needs --host-key", "host_keys"},
		{"--host h.example.com --host-key SHA256:x", "--host-key only with --in ssh", "host_keys"},
		{"--in sshsig", "--in sshsig needs --namespace", "namespaces:"},
		{"--host h.example.com --user x", "--user only with --in basic", `"in"`},
		{"--host h.example.com --method BREW", "--method takes a list", "methods is"},
	} {
		r := s.fails(cli.ExitUsage, append([]string{"bind", "pay", "--vault", "app"}, strings.Fields(tc.args)...)...)
		if text := strings.Join(strings.Fields(r.err), " "); !strings.Contains(text, tc.says) || strings.Contains(text, tc.not) {
			t.Errorf("%s: %s", tc.args, r.err)
		}
	}
	if r := s.run("", "bind", "not/there", "--as", "stripe", "--vault", "app"); r.code != 0 || !strings.Contains(r.err, "no secret at this path") {
		t.Errorf("of a path without a secret: exit %d: %s", r.code, r.err)
	}
	if r := s.run("", "bind", "pay", "--as", "stripe", "--vault", "app"); r.code != 0 || r.err != "" {
		t.Errorf("of a path with one: exit %d: %s", r.code, r.err)
	}
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"not there":    {[]string{"--env", "A=pay", "--env", "B=gone", "--", "true"}, "B: "},
		"no reference": {[]string{"--env", "A=pay", "--env", "B=", "--", "true"}, "--env B= names no secret"},
		"no name":      {[]string{"--env", "A=pay", "--env", "sk_live_x-y", "--", "true"}, "number 2 of them"},
		"of a file":    {[]string{"--env", "A=pay", "--file", "KEY=gone", "--", "true"}, "KEY: "},
	} {
		if r := s.run("", append([]string{"run", "--vault", "app"}, tc.args...)...); r.code == 0 || !strings.Contains(r.err, tc.says) || strings.Contains(r.err, "sk_live") {
			t.Errorf("%s: exit %d: %s", name, r.code, r.err)
		}
	}
}

// A mail address stays whole at 80 columns, and how often a binding of an agent may be used is shown.
func TestWhatALineHasNoRoomForGoesBelow(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok("v", "secret", "set", "db", "--vault", "app")
	const mail = "augusta-ada.king-noel@lovelace.example.com"
	s.ok("", "share", "create", "db", "--email", mail, "--expires", "1h", "--vault", "app")
	s.tty, s.width, s.env["NO_COLOR"] = "o", 80, "1"
	out := s.ok("", "who-can", "db", "--vault", "app")
	if !strings.Contains(out, "mail:"+mail) {
		t.Errorf("the address is broken:\n%s", out)
	}
	for line := range strings.Lines(out) {
		if len([]rune(line)) > 81 {
			t.Errorf("a line has %d columns: %q", len([]rune(line))-1, line)
		}
	}
	s.tty = ""
	s.ok("", "agent", "create", "worker", "--executions", "on")
	credential := s.file("credential", "credential-1")
	if out := s.ok(devPassword(t, s), "agent", "bindings", "add", "worker", "pay", "--url", "https://api.example.com", "--per-minute", "7", "--from-file", credential); !strings.Contains(out, "7") {
		t.Errorf("the binding is shown as\n%s", out)
	}
	if out := s.ok("", "agent", "bindings", "list", "worker"); !strings.Contains(out, "\t7\t") {
		t.Errorf("the list is\n%s", out)
	}
}
