package console_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// onTerminal is a console whose streams are terminals of so many columns.
func onTerminal(width int) (c *console.Console, out, errs *bytes.Buffer) {
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	return console.New(console.Console{
		Stdout: out, Stderr: errs, Getenv: func(name string) string { return map[string]string{"NO_COLOR": "1"}[name] },
		IsTTY: func(any) bool { return true }, Width: func(any) int { return width },
	}), out, errs
}

// A row takes two lines at most where words allow it: by wrapping, else with its last column below.
func TestARowTakesTwoLinesAtMost(t *testing.T) {
	one := func(path, who string) console.Table {
		return console.Table{Header: []string{"ID", "PATH", "REQUESTER", "EXPIRES"}, Rows: [][]string{{"1234abcd", path, who, "2026-12-01 18:55 UTC"}, {"", "c", "", ""}}, None: "None."}
	}
	two := func(path, who string) console.Table {
		return console.Table{Header: []string{"ID", "REQUESTER", "EXPIRES", "PATH"}, Rows: [][]string{{"1234abcd", who, "2026-12-01 18:55 UTC", path}, {"", "", "", "c"}}}
	}
	long := strings.Repeat("segment/", 8) + "end"
	for name, c := range map[string]struct {
		width     int
		path, who string
		want      string
	}{
		"in one": {80, "a/b", "agent:one",
			"ID        PATH  REQUESTER  EXPIRES (UTC)\n1234abcd  a/b   agent:one  2026-12-01 18:55\n          c\n"},
		"wrapped, as most take one": {80, "production/databases/primary", "agent:builder-of-things",
			"ID        PATH                   REQUESTER                EXPIRES\n1234abcd  production/databases/  agent:builder-of-things  2026-12-01 18:55\n" +
				"          primary                                         UTC\n          c\n"},
		"below": {60, long, "agent:builder-of-things",
			"ID        REQUESTER                EXPIRES (UTC)\n  PATH\n1234abcd  agent:builder-of-things  2026-12-01 18:55\n" +
				"  segment/segment/segment/segment/segment/segment/segment/\n  segment/end\n\n  c\n"},
		"where even that is too narrow": {20, "a/b", "agent:one",
			"ID         1234abcd\nRequester  agent:one\nExpires    2026-12-01\n           18:55 UTC\nPath       a/b\n\nPath       c\n"},
		"of no known width": {0, long, "agent:one",
			"ID        PATH                                                                 REQUESTER  EXPIRES (UTC)\n1234abcd  " + long + "  agent:one  2026-12-01 18:55\n          c\n"},
	} {
		con, out, _ := onTerminal(c.width)
		if err := con.PrintTwoLines(one(c.path, c.who), two(c.path, c.who)); err != nil || out.String() != c.want {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	con, out, _ := onTerminal(80)
	if err := con.PrintTwoLines(console.Table{Header: []string{"ID"}, None: "None."}, console.Table{Header: []string{"ID"}}); err != nil || out.String() != "None.\n" {
		t.Errorf("no rows: %v %q", err, out)
	}
	con, out, _ = onTerminal(80)
	con.IsTTY = func(any) bool { return false }
	if err := con.PrintTwoLines(one(long, "agent:one"), two(long, "agent:one")); err != nil || out.String() != "1234abcd\t"+long+"\tagent:one\t2026-12-01 18:55 UTC\n\tc\t\t\n" {
		t.Errorf("to a program: %v %q", err, out)
	}
}

// What is shown while a command waits is one line, however narrow the terminal, and nothing in a pipe.
func TestProgressIsOneLineThatIsWrittenAnew(t *testing.T) {
	con, _, errs := onTerminal(20)
	p := con.Progress()
	p.Clear()
	p.Say("10 of 12 open")
	p.Say("10 of 12 open")
	p.Say("9 of 12 open, and this is too long")
	p.Say("9 of 12 open, and this is too long")
	p.Say("8 open")
	p.Clear()
	want := "\r10 of 12 open" + "\r9 of 12 open, and …" + "\r8 open" + strings.Repeat(" ", 13) + "\r      \r"
	if errs.String() != want {
		t.Errorf("got %q, want %q", errs, want)
	}
	con, _, errs = onTerminal(80)
	con.IsTTY = func(any) bool { return false }
	p = con.Progress()
	p.Say("open")
	p.Clear()
	if errs.Len() > 0 {
		t.Errorf("in a pipe: %q", errs)
	}
}
