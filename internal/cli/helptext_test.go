package cli_test

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// TestHelpFitsATerminal: all but JSON. Examples go on as a shell takes them.
func TestHelpFitsATerminal(t *testing.T) {
	var visit func(cmd *cobra.Command)
	seen := 0
	visit = func(cmd *cobra.Command) {
		var out strings.Builder
		cmd.Root().SetOut(&out)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "Usage:\n") {
			t.Fatalf("%s has no help", cmd.CommandPath())
		}
		listed := false
		for line := range strings.Lines(out.String()) {
			line = strings.TrimSuffix(line, "\n")
			listed = line == "Available Commands:" || listed && line != ""
			if listed && !strings.HasSuffix(line, ":") && !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: a command's line goes on as if it were another's: %q", cmd.CommandPath(), line)
			}
			if len([]rune(line)) > 80 && !strings.Contains(line, "{") {
				t.Errorf("%s: %q", cmd.CommandPath(), line)
			}
		}
		seen++
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(cli.New(cli.Deps{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Version: "1.2"}))
	if seen < 100 {
		t.Errorf("only %d commands were looked at", seen)
	}
}
