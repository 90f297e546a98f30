package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) totp() *cobra.Command {
	return &cobra.Command{
		Use:   "totp PATH",
		Short: "Print the code that a stored seed of a second factor gives now",
		Long: `Print the code that a stored seed of a second factor gives now. The server makes the
code, and the seed is shown to nobody: who may use the secret need not be allowed to
read it. A seed is what a service shows when a second factor is set up: an address that
begins with otpauth://, or a text of letters and digits (base32) in a secret of the type
totp_seed.`,
		Example: `  oneclaw secret set totp/github --type totp_seed
  oneclaw totp totp/github`,
		Args: args("PATH"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			got, err := cl.TOTP(ctx, vault, a[0])
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(got)
			}
			if left := got.Until.Sub(c.Now()).Round(time.Second); left > 0 {
				c.Done("It holds for %s.", inWords(left))
			}
			_, err = fmt.Fprintln(c.Stdout, console.Clean(got.Code))
			return err
		}),
	}
}
