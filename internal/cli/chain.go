package cli

import (
	"context"
	"net/url"
	"strconv"
	"strings"

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
				return []string{ch.Name, strconv.FormatInt(ch.ChainID, 10), ch.DisplayName, ch.NativeCurrency, console.YesNo(ch.IsTestnet), nodeSet(&ch)}
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
func nodeSet(ch *client.Chain) string {
	if !ch.NodeSet && ch.RPCURL == "" {
		return "not set"
	}
	return "set"
}

// host is an address without what may hold a key: it came from a file, so that nobody reads
// along.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	bare := url.URL{Scheme: u.Scheme, Host: u.Host}
	if address == "" || strings.TrimSuffix(address, "/") == bare.String() {
		return address
	}
	return bare.String() + "/..."
}

func (c *cli) printChain(ch *client.Chain) error {
	return c.show(ch, field{"ID", ch.ID}, field{"Chain", ch.Name}, field{"Number", strconv.FormatInt(ch.ChainID, 10)},
		field{"Name", ch.DisplayName}, field{"Currency", ch.NativeCurrency}, field{"Test net", console.YesNo(ch.IsTestnet)},
		field{"Enabled", console.YesNo(ch.IsEnabled)}, field{"Node", nodeSet(ch)}, field{"RPC", host(ch.RPCURL)}, field{"WebSocket", host(ch.WSURL)}, field{"Explorer", ch.ExplorerURL})
}
