package cli_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pty"
)

// A question that is longer than a line breaks between words: the address of a payment is
// one of them.
func TestALongQuestionBreaksBetweenWords(t *testing.T) {
	f, sh := inMain(t)
	sh.ok("v", "secret", "set", "kept")
	f.tokens["person"] = "user"
	env := map[string]string{"TERM": "xterm-256color", "NO_COLOR": "1", "ONECLAW_BASE_URL": f.URL, "ONECLAW_TOKEN": "person", "HOME": sh.env["HOME"]}
	person, program := pty.Open(t, 24)
	seen := pty.Watch(person)
	root := cli.New(cli.Deps{Stdin: program, Stdout: program, Stderr: program, Getenv: func(k string) string { return env[k] }})
	code := make(chan int)
	go func() { code <- cli.Execute(t.Context(), root, []string{"secret", "delete", "kept"}) }()
	seen.Wait(t, 0, "[y/N] ")
	if _, err := person.WriteString("y\r"); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != cli.ExitOK {
		t.Errorf("exit %d", got)
	}
	if !strings.Contains(seen.String(), "Delete the secret\r\n") || !strings.Contains(seen.String(), "kept? [y/N] ") {
		t.Errorf("shown: %q", seen.String())
	}
}

func TestARealTerminal(t *testing.T) {
	f, sh := inMain(t)
	for name, tc := range map[string]struct {
		args  []string
		steps [][2]string // what is shown, what is typed then
		env   map[string]string
		code  int
		shows string
		check func(t *testing.T)
	}{
		"a value is typed and not shown": {
			args: []string{"secret", "set", "typed"}, steps: [][2]string{{"Value of typed", "hunter2\r"}},
			shows: "Wrote typed, version ",
			check: func(t *testing.T) {
				if got := sh.ok("", "secret", "get", "typed"); got != "hunter2" {
					t.Errorf("stored %q", got)
				}
			},
		},
		"a line is pasted with its end": {
			args: []string{"secret", "set", "pasted"}, steps: [][2]string{{"Value of pasted", "\x1b[200~hunter2\tand space\r\x1b[201~\r"}},
			shows: "Wrote pasted, version ",
			check: func(t *testing.T) {
				if got := sh.ok("", "secret", "get", "pasted"); got != "hunter2\tand space" {
					t.Errorf("stored %q", got)
				}
			},
		},
		"a key of several lines is pasted": {
			args: []string{"secret", "set", "pem"}, steps: [][2]string{{"Value of pem", "\x1b[200~BEGIN\rhunter2\nEND\r\x1b[201~\r"}},
			shows: "Wrote pem, version ",
			check: func(t *testing.T) {
				if got := sh.ok("", "secret", "get", "pem"); got != "BEGIN\nhunter2\nEND\n" {
					t.Errorf("stored %q", got)
				}
			},
		},
		"a long line is pasted whole": {
			args: []string{"secret", "set", "long"}, steps: [][2]string{{"Value of long", "\x1b[200~" + strings.Repeat("hunter2", 500) + "\x1b[201~\r"}},
			shows: "Wrote long, version ",
			check: func(t *testing.T) {
				if got := sh.ok("", "secret", "get", "long"); got != strings.Repeat("hunter2", 500) {
					t.Errorf("stored %d bytes", len(got))
				}
			},
		},
		"more than the terminal holds is not cut off silently": {
			args: []string{"secret", "set", "cut"}, steps: [][2]string{{"Value of cut", strings.Repeat("hunter2", 600) + "\r"}},
			code: cli.ExitUsage, shows: "too long for a prompt",
		},
		"a person logs in": {
			args: []string{"login"}, steps: [][2]string{{"Email for", ownerMail + "\r"}, {"Password", ownerPass + "\r"}},
			env: map[string]string{"HOME": t.TempDir(), "ONECLAW_TOKEN": ""}, shows: "Logged in to",
		},
		"a person types everything ahead": {
			args: []string{"login"}, steps: [][2]string{{"Email for", ownerMail + "\r" + ownerPass + "\r"}},
			env: map[string]string{"HOME": t.TempDir(), "ONECLAW_TOKEN": ""}, shows: "Logged in to",
		},
		"a person says yes": {
			args: []string{"secret", "delete", "kept"}, steps: [][2]string{{"Delete the secret kept?", "Yes\r"}},
			shows: "Deleted kept.",
			check: func(t *testing.T) {
				if r := sh.run("", "secret", "get", "kept"); r.code != cli.ExitNotFound {
					t.Errorf("it is still there: exit %d", r.code)
				}
			},
		},
		"a person only presses Enter": {
			args: []string{"secret", "delete", "spared"}, steps: [][2]string{{"Delete the secret spared? [y/N]", "\r"}},
			code: cli.ExitFailure, shows: "nothing was changed",
			check: func(t *testing.T) { sh.ok("", "secret", "get", "spared") },
		},
		"a person presses Ctrl-C": {
			args: []string{"secret", "purge", "spared"}, steps: [][2]string{{"spared?", "y\x03"}},
			code: cli.ExitFailure, shows: "nothing was changed",
			check: func(t *testing.T) { sh.ok("", "secret", "get", "spared") },
		},
	} {
		for _, columns := range []uint16{80, 60, 0} { // 0: the terminal does not know
			t.Run(fmt.Sprintf("%s, at %d columns", name, columns), func(t *testing.T) {
				for _, p := range []string{"kept", "spared"} {
					sh.ok("v", "secret", "set", p)
				}
				f.tokens["person"] = "user"
				env := map[string]string{"TERM": "xterm-256color", "ONECLAW_BASE_URL": f.URL, "ONECLAW_TOKEN": "person", "HOME": sh.env["HOME"]}
				for k, v := range tc.env {
					env[k] = v
				}
				person, program := pty.Open(t, columns)
				seen := pty.Watch(person)
				root := cli.New(cli.Deps{Stdin: program, Stdout: program, Stderr: program, Getenv: func(k string) string { return env[k] }})
				code := make(chan int)
				go func() { code <- cli.Execute(t.Context(), root, tc.args) }()
				for _, step := range tc.steps {
					seen.Wait(t, 0, step[0])
					if _, err := person.WriteString(step[1]); err != nil {
						t.Fatal(err)
					}
				}
				if got := <-code; got != tc.code {
					t.Errorf("exit %d, want %d", got, tc.code)
				}
				seen.Wait(t, 0, tc.shows)
				for _, hidden := range []string{"hunter2", ownerPass} {
					if strings.Contains(seen.String(), hidden) {
						t.Errorf("shown: %q", seen.String())
					}
				}
				if tc.check != nil {
					tc.check(t)
				}
			})
		}
	}
}

