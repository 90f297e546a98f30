package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// txFlags are the flags of a transaction, or of several commands about one.
type txFlags struct {
	agent                           string
	chain, data, key                string
	gasLimit, nonce                 uint64
	maxFee, tip, gasPrice, replayed string
	simulate                        bool
}

// forAgent adds --agent to a command about an agent's transactions.
func (t *txFlags) forAgent(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&t.agent, "agent", "", "name or id of the agent; an agent's own credential needs none")
	return cmd
}

func (t *txFlags) ofCall(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.chain, "chain", "", "name or number of the chain (required)")
	f.StringVar(&t.data, "data", "", "calldata: 0x and hexadecimal digits")
	f.StringVar(&t.key, "key", "", "path of the signing key in a vault; without, the agent's own key, or keys/CHAIN-signer")
	f.Uint64Var(&t.gasLimit, "gas-limit", 0, "most gas that it may use; without, it is estimated")
	t.forAgent(cmd)
}

func (t *txFlags) ofFees(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.maxFee, "max-fee", "", "most that a unit of gas may cost: wei, or such as 30gwei")
	f.StringVar(&t.tip, "tip", "", "most of it that goes to the block's maker: wei, or such as 1.5gwei")
}

const txHelp = `VALUE is a decimal number of the chain's own coin, such as 0.05. The key never leaves the
server, and signs only what the rules of the agent allow: see ` + "`oneclaw agent guard AGENT`."

func (c *cli) txSubmit() *cobra.Command {
	var in txFlags
	cmd := &cobra.Command{
		Use:   "submit TO VALUE",
		Short: "Sign a transaction with an agent's key, and send it",
		Long: "Sign a transaction with an agent's key, and send it.\n\n" + txHelp + `

Where a human must approve it first, submit the same again once that is done.`,
		Example: `  oneclaw tx submit 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 0.05 --chain base --agent payer
  oneclaw tx submit 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 0 --chain base --data 0xa9059cbb... --simulate`,
		Args: args("TO", "VALUE"),
	}
	cmd.RunE = c.withTxAgent(&in, func(ctx context.Context, cl *client.Client, agent string, a []string) error {
		s, err := in.submission(cmd, a)
		if err != nil {
			return err
		}
		if s.VaultID, err = c.keyVault(ctx, cl); err != nil {
			return err
		}
		t, err := cl.SubmitTransaction(ctx, agent, s)
		if err != nil {
			return err
		}
		return c.printSubmitted(t, in.agent)
	})
	in.ofCall(cmd)
	in.ofFees(cmd)
	f := cmd.Flags()
	f.StringVar(&in.gasPrice, "gas-price", "", "price of gas, for chains without EIP-1559: wei, or such as 5gwei")
	f.Uint64Var(&in.nonce, "nonce", 0, "number of the transaction of the account; without, the next")
	f.BoolVar(&in.simulate, "simulate", false, "sign it only when a simulation of it succeeds")
	f.StringVar(&in.replayed, "idempotency-key", "", "the same key with the same transaction gives the one that was sent, for a day")
	return cmd
}

func (c *cli) txSimulate() *cobra.Command {
	var in txFlags
	cmd := &cobra.Command{
		Use:   "simulate TO VALUE",
		Short: "Show what a transaction would do; nothing is signed or sent",
		Long:  "Show what a transaction would do, as a node of the chain runs it. Nothing is signed or sent.\n\n" + txHelp,
		Args:  args("TO", "VALUE"),
	}
	cmd.RunE = c.withTxAgent(&in, func(ctx context.Context, cl *client.Client, agent string, a []string) error {
		s, err := in.submission(cmd, a)
		if err != nil {
			return err
		}
		vault, err := c.keyVault(ctx, cl)
		if err != nil {
			return err
		}
		r, err := cl.SimulateTransaction(ctx, agent, vault, s.Call)
		if err != nil {
			return err
		}
		return c.printSimulation(r)
	})
	in.ofCall(cmd)
	return cmd
}

