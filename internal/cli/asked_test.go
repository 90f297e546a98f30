package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// Who decides sees what is decided, and is asked for the password after that alone.
func TestADecisionShowsWhatItIsAbout(t *testing.T) {
	s := serveDev(t, "ONECLAW_RATE_AUTH=off")
	s.now = time.Now()
	s.ok("", "login", "--dev")
	pass := devPassword(t, s)
	s.ok("", "vault", "create", "main")
	s.ok("v", "secret", "set", "prod/db")
	agent := s.newAgent("builder")
	s.ok("", "policy", "create", "--agent", "builder", "--path", "prod/*", "--require-approval", "--expires", "12h")
	agent.fails(cli.ExitDenied, "secret", "get", "prod/db")
	id := s.shown("prod/db", "approval", "list")
	s.tty = "ioe"

	s.person = &person{hidden: pass}
	if r := s.run("", "approval", "approve", "nope"); r.code != cli.ExitNotFound || len(s.person.asked) > 0 {
		t.Errorf("nothing of that name: exit %d, asked %q", r.code, s.person.asked)
	}
	s.person = &person{hidden: pass}
	if r := s.run("", "approval", "approve", id); r.code != cli.ExitFailure || len(s.person.asked) != 1 {
		t.Errorf("said no: exit %d, asked %q", r.code, s.person.asked)
	}
	for _, want := range []string{"Approve the read of prod/db", "in the vault main", "agent:builder"} {
		if !strings.Contains(strings.Join(s.person.asked, "\n"), want) {
			t.Errorf("the question lacks %q: %q", want, s.person.asked)
		}
	}
	s.person = &person{hidden: pass, confirm: true}
	if r := s.run("", "approval", "approve", id); r.code != cli.ExitOK || len(s.person.asked) != 2 {
		t.Errorf("said yes: exit %d, asked %q: %s", r.code, s.person.asked, r.err)
	}
	s.tty, s.person = "", &person{}
	if r := s.run("", "secret", "get", "prod/bd"); r.code != cli.ExitNotFound || !strings.Contains(r.err, "oneclaw secret list") {
		t.Errorf("a secret that is not there: exit %d: %s", r.code, r.err)
	}
	agent.ok("", "approval", "request", "prod/other")
	file := s.file("password", pass+"\n")
	s.fails(cli.ExitUsage, "approval", "deny", "prod/other", "--password-file", file)
	s.ok("", "approval", "deny", "prod/other", "--yes", "--password-file", file)
}

// An agent's limits and freeze are shown, and that it has no key after it was stopped.
func TestAnAgentIsShownWithWhatBindsIt(t *testing.T) {
	s := serveDev(t, "ONECLAW_RATE_AUTH=off")
	s.now = time.Now()
	s.ok("", "login", "--dev")
	file := s.file("password", devPassword(t, s)+"\n")
	s.ok("", "agent", "create", "payer", "--intents-api", "--tx-max-value", "0.5", "--tx-chains", "base", "--expires", "12h")
	out := s.ok("", "agent", "get", "payer")
	for _, want := range []string{"intents_api\tyes\n", "tx_max_value\t0.5\n", "tx_chains\tbase\n", "shroud\tno\n", "frozen\tno\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
	s.ok("", "freeze", "--agent", "payer")
	if out := s.ok("", "agent", "get", "payer"); !strings.Contains(out, "frozen\tyes\n") {
		t.Errorf("frozen: %q", out)
	}
	if out := s.ok("", "agent", "list"); !strings.Contains(out, "\tfrozen\t") {
		t.Errorf("frozen in the list: %q", out)
	}
	s.ok("", "agent", "deactivate", "payer", "--yes")
	s.tty = "e"
	if r := s.run("", "agent", "activate", "payer", "--password-file", file); r.code != cli.ExitOK || !strings.Contains(r.err, "oneclaw agent rotate-key payer") {
		t.Errorf("activated: exit %d: %s", r.code, r.err)
	}
	s.tty = ""
	if out := s.ok("", "chain", "list"); !strings.Contains(out, "\tnot set\n") {
		t.Errorf("chains: %q", out)
	}
}

// What can't do is refused before anything is sent, by the name that the command has for it.
func TestWhatCanNotDoIsNamed(t *testing.T) {
	_, s := inMain(t)
	to := "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
	s.ok("", "agent", "create", "payer", "--expires", "1h")
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"a short address":       {[]string{"tx", "submit", to[:40], "1", "--chain", "base", "--agent", "payer"}, "TO is an address"},
		"a wrong checksum":      {[]string{"tx", "submit", "0x70997970c51812dc3A010C7d01b50e0d17dc79C8", "1", "--chain", "base", "--agent", "payer"}, "checksum"},
		"no number":             {[]string{"tx", "submit", to, "1,5", "--chain", "base", "--agent", "payer"}, "VALUE is"},
		"an address of no kind": {[]string{"vault", "list", "--api-url", "127.0.0.1:8210"}, "--api-url begins with"},
		"an export and no key":  {[]string{"audit", "verify", "--file", "x"}, "oneclaw audit keys"},
	} {
		if r := s.run("", tc.args...); r.code != cli.ExitUsage || !strings.Contains(r.err, tc.want) {
			t.Errorf("%s: exit %d: %s", name, r.code, r.err)
		}
	}
}

