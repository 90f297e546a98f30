package cli

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

var kindTx = newKind("transaction", "transactions", "transaction_not_found", "oneclaw tx list")

// txID finds a transaction by its id or its hash.
func txID(ctx context.Context, cl *client.Client, agent, ref string) (string, error) {
	return found(kindTx, ref, func() ([]client.Transaction, error) { return cl.Transactions(ctx, agent) }, func(t client.Transaction) candidate {
		return candidate{id: t.ID, names: []string{t.TxHash}, note: inCoin(t.ValueWei) + " on " + t.Chain}
	})
}

// isHash reports whether ref can be the hash of a transaction.
func isHash(ref string) bool { return len(ref) == 66 && strings.HasPrefix(ref, "0x") }

// anyTxID is txID for a transaction of any agent that the caller may see: those that may have
// transactions signed are looked at first.
func anyTxID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	first := func(a *client.Agent) bool { return a.IntentsAPIEnabled }
	return ofAnyAgent(ctx, cl, kindTx, first, func(agent string) (string, error) { return txID(ctx, cl, agent, ref) })
}

// ofAnyAgent finds what belongs to one of the agents that the caller may see. Those that likely have
// such things are looked at first.
func ofAnyAgent(ctx context.Context, cl *client.Client, k kind, likely func(*client.Agent) bool, find func(agent string) (string, error)) (string, error) {
	agents, err := cl.Agents(ctx)
	if client.IsStatus(err, http.StatusForbidden) { // an agent sees its own
		var me *client.AgentSelf
		if me, err = cl.AgentMe(ctx); err == nil {
			agents = []client.Agent{{ID: me.ID}}
		}
	}
	if err != nil {
		return "", err
	}
	slices.SortStableFunc(agents, func(a, b client.Agent) int { return rank(likely(&b)) - rank(likely(&a)) })
	for _, a := range agents {
		id, err := find(a.ID)
		if !fault.Is(err, fault.NotFound) {
			return id, err
		}
	}
	return "", k.none
}

func rank(first bool) int {
	if first {
		return 1
	}
	return 0
}

func (c *cli) txList() *cobra.Command {
	var in txFlags
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List an agent's newest transactions: id, status, chain, to, value, time, what the chain made of it, which it replaces",
		Args:    args(),
	}
	cmd.RunE = c.withTxAgent(&in, func(ctx context.Context, cl *client.Client, agent string, _ []string) error {
		all, err := cl.Transactions(ctx, agent)
		one, two := []string{"ID", "STATUS", "CHAIN", "TO", "VALUE", "CREATED", "ON CHAIN"}, []string{"ID", "STATUS", "CHAIN", "TO", "VALUE", "CREATED", "ON CHAIN", "REPLACES"}
		row := func(t client.Transaction, created string) []string {
			return []string{c.Short(t.ID), c.forPeople(t.Status), t.Chain, c.shortAddress(t.To), inCoin(t.ValueWei), created, c.onChain(&t)}
		}
		replacing := slices.ContainsFunc(all, func(t client.Transaction) bool { return t.Replaces != "" })
		if replacing || !c.IsTTY(c.Stdout) { // programs get the same columns each time
			one = append(one, "REPLACES")
		}
		return listTwoLines(c, "transactions", all, err, "No transactions.", one, func(t client.Transaction) []string {
			return append(row(t, c.When(t.CreatedAt)), c.Short(t.Replaces))[:len(one)]
		}, two, func(t client.Transaction) []string {
			below := ""
			if t.Replaces != "" {
				below = "replaces " + c.Short(t.Replaces)
			}
			return append(row(t, c.When(t.CreatedAt)), below)
		})
	})
	return c.wideFlag(in.forAgent(cmd))
}

// onChain says what the chain made of a transaction, and for what it waits.
func (c *cli) onChain(t *client.Transaction) string {
	switch {
	case t.WaitsFor != nil:
		return "waiting for nonce " + strconv.FormatUint(*t.WaitsFor, 10)
	case t.Fills != "":
		return c.forPeople(t.ChainState) + ", fills a gap"
	}
	return c.forPeople(t.ChainState)
}

// shortAddress leaves out the middle of an address in a table for people. `tx get` and
// --wide show all of it.
func (c *cli) shortAddress(a string) string {
	const head, tail = 8, 6
	if !c.IsTTY(c.Stdout) || c.Wide || len(a) <= head+tail {
		return a
	}
	return a[:head] + ".." + a[len(a)-tail:]
}

