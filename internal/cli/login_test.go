package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

func (s *shell) credentials() string {
	return filepath.Join(s.env["HOME"], ".config", "oneclaw", "credentials.json")
}

func TestWaysToLogIn(t *testing.T) {
	for name, tc := range map[string]struct {
		stdin  string
		args   []string
		tty    string
		person person
		mfa    bool
		code   int
		says   string
	}{
		"password on stdin":                 {stdin: ownerPass + "\n", args: []string{"--email", ownerMail}},
		"password in a file":                {args: []string{"--email", ownerMail, "--password-file", "FILE"}},
		"prompts on a terminal":             {tty: "ie", person: person{lines: []string{ownerMail}, hidden: ownerPass}},
		"password prompt only":              {tty: "ie", args: []string{"--email", ownerMail}, person: person{hidden: ownerPass}},
		"a second factor by flag":           {mfa: true, stdin: ownerPass, args: []string{"--email", ownerMail, "--code", "123456"}},
		"a second factor by prompt":         {mfa: true, tty: "ie", person: person{lines: []string{ownerMail, " 123456"}, hidden: ownerPass}},
		"a second factor that is not given": {mfa: true, stdin: ownerPass, args: []string{"--email", ownerMail}, code: 2, says: "--code"},
		"a wrong second factor":             {mfa: true, stdin: ownerPass, args: []string{"--email", ownerMail, "--code", "1"}, code: 3},
		"an ID token in a file":             {args: []string{"--id-token-file", "FILE"}},
		"an ID token on stdin":              {stdin: ownerPass + "\n", args: []string{"--id-token-file", "-"}},
		"an ID token and a second factor":   {mfa: true, args: []string{"--id-token-file", "FILE", "--code", "123456"}},
		"an ID token that is not good":      {stdin: "nope", args: []string{"--id-token-file", "-"}, code: 3, says: "The ID token is not good"},
		"an ID token and an email":          {args: []string{"--id-token-file", "FILE", "--email", ownerMail}, code: 2, says: "--id-token-file"},
		"a wrong password":                  {stdin: "nope", args: []string{"--email", ownerMail}, code: 3, says: "The email or the password is wrong."},
		"no email and nobody to ask":        {stdin: ownerPass, code: 2, says: "--email"},
		"no password":                       {args: []string{"--email", ownerMail}, code: 2, says: "empty"},
		"a file that is not there":          {args: []string{"--email", ownerMail, "--password-file", "/nowhere/pw"}, code: 2, says: "no such file"},
		"a password as an argument":         {args: []string{"--email", ownerMail, ownerPass}, code: 2, says: "Too many arguments"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.mfa = tc.mfa
			s := newShell(t, f.URL)
			s.tty, s.person = tc.tty, &tc.person
			args := slices.Clone(tc.args)
			if i := slices.Index(args, "FILE"); i >= 0 {
				args[i] = s.file("pw", ownerPass+"\n")
			}
			r := s.run(tc.stdin, append([]string{"login"}, args...)...)
			if r.code != tc.code || !strings.Contains(r.err, tc.says) {
				t.Fatalf("exit %d, want %d; stderr %q must say %q", r.code, tc.code, r.err, tc.says)
			}
			if strings.Contains(r.out+r.err, ownerPass) {
				t.Errorf("the password is shown: %q %q", r.out, r.err)
			}
			if tc.code == 0 {
				if out := s.ok("", "whoami"); !strings.Contains(out, ownerMail) {
					t.Errorf("whoami: %q", out)
				}
			} else if _, err := os.Stat(s.credentials()); !os.IsNotExist(err) {
				t.Errorf("a failed login left a file: %v", err)
			}
		})
	}
}

func TestTheStoredLogin(t *testing.T) {
	f, s := loggedIn(t)
	info, err := os.Stat(s.credentials())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v; want 0600", info.Mode(), err)
	}
	all, _ := os.ReadDir(filepath.Dir(s.credentials()))
	if len(all) != 1 {
		t.Errorf("files left beside it: %v", all)
	}
	b, _ := os.ReadFile(s.credentials())
	if strings.Contains(string(b), ownerPass) || !strings.Contains(string(b), "1ck_") {
		t.Errorf("the file must hold an API key and no password: %s", b)
	}
	// It works long after the server's token has ended, and no longer than a day.
	s.now = s.now.Add(23 * time.Hour)
	s.ok("", "vault", "list")
	s.now = s.now.Add(time.Hour)
	if r := s.run("", "vault", "list"); r.code != cli.ExitUnauthenticated || !strings.Contains(r.err, "expired") {
		t.Errorf("after a day: exit %d, %q", r.code, r.err)
	}
	s.now = startOfTests
	s.ok("", "logout")
	if _, err := os.Stat(s.credentials()); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	if len(f.tokens) != 0 {
		t.Errorf("the server still takes %d credentials", len(f.tokens))
	}
	s.ok("", "logout") // once more is no error
}

func TestASecondLoginEndsTheFirst(t *testing.T) {
	f, s := loggedIn(t)
	s.ok(ownerPass, "login", "--email", ownerMail)
	if len(f.tokens) != 1 { // one key
		t.Errorf("the server takes %d credentials", len(f.tokens))
	}
}

