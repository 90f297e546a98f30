package mcpserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// agent returns the id of the agent whose credential the call has.
func (s *session) agent(ctx context.Context) (string, error) {
	if s.sees != nil {
		return s.sees.Agent(), nil
	}
	token, err := s.api.Session(ctx)
	if err != nil {
		return "", err
	}
	if token != nil && token.AgentID != "" {
		return token.AgentID, nil
	}
	me, err := s.api.AgentMe(ctx)
	if err != nil {
		return "", err
	}
	return me.ID, nil
}

// keyVault is the vault that a call names for its signing key; "" leaves it to the API.
func (s *session) keyVault(ctx context.Context) (string, error) {
	if s.named == "" {
		return "", nil
	}
	return byName(ctx, s.api, s.named)
}

// chainCall reads the parameters that both tools have.
func chainCall(in input) client.Call {
	return client.Call{
		To: in.text("to"), Value: string(in.value("value").Reveal()), Chain: in.text("chain"), Data: in.text("data"),
		KeyPath: in.text("signing_key_path"), GasLimit: in.number("gas_limit"),
	}
}

func simulateTransaction(ctx context.Context, s *session, in input) (string, error) {
	agent, err := s.agent(ctx)
	if err != nil {
		return "", err
	}
	vault, err := s.keyVault(ctx)
	if err != nil {
		return "", err
	}
	r, err := s.api.SimulateTransaction(ctx, agent, vault, chainCall(in))
	if err != nil {
		return "", s.onTransaction("Simulation failed: ", err)
	}
	var b report
	b.add("Simulation ", r.Status)
	b.add("  Gas used: ", fmt.Sprint(r.GasUsed))
	b.some("  Gas estimate: $", r.GasEstimateUSD)
	if len(r.BalanceChanges) > 0 {
		b.add("  Balance changes: ", fmt.Sprint(len(r.BalanceChanges)))
	}
	for _, c := range r.BalanceChanges[:min(len(r.BalanceChanges), maxLines)] {
		b.add("    ", changed(&c))
	}
	human := r.Human
	if human == "" {
		human = r.Error
	}
	b.some("  Error: ", human)
	b.some("  Reason: ", r.RevertReason)
	b.some("  Tenderly: ", r.Dashboard)
	return b.String(), nil
}

// changed says one change of a balance. A token's symbol is what the token calls itself.
func changed(c *client.BalanceChange) string {
	what := c.TokenSymbol
	if c.Token != "" {
		what = strings.TrimSpace(what + " (token " + c.Token + ")")
	}
	if c.TokenID != "" {
		what += " #" + c.TokenID
	}
	text := c.Address + ": " + c.Change + " " + what
	if c.Spender != "" {
		text = c.Address + " lets " + c.Spender + " take " + c.Change + " " + what
	}
	return text
}

// submitTransaction sends a key with each call, so that a try whose answer was lost is no
// second transaction: the call's, or one of its own.
func submitTransaction(ctx context.Context, s *session, in input) (string, error) {
	agent, err := s.agent(ctx)
	if err != nil {
		return "", err
	}
	vault, err := s.keyVault(ctx)
	if err != nil {
		return "", err
	}
	t, err := s.api.SubmitTransaction(ctx, agent, client.Submission{
		Call: chainCall(in), Nonce: in.number("nonce"), GasPrice: in.text("gas_price"), MaxFee: in.text("max_fee_per_gas"),
		MaxTip: in.text("max_priority_fee_per_gas"), SimulateFirst: in["simulate_first"] == true, ReplayKey: cmp.Or(in.text("idempotency_key"), ids.New()), VaultID: vault,
	})
	if err != nil {
		return "", s.onTransaction("Transaction rejected: ", err)
	}
	if t.Status == "simulation_failed" {
		return "", notice("Simulation failed: " + oneLine(sentence(t.ErrorMessage)) + "Nothing was signed or sent.")
	}
	var b report
	b.add("Transaction ", t.Status)
	b.add("  ID: ", t.ID)
	b.add("  Chain: ", fmt.Sprintf("%s (%d)", t.Chain, t.ChainID))
	b.add("  To: ", t.To)
	b.add("  Value: ", t.ValueWei+" wei")
	b.some("  Tx hash: ", t.TxHash)
	b.some("  Simulation: ", t.SimulationStatus)
	b.some("  Error: ", t.ErrorMessage)
	return b.String(), nil
}

// onTransaction gives the failures of a transaction the texts that clients know. Others
// pass.
func (s *session) onTransaction(unprocessable string, err error) error {
	e, ok := errors.AsType[*client.Error](err)
	switch {
	case !ok || e.Code == "resource_limit_exceeded":
		return err
	case e.Status == http.StatusForbidden:
		return notice("Access denied: " + s.hear(e))
	case e.Status == http.StatusUnprocessableEntity:
		return notice(unprocessable + s.hear(e))
	case e.Code == "ambiguous_signing_key":
		return notice("Transaction rejected: Several vaults have a key at this path. Give the id of one as vault_id.")
	}
	return err
}

// report is a text of labelled lines.
type report struct{ text []string }

func (l *report) add(label, s string) { l.text = append(l.text, label+oneLine(s)) }

// some adds a line unless s is empty.
func (l *report) some(label, s string) {
	if s != "" {
		l.add(label, s)
	}
}

func (l *report) String() string { return strings.Join(l.text, "\n") }
