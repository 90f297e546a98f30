package console

import (
	"strings"
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

// fit cuts the widest of the columns that may be cut until a line fits the
// terminal. Columns that are short anyway, or of no use in part, stay whole.
func (c *Console) fit(header []string, rows [][]string) {
	room := c.Width(c.Stdout)
	if c.Wide || room <= 0 {
		return
	}
	widths := make([]int, len(header))
	total := gap * (len(header) - 1)
	for i, h := range header {
		widths[i] = screenWidth(h)
		for _, r := range rows {
			widths[i] = max(widths[i], screenWidth(r[i]))
		}
		total += widths[i]
	}
	for ; total > room; total-- {
		widest := -1
		for i, h := range header {
			if mayBeCut(h) && widths[i] > max(narrowest, screenWidth(h)) && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	for _, r := range rows {
		for i := range r {
			r[i] = cut(r[i], widths[i])
		}
	}
}

func mayBeCut(header string) bool {
	switch header {
	case "NAME", "PATH", "CONDITIONS", "WHAT", "OUTCOME", "PERMISSIONS":
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
