package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// stranger is a client without a credential: chains are public, and their nodes'
// addresses are shown no more fully to those who have one.
func (c *cli) stranger() (*client.Client, error) {
	base, err := c.BaseURL()
	if err != nil {
		return nil, err
	}
	return c.Connect(base)
}

func (c *cli) chainCommand() *cobra.Command {
	return group("chain", "The EVM chains that agents can use; no login is needed", c.chainList(), c.chainGet())
}

func (c *cli) chainList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the chains: name, number, title, currency, whether a test net",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.stranger()
			if err != nil {
				return err
			}
			all, err := cl.Chains(cmd.Context())
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]any{"chains": orEmpty(all)})
			}
			var rows [][]string
			for _, ch := range all {
				rows = append(rows, []string{ch.Name, strconv.FormatInt(ch.ChainID, 10), ch.DisplayName, ch.NativeCurrency, console.YesNo(ch.IsTestnet)})
			}
			return c.PrintRows([]string{"CHAIN", "NUMBER", "NAME", "CURRENCY", "TEST"}, rows, "No chains.")
		},
	})
}

func (c *cli) chainGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get NAME|NUMBER",
		Short: "Show a chain",
		Args:  args("NAME|NUMBER"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cl, err := c.stranger()
			if err != nil {
				return err
			}
			ch, err := cl.Chain(cmd.Context(), a[0])
			if err != nil {
				return err
			}
			return c.printChain(ch)
		},
	}
}

func (c *cli) printChain(ch *client.Chain) error {
	if c.JSON {
		return c.PrintJSON(ch)
	}
	return c.PrintFields(field{"ID", ch.ID}, field{"Chain", ch.Name}, field{"Number", strconv.FormatInt(ch.ChainID, 10)},
		field{"Name", ch.DisplayName}, field{"Currency", ch.NativeCurrency}, field{"Test net", console.YesNo(ch.IsTestnet)},
		field{"Enabled", console.YesNo(ch.IsEnabled)}, field{"RPC", ch.RPCURL}, field{"WebSocket", ch.WSURL}, field{"Explorer", ch.ExplorerURL})
}