// submission is what was asked for.
func (t *txFlags) submission(cmd *cobra.Command, a []string) (s client.Submission, err error) {
	if t.chain == "" {
		return s, console.Usage("Name the chain with --chain; see `oneclaw chain list`.")
	}
	if err = checkPayment(a[0], a[1]); err != nil {
		return s, err
	}
	s = client.Submission{
		Call:          client.Call{To: a[0], Value: a[1], Chain: t.chain, Data: t.data, KeyPath: t.key},
		SimulateFirst: t.simulate, ReplayKey: t.replayed,
	}
	if s.ReplayKey == "" {
		s.ReplayKey = ids.New() // a try whose answer is lost is no second transaction
	}
	if cmd.Flags().Changed("gas-limit") {
		s.GasLimit = &t.gasLimit
	}
	if cmd.Flags().Changed("nonce") {
		s.Nonce = &t.nonce
	}
	for flag, of := range map[string]struct {
		text string
		into *string
	}{"max-fee": {t.maxFee, &s.MaxFee}, "tip": {t.tip, &s.MaxTip}, "gas-price": {t.gasPrice, &s.GasPrice}} {
		if *of.into, err = inWei(flag, of.text); err != nil {
			return s, err
		}
	}
	return s, nil
}

// checkPayment refuses what the server would, in the words of the command.
func checkPayment(to, value string) error {
	_, err := evm.ParseAddress(to)
	switch {
	case fault.CodeOf(err) == "invalid_address_checksum":
		return console.Usage("The capital letters of TO are not its checksum (EIP-55): a digit may be wrong.")
	case err != nil:
		return console.Usage("TO is an address: 0x and 40 hexadecimal digits.")
	}
	if _, err = evm.ParseETH(value); err != nil {
		return console.Usage("VALUE is a decimal number of the chain's coin, such as 0.05, with at most 18 decimals.")
	}
	return nil
}

// inWei reads a price. A number alone is wei, as in the API: taken for gwei it could cost a
// billion times as much.
func inWei(flag, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	number, decimals := strings.TrimSuffix(text, "wei"), 0
	if gwei, ok := strings.CutSuffix(text, "gwei"); ok {
		number, decimals = gwei, 9
	}
	wei, err := evm.ParseUnits(strings.TrimSpace(number), decimals)
	if err != nil {
		return "", console.Usage("--" + flag + " takes a number of wei, or one of gwei such as 1.5gwei.")
	}
	return wei.Dec(), nil
}

// inCoin writes wei as a number of the chain's coin.
func inCoin(wei string) string {
	n, err := evm.ParseUnits(wei, 0)
	if err != nil {
		return wei + " wei"
	}
	return evm.FormatETH(&n)
}

// withTxAgent runs a command's work for the agent that --agent names, or whose credential
// it is.
func (c *cli) withTxAgent(in *txFlags, do func(ctx context.Context, cl *client.Client, agent string, a []string) error) func(*cobra.Command, []string) error {
	return c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
		agent, err := c.theAgent(ctx, cl, in.agent)
		if err != nil {
			return err
		}
		return named(do(ctx, cl, agent, a), in.agent)
	})
}

