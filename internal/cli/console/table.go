package console

import (
	"strings"
	"unicode/utf8"
)

// ShortID is how many characters of an id a person sees in a list.
const ShortID = 8

// narrowest is what a column is not cut further than.
const narrowest = 6

// Short is what a list shows of an id: all of it to programs and with --wide.
func (c *Console) Short(id string) string {
	if c.Wide || !c.IsTTY(c.Stdout) {
		return id
	}
	return id[:min(len(id), ShortID)]
}

// ShortActor is short for "user:ID" and "agent:ID".
func (c *Console) ShortActor(s string) string {
	kind, id, ok := strings.Cut(s, ":")
	if !ok {
		return s
	}
	return kind + ":" + c.Short(id)
}

// fit lays a table out for the terminal. What decides nothing is cut, and what does is
// wrapped, the widest column first, until a line fits; fits is false when none does.
func (c *Console) fit(header []string, rows [][]string) (lines []string, fits bool) {
	widths := make([]int, len(header))
	total := gap * (len(header) - 1)
	for i, h := range header {
		widths[i] = screenWidth(h)
		for _, r := range rows {
			widths[i] = max(widths[i], screenWidth(r[i]))
		}
		total += widths[i]
	}
	room := c.Width(c.Stdout)
	fits = true
	if !c.Wide && room > 0 {
		for _, bends := range []func(string) bool{mayBeCut, isAList, mayBeWrapped} {
			for ; total > room && narrow(header, widths, bends); total-- {
			}
		}
		fits = total <= room
	}
	if !fits {
		return nil, false
	}
	var laid [][]string
	for _, r := range rows {
		laid = append(laid, wrapped(header, r, widths)...)
	}
	return columns(header, laid, c.look(c.Stdout, heading)), true
}

// narrow takes a cell from the widest of the columns that bend, and reports whether one
// was left.
func narrow(header []string, widths []int, bends func(string) bool) bool {
	widest := -1
	for i, h := range header {
		if bends(h) && widths[i] > max(narrowest, screenWidth(h)) && (widest < 0 || widths[i] > widths[widest]) {
			widest = i
		}
	}
	if widest >= 0 {
		widths[widest]--
	}
	return widest >= 0
}

// wrapped is a row in as many lines as its longest cell needs.
func wrapped(header, row []string, widths []int) [][]string {
	lines := [][]string{make([]string, len(row))}
	for i, cell := range row {
		if !mayBeWrapped(header[i]) {
			lines[0][i] = cut(cell, widths[i])
			continue
		}
		for n := 0; cell != ""; n++ {
			if n == len(lines) {
				lines = append(lines, make([]string, len(row)))
			}
			lines[n][i], cell = breakAt(cell, widths[i])
		}
	}
	return lines
}

// breakAt is the part of s that fits in width, up to a comma or a slash where there is
// one in its second half, and the rest.
func breakAt(s string, width int) (first, rest string) {
	if screenWidth(s) <= width {
		return s, ""
	}
	end := 0
	for i, r := range s {
		if screenWidth(s[:i+utf8.RuneLen(r)]) > width {
			break
		}
		end = i + utf8.RuneLen(r)
	}
	if end == 0 { // a character that is wider than the column
		_, end = utf8.DecodeRuneInString(s)
	}
	if at := strings.LastIndexAny(s[:end], ",/ ") + 1; at > end/2 {
		end = at
	}
	return s[:end], s[end:]
}

// mayBeCut reports whether a column is of use in part.
func mayBeCut(header string) bool { return header == "NAME" || header == "PATH" || header == "PROGRAM" }

// isAList reports whether a column breaks between words rather than in a name.
func isAList(header string) bool { return header == "PERMISSIONS" || header == "CONDITIONS" }

// mayBeWrapped reports whether a column may take several lines: it says who may do what,
// or what happened, and no part of that may be missing.
func mayBeWrapped(header string) bool {
	switch header {
	case "PATTERN", "PERMISSIONS", "CONDITIONS", "GRANTED TO", "WHAT", "OUTCOME":
		return true
	}
	return false
}

// cut shortens s to a width on the screen, and shows that it did.
func cut(s string, width int) string {
	if screenWidth(s) <= width {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if screenWidth(b.String()+string(r)) > width-1 {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}