// A flag that is one letter off is answered with the one that was meant.
func TestAFlagThatIsNotThere(t *testing.T) {
	_, s := inMain(t)
	for flag, want := range map[string]string{"--jsn": "Did you mean --json?", "--wid": "Did you mean --wide?", "--colour": "--colour"} {
		if r := s.run("", "vault", "list", flag); r.code != cli.ExitUsage || !strings.Contains(r.err, want) {
			t.Errorf("%s: exit %d: %s", flag, r.code, r.err)
		}
	}
}

// What a grant and a share name is looked for before the password is asked for.
func TestArgumentsAreCheckedBeforeThePassword(t *testing.T) {
	_, s := inMain(t)
	s.tty, s.person = "ioe", &person{hidden: ownerPass}
	for _, args := range [][]string{
		{"policy", "create", "--agent", "nobody", "--path", "a/*"},
		{"share", "create", "nothing", "--link", "--expires", "90d"},
		{"agent", "create", "bot", "--vault-ids", "nothing"},
		{"agent", "accept", "nobody"},
		{"shroud", "key", "create", "notebook", "--agent", "nobody"},
	} {
		if r := s.run("", args...); r.code != cli.ExitNotFound || len(s.person.asked) > 0 {
			t.Errorf("%v: exit %d, asked %q: %s", args, r.code, s.person.asked, r.err)
		}
	}
	s.tty = ""
	s.ok("v", "secret", "set", "a")
	s.ok("", "agent", "create", "bot")
	s.tty = "ioe"
	for _, line := range []string{
		"key create k --scopes bogus:read", "key create k --scopes read", "key create k --scopes a//b",
		"agent create x --scopes a//b", "agent create x --tx-max-value much", "agent create x --tx-to 0x12", "agent create x --auth-method mtls",
		"agent create x --auth-method oidc_client_credentials", "agent accept nobody --permissions read", "agent accept nobody --path a --permissions all",
		"policy create --agent bot --path a//b", "policy create --agent bot --path a/* --ip 10.0.0.0/99", "policy create --agent bot --path a --after 25:00 --before 9:00",
		"policy create --agent bot --path a --after 09:00 --before 17:00 --timezone Mars/Base", "policy create --agent bot --path a --require-approval --approval-uses 100000",
		"share create a --link --expires 90d --ip here", "share create a --expires 90d --email nobody", "share create a --creator --expires 90d", "share create a --link --max-reads -1 --expires 90d",
		"org invite eve", "org invite eve@example.com --role boss", "shroud key create n",
		"approval approve a --reason \x01", "approval deny a --reason " + strings.Repeat("x", 501),
	} {
		args := strings.Fields(line)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], `\x01`, "\x01")
		}
		if r := s.run("", args...); r.code != cli.ExitUsage || len(s.person.asked) > 0 || r.err == "" {
			t.Errorf("%s: exit %d, asked %q: %s", line, r.code, s.person.asked, r.err)
		}
	}
}

// TestLoginAsksNothingForAServerThatIsNotThere: neither on a terminal, nor where the password is in a file.
func TestLoginAsksNothingForAServerThatIsNotThere(t *testing.T) {
	_, s := inMain(t)
	s.tty, s.person = "ioe", &person{hidden: ownerPass}
	for _, args := range [][]string{
		{"login", "--api-url", "http://127.0.0.1:1"},
		{"login", "--api-url", "http://127.0.0.1:1", "--email", "me@example.com"},
	} {
		if r := s.run("", args...); r.code != cli.ExitFailure || len(s.person.asked) > 0 || !strings.Contains(r.err, "http://127.0.0.1:1") {
			t.Errorf("%v: exit %d, asked %q: %s", args, r.code, s.person.asked, r.err)
		}
	}
}
