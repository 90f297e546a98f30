package cli_test

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// psql logs in with a password from a variable or from a file, which it wants to be one that
// others can't read.
func TestPsqlLogsInThroughRun(t *testing.T) {
	at, err := url.Parse(pgtest.Shared(t).DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := at.User.Password()
	s := serveDev(t)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok(`{"user":"x","password":"`+password+`"}`, "secret", "set", "db", "--vault", "app")
	s.ok("*:*:*:*:"+password, "secret", "set", "pgpass", "--vault", "app")
	for how, tc := range map[string]struct {
		flags []string
		in    bool
	}{
		"a variable":              {[]string{"--env", "PGPASSWORD=db#password"}, true},
		"a file":                  {[]string{"--file", "PGPASSFILE=pgpass"}, true},
		"its output is looked at": {[]string{"--env", "PGPASSWORD=db#password", "--redact"}, true},
		"another password":        {[]string{"--env", "PGPASSWORD=db#user"}, false},
	} {
		args := append([]string{"run", "--vault", "app"}, tc.flags...)
		args = append(args, "--", "psql", "-w", "-X", "-h", at.Hostname(), "-p", at.Port(), "-U", at.User.Username(), "-d", strings.TrimPrefix(at.Path, "/"), "-tAc", "select 'in as ' || current_user")
		out, err := s.process(args...).Output()
		if want := "in as " + at.User.Username() + "\n"; (string(out) == want) != tc.in || (err == nil) != tc.in {
			t.Errorf("%s: %q %v", how, out, err)
		}
	}
	if _, err := exec.LookPath("psql"); err != nil {
		t.Error(err)
	}
}
