package transaction_test

import (
	"context"
	"encoding/hex"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/signingkey"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// way is a way in which a right ends that a signature rests on.
type way struct {
	ready func(b *bench) (ends func()) // gives the right
	path  string                       // of the key, where it lies in a vault
	// stops: what is signed and not sent waits, too.
	stops bool
	// deletes: the key is, so that what it signed is not sent.
	deletes bool
	// gone: the organisation is, with all its transactions.
	gone bool
}

var ways = map[string]way{
	"the agent is frozen": {stops: true, ready: func(b *bench) func() {
		return func() {
			_, err := b.Freezes.FreezeAgent(b.t.Context(), b.Call(b.owner, policy.FreezeAgent), b.payer.ID)
			b.must(err)
		}
	}},
	"the organisation is frozen": {stops: true, ready: func(b *bench) func() {
		return func() {
			_, err := b.Freezes.FreezeOrg(b.t.Context(), b.Call(b.owner, policy.FreezeOrg))
			b.must(err)
		}
	}},
	"the agent is deactivated": {stops: true, ready: func(b *bench) func() {
		return func() {
			b.must(b.Agents.DeactivateAgent(b.t.Context(), b.Call(b.Here(b.owner), policy.DeactivateAgent), b.payer.ID, false))
		}
	}},
	"the agent may have nothing signed": {stops: true, ready: func(b *bench) func() {
		return func() { b.update(agent.Patch{Intents: patch.Value(false)}) }
	}},
	"the agent's limits are narrowed": {ready: func(b *bench) func() {
		return func() {
			b.update(agent.Patch{Guardrails: intents.Patch{MaxValueETH: patch.Value("0.001")}})
		}
	}},
	"the agent's rules are changed": {ready: func(b *bench) func() {
		return func() { b.rules(`{"max_per_day": 1}`) }
	}},
	"the agent's key is replaced": {ready: func(b *bench) func() {
		return func() {
			_, err := b.Agents.RotateAgentKey(b.t.Context(), b.Call(b.Here(b.owner), policy.RotateAgentKey), b.payer.ID, false)
			b.must(err)
		}
	}},
	"the token is revoked": {ready: func(b *bench) func() {
		return func() { b.must(b.Identity.Revoke(b.t.Context(), b.Call(b.payer, policy.Logout), b.token)) }
	}},
	"the signing key is taken out of use": {deletes: true, ready: func(b *bench) func() {
		return func() {
			b.must(b.keys.Stop(b.t.Context(), b.Call(b.Here(b.owner), policy.DeleteSigningKey), b.payer.ID, signingkey.Ethereum))
		}
	}},
	"the signing key is replaced": {ready: func(b *bench) func() {
		return func() {
			_, err := b.keys.Rotate(b.t.Context(), b.Call(b.Here(b.owner), policy.RotateSigningKey), b.payer.ID, signingkey.Ethereum, 0)
			b.must(err)
		}
	}},
	"the policy on the key's path is removed": {path: "keys/main", ready: func(b *bench) func() {
		in := b.wallet()
		g := b.Grant(b.owner, in, b.payer, "keys/**", "read")
		return func() {
			b.must(b.Vault.RemoveGrant(b.t.Context(), b.Call(b.Here(b.owner), policy.DeletePolicy), in, g.ID))
		}
	}},
	"the key's vault is deleted": {path: "keys/main", deletes: true, ready: func(b *bench) func() {
		in := b.wallet()
		b.Grant(b.owner, in, b.payer, "keys/**", "read")
		return func() {
			b.must(b.Vault.Remove(b.t.Context(), b.Call(b.Here(b.owner), policy.DeleteVault), in))
		}
	}},
	"the organisation is erased": {gone: true, ready: func(b *bench) func() {
		return func() {
			b.must(b.Accounts.DeleteMe(b.t.Context(), b.Call(b.Here(b.owner), policy.DeleteUser), account.Confirmation))
		}
	}},
}

func (b *bench) update(p agent.Patch) {
	b.t.Helper()
	_, err := b.Agents.UpdateAgent(b.t.Context(), b.Call(b.Here(b.owner), policy.UpdateAgent), b.payer.ID, p)
	b.must(err)
}

// wallet is a new vault with a key.
func (b *bench) wallet() string {
	b.t.Helper()
	in := b.NewVault(b.Here(b.owner), "wallet "+b.payer.ID)
	b.keyAt(in, "keys/main")
	return in
}

// between is a store around whose writes something happens, once.
type between struct {
	transaction.Store
	reserve, keep, kept func()
}

func once(f *func()) {
	if do := *f; do != nil {
		*f = nil
		do()
	}
}

func (s *between) ReserveTransaction(ctx context.Context, r *transaction.Reservation, ev *audit.Event) error {
	once(&s.reserve)
	return s.Store.ReserveTransaction(ctx, r, ev)
}

func (s *between) SignedTransaction(ctx context.Context, t *transaction.Tx, ev *audit.Event) error {
	once(&s.keep)
	err := s.Store.SignedTransaction(ctx, t, ev)
	once(&s.kept)
	return err
}

func (s *between) SignedMessage(ctx context.Context, t *transaction.Tx) error {
	once(&s.keep)
	return s.Store.SignedMessage(ctx, t)
}

// steps are where a right can end before a signature may leave, and what is told then.
var steps = []struct {
	name, code string
	end        func(b *bench, end func())
}{
	{"before it is reserved", "rights_changed", func(b *bench, end func()) { b.stored = &between{Store: b.DB, reserve: end} }}, // the gate decides anew
	{"before it is signed", "transaction_given_up", func(b *bench, end func()) {
		b.seen = signer{Keys: b.keys, sign: func() error { end(); return nil }}
	}},
	{"before the signature is stored", "transaction_given_up", func(b *bench, end func()) { b.stored = &between{Store: b.DB, keep: end} }},
}

// at has the service meet an end of a right.
func (b *bench) at(set func(b *bench, end func()), end func()) {
	b.seen, b.stored = b.keys, b.DB
	set(b, end)
	b.svc = b.service(b.World)
}

func TestARightThatEndsBeforeTheSignatureLeaves(t *testing.T) { endsBefore(t) }

func endsBefore(t *testing.T) {
	for name, w := range ways {
		t.Run(name, func(t *testing.T) {
			var b *bench
			for i, step := range steps {
				if w.path != "" && step.name == "before it is signed" { // such a key signs at once, within its one door
					continue
				}
				if b == nil || w.gone || name == "the organisation is frozen" {
					b = open(t, limited("1"))
				} else if i > 0 {
					b.hire(limited("1"))
				}
				ends := w.ready(b)
				b.at(step.end, ends)
				_, _, err := b.try(pay("0.5", path(w.path), replayKey("a")))
				b.refused(step.name, err, fault.Unavailable, step.code)
				if got := b.spent(); got != "0" {
					t.Errorf("%s: %s is counted", step.name, got)
				}
				b.look(1)
				b.got("0")
				if sent := b.gate.bytesSent(); len(sent) != 0 {
					t.Errorf("%s: it was sent", step.name)
				}
				b.idle(step.name)
			}
		})
	}
}

// idle wants no transaction of the agent that somebody may have.
func (b *bench) idle(what string) {
	b.t.Helper()
	if n := b.count(`SELECT COUNT(*) FROM transactions WHERE agent_id = ? AND NOT (status = 'failed' AND error_code = 'not_signed' AND hash = '' AND replay_key = '')`, b.payer.ID); n != 0 {
		b.t.Errorf("%s: %d transactions are not given up", what, n)
	}
}

func TestARightThatEndsBeforeAMessagesSignatureLeaves(t *testing.T) { endsBeforeMessage(t) }

func endsBeforeMessage(t *testing.T) {
	for name, w := range ways {
		t.Run(name, func(t *testing.T) {
			var b *bench
			for i, step := range steps {
				if w.path != "" && step.name == "before it is signed" {
					continue
				}
				if b == nil || w.gone || name == "the organisation is frozen" {
					b = open(t)
				} else if i > 0 {
					b.hire()
				}
				b.rules(permits)
				ends := w.ready(b)
				b.at(step.end, ends)
				m := b.permit("100")
				m.KeyPath = w.path
				got, err := b.signMessage(m)
				b.refused(step.name, err, fault.Unavailable, step.code)
				if got.Signature != (evm.Signature{}) || got.Hash != (evm.Hash{}) {
					t.Errorf("%s: the signature left", step.name)
				}
				if got := b.taken(); got != "0" {
					t.Errorf("%s: %s is counted", step.name, got)
				}
				b.idle(step.name)
			}
		})
	}
}

func TestARightThatEndsBeforeTheSend(t *testing.T) { endsBeforeSend(t) }

// endsBeforeSend: what was signed stays signed, and waits where its agent is stopped.
func endsBeforeSend(t *testing.T) {
	sends := map[string]func(b *bench, end func()){
		"the first time":           func(b *bench, end func()) { b.stored = &between{Store: b.DB, kept: end} },
		"again":                    func(b *bench, _ func()) { b.gate.on("eth_sendRawTransaction", away) },
		"again what a node forgot": func(b *bench, _ func()) { b.node.Automine(b.t, false) },
	}
	for name, w := range ways {
		t.Run(name, func(t *testing.T) {
			var b *bench
			for when, set := range sends {
				if b == nil || w.gone || name == "the organisation is frozen" {
					b = open(t)
				} else {
					b.hire()
				}
				ends := w.ready(b)
				b.at(set, ends)
				tx, _, err := b.try(pay("0.5", path(w.path)))
				b.must(err)
				sent, was := func() int { return b.gate.bytesSent()[quoted(tx.Raw)] }, 0
				if when != "the first time" {
					was = sent()
					ends()
				}
				b.gate.on("eth_sendRawTransaction", nil)
				if when == "again what a node forgot" {
					b.node.Call(t, nil, "anvil_dropTransaction", tx.Hash)
					b.node.Automine(t, true)
				}
				b.look(3)
				if again := sent() > was; again == (w.stops || w.deletes || w.gone) {
					t.Errorf("%s: sent %d times, %d of them before", when, sent(), was)
				}
			}
		})
	}
}

// quoted is how bytes are sent.
func quoted(raw []byte) string { return `"0x` + hex.EncodeToString(raw) + `"` }

func TestTransactionsGoOnWhenTheirAgentDoes(t *testing.T) {
	b := open(t, limited("1"))
	b.gate.on("eth_sendRawTransaction", away)
	tx := b.submit(pay("0.5"), transaction.Signed)
	b.update(agent.Patch{Active: patch.Value(false)})
	b.gate.on("eth_sendRawTransaction", nil)
	b.look(3)
	b.got("0")
	b.update(agent.Patch{Active: patch.Value(true)})
	b.look(2)
	b.got("0.5")
	got, err := b.svc.Get(t.Context(), b.Call(b.owner, policy.ReadTransaction), b.payer.ID, tx.ID, false)
	if err != nil || got.Receipt.Fate != transaction.Success {
		t.Errorf("it is %q, %v", got.Receipt.Fate, err)
	}
}

// TestAFreezeIsHeardOnTheOtherNode: nobody tells the other one.
func TestAFreezeIsHeardOnTheOtherNode(t *testing.T) { heard(t) }

func heard(t *testing.T) {
	b := open(t)
	b.rules(`{"allow_text": true}`)
	other := b.OtherNode()
	there := b.service(other)
	text := transaction.Message{Chain: "anvil", Text: "hello"}
	sign := func() error {
		// As a request comes in: who calls is looked up on that node.
		who, err := other.Identity.Authenticate(t.Context(), b.token, b.Clock.Now())
		if err != nil {
			return err
		}
		c := b.Call(who, policy.SignMessage)
		_, err = there.SignMessage(b.based(c), c, b.payer.ID, text)
		return err
	}
	b.must(sign())
	_, err := b.Freezes.FreezeAgent(t.Context(), b.Call(b.owner, policy.FreezeAgent), b.payer.ID)
	b.must(err)
	// The write of the other node asks the database, whatever its caches say.
	if err := sign(); err == nil {
		t.Error("a frozen agent has something signed on the other node")
	}
	other.Hear(b.World)
	b.refused("once it is heard", sign(), fault.Denied, "frozen")
}
