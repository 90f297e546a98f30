package cli

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

const valueHelp = `The value is read from --from-file as it is, from stdin, or from a hidden prompt on a
terminal; it is never an argument, where other processes could see it. Of piped text
a single line end at the very end is dropped, since echo adds one: --exact keeps it.`

func (c *cli) secretSet() *cobra.Command {
	var in written
	cmd := &cobra.Command{
		Use:   "set PATH",
		Short: "Write a secret, or a new version of it",
		Long:  "Write a secret, or a new version of it.\n\n" + valueHelp,
		Example: `  oneclaw secret set api-keys/openai
  printf %s "$KEY" | oneclaw secret set api-keys/openai --type api_key
  oneclaw secret set tls/key --from-file key.pem --type private_key --expires 90d`,
		Args: args("PATH"),
	}
	expiry := c.expiryFlag(cmd, &in.expires)
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		o, err := in.options(expiry)
		if err != nil {
			return err
		}
		cl, vault, err := c.atVault(cmd.Context())
		if err != nil {
			return err
		}
		s, err := c.put(cmd.Context(), cl, vault, a[0], in, o)
		if err != nil {
			return err
		}
		return c.printWritten("Wrote", s)
	}
	in.flags(cmd)
	cmd.Flags().StringVar(&in.typ, "type", "", oneOf(secretTypes[:])+"; keeps the type it has, else generic")
	return cmd
}

// written is what the commands that write a value are given beside the path.
type written struct {
	file, typ, metadata, expires string
	exact                        bool
	maxReads                     int64
}

func (in *written) flags(cmd *cobra.Command) {
	valueFlags(cmd, &in.file, &in.exact)
	cmd.Flags().StringVar(&in.metadata, "metadata", "", "a JSON object to keep with it")
	cmd.Flags().Int64Var(&in.maxReads, "max-reads", 0, "how often it can be read; 0 for any number")
}

// options checks the flags.
func (in *written) options(expiry func() (*time.Time, error)) (o client.PutOptions, err error) {
	if in.typ != "" && !slices.Contains(secretTypes[:], in.typ) {
		return o, console.Usage("--type takes " + oneOf(secretTypes[:]) + ".")
	}
	o = client.PutOptions{Type: in.typ, MaxAccessCount: in.maxReads}
	if o.ExpiresAt, err = expiry(); err != nil {
		return o, err
	}
	if in.maxReads < 0 {
		return o, console.Usage("--max-reads can not be negative.")
	}
	if in.metadata != "" {
		var object map[string]any
		if json.Unmarshal([]byte(in.metadata), &object) != nil || object == nil {
			return o, console.Usage(`--metadata takes a JSON object such as {"team":"billing"}.`)
		}
		o.Metadata = json.RawMessage(in.metadata)
	}
	return o, nil
}

// secretTypes are those that the server knows.
var secretTypes = [...]string{"generic", "password", "api_key", "private_key", "certificate", "file", "note", "ssh_key", "env_bundle", "env", "token"}

func valueFlags(cmd *cobra.Command, file *string, exact *bool) {
	cmd.Flags().StringVar(file, "from-file", "", "file that holds the value (- for stdin)")
	cmd.Flags().BoolVar(exact, "exact", false, "keep a line end at the end of piped text")
}

// put comes after the vault is known, so that nobody types a value in vain.
func (c *cli) put(ctx context.Context, cl *client.Client, vault, path string, in written, o client.PutOptions) (*client.SecretMeta, error) {
	v, err := c.ReadValue(ctx, in.file, "Value of "+console.Clean(path), in.exact)
	if err != nil {
		return nil, err
	}
	defer v.Wipe()
	return cl.PutSecret(ctx, vault, path, v, o)
}
