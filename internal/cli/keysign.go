package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) keyDelete() *cobra.Command {
	var yes bool
	cmd := c.ofSigningKey(&cobra.Command{
		Use:   "delete",
		Short: "Take an agent's signing key out of use",
		Long: `Take an agent's signing key out of use: nothing is signed with it any more. What it signed
and no node has is given up, and the rest is not sent again: to be sure that it is not paid,
cancel it with ` + "`oneclaw tx cancel`." + ` The key stays in the keystore with its account, and what the
account owns is not lost: make the agent another key, then use this one again with
` + "`oneclaw key rotate --to-version`." + ` API keys are ended with ` + "`oneclaw key revoke`.",
		Example: `  oneclaw key delete --agent payer`,
	}, func(ctx context.Context, cl *client.Client, agent, chain string) error {
		if err := c.Confirm(ctx, yes, "Take the agent's signing key out of use?"); err != nil {
			return err
		}
		if err := cl.DeleteSigningKey(ctx, agent, chain); err != nil {
			return err
		}
		return c.did(map[string]any{"agent_id": agent, "chain": chain, "deleted": true}, "The key is out of use. It stays in the keystore.")
	})
	yesFlag(cmd, &yes)
	return cmd
}

func (c *cli) keySign() *cobra.Command {
	var in txFlags
	var text, typed string
	cmd := &cobra.Command{
		Use:   "sign",
		Short: "Sign a text or typed data with an agent's key",
		Long: `Sign a text (EIP-191) or typed data (EIP-712) with an agent's key, where the rules of the agent
name it: see ` + "`oneclaw agent guard AGENT`." + ` What the signature allows counts against the agent's
limits. The signature is printed; a bare hash is never signed. Transactions are signed and
sent with ` + "`oneclaw tx submit`.",
		Example: `  oneclaw key sign --agent payer --chain base --message "I am payer"
  oneclaw key sign --agent payer --chain base --typed-data permit.json`,
		Args: args(),
	}
	cmd.RunE = c.withTxAgent(&in, func(ctx context.Context, cl *client.Client, agent string, _ []string) error {
		if in.chain == "" {
			return console.Usage("Name the chain with --chain; see `oneclaw chain list`.")
		}
		if (text == "") == (typed == "") {
			return console.Usage("Give --message or --typed-data.")
		}
		m := client.SignatureRequest{Kind: "personal_sign", Chain: in.chain, KeyPath: in.key, Message: text}
		var err error
		if typed != "" {
			m.Kind = "typed_data"
			if m.TypedData, err = c.readObject("--typed-data", typed); err != nil {
				return err
			}
		}
		if m.VaultID, err = c.keyVault(ctx, cl); err != nil {
			return err
		}
		s, err := cl.SignMessage(ctx, agent, m)
		if err != nil {
			return err
		}
		if c.JSON {
			return c.PrintJSON(s)
		}
		return console.Write(c.Stdout, []byte(console.Clean(s.Signature)+"\n"))
	})
	in.forAgent(cmd)
	f := cmd.Flags()
	f.StringVar(&in.chain, "chain", "", "name or number of the chain (required)")
	f.StringVar(&in.key, "key", "", "path of the signing key in a vault; without, the agent's own key, or keys/CHAIN-signer")
	f.StringVar(&text, "message", "", "text to sign; 0x and hexadecimal digits are bytes")
	f.StringVar(&typed, "typed-data", "", "file with a JSON object of types, domain, primaryType and message (- for stdin)")
	return c.mayAsk(cmd)
}
