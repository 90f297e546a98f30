package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

const valueHelp = `The value is read from --from-file as it is, from stdin, or from a hidden prompt on a
terminal; it is never an argument, where other processes could see it. Of piped text
a single line end at the very end is dropped, since echo adds one: --exact keeps it.`

const secretHelp = valueHelp + `
A secret is text. With --base64 any bytes are taken as they are and kept as base64:
` + "`oneclaw secret get PATH --base64`" + ` gives the same bytes back.`

func (c *cli) secretSet() *cobra.Command {
	var in written
	cmd := &cobra.Command{
		Use:   "set PATH",
		Short: "Write a secret, or a new version of it",
		Long:  "Write a secret, or a new version of it.\n\n" + secretHelp,
		Example: `  oneclaw secret set api-keys/openai
  printf %s "$KEY" | oneclaw secret set api-keys/openai --type api_key
  oneclaw secret set tls/key --from-file key.pem --type private_key --expires 90d
  oneclaw secret set backup/keystore --from-file keystore.p12 --base64`,
		Args: args("PATH"),
	}
	expiry := c.expiryFlag(cmd, &in.expires)
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		if in.base64 && in.typ == "" {
			in.typ = "file"
		}
		o, err := in.options(expiry)
		if err != nil {
			return err
		}
		cl, vault, err := c.atVault(cmd.Context())
		if err != nil {
			return err
		}
		if o.Metadata, err = in.marked(o.Metadata); err != nil {
			return err
		}
		s, err := c.put(cmd.Context(), cl, vault, a[0], in, o)
		if err != nil {
			return err
		}
		return c.printWritten("Wrote", s)
	}
	in.flags(cmd)
	cmd.Flags().StringVar(&in.typ, "type", "", oneOf(secretTypes[:])+"; without, it keeps the type that it has, and a new one is generic, or a file with --base64 (over MCP api_key)")
	return cmd
}

// written is what the commands that write a value are given beside the path.
type written struct {
	file, typ, metadata, expires string
	exact, base64                bool
	maxReads                     int64
}

func (in *written) flags(cmd *cobra.Command) {
	valueFlags(cmd, &in.file, &in.exact)
	cmd.Flags().BoolVar(&in.base64, "base64", false, "take any bytes, and keep them as base64")
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

// marked is metadata that says, with --base64, how to read the value.
func (in *written) marked(metadata json.RawMessage) (json.RawMessage, error) {
	if !in.base64 {
		return metadata, nil
	}
	object := map[string]json.RawMessage{}
	if len(metadata) > 0 {
		if err := json.Unmarshal(metadata, &object); err != nil {
			return nil, console.Usage(`--metadata takes a JSON object such as {"team":"billing"}.`)
		}
	}
	object["encoding"] = json.RawMessage(`"base64"`)
	return json.Marshal(object)
}

// secretTypes are those that the server knows.
var secretTypes = [...]string{"generic", "password", "api_key", "private_key", "certificate", "file", "note", "ssh_key", "env_bundle", "env", "token", "totp_seed"}

func valueFlags(cmd *cobra.Command, file *string, exact *bool) {
	cmd.Flags().StringVar(file, "from-file", "", "file that holds the value (- for stdin)")
	cmd.Flags().BoolVar(exact, "exact", false, "keep a line end at the end of piped text")
}

// put comes after the vault is known, so that nobody types a value in vain.
func (c *cli) put(ctx context.Context, cl *client.Client, vault, path string, in written, o client.PutOptions) (*client.SecretMeta, error) {
	if err := client.CheckPath(path); err != nil {
		return nil, err
	}
	v, err := c.ReadValue(ctx, in.file, "Value of "+console.Clean(path), in.exact || in.base64)
	if err != nil {
		return nil, err
	}
	defer v.Wipe()
	if in.base64 {
		text := client.NewValue(base64.StdEncoding.AppendEncode(make([]byte, 0, base64.StdEncoding.EncodedLen(v.Len())), v.Reveal()))
		defer text.Wipe()
		return c.told(cl.PutSecret(ctx, vault, path, text, o))
	}
	if !utf8.Valid(v.Reveal()) {
		return nil, console.Usage("The value is not text (UTF-8). Give --base64 to keep these bytes as base64; `oneclaw secret get PATH --base64` gives them back.")
	}
	return c.told(cl.PutSecret(ctx, vault, path, v, o))
}

// told warns of what the value is not good for.
func (c *cli) told(m *client.SecretMeta, err error) (*client.SecretMeta, error) {
	if err == nil && m.Warning != "" {
		c.Warn(m.Warning)
	}
	return m, err
}
