package transaction_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

const (
	usd = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
	// permits lets permits of usd be signed, of 100 in a day.
	permits = `{"typed_data": [{"name": "USD", "chain_id": 31337, "contract": "` + usd + `", "primary_type": "Permit"}],
		"tokens": [{"chain_id": 31337, "token": "` + usd + `", "per_day": "100"}]}`
)

// permit is typed data that lets the payee take an amount of usd.
func (b *bench) permit(amount string) transaction.Message {
	b.t.Helper()
	field := func(name, kind string) map[string]string { return map[string]string{"name": name, "type": kind} }
	text, err := json.Marshal(map[string]any{
		"types": map[string]any{
			"EIP712Domain": []any{field("name", "string"), field("chainId", "uint256"), field("verifyingContract", "address")},
			"Permit": []any{
				field("owner", "address"), field("spender", "address"), field("value", "uint256"), field("nonce", "uint256"), field("deadline", "uint256"),
			},
		},
		"primaryType": "Permit",
		"domain":      map[string]any{"name": "USD", "chainId": evmnode.ChainID, "verifyingContract": usd},
		"message":     map[string]any{"owner": b.from, "spender": payee, "value": amount, "nonce": "0", "deadline": "99999999999"},
	})
	b.must(err)
	return transaction.Message{Chain: "anvil", Typed: text}
}

// signMessage has the agent's message signed, as through the gate.
func (b *bench) signMessage(m transaction.Message) (transaction.SignedMessage, error) {
	c := b.Call(b.payer, policy.SignMessage)
	return b.svc.SignMessage(b.based(c), c, b.payer.ID, m)
}

// taken is what counts against the limit of usd.
func (b *bench) taken() string { return b.spentOf("31337:" + usd) }

func TestAMessageThatCouldNotBeSignedTakesNothing(t *testing.T) { unsignedMessage(t) }

func unsignedMessage(t *testing.T) {
	b := open(t)
	b.rules(permits)
	b.seen = signer{Keys: b.keys, sign: func() error { return errors.New("the token is gone") }}
	b.svc = b.service(b.World)
	if _, err := b.signMessage(b.permit("100")); err == nil {
		t.Fatal("it was signed")
	}
	if got := b.taken(); got != "0" {
		t.Errorf("%s is counted", got)
	}
	last := b.Last(b.owner.Org)
	if last.Action != string(policy.SignMessage) || last.Detail("outcome") != audit.Failed || last.ActorID != b.payer.ID {
		t.Errorf("the last event is %s of %s: %s", last.Action, last.ActorID, last.DetailsJSON)
	}
	b.seen = b.keys
	b.svc = b.service(b.World)
	_, err := b.signMessage(b.permit("100"))
	b.must(err)
	if got := b.taken(); got != "100" {
		t.Errorf("%s is counted", got)
	}
	_, err = b.signMessage(b.permit("1"))
	b.refused("one more", err, fault.Denied, "guardrail_tokens")
}

// TestAMessageWhoseSignatureNeverCame is one of a server that ended meanwhile.
func TestAMessageWhoseSignatureNeverCame(t *testing.T) {
	b := open(t)
	b.rules(permits)
	const end = "the server ends"
	b.seen = signer{Keys: b.keys, sign: func() error { panic(end) }}
	b.svc = b.service(b.World)
	func() {
		defer func() {
			if recover() != end {
				t.Error("it did not end")
			}
		}()
		_, _ = b.signMessage(b.permit("100"))
	}()
	if got := b.taken(); got != "100" {
		t.Errorf("%s is counted", got)
	}
	if all, err := b.svc.List(t.Context(), b.Call(b.payer, policy.ListTransactions), b.payer.ID, false); err != nil || len(all) != 0 {
		t.Errorf("a message is told as a transaction: %+v, %v", all, err)
	}
	b.Clock.Forward(2 * time.Minute)
	b.svc.Look(t.Context())
	if got := b.taken(); got != "0" {
		t.Errorf("%s is counted, and nobody has a signature", got)
	}
	if n := b.count(`SELECT COUNT(*) FROM transactions`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestASignatureOfAMessageIsTheKeysOwn(t *testing.T) {
	b := open(t)
	b.rules(`{"allow_text": true}`)
	got, err := b.signMessage(transaction.Message{Chain: "anvil", Text: "hello"})
	b.must(err)
	if by, err := got.Signature.Sender(got.Hash); err != nil || by != b.from || got.From != b.from {
		t.Errorf("signed by %s, %v", by, err)
	}
	if n := b.count(`SELECT COUNT(*) FROM transactions`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	_, err = b.signMessage(transaction.Message{Chain: "anvil", Text: "0x" + hex.EncodeToString(make([]byte, 32))})
	b.refused("a hash as bytes", err, fault.Denied, "message_refused")
	_, err = b.signMessage(transaction.Message{Chain: "anvil", Digest: true})
	b.refused("a hash", err, fault.Denied, "digest_refused")
}

// TestATextOf32BytesSaysWhyItIsRefused: whoever reads it can't tell it from a hash.
func TestATextOf32BytesSaysWhyItIsRefused(t *testing.T) {
	b := open(t)
	b.rules(`{"allow_text": true}`)
	raw := strings.Repeat("ab", 32)
	for what, text := range map[string]string{
		"digits": "0x" + raw, "digits alone": raw, "large digits": strings.ToUpper(raw), "with 0X": "0X" + raw, "with blanks": " 0x" + raw + "\n",
		"as bytes": strings.Repeat("a", 32), "digits of digits": "0x" + hex.EncodeToString([]byte("0x"+raw)),
	} {
		_, err := b.signMessage(transaction.Message{Chain: "anvil", Text: text})
		b.refused(what, err, fault.Denied, "message_refused")
		if said := detail(err); !strings.Contains(said, "exactly 32 bytes") || fault.ReasonOf(err) != "guard:digest" {
			t.Errorf("%s: it says %q", what, said)
		}
	}
	for what, text := range map[string]string{"31": strings.Repeat("a", 31), "33": strings.Repeat("a", 33), "33 as digits": "0x" + raw + "ab"} {
		if _, err := b.signMessage(transaction.Message{Chain: "anvil", Text: text}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
