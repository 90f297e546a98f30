package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
)

func (c *cli) adminChainList() *cobra.Command {
	return c.wideFlag(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List all chains: id, name, number, whether enabled, title",
		Args:    args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.AllChains(ctx)
			return list(c, "chains", all, err, []string{"ID", "CHAIN", "NUMBER", "ENABLED", "NAME"}, "No chains.", func(ch client.Chain) []string {
				return []string{c.Short(ch.ID), ch.Name, strconv.FormatInt(ch.ChainID, 10), console.YesNo(ch.IsEnabled), ch.DisplayName}
			})
		}),
	})
}

const chainHelp = `The addresses of a node often hold a provider's key, and so come from a file or, with
-, from stdin; they are never arguments, where other processes could see them.`

func (c *cli) adminChainAdd() *cobra.Command {
	var in chainFlags
	var who session.PersonFlags
	cmd := &cobra.Command{
		Use:     "add NAME NUMBER",
		Short:   "Add a chain",
		Long:    "Add a chain.\n\n" + chainHelp,
		Example: `  oneclaw admin chain add moonbeam 1284 --title "Moonbeam" --currency GLMR --rpc-url-file rpc.txt`,
		Args:    args("NAME", "NUMBER"),
		RunE: func(cmd *cobra.Command, a []string) error {
			number, err := strconv.ParseInt(a[1], 10, 64)
			if err != nil {
				return console.Usage("The number of a chain is a whole number.")
			}
			change, err := c.readChain(cmd.Flags(), &in)
			if err != nil {
				return err
			}
			change.Name, change.ChainID = &a[0], &number
			if change.DisplayName == nil {
				change.DisplayName = &a[0]
			}
			return c.OrAsPerson(cmd.Context(), &who, func(cl *client.Client) error {
				made, err := cl.CreateChain(cmd.Context(), change)
				if err != nil {
					return err
				}
				return c.printChain(made)
			})
		},
	}
	in.flags(cmd)
	who.Add(cmd)
	return cmd
}

func (c *cli) adminChainUpdate() *cobra.Command {
	var in chainFlags
	var who session.PersonFlags
	var name string
	cmd := &cobra.Command{
		Use:   "update CHAIN",
		Short: "Change a chain, named by name, number or id; what is not given stays",
		Long:  "Change a chain, named by name, number or id; what is not given stays.\n\n" + chainHelp,
		Args:  args("CHAIN"),
		RunE: func(cmd *cobra.Command, a []string) error {
			change, err := c.readChain(cmd.Flags(), &in)
			if err != nil {
				return err
			}
			if name != "" {
				change.Name = &name
			}
			if change == (client.ChainChange{}) {
				return console.Usage("Give at least one flag: there is nothing to change.")
			}
			return c.OrAsPerson(cmd.Context(), &who, func(cl *client.Client) error {
				id, err := chainID(cmd.Context(), cl, a[0])
				if err != nil {
					return err
				}
				now, err := cl.UpdateChain(cmd.Context(), id, change)
				if err != nil {
					return err
				}
				return c.printChain(now)
			})
		},
	}
	who.Add(cmd)
	cmd.Flags().StringVar(&name, "name", "", "another name")
	in.flags(cmd)
	return cmd
}

func (c *cli) adminChainDelete() *cobra.Command {
	return c.mayAsk(c.removes(&cobra.Command{Use: "delete CHAIN", Short: "Remove a chain, named by name, number or id; it takes your password", Args: args("CHAIN")},
		chainID, "Remove the chain %s? Nobody can cancel what waits on it then.", (*client.Client).DeleteChain, "deleted", "Removed the chain %s."))
}

// chainFlags are what the flags say of a chain.
type chainFlags struct {
	title, currency, explorer, rpcFile, wsFile string
	testnet, enabled                           bool
}

func (in *chainFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&in.title, "title", "", "the name for people")
	f.StringVar(&in.currency, "currency", "", "native currency (default ETH)")
	f.StringVar(&in.explorer, "explorer-url", "", "address of a block explorer")
	f.StringVar(&in.rpcFile, "rpc-url-file", "", "file that holds the address of a node (- for stdin)")
	f.StringVar(&in.wsFile, "ws-url-file", "", "file that holds its WebSocket address (- for stdin)")
	f.BoolVar(&in.testnet, "testnet", false, "whether it is a test net")
	f.BoolVar(&in.enabled, "enabled", true, "whether agents can use it")
}

// readChain is what of a chain was given.
func (c *cli) readChain(given *pflag.FlagSet, in *chainFlags) (client.ChainChange, error) {
	var out client.ChainChange
	if in.rpcFile == "-" && in.wsFile == "-" {
		return out, console.Usage("Only one of the two addresses can come from stdin.")
	}
	for name, to := range map[string]struct {
		from *string
		at   **string
	}{"title": {&in.title, &out.DisplayName}, "currency": {&in.currency, &out.NativeCurrency}, "explorer-url": {&in.explorer, &out.ExplorerURL}} {
		if given.Changed(name) {
			*to.at = to.from
		}
	}
	for file, at := range map[*string]**string{&in.rpcFile: &out.RPCURL, &in.wsFile: &out.WSURL} {
		if *file == "" {
			continue
		}
		address, err := c.readLine(*file)
		if err != nil {
			return out, err
		}
		*at = &address
	}
	if given.Changed("testnet") {
		out.IsTestnet = &in.testnet
	}
	if given.Changed("enabled") {
		out.IsEnabled = &in.enabled
	}
	return out, nil
}

// readLine is the text of a file, or of stdin, without the space around it.
func (c *cli) readLine(file string) (string, error) {
	b, err := []byte(nil), error(nil)
	if file == "-" {
		b, err = console.Limited(c.Stdin)
	} else {
		b, err = console.ReadFile(file)
	}
	return strings.TrimSpace(string(b)), err
}
