package console

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// ShortID is how many characters of an id a person sees in a list.
const ShortID = 8

// narrowest is what a column is not narrowed further than.
const narrowest = 6

// Short is what a list shows of an id: all of it to programs and with --wide.
func (c *Console) Short(id string) string {
	if c.Wide || !c.IsTTY(c.Stdout) {
		return id
	}
	return Shortened(id)
}

// Shortened is the part of an id that tells it from others: its end where it begins with the time (UUIDv7), since those of a
// day begin alike, and else its beginning.
func Shortened(id string) string {
	if BeginsWithTime(id) {
		return id[len(id)-ShortID:]
	}
	return id[:min(len(id), ShortID)]
}

// BeginsWithTime reports whether an id is a UUIDv7.
func BeginsWithTime(id string) bool { return len(id) == 36 && id[14] == '7' }

// ShortActor is short for "user:ID" and "agent:ID".
func (c *Console) ShortActor(s string) string {
	kind, id, ok := strings.Cut(s, ":")
	if !ok {
		return s
	}
	return kind + ":" + c.Short(id)
}

// fit lays a table out for the terminal; fits is false when it can't. Nothing that decides is
// cut: it is wrapped.
func (c *Console) fit(header []string, rows [][]string) (lines []string, fits bool) {
	widths, fits := c.widths(header, rows)
	if !fits {
		return nil, false
	}
	var laid [][]string
	for _, r := range rows {
		laid = append(laid, wrapped(header, r, widths)...)
	}
	return columns(header, laid, c.look(c.Stdout, heading)), true
}

// widths are those of the columns on the terminal: they give way in the order of bending, the
// widest first, until a line fits; fits is false when none does.
func (c *Console) widths(header []string, rows [][]string) (widths []int, fits bool) {
	widths = make([]int, len(header))
	words := make([]int, len(header))
	total := gap * (len(header) - 1)
	for i, h := range header {
		widths[i] = screenWidth(h)
		for _, r := range rows {
			widths[i] = max(widths[i], screenWidth(r[i]))
			for word := range strings.SplitSeq(r[i], " ") {
				words[i] = max(words[i], screenWidth(word))
			}
		}
		total += widths[i]
	}
	room := c.Width(c.Stdout)
	if c.Wide || room <= 0 {
		return widths, true
	}
	for _, floor := range bending(header, words) {
		for ; total > room && narrow(header, widths, floor); total-- {
		}
	}
	return widths, total <= room
}

// zoneAbove moves the zone of a column of times, as When writes them, into its heading, where that
// lets each row have one line. Else cells are wrapped, to less than such a heading is wide.
func (c *Console) zoneAbove(header []string, rows [][]string) ([]string, [][]string) {
	const zone = " UTC"
	above, times := slices.Clone(header), make([][]string, len(rows))
	for i, r := range rows {
		times[i] = slices.Clone(r)
	}
	for i := range header {
		if !slices.ContainsFunc(rows, func(r []string) bool { return isTime(r[i]) }) {
			continue
		}
		above[i] += " (UTC)"
		for _, r := range times {
			if isTime(r[i]) {
				r[i] = strings.TrimSuffix(r[i], zone)
			}
		}
	}
	if room := c.Width(c.Stdout); c.Wide || room <= 0 || natural(above, times) <= room {
		return above, times
	}
	return header, rows
}

// natural is how wide a table is whose cells have one line.
func natural(header []string, rows [][]string) int {
	total := gap * (len(header) - 1)
	for i, h := range header {
		widest := screenWidth(h)
		for _, r := range rows {
			widest = max(widest, screenWidth(r[i]))
		}
		total += widest
	}
	return total
}

// isTime reports whether a cell is a time as When writes it for people.
func isTime(cell string) bool {
	_, err := time.Parse(people, cell)
	return err == nil
}

// roomy is what names are left while there is something else to wrap.
const roomy = 24

// bending is how far each column may be narrowed, one step after the other: what is of use
// in part, lists, long names, all columns between their words, and names anywhere. words is
// the longest word of each. 0 is not at all.
func bending(header []string, words []int) []func(i int) int {
	return []func(i int) int{
		func(i int) int { return only(mayBeCut(header[i]), narrowest) },
		func(i int) int { return only(isAList(header[i]), narrowest) },
		func(i int) int { return only(isAName(header[i]), roomy) },
		func(i int) int { return only(!mayBeCut(header[i]) && !isAName(header[i]), words[i]) },
		func(i int) int { return only(isAName(header[i]), narrowest) },
	}
}

func only(ok bool, n int) int {
	if !ok {
		return 0
	}
	return n
}

// narrow takes a cell from the widest of the columns that are above their floor, and
// reports whether one was left.
func narrow(header []string, widths []int, floor func(i int) int) bool {
	widest := -1
	for i, h := range header {
		if f := floor(i); f > 0 && widths[i] > max(f, screenWidth(h)) && (widest < 0 || widths[i] > widths[widest]) {
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
		if mayBeCut(header[i]) {
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

// breakAt is the part of s that fits in width, and the rest: up to a space where there is
// one, else up to a comma or a slash in its second half.
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
	if at := strings.LastIndexByte(s[:min(end+1, len(s))], ' '); at > 0 {
		return s[:at], strings.TrimLeft(s[at:], " ")
	}
	if at := strings.LastIndexAny(s[:end], ",/") + 1; at > end/2 {
		end = at
	}
	return s[:end], s[end:]
}

// mayBeCut reports whether a column is of use in part.
func mayBeCut(header string) bool { return header == "PROGRAM" || header == "COMMENT" }

// isAList reports whether a column breaks between words rather than in a name.
func isAList(header string) bool { return header == "PERMISSIONS" || header == "CONDITIONS" }

// isAName reports whether a column may be wrapped within a word: paths and what people
// named have no bound, and no part of them may be missing.
func isAName(header string) bool {
	switch header {
	case "PATTERN", "GRANTED TO", "WHAT", "OUTCOME", "NAME", "PATH", "VAULT", "REQUESTER", "FOR", "WHO", "EMAIL", "KEY", "VALUE", "BRANCH",
		"ENVIRONMENT", "ORGANISATION", "MADE WITH", "WRITTEN BY", "ACTOR", "URL", "EVENTS", "CHAIN", "WHY", "AGENT", "MODEL":
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
