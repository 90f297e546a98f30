package transaction_test

import (
	"math"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

func TestCountsThatCantBeRightGiveNoNonce(t *testing.T) {
	at := func(n uint64) *uint64 { return &n }
	for name, c := range map[string]struct {
		counts      transaction.Counts
		asked       *uint64
		used        bool
		nonce, then uint64
		code        string
	}{
		"a new account":                   {counts: transaction.Counts{Alone: true}, nonce: 0, then: 1},
		"new here, one node":              {counts: transaction.Counts{Pending: 1000, Latest: 1000, Alone: true}, nonce: 1000, then: 1001},
		"new here, others don't agree":    {counts: transaction.Counts{Pending: 1000, Latest: 1000}, code: "node_nonce"},
		"new here, others agree":          {counts: transaction.Counts{Pending: 1000, Latest: 1000, Agreed: true}, nonce: 1000, then: 1001},
		"no count at all":                 {counts: transaction.Counts{Pending: math.MaxUint64, Latest: math.MaxUint64, Alone: true}, code: "node_nonce"},
		"a few sent elsewhere":            {counts: transaction.Counts{Next: 5, Pending: 9, Latest: 8, Alone: true}, nonce: 9, then: 10},
		"a jump in blocks":                {counts: transaction.Counts{Next: 5, Pending: 1000, Latest: 1000, Alone: true}, code: "node_nonce"},
		"a jump that others see":          {counts: transaction.Counts{Next: 5, Pending: 1000, Latest: 1000, Agreed: true}, nonce: 1000, then: 1001},
		"a jump of what waits":            {counts: transaction.Counts{Next: 5, Pending: 1000, Latest: 5, Agreed: true}, code: "node_nonce"},
		"asked for after a jump":          {counts: transaction.Counts{Next: 5, Pending: 1000, Latest: 1000, Alone: true}, asked: at(1000), nonce: 1000, then: 1001},
		"asked for below ours, not used":  {counts: transaction.Counts{Next: 1001, Pending: 2, Latest: 2}, asked: at(2), nonce: 2, then: 1001},
		"asked for below ours, used":      {counts: transaction.Counts{Next: 1001, Pending: 2, Latest: 2}, asked: at(2), used: true, code: "nonce_used"},
		"asked for, in a block":           {counts: transaction.Counts{Next: 3, Pending: 3, Latest: 3}, asked: at(2), code: "nonce_used"},
		"asked for far ahead":             {counts: transaction.Counts{Next: 3, Pending: 3, Latest: 3}, asked: at(900), code: "invalid_nonce"},
		"far ahead of a new account":      {counts: transaction.Counts{}, asked: at(900), code: "invalid_nonce"},
		"far ahead, handed out":           {counts: transaction.Counts{Next: 3, Unasked: true}, asked: at(1 << 40), nonce: 1 << 40, then: 3},
		"asked for beyond what there are": {counts: transaction.Counts{Unasked: true}, asked: at(math.MaxUint64), code: "invalid_nonce"},
		"one that was given back":         {counts: transaction.Counts{Next: 5, Latest: 2, Pending: 3, Free: []uint64{1, 3}}, nonce: 3, then: 5},
	} {
		nonce, then, err := transaction.NextNonce(&c.counts, c.asked, c.used)
		if nonce != c.nonce || then != c.then || (err != nil) != (c.code != "") || err != nil && fault.CodeOf(err) != c.code {
			t.Errorf("%s: %d, then %d, %v", name, nonce, then, err)
		}
	}
}

func TestOneWrongAnswerLocksNoAccount(t *testing.T) {
	b := open(t)
	b.submit(pay("0.1"), transaction.Broadcast)
	for _, lie := range []string{`"0x3e8"`, `"0xffffffffffffffff"`} {
		b.gate.on("eth_getTransactionCount", says(lie))
		_, _, err := b.try(pay("0.1"))
		b.refused(lie, err, fault.Unavailable, "node_nonce")
		b.gate.on("eth_getTransactionCount", nil)
	}
	if tx := b.submit(pay("0.1"), transaction.Broadcast); tx.Nonce != 1 {
		t.Errorf("afterwards the nonce is %d", tx.Nonce)
	}
	// A new account has nothing to compare with: what went wrong then is put right by hand.
	b.hire()
	b.gate.on("eth_getTransactionCount", says(`"0x3e8"`))
	lost := b.submit(pay("0.1"), transaction.Broadcast)
	b.gate.on("eth_getTransactionCount", nil)
	ask := func(n uint64) func(*transaction.Draft) { return func(d *transaction.Draft) { d.Nonce = &n } }
	if tx := b.submit(pay("0.1", ask(0)), transaction.Broadcast); lost.Nonce != 1000 || tx.Nonce != 0 {
		t.Errorf("the nonces are %d and %d", lost.Nonce, tx.Nonce)
	}
	_, _, err := b.try(pay("0.1", ask(0)))
	b.refused("used", err, fault.Conflict, "nonce_used")
}

// What is far ahead of all that was sent from here is believed of two nodes.
func TestAJumpOfTheCountTakesTwoNodes(t *testing.T) {
	b := open(t)
	other := newGateway(t, b.node)
	b.Chains.Nodes.Set = map[string][]secret.Bytes{"anvil": {secret.FromString(other.url)}} // beside the first
	b.submit(pay("0.1"), transaction.Broadcast)
	both := []*gateway{other, b.gate}
	count := func(g *gateway, said answer) { g.on("eth_getTransactionCount", said) }

	believed := 0
	for i, g := range both {
		count(g, says(`"0x3e8"`))
		tx, _, err := b.try(pay("0.1"))
		switch {
		case err == nil && tx.Nonce < 10: // the other was asked
			believed++
		case fault.CodeOf(err) != "node_nonce":
			t.Errorf("node %d lies: the nonce is %d, %v", i, tx.Nonce, err)
		}
		count(g, nil)
	}
	if believed != 1 {
		t.Errorf("%d of two lies did no harm, want one: that of the node that is not asked first", believed)
	}

	for _, g := range both { // the account was used elsewhere
		count(g, says(`"0x3e8"`))
	}
	tx, _, err := b.try(pay("0.1"))
	if err != nil || tx.Nonce != 1000 {
		t.Errorf("both say so: the nonce is %d, %v", tx.Nonce, err)
	}
}
