package cli_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pty"
)

const runSecret = "sk_live_0123456789abcdef"

// seat is a person at a shell on a terminal.
type seat struct {
	t      *testing.T
	person *os.File
	seen   *pty.Screen
	at     int // what was shown up to here was looked at
}

// sit starts an interactive shell in which $ONE is the command, with the login of a shell.
func sit(t *testing.T, s *shell) *seat {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	one := filepath.Join(t.TempDir(), "one")
	if err := os.WriteFile(one, []byte("#!/bin/sh\nONECLAW_TEST_PROGRAM=1 exec "+self+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	person, program := pty.Open(t, 80)
	bash := exec.Command("bash", "--norc", "--noprofile", "-i")
	bash.Dir = t.TempDir()
	bash.Env = append(os.Environ(), "PS1=ready> ", "ONE="+one, "TERM=xterm", "HISTFILE=", "LC_ALL=C")
	for k, v := range s.env {
		bash.Env = append(bash.Env, k+"="+v)
	}
	bash.Stdin, bash.Stdout, bash.Stderr = program, program, program
	bash.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := bash.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Kill(-bash.Process.Pid, unix.SIGKILL)
		_ = bash.Wait()
	})
	_ = program.Close()
	out := &seat{t: t, person: person, seen: pty.Watch(person)}
	out.sees("ready> ")
	return out
}

func (s *seat) types(text string) {
	s.t.Helper()
	if _, err := s.person.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *seat) sees(text string) {
	s.t.Helper()
	s.at = s.seen.Wait(s.t, s.at, text)
}

// gives runs a line and waits for what it prints, which must not stand in the line itself.
func (s *seat) gives(line, want string) {
	s.t.Helper()
	s.types(line + "\r")
	s.sees(want)
	s.sees("ready> ")
}

