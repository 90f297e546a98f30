package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) secretRotate() *cobra.Command {
	var in written
	var made generated
	cmd := &cobra.Command{
		Use:   "rotate PATH",
		Short: "Write a new value and keep type, metadata and expiry",
		Long: `Write a new value of a secret, and keep its type, its metadata and an expiry that is
still to come. --metadata and --expires replace them (--metadata {} and --expires never
take them away). How often it can be read is not kept, since the server does not tell
it: give --max-reads again, or the new value can be read any number of times.

With --generate the server makes the new value: nobody sees it here, and who may read
the secret reads it. It also keeps how often the secret can be read.

` + secretHelp,
		Args: args("PATH"),
	}
	expiry := c.expiryFlag(cmd, &in.expires)
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		if made.asked(cmd) {
			return c.generate(cmd, a[0], &made)
		}
		never := in.expires == "never"
		if never {
			in.expires = ""
		}
		o, err := in.options(expiry)
		if err != nil {
			return err
		}
		cl, vault, err := c.atVault(cmd.Context())
		if err != nil {
			return err
		}
		before, err := find(cmd.Context(), cl, vault, a[0])
		// Who may write need not be allowed to look: that shows after the write.
		if err != nil && fault.CodeOf(err) != codeNoSecret && !client.IsStatus(err, 403) {
			return err
		}
		kept := c.keep(before, &o, never)
		if o.Metadata, err = in.marked(o.Metadata); err != nil {
			return err
		}
		s, err := c.put(cmd.Context(), cl, vault, a[0], in, o)
		if err != nil {
			return err
		}
		switch {
		case s.Version == 1:
			c.Warn("There was no secret at this path: it was created.")
		case before == nil:
			c.Warn("You may not see what was there: its type was kept, metadata, expiry and read limit are what you gave.")
		default:
			c.Done("Kept %s.", strings.Join(kept, ", "))
		}
		return c.printWritten("Rotated", s)
	}
	in.flags(cmd)
	made.flags(cmd)
	return cmd
}

// generated is what the server is to make a value of.
type generated struct {
	on     bool
	recipe client.Recipe
}

func (g *generated) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&g.on, "generate", false, "have the server make the value; nobody sees it here")
	cmd.Flags().IntVar(&g.recipe.Length, "length", 0, "how many characters to generate, 16 to 4096 (default 32)")
	cmd.Flags().StringVar(&g.recipe.Charset, "charset", "", "what to generate: hex, base64, alphanumeric (default) or ascii")
}

// asked reports whether a value is to be generated, also by a flag that goes with that.
func (g *generated) asked(cmd *cobra.Command) bool {
	return g.on || cmd.Flags().Changed("length") || cmd.Flags().Changed("charset")
}

// generate rotates without a value from here.
func (c *cli) generate(cmd *cobra.Command, path string, g *generated) error {
	if !g.on {
		return console.Usage("--length and --charset go with --generate.")
	}
	for _, f := range []string{"from-file", "exact", "metadata", "expires", "max-reads"} {
		if cmd.Flags().Changed(f) {
			return console.Usage("--" + f + " does not go with --generate: the server makes the value and keeps the rest.")
		}
	}
	if f := cmd.Flags().Lookup("length"); f.Changed && (g.recipe.Length < 16 || g.recipe.Length > 4096) {
		return console.Usage("--length takes 16 to 4096.")
	}
	if sets := []string{"", "hex", "base64", "alphanumeric", "ascii"}; !slices.Contains(sets, g.recipe.Charset) {
		return console.Usage("--charset takes " + oneOf(sets[1:]) + ".")
	}
	cl, vault, err := c.atVault(cmd.Context())
	if err != nil {
		return err
	}
	s, err := cl.GenerateSecret(cmd.Context(), vault, path, g.recipe)
	if err != nil {
		return err
	}
	return c.printWritten("Rotated", s)
}

// keep fills what no flag replaced from the secret as it was, and says what that is.
func (c *cli) keep(before *client.SecretMeta, o *client.PutOptions, never bool) (kept []string) {
	if before == nil {
		return nil
	}
	o.Type = before.Type
	kept = append(kept, "type "+before.Type)
	if m := compact(before.Metadata); o.Metadata == nil && m != "" {
		o.Metadata = before.Metadata
		kept = append(kept, "metadata "+m)
	}
	if e := before.ExpiresAt; o.ExpiresAt == nil && !never && e != nil && e.After(c.Now()) {
		o.ExpiresAt = e
		kept = append(kept, "expiry "+c.When(*e))
	}
	return kept
}
