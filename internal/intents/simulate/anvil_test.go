package simulate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/intents/simulate"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
)

// rich is the first of anvil's accounts.
func rich(t *testing.T) evm.Address { return account(t, "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266") }

func account(t *testing.T, s string) evm.Address {
	t.Helper()
	a, err := evm.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// without is anvil behind a gateway that does not offer some methods.
func without(t *testing.T, anvil string, methods ...string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var asked struct{ Method string }
		if err != nil || json.Unmarshal(body, &asked) != nil {
			t.Error("a request that is none")
		}
		if slices.Contains(methods, asked.Method) {
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}`)
			return
		}
		res, err := http.Post(anvil, "application/json", bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		if _, err := io.Copy(w, res.Body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func client(t *testing.T, url string) *node.Client {
	t.Helper()
	c, err := node.New(node.Config{HTTP: http.DefaultClient, Profile: node.ProfileOf(evmnode.ChainID, "anvil"), URLs: []secret.Bytes{secret.FromString(url)}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ways are clients of one anvil that simulate in each of the three ways.
func ways(t *testing.T) map[string]*node.Client {
	t.Helper()
	url := evmnode.Anvil(t).URL
	return map[string]*node.Client{
		"eth_simulateV1":  client(t, url),
		"debug_traceCall": client(t, without(t, url, "eth_simulateV1")),
		"eth_call":        client(t, without(t, url, "eth_simulateV1", "debug_traceCall")),
	}
}

// The contracts of these tests, as code.
const (
	echoes  = "365f5f37365ffd" // reverts with its calldata
	loops   = "5b5f56"         // until its gas is gone
	invalid = "fe"             // no instruction
)

// counter reverts unless it is told its number, and then adds one.
//
//	PUSH0 SLOAD PUSH0 CALLDATALOAD EQ PUSH1 11 JUMPI PUSH0 PUSH0 REVERT JUMPDEST PUSH0 SLOAD PUSH1 1 ADD PUSH0 SSTORE
const counter = "5f545f3514600b575f5ffd5b5f546001015f55"

// token answers decimals and symbol, and logs a transfer for all else.
func token() string {
	word := func(b []byte) string { return fmt.Sprintf("%x", append(b, make([]byte, 32-len(b))...)) }
	selector := func(s string) string { h := evm.Keccak256([]byte(s)); return fmt.Sprintf("%x", h[:4]) }
	topic := evm.Keccak256([]byte("Transfer(address,address,uint256)"))
	head := "5f3560e01c" + "8063" + selector("decimals()") + "1460LL57" + "8063" + selector("symbol()") + "1460MM57" +
		"6024355f52" + "600435" + "33" + "7f" + fmt.Sprintf("%x", topic[:]) + "60205fa3" + "60015f5260205ff3"
	dec := "5b60065f5260205ff3"
	at := len(head) / 2
	head = strings.Replace(head, "LL", fmt.Sprintf("%02x", at), 1)
	head = strings.Replace(head, "MM", fmt.Sprintf("%02x", at+len(dec)/2), 1)
	return head + dec + "5b7f" + word([]byte("TST")) + "5f5260205ff3"
}

// install puts code at an address.
func install(t *testing.T, c *node.Client, code string) evm.Address {
	t.Helper()
	h := evm.Keccak256([]byte(code))
	at := evm.Address(h[:20])
	var done any
	if err := c.Ask(t.Context(), &done, "anvil_setCode", at, "0x"+code); err != nil {
		t.Fatal(err)
	}
	return at
}

func run(t *testing.T, c *node.Client, known []abi.ErrorDef, txs ...node.Message) []simulate.Result {
	t.Helper()
	got, err := (simulate.Simulator{}).Run(t.Context(), c, txs, known)
	if err != nil || len(got) != len(txs) {
		t.Fatalf("got %+v, %v", got, err)
	}
	for i := range got {
		if got[i].ID == "" {
			t.Errorf("result %d has no id", i)
		}
	}
	return got
}

func TestATransferOfCoins(t *testing.T) {
	to := evm.Address{0: 0xbe, 19: 0xef}
	for way, c := range ways(t) {
		got := run(t, c, nil, node.Message{From: rich(t), To: &to, Value: *uint256.NewInt(7)})[0]
		if got.Status != simulate.Success || got.Method != way || got.GasUsed < 21_000 || got.GasUsed > 22_000 || got.Error != "" {
			t.Errorf("%s: %+v", way, got)
		}
		if len(got.Changes) != 2 {
			t.Errorf("%s changes %+v", way, got.Changes)
			continue
		}
		less, more := got.Changes[0], got.Changes[1]
		if less.Account != rich(t) || !less.Less || less.Amount.Uint64() != 7 || more.Account != to || more.Less || more.Amount.Uint64() != 7 || !more.Token.IsZero() || more.Decimals != 18 {
			t.Errorf("%s changes %+v", way, got.Changes)
		}
		if way == "debug_traceCall" && (more.Before == nil || !more.Before.IsZero() || more.After.Uint64() != 7) {
			t.Errorf("%s: before and after %+v", way, more)
		}
	}
}

func TestATransferOfTokens(t *testing.T) {
	to := evm.Address{0: 0xbe, 19: 0xef}
	transfer, err := abi.ParseSignature("transfer(address,uint256)")
	if err != nil {
		t.Fatal(err)
	}
	data, err := transfer.Encode(abi.OfAddress(to), abi.OfUint64(2_500_000))
	if err != nil {
		t.Fatal(err)
	}
	for way, c := range ways(t) {
		at := install(t, c, token())
		got := run(t, c, nil, node.Message{From: rich(t), To: &at, Data: data})[0]
		if got.Status != simulate.Success || got.Method != way {
			t.Errorf("%s: %+v", way, got)
		}
		if way == "eth_call" {
			if len(got.Changes) != 0 {
				t.Errorf("%s changes %+v", way, got.Changes)
			}
			continue
		}
		if len(got.Changes) != 2 {
			t.Errorf("%s changes %+v", way, got.Changes)
			continue
		}
		for i, who := range []evm.Address{rich(t), to} {
			ch := got.Changes[i]
			if ch.Account != who || ch.Token != at || ch.Symbol != "TST" || ch.Decimals != 6 || ch.Amount.Uint64() != 2_500_000 || ch.Less != (i == 0) {
				t.Errorf("%s: change %d is %+v", way, i, ch)
			}
		}
	}
}

func errorData(t *testing.T, signature string, args ...abi.Value) []byte {
	t.Helper()
	f, err := abi.ParseSignature(signature)
	if err != nil {
		t.Fatal(err)
	}
	data, err := f.Encode(args...)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReverts(t *testing.T) {
	def, err := abi.ParseSignature("TooMuch(uint256,address)")
	if err != nil {
		t.Fatal(err)
	}
	known := []abi.ErrorDef{abi.ErrorDef(def)}
	for way, c := range ways(t) {
		for name, tc := range map[string]struct {
			code         string
			data         []byte
			gas          uint64
			want, reason string
		}{
			"a reason":              {echoes, errorData(t, "Error(string)", abi.OfString("too late")), 0, "execution_reverted", "too late"},
			"a reason of two lines": {echoes, errorData(t, "Error(string)", abi.OfString("a\nb\x1b[2J")), 0, "execution_reverted", "a b [2J"},
			"no reason":             {echoes, nil, 0, "execution_reverted", ""},
			"a panic":               {echoes, errorData(t, "Panic(uint256)", abi.OfUint64(0x11)), 0, "panic", "Panic(0x11): arithmetic overflow or underflow"},
			"an unknown panic":      {echoes, errorData(t, "Panic(uint256)", abi.OfUint64(0x99)), 0, "panic", "Panic(0x99)"},
			"an error that is known": {echoes, errorData(t, "TooMuch(uint256,address)", abi.OfUint64(9), abi.OfAddress(rich(t))), 0, "custom_error",
				"TooMuch(9, " + rich(t).String() + ")"},
			"an error that is not": {echoes, []byte{0xde, 0xad, 0xbe, 0xef}, 0, "custom_error", "0xdeadbeef"},
			"a reason cut off":     {echoes, errorData(t, "Error(string)", abi.OfString("too late"))[:40], 0, "custom_error", "0x08c379a0"},
			"out of gas":           {loops, nil, 100_000, "out_of_gas", ""},
			"no instruction":       {invalid, nil, 100_000, "", ""},
		} {
			at := install(t, c, tc.code)
			got := run(t, c, known, node.Message{From: rich(t), To: &at, Data: tc.data, Gas: tc.gas})[0]
			if got.Status == simulate.Success || tc.want != "" && (got.Status != simulate.Reverted || got.ErrorCode != tc.want) || got.RevertReason != tc.reason || got.Method != way && got.Status == simulate.Reverted && got.Method != "" {
				t.Errorf("%s, %s: got %+v", way, name, got)
			}
			if got.Human == "" || got.Error == "" || len(got.Changes) != 0 {
				t.Errorf("%s, %s: says %+v", way, name, got)
			}
		}
	}
}

func TestABundleRunsOnOneState(t *testing.T) {
	all := ways(t)
	c := all["eth_simulateV1"]
	at := install(t, c, counter)
	say := func(n byte) node.Message {
		return node.Message{From: rich(t), To: &at, Data: append(make([]byte, 31), n)}
	}
	got := run(t, c, nil, say(0), say(1), say(1), say(2))
	for i, want := range []simulate.Status{simulate.Success, simulate.Success, simulate.Reverted, simulate.Success} {
		if got[i].Status != want {
			t.Errorf("transaction %d: %+v, want %s", i, got[i], want)
		}
	}
	if again := run(t, c, nil, say(0))[0]; again.Status != simulate.Success {
		t.Errorf("what was simulated stayed: %+v", again)
	}
	for _, r := range run(t, all["debug_traceCall"], nil, say(0), say(1)) {
		if r.Status != simulate.Failed || r.ErrorCode != "bundle_unsupported" {
			t.Errorf("without eth_simulateV1: %+v", r)
		}
	}
}

func TestWhatAnAccountDoesNotHaveIsNoSuccess(t *testing.T) {
	to := evm.Address{0: 0xbe, 19: 0xef}
	for way, c := range ways(t) {
		got := run(t, c, nil, node.Message{From: evm.Address{0: 0xaa}, To: &to, Value: *uint256.NewInt(1e18)})[0]
		if got.Status == simulate.Success {
			t.Errorf("%s: %+v", way, got)
		}
	}
}

func TestTheSizeOfABundle(t *testing.T) {
	c := client(t, "http://127.0.0.1:1")
	for _, n := range []int{0, simulate.MaxBundle + 1} {
		if _, err := (simulate.Simulator{}).Run(t.Context(), c, make([]node.Message, n), nil); err == nil {
			t.Errorf("a bundle of %d was taken", n)
		}
	}
}