// named puts the name of an agent into an error that tells what to do about one.
func named(err error, agent string) error {
	if agent == "" {
		return err
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == "signing_key_not_found" {
		with := *f
		with.Detail = strings.ReplaceAll(f.Detail, "--agent AGENT", "--agent "+agent)
		return &with
	}
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	with := *e
	switch e.Code {
	case "intents_not_enabled":
		with.Detail = "Nothing is signed for the agent " + agent + " yet. Let it have transactions signed: " + console.Quote("oneclaw agent update "+agent+" --intents-api")
	case "signing_key_not_found":
		with.Detail = strings.ReplaceAll(e.Detail, "--agent AGENT", "--agent "+agent)
	}
	return &with
}

// theAgent is the id of the agent that is named, or of the one whose credential is used.
func (c *cli) theAgent(ctx context.Context, cl *client.Client, named string) (string, error) {
	_, credential, err := c.Reach()
	switch {
	case err != nil:
		return "", err
	case named == "" && !ofAgent(credential):
		return "", console.Usage("Name the agent with --agent; see `oneclaw agent list`.")
	case !ofAgent(credential):
		return agentID(ctx, cl, named)
	}
	me, err := cl.AgentMe(ctx)
	if err != nil {
		return "", err
	}
	if named != "" && named != me.Name && named != me.ID && !(beginsID(named) && strings.HasPrefix(me.ID, strings.ToLower(named))) {
		return "", console.Usage("The credential is of another agent than the one that is named. Leave the name out.")
	}
	return me.ID, nil
}

// keyVault is the vault of --vault, where the signing key lies; "" leaves it to the server.
func (c *cli) keyVault(ctx context.Context, cl *client.Client) (string, error) {
	if c.vault == "" {
		return "", nil
	}
	return vaultID(ctx, cl, c.vault)
}

// printSubmitted fails where nothing was sent, so that scripts need not read.
func (c *cli) printSubmitted(t *client.Transaction, agent string) error {
	if err := c.printTx(t, nil); err != nil {
		return err
	}
	switch t.Status {
	case "simulation_failed":
		return fault.New(fault.Unprocessable, "simulation_failed", "The simulation failed, so it was not signed.")
	case "failed":
		return fault.New(fault.Unprocessable, "transaction_failed", "No node of the chain took the transaction: the error above says why.")
	}
	if t.Status == "broadcast" || t.Status == "signed" {
		watch := "oneclaw tx watch " + t.ID[:min(len(t.ID), console.ShortID)]
		if agent != "" {
			watch += " --agent " + agent
		}
		c.Done("Follow it with %s.", console.Quote(watch))
	}
	return nil
}

// printTx shows a transaction, with what the chain made of it where that is known.
func (c *cli) printTx(t *client.Transaction, r *client.Receipt) error {
	fields := []field{
		{"ID", t.ID}, {"Status", c.forPeople(t.Status)}, {"Chain", t.Chain + " (" + strconv.FormatInt(t.ChainID, 10) + ")"},
		{"To", t.To}, {"Value", inCoin(t.ValueWei)}, {"Value in wei", t.ValueWei}, {"Hash", t.TxHash}, {"Simulation", t.SimulationStatus},
		{"Error", t.ErrorMessage}, {"Created", c.When(t.CreatedAt)}, {"Replaces", t.Replaces},
	}
	if r == nil {
		return c.show(t, fields...)
	}
	fields = append(fields, receiptFields(c, r)...)
	return c.show(struct {
		*client.Transaction
		Receipt *client.Receipt `json:"receipt"`
	}{t, r}, fields...)
}

func receiptFields(c *cli, r *client.Receipt) []field {
	f := []field{{"On the chain", c.forPeople(r.State)}, {"Final", console.YesNo(r.Final)}, {"From", r.From},
		{"Nonce", strconv.FormatUint(r.Nonce, 10)}, {"Calls", r.Function}}
	if r.BlockNumber != nil {
		f = append(f, field{"Block", strconv.FormatUint(*r.BlockNumber, 10)})
	}
	if r.WaitsFor != nil {
		f = append(f, field{"Waits for nonce", strconv.FormatUint(*r.WaitsFor, 10)})
	}
	if r.Fills != "" {
		f = append(f, field{"Fills the gap below", r.Fills})
	}
	if r.GasUsed != nil {
		f = append(f, field{"Gas used", strconv.FormatUint(*r.GasUsed, 10)}, field{"Gas price", r.GasPrice + " wei"})
	}
	return f
}

func (c *cli) printSimulation(r *client.Simulation) error {
	why := r.Human
	if why == "" {
		why = r.Error
	}
	fields := []field{{"Status", r.Status}, {"Gas used", strconv.FormatUint(r.GasUsed, 10)}, {"Error", why}, {"Reason", r.RevertReason}}
	for _, b := range r.BalanceChanges {
		fields = append(fields, field{"Change", changed(&b)})
	}
	if err := c.show(r, fields...); err != nil {
		return err
	}
	if r.Status != "success" {
		return fault.New(fault.Unprocessable, "simulation_failed", "The transaction would not succeed.")
	}
	return nil
}

// changed says one change of a balance.
func changed(b *client.BalanceChange) string {
	what := b.TokenSymbol
	if b.Token != "" {
		what = strings.TrimSpace(what + " (token " + b.Token + ")")
	}
	if b.TokenID != "" {
		what += " #" + b.TokenID
	}
	if b.Spender != "" {
		return b.Address + " lets " + b.Spender + " take " + b.Change + " " + what
	}
	return b.Address + ": " + b.Change + " " + what
}
