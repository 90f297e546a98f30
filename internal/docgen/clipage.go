package main

import (
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oneclaw-dev/oneclaw/internal/app"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
	"github.com/oneclaw-dev/oneclaw/internal/ops"
)

// cliIntro is what no command says of itself.
//
//go:embed cliintro.txt
var cliIntro string

// everyCommand is the tree of commands, as cmd/oneclaw puts it together.
func everyCommand() *cobra.Command {
	root := cli.New(cli.Deps{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Getenv: func(string) string { return "" }})
	root.AddCommand(app.Commands(app.Deps{})...)
	root.AddCommand(ops.Commands(ops.Operator{})...)
	root.AddCommand(mcpserver.Command(mcpserver.Deps{}))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return root
}

// cliPage is docs/cli.md.
func cliPage(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString(madeFromCode + cliIntro + "\n## All commands\n\n| Command | What it does |\n|---|---|\n")
	walk(root, func(cmd *cobra.Command) {
		if !cmd.HasSubCommands() {
			fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", cmd.CommandPath(), anchor(cmd), cell(cmd.Short))
		}
	})
	walk(root, func(cmd *cobra.Command) {
		if cmd.HasSubCommands() {
			if cmd.Parent() == root {
				fmt.Fprintf(&b, "\n## %s\n\n%s.\n", cmd.CommandPath(), sentence(cmd.Short))
			}
			return
		}
		level := "###"
		if cmd.Parent() == root {
			level = "##"
		}
		describe(&b, level, cmd)
	})
	return b.String()
}

// walk visits the commands that a person may use, in the order of their names.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	for _, sub := range cmd.Commands() {
		if sub.Name() == "help" || sub.Hidden && sub.Name() != "completion" {
			continue
		}
		visit(sub)
		walk(sub, visit)
	}
}

func describe(b *strings.Builder, level string, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n%s %s\n\n```\n%s\n```\n\n", level, cmd.CommandPath(), strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.Contains(part, "\n  ") || strings.Contains(part, "\n\t") || strings.HasPrefix(part, "\t") {
			part = "```\n" + part + "\n```" // laid out by hand
		}
		b.WriteString(part + "\n\n")
	}
	if len(cmd.Aliases) > 0 {
		fmt.Fprintf(b, "Also: `%s`.\n\n", strings.Join(cmd.Aliases, "`, `"))
	}
	if cmd.Example != "" {
		var lines []string
		for l := range strings.SplitSeq(cmd.Example, "\n") {
			lines = append(lines, strings.TrimPrefix(l, "  "))
		}
		b.WriteString("```sh\n" + strings.Join(lines, "\n") + "\n```\n\n")
	}
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			b.WriteString(flagLine(f))
		}
	})
}

func flagLine(f *pflag.Flag) string {
	takes, usage := pflag.UnquoteUsage(f)
	s := "- `--" + f.Name
	if takes != "" {
		s += " " + takes
	}
	s += "`"
	if f.Shorthand != "" {
		s += ", `-" + f.Shorthand + "`"
	}
	s += ": " + usage
	switch f.DefValue {
	case "", "false", "0", "[]":
	default:
		s += " (default `" + strings.Trim(f.DefValue, "[]") + "`)"
	}
	return s + "\n"
}

func anchor(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func sentence(s string) string { return strings.TrimSuffix(s, ".") }
