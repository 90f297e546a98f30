package console

import (
	"fmt"
	"math"
	"strings"
)

// Table is rows with a header. None is what a terminal says when there is no row.
type Table struct {
	Header []string
	Rows   [][]string
	None   string
}

// PrintTwoLines is PrintRows of one where no row of it takes more than two lines of the terminal,
// and most take one. Where not it prints two, whose last column has a line of its own below the
// others.
func (c *Console) PrintTwoLines(one, two Table) error {
	for _, rows := range [][][]string{one.Rows, two.Rows} {
		for _, r := range rows {
			for i := range r {
				r[i] = Clean(r[i])
			}
		}
	}
	if !c.IsTTY(c.Stdout) || c.Wide || len(one.Rows) == 0 {
		return c.PrintRows(one.Header, one.Rows, one.None)
	}
	last := len(two.Header) - 1
	heads, blanks := make([][]string, 0, len(two.Rows)), 0
	for _, r := range two.Rows {
		heads = append(heads, r[:last])
		if r[last] == "" {
			blanks++
		}
	}
	if n, most := c.lines(one.Header, one.Rows); most == 1 || most == 2 && n < 2*len(heads)-blanks {
		return c.PrintRows(one.Header, one.Rows, one.None)
	}
	header, heads := c.zoneAbove(two.Header[:last], heads)
	widths, fits := c.widths(header, heads)
	if !fits {
		return c.printBlocks(two.Header, two.Rows)
	}
	var laid [][]string
	ends := make([]int, 0, len(heads)) // of each row, in lines
	for _, r := range heads {
		laid = append(laid, wrapped(header, r, widths)...)
		ends = append(ends, len(laid))
	}
	lines := columns(header, laid, c.look(c.Stdout, heading))
	out := lines[:1:1]
	if blanks < len(heads) {
		out = append(out, indent+c.look(c.Stdout, heading).paint(two.Header[last]))
	}
	begin := 0
	for i, end := range ends {
		out = append(out, lines[1+begin:1+end]...)
		out = append(out, c.under(two.Rows[i][last])...)
		begin = end
	}
	for _, line := range out {
		if _, err := fmt.Fprintln(c.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// indent is what the second line of a row begins with.
const indent = "  "

// under is a cell in lines of its own; none when it is empty.
func (c *Console) under(cell string) (lines []string) {
	room := c.Width(c.Stdout) - len(indent)
	for cell != "" {
		var line string
		if line, cell = breakAt(cell, room); line != "" {
			lines = append(lines, indent+line)
		}
	}
	return lines
}

// lines is how many lines the rows of a table take on the terminal, and how many one of them does at
// most. A table that does not fit takes more than any, and so does one that breaks a mail address:
// nobody can copy that.
func (c *Console) lines(header []string, rows [][]string) (all, most int) {
	header, rows = c.zoneAbove(header, rows)
	widths, fits := c.widths(header, rows)
	if !fits {
		return math.MaxInt, math.MaxInt
	}
	for _, r := range rows {
		for i, cell := range r {
			if strings.Contains(cell, "@") && screenWidth(cell) > widths[i] {
				return math.MaxInt, math.MaxInt
			}
		}
		n := len(wrapped(header, r, widths))
		all, most = all+n, max(most, n)
	}
	return all, most
}