// ofTx is a command about one transaction of an agent.
func (c *cli) ofTx(cmd *cobra.Command, in *txFlags, do func(ctx context.Context, cl *client.Client, agent, id string) error) *cobra.Command {
	cmd.Args = args("ID|HASH")
	cmd.RunE = c.withTxAgent(in, func(ctx context.Context, cl *client.Client, agent string, a []string) error {
		id, err := txID(ctx, cl, agent, a[0])
		if err != nil {
			return err
		}
		return do(ctx, cl, agent, id)
	})
	return in.forAgent(cmd)
}

func (c *cli) txGet() *cobra.Command {
	var in txFlags
	var signed bool
	cmd := c.ofTx(&cobra.Command{Use: "get ID|HASH", Short: "Show a transaction, and what the chain made of it"}, &in,
		func(ctx context.Context, cl *client.Client, agent, id string) error {
			t, err := cl.Transaction(ctx, agent, id, signed)
			if err != nil {
				return err
			}
			if signed && !c.JSON {
				return console.Write(c.Stdout, []byte(t.SignedTx+"\n"))
			}
			r, err := cl.TransactionReceipt(ctx, agent, id)
			if err != nil {
				return err
			}
			return c.printTx(t, r)
		})
	cmd.Flags().BoolVar(&signed, "signed", false, "print the signed bytes")
	return cmd
}

func (c *cli) txReplace(mode, short, long string) *cobra.Command {
	var in txFlags
	cmd := c.ofTx(&cobra.Command{Use: mode + " ID|HASH", Short: short, Long: long}, &in,
		func(ctx context.Context, cl *client.Client, agent, id string) (err error) {
			r := client.Replacement{Mode: mode, KeyPath: in.key}
			if r.MaxFee, err = inWei("max-fee", in.maxFee); err != nil {
				return err
			}
			if r.MaxTip, err = inWei("tip", in.tip); err != nil {
				return err
			}
			if r.VaultID, err = c.keyVault(ctx, cl); err != nil {
				return err
			}
			t, err := cl.ReplaceTransaction(ctx, agent, id, r)
			if err != nil {
				return err
			}
			if mode == "cancel" && t.Status == "failed" && t.TxHash == "" { // it had been nowhere
				return c.printTx(t, nil)
			}
			return c.printSubmitted(t, in.agent)
		})
	in.ofFees(cmd)
	cmd.Flags().StringVar(&in.key, "key", "", "path of the signing key in a vault, where it was one")
	return cmd
}

func (c *cli) txFill() *cobra.Command {
	var in txFlags
	cmd := c.ofTx(&cobra.Command{
		Use:   "fill ID|HASH",
		Short: "Fill the gap that a transaction waits behind, with one that moves nothing",
		Long: `Fill the gap that a transaction waits behind: a nonce below its own that no transaction of
the account has. The account pays itself nothing, and the fee of that, within the rules of the
agent. The server does the same by itself where the nonce was given up and the agent's key is in the
keystore; this is for what its rules stopped, such as one that has a human asked, and for keys in vaults.`,
	}, &in, func(ctx context.Context, cl *client.Client, agent, id string) error {
		t, err := cl.Transaction(ctx, agent, id, false)
		if err != nil {
			return err
		}
		r, err := cl.TransactionReceipt(ctx, agent, id)
		if err != nil {
			return err
		}
		if r.WaitsFor == nil {
			return fault.New(fault.Conflict, "no_gap", "No gap is known below this transaction. One shows seconds after it was sent.")
		}
		s := client.Submission{
			Call:  client.Call{To: r.From, Value: "0", Chain: strconv.FormatInt(t.ChainID, 10), KeyPath: in.key},
			Nonce: r.WaitsFor, ReplayKey: ids.New(),
		}
		if s.VaultID, err = c.keyVault(ctx, cl); err != nil {
			return err
		}
		made, err := cl.SubmitTransaction(ctx, agent, s)
		if err != nil {
			return err
		}
		return c.printSubmitted(made, in.agent)
	})
	cmd.Flags().StringVar(&in.key, "key", "", "path of the signing key in a vault, where it was one")
	return cmd
}

func (c *cli) txCommands() *cobra.Command {
	return group("tx", "Transactions of agents on EVM chains", c.txSubmit(), c.txSimulate(), c.txList(), c.txGet(), c.txWatch(), c.txFill(),
		c.txReplace("speedup", "Send a waiting transaction again, with higher fees",
			`Send a waiting transaction again, with higher fees. Only one of the two can get into a
block. It counts against the agent's limits once.`),
		c.txReplace("cancel", "Replace a waiting transaction by one that moves nothing",
			`Replace a waiting transaction by one that moves nothing and costs its fee. Which of the
two gets into a block is up to the chain: watch the new one. One that was never sent is
discarded instead. An owner or admin cancels also for an agent that is stopped, and the
agent does not replace what a person cancelled. A person cancels with the key that signed,
also where it was replaced or deleted since.`))
}
