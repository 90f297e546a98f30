package main

import (
	"fmt"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/config"
)

// configPage is docs/config.md.
func configPage(server, clients []config.Setting) string {
	var b strings.Builder
	b.WriteString(madeFromCode + `# Configuration

## The server

` + "`oneclaw serve` and `oneclaw dev`" + ` read these variables when they start. With ` + "`serve --config FILE`" + ` they may
stand in a file too, one ` + "`ONECLAW_NAME=VALUE`" + ` a line; lines that begin with # do not count. A variable of the
environment comes before the file, and the flags --listen, --shroud-listen and --data before both.

- A variable that begins with ONECLAW_ and is on neither list of this page stops the start: it may be misspelt.
- A setting that is not safe stops the start too, with a sentence that says how to mend it.
- A setting of type *file* names a file that holds the value, so that secrets are neither in the environment nor on
  the command line. Line ends at its end do not count.
- A *rate* is PER_SECOND:BURST, such as 1:5, or off.
- ` + "`oneclaw dev`" + ` reads them as well, but sign-up is always open there and it makes an owner of its own.

`)
	table(&b, server, true)
	b.WriteString(`
## The commands that talk to a server

Everything else, such as ` + "`oneclaw secret`" + ` or ` + "`oneclaw mcp`" + `, reads these. A server that finds them set ignores them.

`)
	table(&b, clients, false)
	b.WriteString(`
They also read ` + "`ONECLAW_DATA`" + ` (where ` + "`login --dev`" + ` looks for the server of this machine), ` + "`XDG_CONFIG_HOME`" + ` or
` + "`HOME`" + ` (where the login is kept) and ` + "`NO_COLOR`" + `.
`)
	return b.String()
}

func table(b *strings.Builder, settings []config.Setting, full bool) {
	if full {
		b.WriteString("| Variable | Type | Default | What it does |\n|---|---|---|---|\n")
	} else {
		b.WriteString("| Variable | What it is |\n|---|---|\n")
	}
	for _, s := range settings {
		doc := cell(s.Doc)
		if !full {
			fmt.Fprintf(b, "| `%s` | %s |\n", s.Name, doc)
			continue
		}
		def := ""
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", s.Name, s.Type, def, doc)
	}
}

// cell makes text fit into one cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}
