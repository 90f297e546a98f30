package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) chainAdd() *cobra.Command {
	var in chainFlags
	cmd := &cobra.Command{
		Use:   "add NAME [NUMBER]",
		Short: "Set the node of a chain that the server knows, or add a chain with its number",
		Long: "Set the node of a chain that the server knows, or add a chain with its number. Only platform admins may; " +
			"oneclaw chain check asks the node then.\n\n" + chainHelp,
		Example: `  oneclaw chain add base --rpc-url-file rpc.txt
  echo http://127.0.0.1:8545 | oneclaw chain add anvil 31337 --testnet --rpc-url-file -`,
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) == 2 {
				return args("NAME", "NUMBER")(cmd, given)
			}
			return args("NAME")(cmd, given)
		},
		RunE: func(cmd *cobra.Command, a []string) error {
			change, err := c.readChain(cmd.Flags(), &in)
			if err != nil {
				return err
			}
			if len(a) == 2 {
				number, err := strconv.ParseInt(a[1], 10, 64)
				if err != nil {
					return console.Usage("The number of a chain is a whole number.")
				}
				change.ChainID = &number
			}
			cl, err := c.Client()
			if err != nil {
				return err
			}
			kept, err := keepChain(cmd.Context(), cl, a[0], change)
			if err != nil {
				return err
			}
			return c.printChain(kept)
		},
	}
	in.flags(cmd)
	return cmd
}

// keepChain changes the chain of the name, and adds it when there is none.
func keepChain(ctx context.Context, cl *client.Client, name string, change client.ChainChange) (*client.Chain, error) {
	all, err := cl.AllChains(ctx)
	if err != nil {
		return nil, err
	}
	for _, ch := range all {
		if ch.Name != name {
			continue
		}
		if change.ChainID != nil && *change.ChainID != ch.ChainID {
			return nil, console.Usage("The chain " + name + " has the number " + strconv.FormatInt(ch.ChainID, 10) + ".")
		}
		change.ChainID = nil
		if change == (client.ChainChange{}) {
			return nil, console.Usage("The server knows the chain " + name + ". Give its node: --rpc-url-file FILE.")
		}
		return cl.UpdateChain(ctx, ch.ID, change)
	}
	if change.ChainID == nil {
		return nil, console.Usage("The server does not know the chain " + name + ". Give its number too: oneclaw chain add " + name + " NUMBER --rpc-url-file FILE.")
	}
	change.Name = &name
	if change.DisplayName == nil {
		change.DisplayName = &name
	}
	return cl.CreateChain(ctx, change)
}

var errNodes = fault.New(fault.Unavailable, "node_unavailable", "Not all nodes of the chain are well.")

func (c *cli) chainCheck() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:   "check CHAIN",
		Short: "Ask the nodes of a chain how they are; fails unless all are well",
		Long: "Ask the nodes of a chain, named by name, number or id, how they are: whether they answer and are of the chain, their height, and how they simulate. " +
			"URLs are not shown, since they may hold keys. Only platform admins may. It fails unless all nodes are well.",
		Args: args("CHAIN"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			id, err := chainID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			got, err := cl.CheckChain(ctx, id)
			if err != nil {
				return err
			}
			err = list(c, "nodes", got.Nodes, nil, []string{"NODE", "OK", "BLOCK", "SIMULATES", "WHY"}, "No nodes.", func(n client.NodeCheck) []string {
				return []string{strconv.Itoa(n.Node), console.YesNo(n.OK), strconv.FormatUint(n.Block, 10), n.Simulates, n.Error}
			})
			for _, n := range got.Nodes {
				if err == nil && !n.OK {
					err = errNodes
				}
			}
			return err
		}),
	})
}
