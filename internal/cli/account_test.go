package cli_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

const zoesMail = "zoe@example.com"

// zoes is a machine where zoe is logged in at a real server, and a laptop that is another.
type zoes struct {
	*shell
	dev, laptop *shell
}

func newZoes(t *testing.T) *zoes {
	t.Helper()
	dev := serveDev(t, "ONECLAW_RATE_AUTH=off")
	dev.ok("", "login", "--dev")
	base := strings.TrimSpace(column(t, dev.ok("", "whoami"), "server", 1))
	cl, err := client.New(base)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cl.Signup(t.Context(), zoesMail, client.ValueOf(zoePass), "zoe"); err != nil {
		t.Fatal(err)
	}
	z := &zoes{shell: newShell(t, base), dev: dev, laptop: newShell(t, base)}
	z.now = time.Now()
	z.laptop.now = z.now
	z.ok(zoePass, "login", "--email", zoesMail)
	z.laptop.ok(zoePass, "login", "--email", zoesMail)
	return z
}

// ended checks that the laptop's stored login has ended, and this machine's has not: a
// second factor and a new password end those of other machines, not the one at which
// they are set.
func (z *zoes) ended() {
	z.t.Helper()
	z.laptop.fails(cli.ExitUnauthenticated, "whoami")
	z.ok("", "whoami")
}

func TestASecondFactorOnTheRealServer(t *testing.T) {
	s := newZoes(t)
	if out := s.ok("", "mfa", "status"); !strings.Contains(out, "off") {
		t.Errorf("status %q", out)
	}
	if r := s.run(zoePass, "mfa", "enable"); r.code != 2 || !strings.Contains(r.err, "terminal") {
		t.Errorf("in a pipe: %+v", r)
	}
	s.tty = "ie"
	s.person = &person{hidden: zoePass, line: func() string {
		key := regexp.MustCompile(`(?m)^  ([A-Z2-7]{16,})$`).FindStringSubmatch(s.errs.String())
		if key == nil || !strings.Contains(s.errs.String(), "otpauth://totp/") {
			t.Fatalf("it shows no key: %q", s.errs)
		}
		code, err := totp.GenerateCodeCustom(key[1], time.Now(), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			t.Fatal(err)
		}
		return code
	}}
	codes := strings.Fields(s.ok("", "mfa", "enable"))
	if len(codes) != 8 {
		t.Fatalf("recovery codes %q", codes)
	}
	s.tty, s.person = "", &person{}
	s.ended()
	if out := s.ok("", "--json", "mfa", "status"); !strings.Contains(out, "true") {
		t.Errorf("status %q", out)
	}
	if r := s.run(zoePass, "mfa", "disable"); r.code != 2 || !strings.Contains(r.err, "--code") {
		t.Errorf("without a code: %+v", r)
	}
	s.ok(zoePass, "mfa", "disable", "--code", codes[0], "--last-code", codes[1])
}

// A password is changed, forgotten and set anew.
func TestPasswordsOnTheRealServer(t *testing.T) {
	s := newZoes(t)
	next, last := "Other-8-Good-Words", "Third-8-Good-Words"
	if r := s.run(next, "password", "change"); r.code != 2 {
		t.Errorf("two passwords on stdin: %+v", r)
	}
	s.ok(next, "password", "change", "--password-file", s.file("pw", zoePass))
	s.ended()
	if r := s.run(zoePass, "login", "--email", zoesMail); r.code != 3 {
		t.Errorf("the old password: %+v", r)
	}
	s.ok("", "password", "forgot")
	token := tokensOf(t, s.dev.env["ONECLAW_DATA"], "oneclaw password reset", 1)[0]
	s.tty = "ie"
	s.person = &person{hiddens: []string{token, last, last + "x"}}
	if r := s.run("", "password", "reset"); r.code != 2 || !strings.Contains(r.err, "not the same") {
		t.Errorf("two that differ: %+v", r)
	}
	s.person = &person{hiddens: []string{token, last, last}}
	s.ok("", "password", "reset")
	s.tty = ""
	if r := s.run(last, "password", "reset", "--token-file", s.file("token", token)); r.code == 0 {
		t.Error("the token worked twice")
	}
	s.ok(last, "login", "--email", zoesMail)
}

func TestTheEndOfAnAccountOnTheRealServer(t *testing.T) {
	s := newZoes(t)
	const last = zoePass
	for _, args := range [][]string{nil, {"--confirm", "yes"}, {"--confirm", "delete my account"}} {
		if r := s.run(last, append([]string{"account", "delete"}, args...)...); r.code != 2 {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if r := s.run("x"+zoePass, "account", "delete", "--confirm", "DELETE MY ACCOUNT"); r.code != 3 {
		t.Errorf("a wrong password: %+v", r)
	}
	s.ok("", "whoami")
	s.tty, s.person = "ie", &person{lines: []string{"DELETE MY ACCOUNT"}, hidden: last}
	s.ok("", "account", "delete")
	if _, err := os.Stat(s.credentials()); !os.IsNotExist(err) {
		t.Errorf("the login stays: %v", err)
	}
	s.tty = ""
	if r := s.run(last, "login", "--email", zoesMail); r.code != 3 {
		t.Errorf("it still logs in: %+v", r)
	}
}

func TestSignupOnTheRealServer(t *testing.T) {
	s := serveDev(t)
	s.fails(cli.ExitUsage, "signup")
	s.ok(zoePass+"\n", "signup", "--email", zoesMail, "--name", "Zoe")
	s.fails(cli.ExitUnauthenticated, "whoami") // it is no login
	s.ok(zoePass+"\n", "login", "--email", zoesMail)
	if out := s.ok("", "whoami"); !strings.Contains(out, zoesMail) {
		t.Errorf("whoami: %q", out)
	}
	s.fails(cli.ExitFailure, "signup", "--email", "short@example.com", "--password-file", s.file("short", "x"))
}
