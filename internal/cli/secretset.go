package cli

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
)

const valueHelp = `The value is read from --from-file as it is, from stdin, or from a hidden prompt on a
terminal; it is never an argument, where other processes could see it. Of piped text
a single line end at the very end is dropped, since echo adds one: --exact keeps it.`

func (c *cli) secretSet() *cobra.Command {
	var file, typ, metadata, expires string
	var exact bool
	var maxReads int64
	cmd := &cobra.Command{
		Use:   "set PATH",
		Short: "Write a secret, or a new version of it",
		Long:  "Write a secret, or a new version of it.\n\n" + valueHelp,
		Example: `  oneclaw secret set api-keys/openai
  printf %s "$KEY" | oneclaw secret set api-keys/openai --type api_key
  oneclaw secret set tls/key --from-file key.pem --type private_key --expires 90d`,
		Args: args("PATH"),
	}
	expiry := c.expiryFlag(cmd, &expires)
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		o := client.PutOptions{Type: typ, MaxAccessCount: maxReads}
		var err error
		if o.ExpiresAt, err = expiry(); err != nil {
			return err
		}
		if maxReads < 0 {
			return usage("--max-reads can not be negative.")
		}
		if metadata != "" {
			var object map[string]any
			if json.Unmarshal([]byte(metadata), &object) != nil || object == nil {
				return usage(`--metadata takes a JSON object such as {"team":"billing"}.`)
			}
			o.Metadata = json.RawMessage(metadata)
		}
		s, err := c.put(cmd, a[0], file, exact, o)
		if err != nil {
			return err
		}
		return c.printWritten("Wrote", s)
	}
	f := cmd.Flags()
	valueFlags(cmd, &file, &exact)
	f.StringVar(&typ, "type", "", "generic, password, api_key, private_key, certificate, file, note, ssh_key, env_bundle, env or token; keeps the type it has, else generic")
	f.StringVar(&metadata, "metadata", "", "a JSON object to keep with it")
	f.Int64Var(&maxReads, "max-reads", 0, "how often it can be read; 0 for any number")
	return cmd
}

func (c *cli) secretRotate() *cobra.Command {
	var file string
	var exact bool
	cmd := &cobra.Command{
		Use:   "rotate PATH",
		Short: "Write a new value and keep the type",
		Long:  "Write a new value of a secret and keep its type.\n\n" + valueHelp,
		Args:  args("PATH"),
		RunE: func(cmd *cobra.Command, a []string) error {
			s, err := c.put(cmd, a[0], file, exact, client.PutOptions{})
			if err != nil {
				return err
			}
			if s.Version == 1 {
				c.warn("There was no secret at this path: it was created.")
			}
			return c.printWritten("Rotated", s)
		},
	}
	valueFlags(cmd, &file, &exact)
	return cmd
}

func valueFlags(cmd *cobra.Command, file *string, exact *bool) {
	cmd.Flags().StringVar(file, "from-file", "", "file that holds the value (- for stdin)")
	cmd.Flags().BoolVar(exact, "exact", false, "keep a line end at the end of piped text")
}

// put finds the vault before it asks for the value, so that nobody types one in vain.
func (c *cli) put(cmd *cobra.Command, path, file string, exact bool, o client.PutOptions) (*client.SecretMeta, error) {
	cl, vault, err := c.inVault(cmd.Context())
	if err != nil {
		return nil, err
	}
	v, err := c.readValue(cmd.Context(), file, "Value of "+clean(path), exact)
	if err != nil {
		return nil, err
	}
	defer v.Wipe()
	return cl.PutSecret(cmd.Context(), vault, path, v, o)
}

func (c *cli) printWritten(verb string, s *client.SecretMeta) error {
	if c.jsonOut {
		return c.printJSON(s)
	}
	c.done("%s %s, version %d.", verb, s.Path, s.Version)
	if c.IsTTY(c.Stdout) {
		return nil
	}
	return c.printMeta(s)
}
