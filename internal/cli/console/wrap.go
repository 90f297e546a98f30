package console

import "strings"

// Wrap breaks a text of one line between words, so that no line is wider than width where
// its words allow it: the lines after the first begin with indent. A command between
// backquotes stays in one line where it fits into one, to be copied. No width is no bound.
func Wrap(text string, width int, indent string) string {
	if width <= 0 || screenWidth(text) <= width {
		return text
	}
	var out strings.Builder
	at := 0
	for i, piece := range unbroken(text, width-len(indent)) {
		n := screenWidth(piece)
		switch {
		case i == 0:
		case at+1+n > width && at > len(indent):
			out.WriteString("\n" + indent)
			at = len(indent)
		default:
			out.WriteByte(' ')
			at++
		}
		out.WriteString(piece)
		at += n
	}
	return out.String()
}

// unbroken are the words of a text, and its commands whole where they fit into width.
func unbroken(text string, width int) []string {
	var pieces []string
	command := ""
	for _, word := range strings.Split(text, " ") {
		switch odd := strings.Count(word, "`")%2 == 1; {
		case command != "":
			if command += " " + word; odd {
				pieces, command = append(pieces, fitting(command, width)...), ""
			}
		case odd:
			command = word
		default:
			pieces = append(pieces, word)
		}
	}
	if command != "" { // a backquote that nothing ends
		pieces = append(pieces, strings.Split(command, " ")...)
	}
	return pieces
}

func fitting(command string, width int) []string {
	if screenWidth(command) <= width {
		return []string{command}
	}
	return strings.Split(command, " ")
}

// WrapFor is Wrap at the width of the terminal that a stream is, and nothing where it is
// none: what programs read does not change with a terminal.
func (c *Console) WrapFor(stream any, text, indent string) string {
	if !c.IsTTY(stream) {
		return text
	}
	return Wrap(text, c.Width(stream), indent)
}
