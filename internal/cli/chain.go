package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// Chains are public, and their nodes' addresses are shown no more fully to those who have
// a credential: none is sent.

func (c *cli) chainList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the chains: name, number, title, currency, whether a test net, whether a node is set",
		Args:    args(),
		RunE: with(c.Stranger, func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.Chains(ctx)
			return list(c, "chains", all, err, []string{"CHAIN", "NUMBER", "NAME", "CURRENCY", "TEST", "NODE"}, "No chains.", func(ch client.Chain) []string {
				return []string{ch.Name, strconv.FormatInt(ch.ChainID, 10), ch.DisplayName, ch.NativeCurrency, console.YesNo(ch.IsTestnet), nodeSet(ch.RPCURL)}
			})
		}),
	})
}

func (c *cli) chainGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get NAME|NUMBER",
		Short: "Show a chain",
		Args:  args("NAME|NUMBER"),
		RunE: with(c.Stranger, func(ctx context.Context, cl *client.Client, a []string) error {
			ch, err := cl.Chain(ctx, a[0])
			if err != nil {
				return err
			}
			return c.printChain(ch)
		}),
	}
}

// nodeSet says whether the server can reach a chain: without a node nothing is sent to it.
func nodeSet(rpcURL string) string {
	if rpcURL == "" {
		return "not set"
	}
	return "set"
}

func (c *cli) printChain(ch *client.Chain) error {
	return c.show(ch, field{"ID", ch.ID}, field{"Chain", ch.Name}, field{"Number", strconv.FormatInt(ch.ChainID, 10)},
		field{"Name", ch.DisplayName}, field{"Currency", ch.NativeCurrency}, field{"Test net", console.YesNo(ch.IsTestnet)},
		field{"Enabled", console.YesNo(ch.IsEnabled)}, field{"Node", nodeSet(ch.RPCURL)}, field{"RPC", ch.RPCURL}, field{"WebSocket", ch.WSURL}, field{"Explorer", ch.ExplorerURL})
}
