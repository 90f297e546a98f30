package cli

import (
	"strings"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// helpWidth is the narrowest terminal that help is made for.
const helpWidth = 80

// wrapHelp breaks the lines of a help text that are longer than helpWidth between words,
// and fills paragraphs again. What stands in columns goes on below its last column. Usage lines
// go on further in, and examples as a shell takes them, so that they can be copied. JSON stays as
// it is.
func wrapHelp(text string) string {
	var out strings.Builder
	var paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			out.WriteString(wrapLine(strings.Join(paragraph, " ")) + "\n")
		}
		paragraph = nil
	}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasSuffix(line, ":") && !strings.HasPrefix(line, " ") && (section != "" || line == "Usage:") {
			section = line
		}
		switch {
		case section == "" && line != "" && line[0] != ' ':
			paragraph = append(paragraph, line)
			continue
		case section == "Usage:":
			line = console.Wrap(line, helpWidth, furtherIn)
		case section == "Examples:":
			line = wrapExample(line)
		case !strings.Contains(line, "{"):
			line = wrapLine(line)
		}
		end()
		out.WriteString(line + "\n")
	}
	end()
	return out.String()
}

const furtherIn = "      "

// wrapExample breaks a command line at blanks that are in no quotes, and not between a flag and
// what it is given.
func wrapExample(line string) string {
	const more = ` \`
	var out strings.Builder
	for utf8.RuneCountInString(line) > helpWidth {
		at, quote := -1, rune(0)
		for i, r := range line {
			if i > helpWidth-len(more) {
				break
			}
			switch {
			case quote != 0 && r == quote:
				quote = 0
			case quote == 0 && (r == '\'' || r == '"'):
				quote = r
			case quote == 0 && r == ' ' && strings.TrimSpace(line[:i]) != "" && line[1+strings.LastIndexByte(line[:i], ' ')] != '-':
				at = i
			}
		}
		if at < 0 {
			break
		}
		out.WriteString(line[:at] + more + "\n")
		line = furtherIn + line[at+1:]
	}
	return out.String() + line
}

func wrapLine(line string) string {
	if utf8.RuneCountInString(line) <= helpWidth {
		return line
	}
	indent := ""
	if i := strings.LastIndex(line[:helpWidth], "  "); strings.HasPrefix(line, "  ") && i > 0 {
		indent = strings.Repeat(" ", i+2)
	}
	return console.Wrap(line, helpWidth, indent)
}
