package cli

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) secretGet() *cobra.Command {
	var quiet, binary bool
	var version int64
	cmd := &cobra.Command{
		Use:   "get PATH",
		Short: "Print the value of a secret",
		Long: `Print the value of a secret. A pipe, a file, or --quiet gets the exact bytes and
nothing else. A terminal gets a line end after it, and control characters are shown
as escapes. With --base64 the value is decoded: what was written with --base64 comes
back byte for byte.`,
		Example: `  oneclaw secret get api-keys/openai
  oneclaw secret get backup/keystore --base64 > keystore.p12`,
		Args: args("PATH"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if binary && (c.JSON || c.IsTTY(c.Stdout) && !quiet) {
				return console.Usage("--base64 gives bytes, which are for a file or a pipe: leave out --json, and send the output somewhere.")
			}
			older := cmd.Flags().Changed("version")
			if older && version < 1 {
				return console.Usage("--version takes the number of a version, from 1 on.")
			}
			cl, vault, err := c.atVault(cmd.Context())
			if err != nil {
				return err
			}
			var s *client.Secret
			if older {
				s, err = getVersion(cmd.Context(), cl, vault, a[0], version)
			} else {
				s, err = cl.GetSecret(cmd.Context(), vault, a[0])
			}
			if err != nil {
				return err
			}
			defer s.Value.Wipe()
			if binary {
				return c.printBytes(s.Value)
			}
			return c.printValue(s, quiet)
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print the exact value and nothing else, also on a terminal")
	cmd.Flags().BoolVar(&binary, "base64", false, "decode the value: print the bytes that it stands for")
	cmd.Flags().Int64Var(&version, "version", 0, "an older version, for those who may see the history")
	return cmd
}

// getVersion tells a version that is not there from a secret that is not there.
func getVersion(ctx context.Context, cl *client.Client, vault, path string, version int64) (*client.Secret, error) {
	s, err := cl.GetSecretVersion(ctx, vault, path, version)
	if !client.IsStatus(err, http.StatusNotFound) {
		return s, err
	}
	if all, lerr := cl.SecretVersions(ctx, vault, path); lerr != nil || len(all) == 0 {
		return nil, err
	}
	return nil, fault.New(fault.NotFound, "version_not_found",
		fmt.Sprintf("The secret has no version %d. See %s.", version, console.Quote("oneclaw secret versions "+path)))
}

func (c *cli) printValue(s *client.Secret, quiet bool) error {
	switch {
	case c.JSON:
		return c.PrintJSON(struct {
			client.SecretMeta
			Value     string `json:"value"`
			CreatedBy string `json:"created_by"`
		}{s.SecretMeta, string(s.Value.Reveal()), s.CreatedBy})
	case quiet || !c.IsTTY(c.Stdout):
		return console.Write(c.Stdout, s.Value.Reveal())
	}
	return console.Write(c.Stdout, []byte(console.CleanLines(string(s.Value.Reveal()))+"\n"))
}

// printBytes prints what a value in base64 stands for.
func (c *cli) printBytes(v client.Value) error {
	b, err := base64.StdEncoding.AppendDecode(make([]byte, 0, v.Len()), v.Reveal())
	defer clear(b)
	if err != nil {
		return fault.New(fault.Invalid, "not_base64", "The value is not base64: read it without --base64.")
	}
	return console.Write(c.Stdout, b)
}

func (c *cli) secretList() *cobra.Command {
	var prefix string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List secrets without their values: path, type, version, time, expiry",
		Args:    args(),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, _ []string) error {
			all, err := cl.ListSecrets(ctx, vault, prefix)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]any{"secrets": all})
			}
			rows := make([][]string, 0, len(all))
			for _, s := range all {
				rows = append(rows, []string{s.Path, s.Type, strconv.FormatInt(s.Version, 10), c.When(s.CreatedAt), c.Maybe(s.ExpiresAt, "never")})
			}
			return c.PrintRows([]string{"PATH", "TYPE", "VERSION", "WRITTEN", "EXPIRES"}, rows, "No secrets.")
		}),
	}
	cmd.Flags().StringVar(&prefix, "prefix", "", "only paths that start so")
	return c.wideFlag(cmd)
}

func (c *cli) secretDescribe() *cobra.Command {
	return &cobra.Command{
		Use:   "describe PATH",
		Short: "Show a secret without its value",
		Args:  args("PATH"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			s, err := find(ctx, cl, vault, a[0])
			if err != nil {
				return err
			}
			return c.printMeta(s)
		}),
	}
}
