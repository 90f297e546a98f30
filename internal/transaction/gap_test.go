package transaction_test

import (
	"errors"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// gapped has a transaction wait behind a nonce that was given up.
func (b *bench) gapped() (behind transaction.Tx) {
	b.t.Helper()
	b.submit(pay("0.1"), transaction.Broadcast)
	b.mined()
	b.at(func(b *bench, _ func()) {
		b.seen = signer{Keys: b.keys, sign: func() error { // another is decided meanwhile
			b.seen = b.keys
			behind = b.submitOn(b.service(b.World), pay("0.2"))
			return errors.New("the token is gone")
		}}
	}, nil)
	if _, _, err := b.try(pay("0.3")); err == nil {
		b.t.Fatal("it was signed")
	}
	b.svc = b.service(b.World)
	if behind.Nonce != 2 {
		b.t.Fatalf("what waits has the nonce %d", behind.Nonce)
	}
	return behind
}

// submitOn is submit on a service.
func (b *bench) submitOn(svc *transaction.Service, d transaction.Draft) transaction.Tx {
	b.t.Helper()
	c := b.Call(b.payer, policy.SubmitTransaction)
	t, _, err := svc.Submit(b.based(c), c, b.payer.ID, d)
	b.must(err)
	return t
}

// fillers are the transactions that the server made to fill gaps.
func (b *bench) fillers() (out []transaction.Tx) {
	b.t.Helper()
	all, err := b.svc.List(b.t.Context(), b.Call(b.owner, policy.ListTransactions), b.payer.ID, false)
	b.must(err)
	for _, t := range all {
		if t.Fills != "" {
			out = append(out, t)
		}
	}
	return out
}

func TestAGapBelowWhatWaitsIsFilled(t *testing.T) { fillsGap(t) }

func fillsGap(t *testing.T) {
	b := open(t, limited("1"))
	behind := b.gapped()
	b.svc.Look(t.Context())
	if n := len(b.fillers()); n != 0 {
		t.Error("it is filled before the next submission had time to")
	}
	other := b.service(b.OtherNode())
	b.Clock.Forward(3 * time.Minute)
	b.svc.Look(t.Context())
	other.Look(t.Context())
	b.look(3)
	b.stands(behind.ID, transaction.Broadcast, transaction.Success)
	b.got("0.3")
	f := b.fillers()
	if len(f) != 1 || f[0].Nonce != 1 || f[0].Fills != behind.ID || f[0].To == nil || *f[0].To != b.from || !f[0].Value.IsZero() || f[0].Receipt.Fate != transaction.Success || f[0].Receipt.GasUsed != 21000 {
		t.Fatalf("filled with %+v", f)
	}
	told := 0
	for _, e := range b.Events(b.payer.Org) {
		if e.ResourceID == f[0].ID && e.ActorKind == string(policy.KindAnonymous) && e.Detail("fills") == behind.ID && e.Detail("agent_id") == b.payer.ID {
			told++
		}
	}
	if told != 2 { // that it was decided, and that it was signed
		t.Errorf("the log has it %d times", told)
	}
	if got := b.spent(); got != "0.3" {
		t.Errorf("%s is counted", got)
	}
}

// TestAGapIsFilledWithinTheRulesOfItsAgent: what stops the agent stops the server too, and what waits says for what.
func TestAGapIsFilledWithinTheRulesOfItsAgent(t *testing.T) { fillsWithin(t) }

func fillsWithin(t *testing.T) {
	stops := map[string]func(b *bench){
		"no more transactions today": func(b *bench) { b.rules(`{"max_per_day": 2}`) },
		"a human is asked":           func(b *bench) { b.rules(`{"approval": {"require_for_chains": ["anvil"]}}`) },
		"no fee is low enough":       func(b *bench) { b.rules(`{"max_fee": "1"}`) },
		"gas is over the limit": func(b *bench) {
			b.rules(`{"gas_counts": true}`)
			b.update(agent.Patch{Guardrails: intents.Patch{DailyLimitETH: patch.Value("0.00000001")}})
		},
	}
	for name, w := range stopping() {
		stops[name] = func(b *bench) { w.ready(b)() }
	}
	for name, stop := range stops {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			behind := b.gapped()
			stop(b)
			b.look(4)
			if n := len(b.fillers()); n != 0 {
				t.Errorf("it is filled %d times", n)
			}
			got, err := b.svc.Get(t.Context(), b.Call(b.owner, policy.ReadTransaction), b.payer.ID, behind.ID, false)
			b.must(err)
			if got.WaitsFor == nil || *got.WaitsFor != 1 || got.Receipt.Fate != transaction.Waiting {
				t.Errorf("it says that it waits for %v", got.WaitsFor)
			}
		})
	}
}

// TestAGapIsFilledOnceAnHour: where no node takes it.
func TestAGapIsFilledOnceAnHour(t *testing.T) {
	b := open(t)
	behind := b.gapped()
	b.gate.on("eth_sendRawTransaction", refuses("insufficient funds for gas * price + value", false))
	b.look(8)
	if f := b.fillers(); len(f) != 1 || f[0].Status != transaction.Failed {
		t.Errorf("%d were made", len(f))
	}
	got := b.stands(behind.ID, transaction.Broadcast, transaction.Waiting)
	if got.WaitsFor == nil || *got.WaitsFor != 1 {
		t.Errorf("it waits for %v", got.WaitsFor)
	}
	b.Clock.Forward(time.Hour)
	b.look(1)
	if f := b.fillers(); len(f) != 2 {
		t.Errorf("an hour later %d were made", len(f))
	}
	b.gate.on("eth_sendRawTransaction", nil)
	one := uint64(1) // somebody fills it
	b.submit(pay("0", func(d *transaction.Draft) { d.To, d.Nonce = b.from.String(), &one }), transaction.Broadcast)
	b.look(2)
	if got := b.stands(behind.ID, transaction.Broadcast, transaction.Success); got.WaitsFor != nil {
		t.Error("it still waits for a nonce")
	}
}

// TestWhatWasHandedOutIsNoGapToFill: whoever has it may send it yet.
func TestWhatWasHandedOutIsNoGapToFill(t *testing.T) {
	b := open(t)
	out, _, err := b.svc.Sign(t.Context(), b.Call(b.payer, policy.SignTransaction), b.payer.ID, pay("0.1"))
	b.must(err)
	behind := b.submit(pay("0.2"), transaction.Broadcast)
	b.look(4)
	if n := len(b.fillers()); n != 0 {
		t.Errorf("%d were made", n)
	}
	got := b.stands(behind.ID, transaction.Broadcast, transaction.Waiting)
	if got.WaitsFor == nil || *got.WaitsFor != out.Nonce {
		t.Errorf("it waits for %v", got.WaitsFor)
	}
	_, _, err = b.try(pay("0", func(d *transaction.Draft) { d.Nonce = &out.Nonce }))
	b.refused("the nonce of what was handed out", err, fault.Conflict, "nonce_used")
}

// TestANonceThatWasLeftOutIsNotFilled: another program may have it in mind.
func TestANonceThatWasLeftOutIsNotFilled(t *testing.T) {
	b := open(t)
	one := uint64(1)
	behind := b.submit(pay("0.2", func(d *transaction.Draft) { d.Nonce = &one }), transaction.Broadcast)
	b.look(4)
	if n := len(b.fillers()); n != 0 {
		t.Errorf("%d were made", n)
	}
	if got := b.stands(behind.ID, transaction.Broadcast, transaction.Waiting); got.WaitsFor == nil || *got.WaitsFor != 0 {
		t.Errorf("it waits for %v", got.WaitsFor)
	}
}
