package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// printJSON writes v for programs. Its shapes are those of the REST replies.
func (c *cli) printJSON(v any) error {
	e := json.NewEncoder(c.Stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printRows writes a table to a terminal, and tab-separated lines without a header
// to anything else. none is what a terminal says when there is no row.
func (c *cli) printRows(header []string, rows [][]string, none string) error {
	for _, r := range rows {
		for i := range r {
			r[i] = clean(r[i])
		}
	}
	if !c.IsTTY(c.Stdout) {
		for _, r := range rows {
			if _, err := fmt.Fprintln(c.Stdout, strings.Join(r, "\t")); err != nil {
				return err
			}
		}
		return nil
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(c.Stdout, none)
		return err
	}
	c.fit(header, rows)
	for _, line := range columns(header, rows, c.look(c.Stdout, heading)) {
		if _, err := fmt.Fprintln(c.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// field is one line of a description.
type field struct{ name, value string }

// printFields writes the description of one thing. Fields without a value are left
// out on a terminal, and kept for programs.
func (c *cli) printFields(fields ...field) error {
	tty := c.IsTTY(c.Stdout)
	name := c.look(c.Stdout, cyan)
	width := 0
	for _, f := range fields {
		width = max(width, len(f.name))
	}
	for _, f := range fields {
		line := strings.ToLower(strings.ReplaceAll(f.name, " ", "_")) + "\t" + clean(f.value)
		if tty {
			if f.value == "" {
				continue
			}
			line = name.paint(f.name) + strings.Repeat(" ", width-len(f.name)+2) + clean(f.value)
		}
		if _, err := fmt.Fprintln(c.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// done tells a person on stderr what happened. A program sees the exit code.
func (c *cli) done(format string, a ...any) {
	if !c.IsTTY(c.Stderr) || c.jsonOut {
		return
	}
	fmt.Fprintln(c.Stderr, c.look(c.Stderr, green).paint("✓")+" "+clean(fmt.Sprintf(format, a...)))
}

// warn tells anybody on stderr what they should know though nothing failed.
func (c *cli) warn(text string) {
	if !c.jsonOut {
		fmt.Fprintln(c.Stderr, "oneclaw: "+clean(text))
	}
}

// when writes a time in UTC: to the second for programs, to the minute for people.
func (c *cli) when(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case c.IsTTY(c.Stdout):
		return t.UTC().Format("2006-01-02 15:04 UTC")
	}
	return t.UTC().Format(time.RFC3339)
}

func (c *cli) maybe(t *time.Time, none string) string {
	if t == nil {
		return none
	}
	return c.when(*t)
}

// clean makes text from outside harmless for a terminal and for a line of fields:
// control and formatting characters are shown as escapes.
func clean(s string) string { return escape(s, "") }

// cleanLines is clean for a text that may have lines and tabs.
func cleanLines(s string) string { return escape(s, "\n\t") }

func escape(s, keep string) string {
	var b strings.Builder
	for _, r := range s {
		if unsafeRune(r) && !strings.ContainsRune(keep, r) {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unsafeRune holds for control characters and for those that reorder or hide text.
func unsafeRune(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

func quote(s string) string { return "`" + s + "`" }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// write is for exact bytes.
func write(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}