// How many transactions are still open is one line of a real terminal, which what follows is
// written over.
func TestWatchingOnARealTerminal(t *testing.T) {
	node, _, agent := onChain(t)
	node.Automine(t, false)
	for _, value := range []string{"0.001", "0.002"} {
		agent.ok("", "tx", "submit", payee, value, "--chain", "anvil")
	}
	person, program := pty.Open(t, 60)
	seen := pty.Watch(person)
	waited := false
	root := cli.New(cli.Deps{
		Stdin: program, Stdout: program, Stderr: program,
		Getenv: func(name string) string {
			if name == "NO_COLOR" {
				return "1"
			}
			return agent.env[name]
		},
		After: func(time.Duration) <-chan time.Time {
			if !waited { // now the chain goes on
				waited = true
				node.Mine(t, 100)
			}
			now := make(chan time.Time, 1)
			now <- time.Now()
			return now
		},
	})
	if code := cli.Execute(t.Context(), root, []string{"tx", "watch"}); code != cli.ExitOK {
		t.Errorf("exit %d", code)
	}
	seen.Wait(t, 0, "Hash")
	const open = "2 of 2 transactions still open. Ctrl-C stops the watching a" // as much as one line holds
	shown := seen.String()
	if strings.Count(shown, "2 of 2") != 1 || !strings.Contains(shown, "\r"+open[:58]+"…") || strings.Contains(shown, open+"lone") {
		t.Errorf("shown: %.2000q", shown)
	}
	if _, after, _ := strings.Cut(shown, "…"); strings.Count(after, ": success in block ") != 2 || !strings.Contains(after, "\r"+strings.Repeat(" ", 59)+"\r") {
		t.Errorf("it is not taken away: %.2000q", shown)
	}
}
