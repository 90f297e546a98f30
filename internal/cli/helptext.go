package cli

import (
	"strings"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// helpWidth is the narrowest terminal that help is made for.
const helpWidth = 80

// wrapHelp breaks the lines of a help text that are longer than helpWidth between words,
// and fills paragraphs again. What stands in columns goes on below its last column. Examples,
// JSON and usage lines stay as they are, so that they can be copied.
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
		case section != "Usage:" && section != "Examples:" && !strings.Contains(line, "{"):
			line = wrapLine(line)
		}
		end()
		out.WriteString(line + "\n")
	}
	end()
	return out.String()
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
