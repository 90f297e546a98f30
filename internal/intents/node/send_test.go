package node_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
)

const (
	send   = "eth_sendRawTransaction"
	lookup = "eth_getTransactionByHash"
)

// refusals are shapes in which nodes refuse a transaction.
var refusals = []struct {
	node, message string
	code          int
	want          node.Outcome
}{
	{"geth", "already known", -32000, node.Known},
	{"geth", "nonce too low: next nonce 82, tx nonce 81", -32000, node.NonceTooLow},
	{"geth", "nonce too low: address 0xf39F, tx: 1 state: 2", -32000, node.NonceTooLow},
	{"geth", "transaction underpriced: gas tip cap 1, minimum needed 1000000", -32000, node.Underpriced},
	{"geth", "replacement transaction underpriced", -32000, node.Underpriced},
	{"geth", "insufficient funds for gas * price + value: balance 1, tx cost 2, overshot 1", -32000, node.InsufficientFunds},
	{"geth", "intrinsic gas too low: gas 20000, minimum needed 21000", -32000, node.Rejected},
	{"geth", "exceeds block gas limit", -32000, node.Rejected},
	{"geth", "transaction gas limit too high (cap: 16777216, tx: 20000000)", -32000, node.Rejected},
	{"geth", "invalid sender", -32000, node.Rejected},
	{"geth", "invalid chain id for signer: have 1 want 1337", -32000, node.Rejected},
	{"geth", "tx fee (1.20 ether) exceeds the configured cap (1.00 ether)", -32000, node.Rejected},
	{"geth", "transaction type not supported: type 4 rejected, pool not yet in Prague", -32000, node.Rejected},
	{"geth", "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: 2, maxFeePerGas: 1", -32000, node.Rejected},
	{"geth", "txpool is full", -32000, node.Rejected},
	{"geth", "in-flight transaction limit reached for delegated accounts", -32000, node.Rejected},
	{"geth", "gapped-nonce tx from delegated accounts", -32000, node.Rejected},
	{"geth", "rlp: value size exceeds available input length", -32602, node.Rejected},
	{"geth", "oversized data: transaction size 131090, limit 131072", -32000, node.Rejected},
	{"erigon", "already known", -32000, node.Known},
	{"erigon", "ALREADY_EXISTS: already known", -32000, node.Known},
	{"erigon", "INTERNAL_ERROR: existing tx with same hash", -32000, node.Known},
	{"erigon", "INTERNAL_ERROR: nonce too low", -32000, node.NonceTooLow},
	{"erigon", "FEE_TOO_LOW: fee too low", -32000, node.Underpriced},
	{"erigon", "INTERNAL_ERROR: insufficient funds", -32000, node.InsufficientFunds},
	{"nethermind", "AlreadyKnown", -32010, node.Known},
	{"nethermind", "already known", -32000, node.Known},
	{"nethermind", "OldNonce, Current nonce: 5, nonce of rejected tx: 3.", -32010, node.NonceTooLow},
	{"nethermind", "OwnNonceAlreadyUsed", -32010, node.NonceTooLow},
	{"nethermind", "FeeTooLow, FeePerGas needs to be higher than 100 to be added to the TxPool. FeePerGas of rejected tx: 1.", -32010, node.Underpriced},
	{"nethermind", "FeeTooLowToCompete", -32010, node.Underpriced},
	{"nethermind", "ReplacementNotAllowed", -32010, node.Underpriced},
	{"nethermind", "InsufficientFunds, Account balance: 0, cumulative cost: 21000", -32010, node.InsufficientFunds},
	{"nethermind", "GasLimitExceeded, Gas limit: 30000000, gas limit of rejected tx: 40000000.", -32010, node.Rejected},
	{"nethermind", "NonceGap", -32010, node.Rejected},
	{"nethermind", "SenderIsContract", -32010, node.Rejected},
	{"nethermind", "NotSupportedTxType", -32010, node.Rejected},
	{"besu", "Known transaction", -32000, node.Known},
	{"besu", "Nonce too low", -32001, node.NonceTooLow},
	{"besu", "Replacement transaction underpriced", -32000, node.Underpriced},
	{"besu", "Gas price below configured minimum gas price", -32009, node.Underpriced},
	{"besu", "Gas price below current base fee", -32009, node.Underpriced},
	{"besu", "Upfront cost exceeds account balance", -32004, node.InsufficientFunds},
	{"besu", "Intrinsic gas exceeds gas limit", -32003, node.Rejected},
	{"besu", "Transaction gas limit exceeds block gas limit", -32005, node.Rejected},
	{"besu", "Nonce too high", -32006, node.Rejected},
	{"besu", "Invalid signature", -32002, node.Rejected},
	{"besu", "Wrong chainId", -32000, node.Rejected},
	{"besu", "Transaction fee cap exceeded", -32000, node.Rejected},
	{"besu", "Sender account not authorized to send transactions", -32007, node.Rejected},
	{"besu", "Transaction nonce is too distant from current sender nonce", -32000, node.Rejected},
	{"besu", "Initial sync is still in progress", -32008, node.Unknown},
	{"reth", "already known", -32000, node.Known},
	{"reth", "nonce too low: next nonce 2, tx nonce 1", -32000, node.NonceTooLow},
	{"reth", "transaction underpriced", -32000, node.Underpriced},
	{"reth", "replacement transaction underpriced", -32000, node.Underpriced},
	{"reth", "max fee per gas less than block base fee", -32000, node.Underpriced},
	{"reth", "insufficient funds for gas * price + value: have 1 want 2", -32003, node.InsufficientFunds},
	{"reth", "failed to decode signed transaction", -32602, node.Rejected},
	{"reth", "exceeds block gas limit", -32003, node.Rejected},
	{"anvil", "transaction already imported", -32003, node.Known},
	{"anvil", "nonce too low", -32003, node.NonceTooLow},
	{"anvil", "replacement transaction underpriced", -32003, node.Underpriced},
	{"anvil", "max fee per gas less than block base fee", -32003, node.Underpriced},
	{"anvil", "Insufficient funds for gas * price + value", -32003, node.InsufficientFunds},
	{"anvil", "Failed to decode transaction", -32602, node.Rejected},
	{"Arbitrum", "nonce too low: address 0xf39F, tx: 5 state: 6", -32000, node.NonceTooLow},
	{"Arbitrum", "max fee per gas less than block base fee: address 0xf39F, maxFeePerGas: 1, baseFee: 10000000", -32000, node.Underpriced},
	{"Arbitrum", "nonce too high: address 0xf39F, tx: 9 state: 6", -32000, node.Rejected},
	{"OP", "insufficient funds for gas * price + value: balance 1, tx cost 2, overshot 1", -32000, node.InsufficientFunds},
	{"OP", "transaction underpriced: tip needed 1000000, tip permitted 1", -32000, node.Underpriced},
	{"Mantle", "failed to forward tx to sequencer, please try again. Error message: 'already known'", -32000, node.Known},
	{"ZKsync", "known transaction. transaction with hash 0x6013 is already in the system", 3, node.Known},
	{"ZKsync", "nonce too low. allowed nonce range: 5 - 25, actual: 3", 3, node.NonceTooLow},
	{"ZKsync", "max fee per gas less than block base fee", 3, node.Underpriced},
	{"Parity's family", "Transaction with the same hash was already imported.", -32010, node.Known},
	{"Parity's family", "Transaction gas price is too low. There is another transaction with same nonce in the queue.", -32010, node.Underpriced},

	{"a gateway", "Internal error", -32603, node.Unknown},
	{"a gateway", "context deadline exceeded", -32000, node.Unknown},
	{"a gateway", "failed to decode upstream response", -32000, node.Unknown},
	{"a gateway", "daily request count exceeded, request rate limited", -32005, node.Unknown},
	{"a gateway", "", -32000, node.Unknown},
	{"nobody yet", "unknown transaction kind", -32000, node.Unknown},
}

