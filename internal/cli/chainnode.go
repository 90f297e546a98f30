package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) chainAdd() *cobra.Command {
	var in chainFlags
	var who session.PersonFlags
	cmd := &cobra.Command{
		Use:   "add NAME [NUMBER]",
		Short: "Set the node of a chain that the server knows, or add a chain with its number",
		Long: "Set the node of a chain that the server knows, or add a chain with its number. Only platform admins may, " +
			"and it takes their password; oneclaw chain check asks the node then.\n\n" + chainHelp,
		Example: `  oneclaw chain add base --rpc-url-file rpc.txt
  echo http://127.0.0.1:8545 | oneclaw chain add anvil 31337 --testnet --rpc-url-file - --password-file password.txt`,
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
			return c.OrAsPerson(cmd.Context(), &who, func(cl *client.Client) error {
				kept, err := keepChain(cmd.Context(), cl, a[0], change)
				if err != nil {
					return err
				}
				return c.printChain(kept)
			})
		},
	}
	in.flags(cmd)
	who.Add(cmd)
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

func (c *cli) chainRestart() *cobra.Command {
	var who session.PersonFlags
	var yes bool
	cmd := &cobra.Command{
		Use:   "restart CHAIN",
		Short: "Start the counts of a test chain anew, after it was started anew itself",
		Long: `Start the counts of a test chain anew, after it was started anew itself: a node for developers
that begins from zero each time. What was signed for the chain as it was and is in no block ends as
failed, and is not sent on the new one; somebody who has its bytes could. Only platform admins may,
and it takes their password. Main nets are never started anew.`,
		Args: args("CHAIN"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := c.Confirm(cmd.Context(), yes, "Forget the counts of all accounts on the chain "+a[0]+", and end what waits there?"); err != nil {
				return err
			}
			return c.OrAsPerson(cmd.Context(), &who, func(cl *client.Client) error {
				id, err := chainID(cmd.Context(), cl, a[0])
				if err != nil {
					return err
				}
				r, err := cl.RestartChain(cmd.Context(), id)
				if err != nil {
					return err
				}
				return c.did(r, "The counts of the chain %s start anew. Transactions that ended: %d.", r.Chain, r.Ended)
			})
		},
	}
	who.Add(cmd)
	yesFlag(cmd, &yes)
	return cmd
}
