package transaction_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// told is what the approver of an error's request reads.
func (b *bench) told(err error) string {
	b.t.Helper()
	id, ok := approval.Awaited(err)
	if !ok {
		b.t.Fatalf("nothing is to be approved: %v", err)
	}
	r, err := b.Approvals.Get(b.t.Context(), b.Call(b.owner, policy.ReadApproval), id)
	b.must(err)
	return r.Reason
}

func (b *bench) has(text string, parts ...string) {
	b.t.Helper()
	for _, p := range parts {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(p)) { // addresses have checksums
			b.t.Errorf("the approver is not told %q in: %s", p, text)
		}
	}
}

func TestAnApproverIsToldWhatIsSigned(t *testing.T) {
	b := open(t)
	b.rules(`{"allow_text": true, "approval": {"require_for_chains": ["anvil"]}, "typed_data": [
		{"name": "USD", "chain_id": 31337, "contract": "` + usd + `", "primary_type": "Permit"}, {"name": "Game", "primary_type": "Move"}]}`)
	_, err := b.signMessage(b.permit("5000000"))
	b.has(b.told(err), "permit 5000000 of the token "+usd+" to "+payee, "deadline 99999999999")
	_, err = b.signMessage(b.permit("115792089237316195423570985008687907853269984665640564039457584007913129639935"))
	b.has(b.told(err), "an unlimited amount of the token "+usd, "spender "+payee)

	_, err = b.signMessage(transaction.Message{Chain: "anvil", Text: "I give you all.\nTruly \"all\""})
	b.has(b.told(err), `Sign the text "I give you all.\nTruly \"all\""`)
	_, err = b.signMessage(transaction.Message{Chain: "anvil", Text: "begins " + strings.Repeat("x", 5000)})
	b.has(b.told(err), `"begins xx`, "it has 5007 bytes")

	field := func(name string) map[string]string { return map[string]string{"name": name, "type": "string"} }
	text, err := json.Marshal(map[string]any{
		"types":  map[string]any{"EIP712Domain": []any{field("name")}, "Move": []any{field("first"), field("second"), field("last")}},
		"domain": map[string]any{"name": "Game"}, "primaryType": "Move",
		"message": map[string]any{"first": strings.Repeat("long ", 2000), "second": "short", "last": "all of it"},
	})
	b.must(err)
	_, err = b.signMessage(transaction.Message{Chain: "anvil", Typed: text})
	b.has(b.told(err), `first "long`, `second "short"`, `last "all of it"`, "can't be read")

	_, _, err = b.try(pay("0.1", func(d *transaction.Draft) { d.Data = "0xdeadbeef" }))
	b.has(b.told(err), "can't be read", "0.1 ETH")
	limit := uint64(100_000)
	_, _, err = b.try(pay("0.01", func(d *transaction.Draft) { d.GasLimit, d.MaxFee, d.MaxTip = &limit, "100000000000", "1" }))
	b.has(b.told(err), "fees of up to 0.01 ETH come on top")
}

func TestAnApproverIsToldOfEachPaymentInside(t *testing.T) {
	b := open(t)
	b.rules(`{"approval": {"require_for_chains": ["anvil"]}}`)
	f, err := abi.ParseSignature("aggregate3Value((address,bool,uint256,bytes)[])")
	b.must(err)
	limit := uint64(1_000_000)
	many := func(n int) string {
		var calls []abi.Value
		var all uint256.Int
		for i := range n {
			to := evm.Address{18: 1, 19: byte(i)}
			value := uint256.NewInt(1_000_000_000_000_000)
			if i == n-1 {
				to, _ = evm.ParseAddress(stranger)
				value = uint256.NewInt(5_000_000_000_000_000_000)
			}
			all.Add(&all, value)
			calls = append(calls, abi.OfTuple(abi.OfAddress(to), abi.OfBool(false), abi.OfUint(value), abi.OfBytes(nil)))
		}
		data, err := f.Encode(abi.OfList(calls...))
		b.must(err)
		_, _, err = b.try(pay(evm.FormatETH(&all), func(d *transaction.Draft) { d.Data, d.GasLimit = "0x"+hex.EncodeToString(data), &limit }))
		return b.told(err)
	}
	b.has(many(2), "pays 5 ETH to "+stranger, "pays 0.001 ETH to ", "5.001 ETH in all")
	b.has(many(100), "pays 5 ETH to "+stranger, " more, 5.099 ETH in all", "Asked because: everything on this chain is approved by a human.")
}