func TestWhatNodesSayOfATransactionIsUnderstood(t *testing.T) {
	for _, tc := range refusals {
		t.Run(tc.node+" "+tc.message, func(t *testing.T) {
			f := fakeNode(t, map[string]string{send: fmt.Sprintf(`{"error":{"code":%d,"message":%q}}`, tc.code, tc.message), lookup: `null`})
			if got := client(t, start(), mainnet(), f.URL).Send(t.Context(), []byte{2}); got.Outcome != tc.want || got.Hash != evm.Keccak256([]byte{2}) {
				t.Errorf("got %v, want %v", got.Outcome, tc.want)
			}
		})
	}
}

func TestATransactionThatTookItsNonceItselfIsKnown(t *testing.T) {
	raw := []byte{2, 1}
	f := fakeNode(t, map[string]string{send: `{"error":{"code":-32000,"message":"nonce too low"}}`, lookup: mined(raw)})
	if got := client(t, start(), mainnet(), f.URL).Send(t.Context(), raw); got.Outcome != node.Known || got.Said != nil {
		t.Errorf("got %+v", got)
	}
	f.say(lookup, `"broken"`)
	if got := client(t, start(), mainnet(), f.URL).Send(t.Context(), raw); got.Outcome != node.Unknown {
		t.Errorf("when the node can't say which transaction took it: %+v", got)
	}
	f.say(lookup, mined([]byte{9}))
	if got := client(t, start(), mainnet(), f.URL).Send(t.Context(), raw); got.Outcome != node.Unknown {
		t.Errorf("when the node speaks of another transaction: %+v", got)
	}
}