// A program behaves on a terminal as it does without oneclaw: replaced by it, beside it for a
// file, and with its output looked through.
func TestAProgramOnATerminalIsAsItIsWithoutUs(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now() // as it is to the process
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok(runSecret, "secret", "set", "pay", "--vault", "app")
	for mode, command := range map[string]string{
		"in its place": "run --vault app --env S=pay", "beside it": "run --vault app --env S=pay --file F=pay", "looked through": "run --vault app --env S=pay --redact",
		"looked through, with a file": "run --vault app --env S=pay --file F=pay --redact",
		"beside a proxy":              "proxy --vault app --env S=pay", "behind a fence": "proxy --netns --vault app --env S=pay",
	} {
		t.Run(mode, func(t *testing.T) {
			p := sit(t, s)
			run := "$ONE " + command + " -- "
			p.gives(run+`sh -c 'test -t 0 && test -t 1 && test -t 2 && echo all-"three" && stty size && exit 7'; echo code=$?`, "all-three\r\n24 80\r\ncode=7")
			p.gives(run+`sh -c 'kill -TERM $$'; echo "code="$?`, "code=143")
			p.gives(run+`sh -c 'kill -SEGV $$'; echo "code="$?`, "code=139")
			p.gives(run+`sh -c 'exit 255'; echo "code="$?`, "code=255")

			// Ctrl-C ends it.
			p.types(run + `sh -c 'echo "be"gun; exec sleep 600'` + "\r")
			p.sees("begun")
			p.types("\x03")
			p.sees("ready> ")
			p.gives(`echo "code="$?`, "code=130")

			// Ctrl-C is handled once by a program that goes on.
			p.types(run + `bash -c 'trap "echo got-\"int\"" INT; echo "be"gun; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; read -r line; read -r line; echo read-"$line"'` + "\r")
			p.sees("begun")
			p.types("\x03")
			p.sees("got-int")
			p.types("a line\r")
			p.types("another\r")
			p.sees("read-another\r\n")
			p.sees("ready> ")
			if shown := p.seen.String(); strings.Count(shown, "got-int") != 1 {
				t.Errorf("shown %q", shown)
			}

			// Ctrl-Z stops it, and fg has it go on.
			p.types(run + `sh -c 'echo "be"gun; exec cat'` + "\r")
			p.sees("begun")
			p.types("\x1a")
			p.sees("Stopped")
			p.sees("ready> ")
			p.types("fg\r")
			p.sees("--vault app")
			p.types("echoed\r")
			p.sees("echoed\r\nechoed\r\n")
			p.types("\x04")
			p.sees("ready> ")
			p.gives(`echo "code="$?`, "code=0")

			// What it wrote before it stopped is shown before the shell says so.
			p.types(run + `sh -c 'echo "be"fore; kill -STOP $$; exit 4'` + "\r")
			p.sees("before\r\n")
			p.sees("Stopped")
			p.sees("ready> ")
			p.gives(`fg; echo "code="$?`, "code=4")

			// A process that it leaves behind with the terminal is not waited for.
			p.gives(run+`sh -c 'trap "" HUP; sleep 600 & echo $! >left'; echo "code="$?; kill -KILL $(cat left)`, "code=0")

			// The size of the terminal changes while it runs.
			p.types(run + `bash -c 'trap "stty size; exit 3" WINCH; echo "be"gun; while :; do sleep 0.1; done'` + "\r")
			p.sees("begun")
			if err := unix.IoctlSetWinsize(int(p.person.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 31, Col: 97}); err != nil {
				t.Fatal(err)
			}
			p.sees("31 97")
			p.sees("ready> ")
			p.gives(`echo "code="$?`, "code=3")

			// A shell within has jobs of its own, and is itself stopped.
			p.types(run + "env PS1='within> ' bash --norc --noprofile -i\r")
			p.sees("within> ")
			p.types(`echo "secret ${S:+there} key $ONECLAW_API_KEY."` + "\r")
			p.sees("secret there key .")
			p.sees("within> ")
			p.types("\x1a")
			p.types("sh -c 'echo \"be\"gun; exec sleep 600'\r")
			p.sees("begun")
			p.types("\x1a")
			p.sees("Stopped")
			p.sees("within> ")
			p.types("kill -KILL %1; while kill -0 %1; do sleep 0.1; done 2>/dev/null; suspend\r") // wait does not wait for what is stopped
			p.sees("ready> ")
			p.types("fg\r")
			p.sees("within> ")
			p.types("exit 5\r")
			p.sees("ready> ")
			p.gives(`echo "code="$?`, "code=5")
			p.types("exit\r")
		})
	}
}

// What a program prints on a terminal shows no value, however it is written, and a prompt is
// not held back.
func TestWhatAProgramPrintsOnATerminalIsLookedThrough(t *testing.T) {
	s := serveDev(t)
	s.now = time.Now() // as it is to the process
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	s.ok(runSecret, "secret", "set", "pay", "--vault", "app")
	p := sit(t, s)
	run := "$ONE run --vault app --env S=pay --redact -- bash -c "
	p.gives(run+`'printf "\033[31m%s\033[0m and %s\n" "$S" "$S"'`, "\x1b[31m[REDACTED:S]\x1b[0m and [REDACTED:S]\r\n")
	p.gives(run+`'printf "%s" "$S" | base64 -w0; printf "x%s" "$S" | base64; printf "%s" "$S" | od -An -tx1; printf "%s" "$S" >&2'; echo "code="$?`, "code=0")
	p.gives(run+`'for ((i=0; i<${#S}; i++)); do printf "%s" "${S:i:1}"; sleep 0.05; done; echo .'`, "[REDACTED:S].")
	p.types(run + `'read -r -p "What is "it"? " x; echo "it is $x"'` + "\r")
	p.sees("What is it? ")
	p.types(runSecret + "\r") // the terminal echoes it, and the program says it
	p.sees("it is [REDACTED:S]")
	p.sees("ready> ")
	p.types("exit\r")
	shown := p.seen.String()
	for _, spelling := range []string{runSecret, runSecret[3:], base64.StdEncoding.EncodeToString([]byte(runSecret)), base64.StdEncoding.EncodeToString([]byte("x" + runSecret))[4:], "73 6b 5f 6c"} {
		if strings.Contains(shown, spelling) {
			t.Errorf("%s is shown: %q", spelling, shown)
		}
	}
}
