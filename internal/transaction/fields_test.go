package transaction_test

import (
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

func fields(f intents.Fields) func(*agent.Agent) {
	return func(a *agent.Agent) { a.Guardrails.Fields = f }
}

func mostPerDay(n int64) *int64 { return &n }

// field changes fields of the agent, as a person.
func (b *bench) field(p intents.FieldsPatch) {
	b.t.Helper()
	_, err := b.Agents.UpdateAgent(b.t.Context(), b.Call(b.Here(b.owner), policy.UpdateAgent), b.payer.ID, agent.Patch{Guardrails: intents.Patch{FieldsPatch: p}})
	b.must(err)
}

// TestParallelSubmissionsAtTheCountOfADayAreNeverOver: the reservation itself counts.
func TestParallelSubmissionsAtTheCountOfADayAreNeverOver(t *testing.T) { countedADay(t) }

func countedADay(t *testing.T) {
	b := open(t, fields(intents.Fields{MaxPerDay: mostPerDay(5)}))
	var mu sync.Mutex
	passed := 0
	parallel(40, func(i int) {
		err := b.insist(b.svc, pay("0.1", replayKey(strconv.Itoa(i)), gas(21000), func(d *transaction.Draft) { d.GasPrice = "2000000000" }))
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			passed++
		} else {
			b.refused("over", err, fault.Denied, "guardrail_tx_max_per_day")
		}
	})
	if n := b.spentOf(transaction.Counted); passed != 5 || n != "5" {
		t.Errorf("%d passed and %s are counted, want 5", passed, n)
	}
	b.got("0.5")
}

// TestAFieldThatTightensBeforeTheReservationHolds: the decision is made with the fields as they
// are then, not as they were when the request came.
func TestAFieldThatTightensBeforeTheReservationHolds(t *testing.T) { tightens(t) }

func tightens(t *testing.T) {
	for what, c := range map[string]struct {
		patch intents.FieldsPatch
		kind  fault.Kind
		code  string
	}{
		"the count of a day": {intents.FieldsPatch{MaxPerDay: patch.Value[int64](0)}, fault.Denied, "guardrail_tx_max_per_day"},
		"the approvals":      {intents.FieldsPatch{Approval: patch.Value(intents.ApprovalPolicy{Chains: []string{"anvil"}})}, fault.Denied, "approval_required"},
	} {
		t.Run(what, func(t *testing.T) {
			b := open(t)
			var once sync.Once
			b.gate.on("eth_getTransactionCount", func(w http.ResponseWriter, pass func() []byte) {
				once.Do(func() { b.field(c.patch) })
				_, _ = w.Write(pass())
			})
			_, _, err := b.svc.Submit(t.Context(), b.Call(b.payer, policy.SubmitTransaction), b.payer.ID, pay("0.1"))
			b.refused(what, err, c.kind, c.code)
			b.got("0")
		})
	}
}

func TestAnApprovalPolicyOfTheAgentAsksAHuman(t *testing.T) {
	b := open(t, fields(intents.Fields{Approval: intents.ApprovalPolicy{AboveNative: map[string]string{"Anvil": "0.3", "base": "0.01"}}}))
	b.submit(pay("0.29"), transaction.Broadcast)
	b.look(1)
	b.payer = b.renewed()
	_, _, err := b.try(pay("0.3")) // and its fees
	b.refused("more", err, fault.Denied, "approval_required")
	b.field(intents.FieldsPatch{Approval: patch.Value(intents.ApprovalPolicy{NewRecipients: true})})
	b.submit(pay("0.4"), transaction.Broadcast)
	_, _, err = b.try(pay("0.1", func(d *transaction.Draft) { d.To = stranger }))
	b.refused("somebody new", err, fault.Denied, "approval_required")
}

func TestTextsAndDomainsOfTheAgentAreSigned(t *testing.T) {
	b := open(t)
	text := transaction.Message{Chain: "anvil", Text: "hello"}
	_, err := b.signMessage(text)
	b.refused("a text", err, fault.Denied, "guardrail_allow_text")
	_, err = b.signMessage(b.permit("60"))
	b.refused("a permit", err, fault.Denied, "guardrail_typed_data")
	b.field(intents.FieldsPatch{Texts: patch.Value(true), Domains: patch.Value([]intents.Domain{{Contract: usd}})})
	_, err = b.signMessage(text)
	b.must(err)
	// What it allows counts against the limits of the guard.
	b.rules(`{"tokens": [{"chain_id": 31337, "token": "` + usd + `", "per_day": "100"}]}`)
	_, err = b.signMessage(b.permit("60"))
	b.must(err)
	_, err = b.signMessage(b.permit("41"))
	b.refused("a second permit", err, fault.Denied, "guardrail_tokens")
	b.field(intents.FieldsPatch{Texts: patch.Value(false), Domains: patch.Null[[]intents.Domain]()})
	_, err = b.signMessage(text)
	b.refused("a text", err, fault.Denied, "guardrail_allow_text")
	_, err = b.signMessage(b.permit("1"))
	b.refused("a permit", err, fault.Denied, "guardrail_typed_data")
}
