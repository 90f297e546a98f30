package cli

import (
	"bytes"
	"cmp"
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// signingFlags say that a `key` command is about the key that signs an agent's
// transactions, and not about an API key.
type signingFlags struct{ agent, chain string }

const signingUsage = "the key that signs transactions of this agent (name or id), not an API key of yours"

func (s *signingFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.agent, "agent", "", signingUsage)
	cmd.Flags().StringVar(&s.chain, "chain", client.EVM, "ethereum: the account is good on every EVM chain")
}

// check refuses flags of the other kind of key.
func (s *signingFlags) check(cmd *cobra.Command, ofAPIKeys ...string) error {
	for _, flag := range ofAPIKeys {
		if s.agent != "" && cmd.Flags().Changed(flag) {
			return console.Usage("--" + flag + " is for API keys, and does not go with --agent.")
		}
	}
	if s.agent == "" && cmd.Flags().Changed("chain") {
		return console.Usage("--chain goes with --agent.")
	}
	return nil
}

// orAPIKey is args of a command that takes names only for an API key.
func (s *signingFlags) orAPIKey(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if s.agent != "" {
			return args()(cmd, given)
		}
		return args(names...)(cmd, given)
	}
}

// ofSigningKey is a command about an agent's signing key alone.
func (c *cli) ofSigningKey(cmd *cobra.Command, do func(ctx context.Context, cl *client.Client, agent, chain string) error) *cobra.Command {
	var in signingFlags
	cmd.Args = args()
	cmd.RunE = c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
		agent, err := c.theAgent(ctx, cl, in.agent)
		if err != nil {
			return err
		}
		return named(do(ctx, cl, agent, in.chain), in.agent)
	})
	in.flags(cmd)
	return c.mayAsk(cmd)
}

func (c *cli) signingKeyCreate(ctx context.Context, in *signingFlags) error {
	cl, err := c.Client()
	if err != nil {
		return err
	}
	agent, err := c.theAgent(ctx, cl, in.agent)
	if err != nil {
		return err
	}
	k, err := cl.CreateSigningKey(ctx, agent, in.chain)
	if err != nil {
		return err
	}
	return c.printSigningKey(k)
}

func (c *cli) signingKeyList(ctx context.Context, in *signingFlags) error {
	cl, err := c.Client()
	if err != nil {
		return err
	}
	agent, err := c.theAgent(ctx, cl, in.agent)
	if err != nil {
		return err
	}
	all, err := cl.SigningKeys(ctx, agent)
	return list(c, "keys", all, err, []string{"ADDRESS", "VERSION", "ACTIVE", "CREATED"}, "No signing keys. Make one with `oneclaw key create --agent "+cmp.Or(in.agent, "AGENT")+"`.", func(k client.SigningKey) []string {
		return []string{k.Address, strconv.FormatInt(k.KeyVersion, 10), console.YesNo(k.IsActive), c.When(k.CreatedAt)}
	})
}

func (c *cli) keyImport() *cobra.Command {
	var file string
	cmd := c.ofSigningKey(&cobra.Command{
		Use:   "import",
		Short: "Put a signing key of an agent that was made elsewhere into the keystore",
		Long: `Put a signing key of an agent that was made elsewhere into the keystore: 32 bytes in
hexadecimal, with or without 0x. It is read from --from-file, from stdin, or from a hidden
prompt on a terminal; it is never an argument, where other processes could see it.
Whoever has another copy of it can still sign: a key that is made here has none.`,
		Example: `  oneclaw key import --agent payer --from-file key.hex`,
	}, func(ctx context.Context, cl *client.Client, agent, chain string) error {
		v, err := c.ReadValue(ctx, file, "Private key", false)
		if err != nil {
			return err
		}
		defer v.Wipe()
		k, err := cl.ImportSigningKey(ctx, agent, chain, client.NewValue(bytes.TrimSpace(v.Reveal())))
		if err != nil {
			return err
		}
		return c.printSigningKey(k)
	})
	cmd.Flags().StringVar(&file, "from-file", "", "file that holds the key (- for stdin)")
	return cmd
}

func (c *cli) keyRotate() *cobra.Command {
	var version int64
	cmd := c.ofSigningKey(&cobra.Command{
		Use:   "rotate",
		Short: "Give an agent another signing key and account, or one of before again",
		Long: `Give an agent another signing key, and so another account. The old key stays in the
keystore and can be used again with --to-version: what the old account owns stays there. One that
was deleted is used again with your password alone: what it signed, and nobody cancelled, is sent.`,
	}, func(ctx context.Context, cl *client.Client, agent, chain string) error {
		k, err := cl.RotateSigningKey(ctx, agent, chain, version)
		if err != nil {
			return err
		}
		return c.printSigningKey(k)
	})
	cmd.Flags().Int64Var(&version, "to-version", 0, "a version of before, as `oneclaw key list --agent` shows it")
	return cmd
}

func (c *cli) keyAddress() *cobra.Command {
	var balance string
	cmd := c.ofSigningKey(&cobra.Command{Use: "address", Short: "Print the address of an agent's account, and with --balance what it has"},
		func(ctx context.Context, cl *client.Client, agent, chain string) error {
			if balance != "" {
				b, err := cl.SigningKeyBalance(ctx, agent, balance)
				if err != nil {
					return err
				}
				return c.show(b, field{"Address", b.Address}, field{"Chain", b.Chain}, field{"Balance", b.Display}, field{"Balance in wei", b.Wei})
			}
			all, err := cl.SigningKeys(ctx, agent)
			if err != nil {
				return err
			}
			for _, k := range all {
				if k.IsActive && k.Chain == chain {
					if c.JSON {
						return c.PrintJSON(map[string]string{"address": k.Address})
					}
					return console.Write(c.Stdout, []byte(console.Clean(k.Address)+"\n"))
				}
			}
			return fault.New(fault.NotFound, "signing_key_not_found", "The agent has no signing key. Make one with `oneclaw key create --agent AGENT`.")
		})
	cmd.Flags().StringVar(&balance, "balance", "", "name or number of a chain: show what the account has there")
	return cmd
}

func (c *cli) printSigningKey(k *client.SigningKey) error {
	return c.show(k, field{"Address", k.Address}, field{"ID", k.ID}, field{"Version", strconv.FormatInt(k.KeyVersion, 10)},
		field{"Active", console.YesNo(k.IsActive)}, field{"Public key", k.PublicKey}, field{"Created", c.When(k.CreatedAt)})
}