func TestALoginWhereKeysAreNotGiven(t *testing.T) {
	f := newFake(t)
	f.noKeys = true
	s := newShell(t, f.URL)
	s.ok(ownerPass, "login", "--email", ownerMail)
	s.now = s.now.Add(14 * time.Minute)
	s.ok("", "vault", "list")
	s.now = s.now.Add(2 * time.Minute)
	if r := s.run("", "vault", "list"); r.code != cli.ExitUnauthenticated {
		t.Errorf("after the token's life: exit %d", r.code)
	}
	s.now = startOfTests
	s.ok("", "logout")
	if len(f.tokens) != 0 {
		t.Errorf("the server still takes the token")
	}
}

func TestALoginIsNotSentToAnotherServer(t *testing.T) {
	_, s := loggedIn(t)
	other := newFake(t)
	r := s.run("", "vault", "list", "--api-url", other.URL)
	if r.code != cli.ExitUnauthenticated || !strings.Contains(r.err, "another server") || len(other.log) != 0 {
		t.Errorf("exit %d, %q; the other server got %v", r.code, r.err, other.log)
	}
	delete(s.env, "ONECLAW_BASE_URL")
	s.ok("", "vault", "list") // its own address is remembered
}

func TestCredentialsOfTheEnvironment(t *testing.T) {
	f, s := loggedIn(t)
	s.ok("", "vault", "create", "main")
	s.ok("v", "secret", "set", "api-keys/x")
	s.ok("v", "secret", "set", "other")
	var made struct {
		APIKey string `json:"api_key"`
	}
	if err := json.Unmarshal([]byte(s.ok("", "--json", "agent", "create", "a", "--vault-ids", "main")), &made); err != nil {
		t.Fatal(err)
	}
	s.ok("", "logout")
	for _, name := range []string{"ONECLAW_AGENT_API_KEY", "ONECLAW_API_KEY"} {
		s.env[name] = made.APIKey
		if out := s.ok("", "whoami"); !strings.HasPrefix(out, "type\tagent\n") {
			t.Errorf("%s: whoami = %q", name, out)
		}
		if out := s.ok("", "secret", "get", "api-keys/x"); out != "v" {
			t.Errorf("%s: got %q", name, out)
		}
		if r := s.run("", "secret", "get", "other"); r.code != cli.ExitDenied {
			t.Errorf("%s: a path outside the grant: exit %d, %q", name, r.code, r.err)
		}
		delete(s.env, name)
	}
	// ONECLAW_TOKEN comes before the others.
	f.tokens["t"] = "user"
	s.env["ONECLAW_TOKEN"], s.env["ONECLAW_AGENT_API_KEY"] = "t", made.APIKey
	if out := s.ok("", "whoami"); !strings.HasPrefix(out, "type\tuser\n") {
		t.Errorf("whoami = %q", out)
	}
	s.env["ONECLAW_TOKEN"] = "revoked"
	if r := s.run("", "whoami"); r.code != cli.ExitUnauthenticated || !strings.Contains(r.err, "Check ONECLAW_TOKEN.") {
		t.Errorf("exit %d, %q", r.code, r.err)
	}
}

func TestADevServerIsFoundByItself(t *testing.T) {
	f := newFake(t)
	s := newShell(t, "")
	if r := s.run("", "whoami"); r.code != cli.ExitUsage || !strings.Contains(r.err, "ONECLAW_BASE_URL") {
		t.Errorf("nothing known: exit %d, %q", r.code, r.err)
	}
	if r := s.run("", "login", "--dev"); r.code != cli.ExitNotFound {
		t.Errorf("no dev server: exit %d, %q", r.code, r.err)
	}
	content := `{"email":"` + ownerMail + `","password":"` + ownerPass + `","api_url":"` + f.URL + `"}`
	for place, set := range map[string]func() string{
		"home":          func() string { return ".local/share/oneclaw/dev-credentials.json" },
		"XDG_DATA_HOME": func() string { s.env["XDG_DATA_HOME"] = s.env["HOME"] + "/x"; return "x/oneclaw/dev-credentials.json" },
		"ONECLAW_DATA":  func() string { s.env["ONECLAW_DATA"] = s.env["HOME"] + "/d"; return "d/dev-credentials.json" },
	} {
		t.Run(place, func(t *testing.T) {
			p := s.file(set(), content)
			defer func() { delete(s.env, "XDG_DATA_HOME"); delete(s.env, "ONECLAW_DATA"); _ = os.Remove(p) }()
			if r := s.run("", "whoami"); r.code != cli.ExitUnauthenticated || !strings.Contains(r.err, "`oneclaw login --dev`") {
				t.Errorf("before: exit %d, %q", r.code, r.err)
			}
			if r := s.run("", "login", "--dev", "--api-url", "https://elsewhere.example"); r.code != cli.ExitUsage {
				t.Errorf("another server: exit %d, %q", r.code, r.err)
			}
			s.ok("", "login", "--dev")
			if out := s.ok("", "whoami"); !strings.Contains(out, ownerMail) {
				t.Errorf("whoami: %q", out)
			}
			s.ok("", "logout")
		})
	}
}

func TestABrokenCredentialsFileSaysWhatToDo(t *testing.T) {
	s := newShell(t, newFake(t).URL)
	s.file(".config/oneclaw/credentials.json", `{"credential":"1ck_canary`)
	r := s.run("", "whoami")
	if r.code != cli.ExitFailure || !strings.Contains(r.err, "oneclaw logout") || strings.Contains(r.err, "canary") {
		t.Errorf("exit %d, %q", r.code, r.err)
	}
	s.ok("", "logout")
	if r := s.run("", "whoami"); r.code != cli.ExitUnauthenticated {
		t.Errorf("after logout: exit %d, %q", r.code, r.err)
	}
}
