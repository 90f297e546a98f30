package console

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// PrintJSON writes v for programs. Its shapes are those of the REST replies.
func (c *Console) PrintJSON(v any) error {
	e := json.NewEncoder(c.Stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// PrintRows writes a table to a terminal, and tab-separated lines without a header
// to anything else. none is what a terminal says when there is no row.
func (c *Console) PrintRows(header []string, rows [][]string, none string) error {
	for _, r := range rows {
		for i := range r {
			r[i] = Clean(r[i])
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
	lines, fits := c.fit(c.zoneAbove(header, rows))
	if !fits {
		return c.printBlocks(header, rows)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(c.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// printBlocks writes a table that is wider than the terminal as a block of lines for
// each row, with nothing left out.
func (c *Console) printBlocks(header []string, rows [][]string) error {
	for i, r := range rows {
		if i > 0 {
			if _, err := fmt.Fprintln(c.Stdout); err != nil {
				return err
			}
		}
		fields := make([]Field, 0, len(r))
		for j, cell := range r {
			fields = append(fields, Field{title(header[j]), cell})
		}
		if err := c.PrintFields(fields...); err != nil {
			return err
		}
	}
	return nil
}

// title is the heading of a column as the name of a field.
func title(header string) string {
	if header == "ID" {
		return header
	}
	return Capital(strings.ToLower(header))
}

// Field is one line of a description: a name and a value.
type Field [2]string

// PrintFields writes the description of one thing. Fields without a value are left
// out on a terminal, and kept for programs.
func (c *Console) PrintFields(fields ...Field) error {
	tty := c.IsTTY(c.Stdout)
	look := c.look(c.Stdout, cyan)
	width := 0
	for _, f := range fields {
		width = max(width, len(f[0]))
	}
	for _, f := range fields {
		name, value := f[0], Clean(f[1])
		line := strings.ToLower(strings.ReplaceAll(name, " ", "_")) + "\t" + value
		if tty {
			if value == "" {
				continue
			}
			wide := width + gap
			line = look.paint(name) + strings.Repeat(" ", wide-len(name)) + strings.TrimLeft(Wrap(strings.Repeat(" ", wide)+value, c.Width(c.Stdout), strings.Repeat(" ", wide)), " \n")
		}
		if _, err := fmt.Fprintln(c.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// Done tells a person on stderr what happened. A program sees the exit code.
func (c *Console) Done(format string, a ...any) {
	if !c.IsTTY(c.Stderr) || c.JSON {
		return
	}
	text := c.WrapFor(c.Stderr, "✓ "+Clean(fmt.Sprintf(format, a...)), "  ")
	fmt.Fprintln(c.Stderr, c.look(c.Stderr, green).paint("✓")+strings.TrimPrefix(text, "✓"))
}

// Note tells a person on stderr what is left to do.
func (c *Console) Note(text string) {
	if c.IsTTY(c.Stderr) {
		c.Warn(text)
	}
}

// Warn tells anybody on stderr what they should know though nothing failed.
func (c *Console) Warn(text string) {
	if !c.JSON {
		fmt.Fprintln(c.Stderr, c.WrapFor(c.Stderr, "oneclaw: "+Clean(text), ""))
	}
}

// When writes a time in UTC: to the second for programs, to the minute for people.
func (c *Console) When(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case c.IsTTY(c.Stdout):
		return t.UTC().Format(people)
	}
	return t.UTC().Format(time.RFC3339)
}

// people is how a time is written for people.
const people = "2006-01-02 15:04 UTC"

// Exactly is When to the second for people too, where the order of events counts. The
// heading of its column says that it is UTC.
func (c *Console) Exactly(t time.Time) string {
	if c.IsTTY(c.Stdout) && !t.IsZero() {
		return t.UTC().Format(time.DateTime)
	}
	return c.When(t)
}

// Maybe is When for a time that there need not be.
func (c *Console) Maybe(t *time.Time, none string) string {
	if t == nil {
		return none
	}
	return c.When(*t)
}

// Write is for exact bytes.
func Write(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}
