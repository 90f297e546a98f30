package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

var kindTx = newKind("transaction", "transactions", "transaction_not_found", "oneclaw tx list")

// txID finds a transaction by its id or its hash.
func txID(ctx context.Context, cl *client.Client, agent, ref string) (string, error) {
	return found(kindTx, ref, func() ([]client.Transaction, error) { return cl.Transactions(ctx, agent) }, func(t client.Transaction) candidate {
		return candidate{id: t.ID, names: []string{t.TxHash}, note: inCoin(t.ValueWei) + " on " + t.Chain}
	})
}

func (c *cli) txList() *cobra.Command {
	var in txFlags
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List an agent's newest transactions: id, status, chain, to, value, time, what the chain made of it",
		Args:    args(),
	}
	cmd.RunE = c.withTxAgent(&in, func(ctx context.Context, cl *client.Client, agent string, _ []string) error {
		all, err := cl.Transactions(ctx, agent)
		return list(c, "transactions", all, err, []string{"ID", "STATUS", "CHAIN", "TO", "VALUE", "CREATED", "ON CHAIN"}, "No transactions.", func(t client.Transaction) []string {
			return []string{c.Short(t.ID), c.forPeople(t.Status), t.Chain, c.shortAddress(t.To), inCoin(t.ValueWei), c.When(t.CreatedAt), c.forPeople(t.ChainState)}
		})
	})
	return c.wideFlag(in.forAgent(cmd))
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

// pollReceipt is the time between two looks at a receipt. The server looks no oftener.
const pollReceipt = 2 * time.Second

func (c *cli) txWatch() *cobra.Command {
	var in txFlags
	return c.ofTx(&cobra.Command{
		Use:   "watch ID|HASH",
		Short: "Follow a transaction until nothing about it changes any more",
		Long: `Follow a transaction until nothing about it changes any more, or until Ctrl-C: it is in a
block, and the block is deep enough. It ends with 1 when the chain reverted it, another
transaction took its place, or it was never sent.`,
	}, &in, func(ctx context.Context, cl *client.Client, agent, id string) error {
		said := ""
		for {
			r, err := cl.TransactionReceipt(ctx, agent, id)
			if ctx.Err() != nil {
				return nil //nolint:nilerr // Ctrl-C is the usual end
			}
			if err != nil {
				return err
			}
			if now := watched(r); now != said && !c.JSON && !r.Final {
				said = now
				c.Warn(now)
			}
			if r.Final {
				return c.printFate(r)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-c.after(pollReceipt):
			}
		}
	})
}

// watched says in a sentence where a transaction stands.
func watched(r *client.Receipt) string {
	switch {
	case r.BlockHash != "":
		return "It is in block " + block(r) + ": " + plain(r.State) + ". Waiting until 12 more blocks lie on it, since a chain may still drop one: seconds to minutes. Ctrl-C stops the watching alone."
	case r.State == "waiting":
		return "It waits for a block."
	}
	return console.Capital(plain(r.State)) + "."
}

func block(r *client.Receipt) string {
	if r.BlockNumber == nil {
		return "of its own"
	}
	return strconv.FormatUint(*r.BlockNumber, 10)
}

func (c *cli) printFate(r *client.Receipt) error {
	if err := c.show(r, append([]field{{"ID", r.TransactionID}, {"Hash", r.TxHash}}, receiptFields(c, r)...)...); err != nil || r.State == "success" {
		return err
	}
	return fault.New(fault.Unprocessable, "transaction_unsuccessful", "The transaction did not succeed: "+plain(r.State)+".")
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

func (c *cli) txCommands() *cobra.Command {
	return group("tx", "Transactions of agents on EVM chains", c.txSubmit(), c.txSimulate(), c.txList(), c.txGet(), c.txWatch(),
		c.txReplace("speedup", "Send a waiting transaction again, with higher fees",
			`Send a waiting transaction again, with higher fees. Only one of the two can get into a
block. It counts against the agent's limits once.`),
		c.txReplace("cancel", "Replace a waiting transaction by one that moves nothing",
			`Replace a waiting transaction by one that moves nothing and costs its fee. Which of the
two gets into a block is up to the chain: watch the new one. One that was never sent is
discarded instead. An owner or admin cancels also for an agent that is stopped, and the
agent does not replace what a person cancelled.`))
}
