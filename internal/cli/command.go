package cli

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
)

// cli is the state that the commands of one run share.
type cli struct {
	*session.Session
	after        func(time.Duration) <-chan time.Time
	verifyExport func(export io.Reader, publicKey string) (client.AuditReport, error)
	become       func(path string, args, env []string) error
	vault        string
	running      bool            // the arguments were accepted: later errors are not about usage
	ours         map[string]bool // the first words of this package's commands
}

// field is one line of a description.
type field = console.Field

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	g.AddCommand(subs...)
	return g
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	like := closest(cmd, args[0])
	s := "There is no command " + console.Quote(cmd.CommandPath()+" "+args[0]) + "."
	if like != "" {
		s += " Did you mean " + console.Quote(cmd.CommandPath()+" "+like) + "?"
	} else {
		s += " Run " + console.Quote(cmd.CommandPath()+" --help") + "."
	}
	return console.Usage(s)
}

// askedFor is the command that arguments lead to, or the refusal of one that is not there.
func askedFor(root *cobra.Command, arguments []string) (*cobra.Command, error) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	cmd, rest, err := root.Find(arguments)
	if err != nil {
		return nil, console.Usage(console.Capital(console.Sentence(err.Error())))
	}
	cmd.InitDefaultHelpFlag()
	if cmd.HasAvailableSubCommands() && cmd.ParseFlags(rest) == nil { // a wrong flag is said when it runs
		err = unknownCommand(cmd, cmd.Flags().Args())
	}
	return cmd, err
}

// helpCommand is `help`, which refuses what is no command as all others do.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show what a command does, and its flags",
		RunE: func(cmd *cobra.Command, a []string) error {
			about, err := askedFor(cmd.Root(), a)
			if err != nil {
				return err
			}
			about.InitDefaultVersionFlag()
			return about.Help()
		},
	}
}

// closest is the command that was most likely meant: one letter off before two.
func closest(cmd *cobra.Command, typed string) string {
	for d := range 2 {
		cmd.SuggestionsMinimumDistance = d + 1
		if like := cmd.SuggestionsFor(typed); len(like) > 0 {
			return like[0]
		}
	}
	return ""
}

// args wants one argument for each name.
func args(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if i := slices.Index(given, ""); i >= 0 && i < len(names) && names[i] != "NAME" { // checkName says that better
			return console.Usage(names[i] + " is empty: is the variable that it comes from set?")
		}
		if len(given) == len(names) {
			return nil
		}
		if len(given) > len(names) && cmd.Flags().Lookup("from-file") != nil {
			return console.Usage("Too many arguments: the value comes from the prompt, stdin or --from-file, since other programs can read arguments. Usage: " + cmd.UseLine())
		}
		if len(given) > len(names) {
			return console.Usage("Too many arguments. Usage: " + cmd.UseLine())
		}
		return console.Usage("Missing " + names[len(given)] + ". Usage: " + cmd.UseLine())
	}
}

// badFlag says in plain words what a flag takes.
func badFlag(cmd *cobra.Command, err error) error {
	e, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return meantFlag(cmd, err)
	}
	takes := "a " + e.GetFlag().Value.Type()
	switch e.GetFlag().Value.Type() {
	case "int", "int64":
		takes = "a whole number"
	case "bool":
		takes = "true or false"
	}
	return console.Usage("--" + e.GetFlag().Name + " takes " + takes + ".")
}

// alsoCalled is what other programs call a flag.
func alsoCalled(flag string) []string {
	if flag == "data" {
		return []string{"body"}
	}
	return nil
}

// meantFlag names the flag that was most likely meant by one that is not there.
func meantFlag(cmd *cobra.Command, err error) error {
	e, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	names := new(cobra.Command)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names.AddCommand(&cobra.Command{Use: f.Name, SuggestFor: alsoCalled(f.Name), Run: func(*cobra.Command, []string) {}})
		}
	})
	like := closest(names, e.GetSpecifiedName())
	if like == "" || len(e.GetSpecifiedName()) == 1 {
		return err
	}
	return console.Usage(console.Quote(cmd.CommandPath()) + " has no flag --" + e.GetSpecifiedName() + ". Did you mean --" + like + "?")
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  args(),
		RunE: func(*cobra.Command, []string) error {
			if c.JSON {
				return c.PrintJSON(map[string]string{"version": c.Version})
			}
			_, err := io.WriteString(c.Stdout, "oneclaw version "+c.Version+"\n")
			return err
		},
	}
}
