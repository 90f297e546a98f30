package cli

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// mayBeEmpty are the flags that may be set to an empty text.
var mayBeEmpty = map[string]bool{"description": true, "reason": true, "prefix": true}

// checkFlags refuses what a command would take for a flag that was not given. An empty
// value is mostly a variable of a shell that is not set, and most flags limit something:
// left out in silence, a share would be open to everybody, or an agent bound to nothing.
func (c *cli) checkFlags(cmd *cobra.Command) error {
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case err != nil:
		case empty(f.Value) && !mayBeEmpty[f.Name]:
			err = console.Usage("--" + f.Name + " has an empty value. Leave it out, or give it one.")
		case cmd.LocalNonPersistentFlags().Lookup(f.Name) != nil:
		case c.foreign(cmd) && (f.Name == "api-url" || f.Name == "vault" || f.Name == "ca-file"), f.Name == "vault" && !worksInAVault(cmd):
			err = console.Usage(console.Quote(cmd.CommandPath()) + " does not take --" + f.Name + "; see " + console.Quote(cmd.CommandPath()+" --help") + ".")
		}
	})
	return err
}

// worksInAVault reports whether a command takes --vault. On any other it would be left
// out in silence.
func worksInAVault(cmd *cobra.Command) bool {
	_, path, _ := strings.Cut(cmd.CommandPath(), " ")
	group, _, _ := strings.Cut(path, " ")
	return slices.Contains([]string{"secret", "policy", "env", "who-can", "bind", "bindings", "unbind", "request", "run", "proxy", "totp", "git-credential", "ssh-agent"}, group) || slices.Contains([]string{"share create", "approval request", "wanted ask", "agent accept", "agent can", "agent bindings add", "audit list", "tx submit", "tx simulate", "tx speedup", "tx cancel"}, path)
}

// empty reports whether a text, or a part of a list of texts, is empty.
func empty(v pflag.Value) bool {
	if list, ok := v.(pflag.SliceValue); ok {
		for _, s := range list.GetSlice() {
			if s == "" {
				return true
			}
		}
		return len(list.GetSlice()) == 0
	}
	return v.Type() == "string" && v.String() == ""
}

// foreign reports whether the caller added the command, rather than this package.
func (c *cli) foreign(cmd *cobra.Command) bool {
	top := cmd
	for top.HasParent() && top.Parent().HasParent() {
		top = top.Parent()
	}
	return !c.ours[top.Name()]
}

// parseExpiry reads a time (RFC 3339), or a duration from now such as 36h or 90d.
func (c *cli) parseExpiry(s string) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		d, derr := parseDuration(s)
		if derr != nil {
			return nil, console.Usage("--expires takes a time such as 2030-01-31T12:00:00Z, or a duration such as 36h or 90d.")
		}
		t = c.Now().Add(d)
	}
	t = t.UTC().Truncate(time.Second)
	if !t.After(c.Now()) {
		return nil, console.Usage("--expires lies in the past.")
	}
	return &t, nil
}

func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}

// wideFlag adds --wide to a command that lists.
func (c *cli) wideFlag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&c.Wide, "wide", false, "do not shorten or wrap columns to fit the terminal")
	return cmd
}

// expiryFlag adds --expires; the func reads it once the flags are parsed.
func (c *cli) expiryFlag(cmd *cobra.Command, s *string) func() (*time.Time, error) {
	cmd.Flags().StringVar(s, "expires", "", "when it ends: a time (RFC 3339) or a duration such as 36h or 90d")
	return func() (*time.Time, error) { return c.parseExpiry(*s) }
}

// checkName holds a name to the server's rule.
func checkName(s string) error {
	if n := utf8.RuneCountInString(s); n < 1 || n > 255 {
		return console.Usage("NAME must have 1 to 255 characters.")
	}
	return nil
}

func yesFlag(cmd *cobra.Command, yes *bool) {
	cmd.Flags().BoolVarP(yes, "yes", "y", false, "do not ask for confirmation")
}

func keepFlag(cmd *cobra.Command, keep *bool) {
	cmd.Flags().BoolVar(keep, "keep", false, "keep the shares and policies that it made")
}

// oneOf writes a choice: "a, b or c".
func oneOf(all []string) string {
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " or " + all[last]
}
