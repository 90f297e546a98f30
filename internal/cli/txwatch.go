package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// pollReceipt is the time between two looks at a receipt. The server looks no oftener.
const pollReceipt = 2 * time.Second

func (c *cli) txWatch() *cobra.Command {
	var in txFlags
	cmd := &cobra.Command{
		Use:   "watch [ID|HASH...]",
		Short: "Follow transactions until nothing about them changes any more",
		Long: `Follow transactions until nothing about them changes any more, or until Ctrl-C: each is in a
block, and the block is deep enough. Without an argument it follows all that were sent and are
not that far yet. It ends with 1 when the chain reverted one, another transaction took its place,
or it was never sent.`,
		Args: func(cmd *cobra.Command, given []string) error {
			if slices.Contains(given, "") {
				return console.Usage("ID|HASH is empty: is the variable that it comes from set?")
			}
			return nil
		},
	}
	cmd.RunE = c.withTxAgent(&in, func(ctx context.Context, cl *client.Client, agent string, a []string) error {
		if len(a) == 0 {
			all, err := openTxs(ctx, cl, agent)
			if err != nil {
				return err
			}
			return c.watchTxs(ctx, cl, agent, all)
		}
		all := make([]string, 0, len(a))
		for _, ref := range a {
			id, err := txID(ctx, cl, agent, ref)
			if err != nil {
				return err
			}
			if !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
		if len(a) > 1 {
			return c.watchTxs(ctx, cl, agent, all)
		}
		return c.watchTx(ctx, cl, agent, all[0])
	})
	return in.forAgent(cmd)
}

// openTxs are the transactions of an agent that were sent, or will be, and that the chain may still
// make something else of, the eldest first.
func openTxs(ctx context.Context, cl *client.Client, agent string) (open []string, err error) {
	all, err := cl.Transactions(ctx, agent)
	for _, t := range slices.Backward(all) {
		if (t.Final == nil || !*t.Final) && slices.Contains([]string{"pending", "signed", "broadcast"}, t.Status) {
			open = append(open, t.ID)
		}
	}
	return open, err
}

// over reports whether there is nothing to wait for. What no node took is looked at for a day, as a
// node may lie; who waits here is told at once.
func over(r *client.Receipt) bool { return r.Final || r.State == "not_sent" }

func (c *cli) watchTx(ctx context.Context, cl *client.Client, agent, id string) error {
	said := ""
	for {
		r, err := cl.TransactionReceipt(ctx, agent, id)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // Ctrl-C is the usual end
		}
		if err != nil {
			return err
		}
		if over(r) {
			return c.printFate(r)
		}
		if now := watched(r); now != said && !c.JSON {
			said = now
			c.Warn(now)
		}
		if !c.wait(ctx) {
			return nil
		}
	}
}

// wait reports false when the watching is over.
func (c *cli) wait(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-c.after(pollReceipt):
		return true
	}
}

// watchTxs follows several. A terminal shows how many are still open meanwhile.
func (c *cli) watchTxs(ctx context.Context, cl *client.Client, agent string, all []string) error {
	ended := make([]client.Receipt, 0, len(all))
	line := c.Progress()
	defer line.Clear()
	for open := all; len(open) > 0; {
		var still []string
		for _, id := range open {
			r, err := cl.TransactionReceipt(ctx, agent, id)
			if ctx.Err() != nil {
				return nil // Ctrl-C is the usual end
			}
			if err != nil {
				return err
			}
			if !over(r) {
				still = append(still, id)
				continue
			}
			line.Clear()
			c.Done("%s: %s.", id[:min(len(id), console.ShortID)], fate(r))
			ended = append(ended, *r)
		}
		if open = still; len(open) > 0 {
			line.Say(fmt.Sprintf("%d of %s still open. Ctrl-C stops the watching alone.", len(open), plural(int64(len(all)), "transaction")))
			if !c.wait(ctx) {
				return nil
			}
		}
	}
	line.Clear()
	if err := list(c, "receipts", ended, nil, []string{"ID", "ON CHAIN", "BLOCK", "HASH"}, "No transaction is open.", func(r client.Receipt) []string {
		return []string{c.Short(r.TransactionID), c.forPeople(r.State), inBlock(&r), r.TxHash}
	}); err != nil {
		return err
	}
	failed := slices.DeleteFunc(ended, func(r client.Receipt) bool { return r.State == "success" })
	if len(failed) == 0 {
		return nil
	}
	return fault.New(fault.Unprocessable, "transaction_unsuccessful", strconv.Itoa(len(failed))+" of "+plural(int64(len(all)), "transaction")+" did not succeed.")
}

// fate says in a word or two what became of a transaction.
func fate(r *client.Receipt) string {
	if b := inBlock(r); b != "" {
		return plain(r.State) + " in block " + b
	}
	return plain(r.State)
}

func inBlock(r *client.Receipt) string {
	if r.BlockNumber == nil {
		return ""
	}
	return strconv.FormatUint(*r.BlockNumber, 10)
}

// watched says in a sentence where a transaction stands.
func watched(r *client.Receipt) string {
	switch {
	case r.BlockHash != "":
		return "It is in block " + block(r) + ": " + plain(r.State) + ". Waiting until 12 more blocks lie on it, since a chain may still drop one: seconds to minutes. Ctrl-C stops the watching alone."
	case r.WaitsFor != nil:
		return "It waits for the nonce " + strconv.FormatUint(*r.WaitsFor, 10) + ", which no transaction has: see `oneclaw tx fill --help`."
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