func mined(raw []byte) string {
	return fmt.Sprintf(`{"hash":"%s","from":"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","nonce":"0x1","blockNumber":"0x5"}`, evm.Keccak256(raw))
}

func TestARefusalAfterANodeThatMayHaveTakenItIsUnknown(t *testing.T) {
	raw := []byte{2, 1}
	hash := fmt.Sprintf("%q", evm.Keccak256(raw).String())
	cut := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	for name, tc := range map[string]struct {
		first  func(f *fake)
		second string
		lookup string
		want   node.Outcome
	}{
		"the second takes it":                         {func(f *fake) { f.handle = cut }, hash, `null`, node.Accepted},
		"the second has it":                           {func(f *fake) { f.handle = cut }, `{"error":{"code":-32000,"message":"already known"}}`, `null`, node.Known},
		"the second refuses its price":                {func(f *fake) { f.handle = cut }, `{"error":{"code":-32000,"message":"transaction underpriced"}}`, `null`, node.Unknown},
		"the second says its nonce is gone":           {func(f *fake) { f.handle = cut }, `{"error":{"code":-32000,"message":"nonce too low"}}`, `null`, node.Unknown},
		"the second has it in a block":                {func(f *fake) { f.handle = cut }, `{"error":{"code":-32000,"message":"nonce too low"}}`, mined(raw), node.Known},
		"the first names another hash":                {func(f *fake) { f.say(send, `"0x`+fmt.Sprintf("%064d", 1)+`"`) }, `{"error":{"code":-32000,"message":"nonce too high"}}`, `null`, node.Unknown},
		"an unknown error, then a refusal":            {func(f *fake) { f.say(send, `{"error":{"code":-32603,"message":"oops"}}`) }, `{"error":{"code":-32000,"message":"invalid sender"}}`, `null`, node.Unknown},
		"both have unknown errors, and it is there":   {func(f *fake) { f.say(send, `{"error":{"code":-32603,"message":"oops"}}`) }, `{"error":{"code":-32603,"message":"oops"}}`, mined(raw), node.Known},
		"the first took nothing, the second refuses":  {func(f *fake) { f.say(send, `{"error":{"code":-32005,"message":"rate limit"}}`) }, `{"error":{"code":-32000,"message":"invalid sender"}}`, `null`, node.Rejected},
		"the first lacks the method, the second does": {func(f *fake) {}, `{"error":{"code":-32000,"message":"insufficient funds"}}`, `null`, node.InsufficientFunds},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := fakeNode(t, map[string]string{lookup: `null`}), fakeNode(t, map[string]string{send: tc.second, lookup: tc.lookup})
			tc.first(first)
			if got := client(t, start(), mainnet(), first.URL, second.URL).Send(t.Context(), raw); got.Outcome != tc.want {
				t.Errorf("got %v (%v), want %v", got.Outcome, got.Err, tc.want)
			}
			if first.count(send) != 1 || second.count(send) != 1 {
				t.Errorf("sent %d and %d times", first.count(send), second.count(send))
			}
		})
	}
}

func TestARefusalIsNotTakenElsewhere(t *testing.T) {
	first := fakeNode(t, map[string]string{send: `{"error":{"code":-32000,"message":"transaction underpriced"}}`, lookup: `null`})
	second := fakeNode(t, map[string]string{send: `"0x"`, lookup: `null`})
	got := client(t, start(), mainnet(), first.URL, second.URL).Send(t.Context(), []byte{1})
	if got.Outcome != node.Underpriced || got.Said == nil || got.Said.Message != "transaction underpriced" || second.count(send) != 0 {
		t.Errorf("got %+v; the second was asked %d times", got, second.count(send))
	}
}
