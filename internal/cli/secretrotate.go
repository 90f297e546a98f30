package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) secretRotate() *cobra.Command {
	var in written
	cmd := &cobra.Command{
		Use:   "rotate PATH",
		Short: "Write a new value and keep type, metadata and expiry",
		Long: `Write a new value of a secret, and keep its type, its metadata and an expiry that is
still to come. --metadata and --expires replace them (--metadata {} and --expires never
take them away). How often it can be read is not kept, since the server does not tell
it: give --max-reads again, or the new value can be read any number of times.

` + valueHelp,
		Args: args("PATH"),
	}
	expiry := c.expiryFlag(cmd, &in.expires)
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
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
	return cmd
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
