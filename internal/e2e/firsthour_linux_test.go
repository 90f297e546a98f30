package e2e_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pty"
)

// typist is a person at a terminal of 80 columns.
type typist struct {
	t   *testing.T
	env []string
}

// anID finds what nobody types by heart.
var anID = regexp.MustCompile(`[0-9a-f]{8}`)

// types runs a command on the terminal and answers what it asks: pairs of what is shown
// and what is typed then. It returns what was on the screen, and fails when the command does.
func (p *typist) types(command string, answers ...string) string {
	p.t.Helper()
	args := strings.Fields(command)
	for _, a := range args {
		if anID.MatchString(a) && !strings.Contains(a, "://") {
			p.t.Errorf("%s: an id was copied", command)
		}
	}
	person, program := pty.Open(p.t, 80)
	seen := pty.Watch(person)
	ctx, stop := context.WithTimeout(p.t.Context(), patience) // it may ask what nobody answers
	defer stop()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = p.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	_ = program.Close()
	at := 0
	for i := 0; i < len(answers); i += 2 {
		at = seen.Wait(p.t, at, answers[i])
		if _, err := person.WriteString(answers[i+1] + "\r"); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		if errors.As(err, new(*exec.ExitError)) {
			p.t.Fatalf("%s: %v\n%s", command, err, seen.String())
		}
		p.t.Fatal(err)
	}
	seen.WaitEnd()
	for line := range strings.SplitSeq(strings.ReplaceAll(seen.String(), "\r", ""), "\n") {
		if n := len([]rune(line)); n > 80 && !strings.HasPrefix(line, "API key") && !strings.HasPrefix(line, "URL") {
			p.t.Errorf("%s: a line has %d columns: %q", command, n, line)
		}
	}
	return strings.ReplaceAll(seen.String(), "\r", "")
}

// after is what stands after a word on the line that begins with it.
func after(t *testing.T, screen, word string) string {
	t.Helper()
	for line := range strings.Lines(screen) {
		if rest, ok := strings.CutPrefix(line, word); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("no line begins with %q:\n%s", word, screen)
	return ""
}

// shows fails where a screen has none of a row with all the words. A line that is indented goes on
// with the row above.
func shows(t *testing.T, screen string, words ...string) {
	t.Helper()
	rows := strings.ReplaceAll(strings.ReplaceAll(screen, "\r\n", "\n"), "\n  ", " ")
	for line := range strings.Lines(rows) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			return
		}
	}
	t.Errorf("no line with %q:\n%s", words, screen)
}

// says fails where a screen has not all of the texts, whatever blanks and lines are between
// their words.
func says(t *testing.T, screen string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(strings.Join(strings.Fields(screen), " "), text) {
			t.Errorf("%q is not said:\n%s", text, screen)
		}
	}
}

// A new user's first hour at a terminal: two agents with different access, a share by
// mail and one by link, an enrolment, an approval, and who read what. No id is typed.
func TestTheFirstHourAtATerminal(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.env = append(p.env, "ONECLAW_RATE_AUTH=off") // a person types slower
	s := p.start()
	me := &typist{t, []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "TERM=xterm", "NO_COLOR=1", "ONECLAW_DATA=" + p.data}}
	password := []string{"Password", s.Password}
	agent := func(screen string) *shell {
		return on(t, s, "ONECLAW_AGENT_API_KEY="+after(t, screen, "API key"))
	}

	me.types("login --dev")
	me.types("vault create team")
	me.types("vault create other")
	me.types("vault use team")
	shows(t, me.types("whoami"), "Vault", "team")
	me.types("secret set prod/db", "Value of prod/db", "the database")
	me.types("secret set ci/token", "Value of ci/token", "the token")

	builder := agent(me.types("agent create builder", password...))
	deployer := agent(me.types("agent create deployer", password...))
	me.types("policy create --agent builder --path ci/* --expires 12h")
	me.types("policy create --agent deployer --path prod/* --require-approval --permissions read,write,delete --expires 12h")

	if got := builder.ok("", "secret", "get", "ci/token", "--vault", "team"); got != "the token" {
		t.Errorf("builder got %q", got)
	}
	builder.fails(4, "", "secret", "get", "prod/db", "--vault", "team")
	if r := deployer.run("", "secret", "get", "prod/db", "--vault", "team"); r.code != 4 || !strings.Contains(r.err, "approval") {
		t.Errorf("deployer: exit %d, %q", r.code, r.err)
	}

	asked := me.types("approval list")
	shows(t, asked, "pending", "read", "prod/db", "deployer")
	shows(t, me.types("approval show prod/db"), "Requester", "deployer")
	shows(t, me.types("approval approve prod/db", append([]string{"by agent:deployer?", "y"}, password...)...), "Status", "approved")
	if got := deployer.ok("", "secret", "get", "prod/db", "--vault", "team"); got != "the database" {
		t.Errorf("deployer got %q", got)
	}

	says(t, me.types("share create ci/token --email colleague@example.com --expires 1h"), "Link in the mail to colleague@example.com For colleague@example.com")
	shows(t, me.types("share create prod/db --link --max-reads 1 --expires 1h", password...), "URL", s.APIURL+"/share/")
	shows(t, me.types("share list"), "ci/token", "colleague@example.com")
	me.types("share revoke colleague@example.com", "End the share", "y")
	me.types("share revoke prod/db", "End the share", "y")

	on(t, s).ok("", "agent", "enroll", "newcomer", "--human", s.Email)
	eventually(t, "the request of newcomer", func() bool { return strings.Contains(me.types("agent requests"), "newcomer") })
	accepted := me.types("agent accept newcomer --path ci/*", password...)
	shows(t, accepted, "Name", "newcomer")
	shows(t, accepted, "May", "read ci/* in the vault team")
	shows(t, me.types("agent list"), "newcomer", "yes")

	may := me.types("policy list --agent deployer")
	shows(t, may, "prod/*", "agent:deployer")
	if !strings.Contains(may, "approval") || !strings.Contains(strings.Join(strings.Fields(may), ""), "delete") || strings.Contains(may, "ci/*") {
		t.Errorf("what deployer may:\n%s", may)
	}
	read := me.types("audit list --action secret.read --limit 10")
	shows(t, read, "success", "ci/token")
	shows(t, read, "success", "prod/db")
	shows(t, me.types("audit list --actor deployer --resource prod/db"), "secret.read", "success", "deployer", "prod/db")
	says(t, me.types("agent can builder"), "ci/token yes no no")
	says(t, me.types("agent can deployer prod/db"), "prod/db", "asks")
	who := me.types("who-can prod/db")
	says(t, who, "agent:deployer asks asks")
	if strings.Contains(who, "builder") {
		t.Errorf("who can use prod/db:\n%s", who)
	}
	says(t, me.types("doctor"), "is healthy")
	me.types("agent deactivate builder", "Deactivate the agent builder?", "y")
	builder.fails(3, "", "whoami")
}
