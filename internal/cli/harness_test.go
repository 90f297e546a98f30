package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// shell runs commands as a user would, with a home of its own.
type shell struct {
	t      *testing.T
	env    map[string]string
	now    time.Time
	tty    string // any of "i", "o", "e": which streams are terminals
	width  int    // of the terminal
	person *person
	waits  func()        // is called when a command waits
	errs   *bytes.Buffer // what the command that runs said so far
	verify func(io.Reader, string) (client.AuditReport, error)
}

// person answers prompts.
type person struct {
	lines   []string
	line    func() string // instead of lines
	hidden  string
	hiddens []string // before hidden
	confirm bool
	asked   []string
}

func (p *person) Line(_ context.Context, title string) (string, error) {
	p.asked = append(p.asked, title)
	if p.line != nil {
		return p.line(), nil
	}
	s := p.lines[0]
	p.lines = p.lines[1:]
	return s, nil
}

func (p *person) Hidden(_ context.Context, title string) (secret.Bytes, error) {
	p.asked = append(p.asked, title)
	if len(p.hiddens) > 0 {
		s := p.hiddens[0]
		p.hiddens = p.hiddens[1:]
		return secret.FromString(s), nil
	}
	return secret.FromString(p.hidden), nil
}

func (p *person) Confirm(_ context.Context, title string) (bool, error) {
	p.asked = append(p.asked, title)
	return p.confirm, nil
}

type result struct {
	out, err string
	code     int
}

func newShell(t *testing.T, base string) *shell {
	t.Helper()
	home := t.TempDir()
	s := &shell{t: t, now: startOfTests, width: 80, person: &person{}, env: map[string]string{"HOME": home}}
	if base != "" {
		s.env["ONECLAW_BASE_URL"] = base
	}
	return s
}

func (s *shell) run(stdin string, arguments ...string) result {
	s.t.Helper()
	var out, errs bytes.Buffer
	s.errs = &errs
	in := strings.NewReader(stdin)
	streams := map[any]bool{in: strings.Contains(s.tty, "i"), &out: strings.Contains(s.tty, "o"), &errs: strings.Contains(s.tty, "e")}
	root := cli.New(cli.Deps{Stdin: in, Stdout: &out, Stderr: &errs, Getenv: func(k string) string { return s.env[k] },
		Now: func() time.Time { return s.now }, IsTTY: func(x any) bool { return streams[x] },
		Width: func(any) int { return s.width },
		After: func(time.Duration) <-chan time.Time {
			if s.waits != nil {
				s.waits()
			}
			now := make(chan time.Time, 1)
			now <- s.now
			return now
		},
		Prompt: s.person, VerifyExport: s.verify, Version: "test"})
	code := cli.Execute(s.t.Context(), root, arguments)
	return result{out.String(), errs.String(), code}
}

// ok runs a command that must succeed and returns its stdout.
func (s *shell) ok(stdin string, arguments ...string) string {
	s.t.Helper()
	r := s.run(stdin, arguments...)
	if r.code != 0 {
		s.t.Fatalf("%v: exit %d: %s", arguments, r.code, r.err)
	}
	return r.out
}

// loggedIn is a shell of the owner.
func loggedIn(t *testing.T) (*fake, *shell) {
	t.Helper()
	f := newFake(t)
	s := newShell(t, f.URL)
	s.ok(ownerPass+"\n", "login", "--email", ownerMail)
	return f, s
}

func (s *shell) file(name, content string) string {
	s.t.Helper()
	p := filepath.Join(s.env["HOME"], name)
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// golden compares with a file of testdata; UPDATE_GOLDEN=1 writes it anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	p := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs.\n--- got\n%s\n--- want\n%s", name, got, want)
	}
}
