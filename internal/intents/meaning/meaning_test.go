package meaning_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

var (
	agent    = evm.Address{19: 0xa9}
	token    = evm.Address{19: 0x70}
	bob      = evm.Address{19: 0xb0}
	contract = evm.Address{19: 0xc0}
	account  = evm.Address{19: 0xac}
)

const (
	multiSend = "0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526"
	userOp6   = "handleOps((address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,bytes)[],address)"
	userOp7   = "handleOps((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],address)"
	safeTx    = "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"
)

func addr(a evm.Address) abi.Value   { return abi.OfAddress(a) }
func num(n uint64) abi.Value         { return abi.OfUint64(n) }
func raw(b []byte) abi.Value         { return abi.OfBytes(b) }
func word(n byte) abi.Value          { return abi.OfFixed(append(make([]byte, 31), n)) }
func tuple(v ...abi.Value) abi.Value { return abi.OfTuple(v...) }
func list(v ...abi.Value) abi.Value  { return abi.OfList(v...) }

// most is 2^bits-1.
func most(bits uint) abi.Value {
	n := new(big.Int).Lsh(big.NewInt(1), bits)
	return abi.OfUint(uint256.MustFromBig(n.Sub(n, big.NewInt(1))))
}

func dec(v abi.Value) string { return v.Word.Dec() }

func data(signature string, args ...abi.Value) []byte {
	f, err := abi.ParseSignature(signature)
	if err != nil {
		panic(err)
	}
	b, err := f.Encode(args...)
	if err != nil {
		panic(signature + ": " + err.Error())
	}
	return b
}

// pay is calldata that gives bob n of a token.
func pay(n uint64) []byte { return data("transfer(address,uint256)", addr(bob), num(n)) }

// packed is one call as MultiSend takes it.
func packed(operation byte, to evm.Address, value uint64, calldata []byte) []byte {
	b := append([]byte{operation}, to[:]...)
	for _, n := range []uint64{value, uint64(len(calldata))} {
		w := uint256.NewInt(n).Bytes32()
		b = append(b, w[:]...)
	}
	return append(b, calldata...)
}

func read(to evm.Address, value uint64, calldata []byte) meaning.Meaning {
	return meaning.Read(meaning.Call{ChainID: 1, From: agent, To: &to, Value: *uint256.NewInt(value), Data: calldata}, nil)
}

// show is effects on one line, with short names.
func show(m *meaning.Meaning) string {
	names := map[evm.Address]string{{}: "-", agent: "agent", token: "token", bob: "bob", contract: "contract", account: "account"}
	var parts []string
	for _, e := range m.Effects {
		n := e.Amount.Dec()
		if e.Unlimited {
			n = "all"
		}
		parts = append(parts, fmt.Sprintf("%s %s %s %s", e.Kind, names[e.Token], names[e.To], n))
	}
	for _, u := range m.Unknown {
		parts = append(parts, "unknown "+names[u])
	}
	for name, is := range map[string]bool{"creates": m.Creates, "delegates": m.Delegates, "truncated": m.Truncated} {
		if is {
			parts = append(parts, name)
		}
	}
	return strings.Join(parts, ", ")
}

func sig() []abi.Value { return []abi.Value{num(27), word(1), word(2)} }

func with(v []abi.Value, more ...abi.Value) []abi.Value { return append(v, more...) }

func TestWhatTokensAreAskedFor(t *testing.T) {
	auth := []abi.Value{addr(agent), addr(bob), num(5), num(0), num(9), word(1)}
	single := tuple(tuple(addr(token), num(5), num(1), num(0)), addr(bob), num(9))
	batch := tuple(list(tuple(addr(token), num(5), num(1), num(0)), tuple(addr(contract), most(160), num(1), num(0))), addr(bob), num(9))
	permitted := tuple(tuple(addr(token), num(9)), num(1), num(2))
	for _, tc := range []struct {
		signature string
		args      []abi.Value
		want      string
	}{
		{"transfer(address,uint256)", []abi.Value{addr(bob), num(5)}, "transfer token bob 5"},
		{"transferFrom(address,address,uint256)", []abi.Value{addr(agent), addr(bob), num(5)}, "transfer_from token bob 5"},
		{"approve(address,uint256)", []abi.Value{addr(bob), num(5)}, "approve token bob 5"},
		{"approve(address,uint256)", []abi.Value{addr(bob), most(256)}, "approve token bob all"},
		{"approve(address,uint256)", []abi.Value{addr(bob), most(128)}, "approve token bob " + dec(most(128))},
		{"approve(address,uint256)", []abi.Value{addr(bob), most(129)}, "approve token bob all"},
		{"increaseAllowance(address,uint256)", []abi.Value{addr(bob), num(5)}, "increase_allowance token bob 5"},
		{"increaseApproval(address,uint256)", []abi.Value{addr(bob), num(5)}, "increase_allowance token bob 5"},
		{"decreaseAllowance(address,uint256)", []abi.Value{addr(bob), num(5)}, ""},
		{"transferAndCall(address,uint256,bytes)", []abi.Value{addr(bob), num(5), raw(nil)}, "transfer token bob 5"},
		{"approveAndCall(address,uint256)", []abi.Value{addr(bob), num(5)}, "approve token bob 5"},
		{"send(address,uint256,bytes)", []abi.Value{addr(bob), num(5), raw(nil)}, "transfer token bob 5"},
		{"authorizeOperator(address)", []abi.Value{addr(bob)}, "approval_for_all token bob all"},
		{"setApprovalForAll(address,bool)", []abi.Value{addr(bob), abi.OfBool(true)}, "approval_for_all token bob all"},
		{"setApprovalForAll(address,bool)", []abi.Value{addr(bob), abi.OfBool(false)}, ""},
		{"safeTransferFrom(address,address,uint256)", []abi.Value{addr(agent), addr(bob), num(77)}, "nft_transfer token bob 1"},
		{"safeTransferFrom(address,address,uint256,uint256,bytes)", []abi.Value{addr(agent), addr(bob), num(77), num(3), raw(nil)}, "nft_transfer token bob 3"},
		{"safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)", []abi.Value{addr(agent), addr(bob), list(num(1), num(2)), list(num(3), num(4)), raw(nil)}, "nft_transfer token bob 7"},
		{"safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)", []abi.Value{addr(agent), addr(bob), list(), list(most(256), num(1)), raw(nil)}, "nft_transfer token bob all"},
		{"permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", with([]abi.Value{addr(agent), addr(bob), num(5), num(9)}, sig()...), "permit token bob 5"},
		{"permit(address,address,uint256,uint256,bytes)", []abi.Value{addr(agent), addr(bob), num(5), num(9), raw(nil)}, "permit token bob 5"},
		{"permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)", with([]abi.Value{addr(agent), addr(bob), num(0), num(9), abi.OfBool(true)}, sig()...), "permit token bob all"},
		{"permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)", with([]abi.Value{addr(agent), addr(bob), num(0), num(9), abi.OfBool(false)}, sig()...), ""},
		{"transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)", with(slices.Clone(auth), sig()...), "eip3009 token bob 5"},
		{"receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)", with(slices.Clone(auth), raw(nil)), "eip3009 token bob 5"},
		{"approve(address,address,uint160,uint48)", []abi.Value{addr(token), addr(bob), most(160), num(1)}, "permit2 token bob all"},
		{"permit(address,((address,uint160,uint48,uint48),address,uint256),bytes)", []abi.Value{addr(agent), single, raw(nil)}, "permit2 token bob 5"},
		{"permit(address,((address,uint160,uint48,uint48)[],address,uint256),bytes)", []abi.Value{addr(agent), batch, raw(nil)}, "permit2 token bob 5, permit2 contract bob all"},
		{"transferFrom(address,address,uint160,address)", []abi.Value{addr(agent), addr(bob), num(5), addr(token)}, "transfer_from token bob 5"},
		{"transferFrom((address,address,uint160,address)[])", []abi.Value{list(tuple(addr(agent), addr(bob), num(5), addr(token)))}, "transfer_from token bob 5"},
		{"permitTransferFrom(((address,uint256),uint256,uint256),(address,uint256),address,bytes)", []abi.Value{permitted, tuple(addr(bob), num(5)), addr(agent), raw(nil)}, "transfer_from token bob 5"},
		{"permitTransferFrom(((address,uint256)[],uint256,uint256),(address,uint256)[],address,bytes)", []abi.Value{tuple(list(tuple(addr(token), num(9))), num(1), num(2)), list(tuple(addr(bob), num(5))), addr(agent), raw(nil)}, "transfer_from token bob 5"},
		{"permitTransferFrom(((address,uint256)[],uint256,uint256),(address,uint256)[],address,bytes)", []abi.Value{tuple(list(), num(1), num(2)), list(tuple(addr(bob), num(5))), addr(agent), raw(nil)}, "unknown token"},
	} {
		m := read(token, 0, data(tc.signature, tc.args...))
		if got := show(&m); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.signature, got, tc.want)
		}
		if m.Function != tc.signature || m.Functions[0].Function != tc.signature || len(m.Functions[0].Args) != len(tc.args) {
			t.Errorf("%s is read as %s %v", tc.signature, m.Function, m.Functions[0].Args)
		}
	}
}

// ops are calldata that has an account run a call.
func op6(account evm.Address, calldata []byte) []byte {
	op := tuple(addr(account), num(0), raw(nil), raw(calldata), num(1), num(2), num(3), num(10), num(1), raw(nil), raw(nil))
	return data(userOp6, list(op), addr(bob))
}

func op7(account evm.Address, init, calldata []byte) []byte {
	limits, fees := make([]byte, 32), make([]byte, 32)
	limits[15], limits[31], fees[31] = 1, 2, 10
	op := tuple(addr(account), num(0), raw(init), raw(calldata), abi.OfFixed(limits), num(3), abi.OfFixed(fees), raw(nil), raw(nil))
	return data(userOp7, list(op), addr(bob))
}

func safe(to evm.Address, value uint64, calldata []byte, operation, gasPrice uint64) []byte {
	return data(safeTx, addr(to), num(value), raw(calldata), num(operation), num(0), num(0), num(gasPrice), addr(evm.Address{}), addr(bob), raw(nil))
}

func mode(bytes ...byte) abi.Value { return abi.OfFixed(append(bytes, make([]byte, 32-len(bytes))...)) }

func TestCallsInsideCallsAreRead(t *testing.T) {
	sends, err := evm.ParseAddress(multiSend)
	if err != nil {
		t.Fatal(err)
	}
	two := append(packed(0, token, 0, pay(5)), packed(0, bob, 7, nil)...)
	multi := data("multiSend(bytes)", raw(two))
	calls := list(tuple(addr(token), num(0), raw(pay(5))), tuple(addr(bob), num(7), raw(nil)))
	encoded := data("b((address,uint256,bytes)[])", calls)[4:]
	withData := data("b((address,uint256,bytes)[],bytes)", calls, raw([]byte("sig")))[4:]
	const both = "transfer token bob 5, native_value - bob 7"
	for name, tc := range map[string]struct {
		data  []byte
		want  string
		calls int
	}{
		"multicall":                      {data("multicall(bytes[])", list(raw(pay(5)), raw(pay(6)))), "transfer contract bob 5, transfer contract bob 6", 3},
		"multicall with a deadline":      {data("multicall(uint256,bytes[])", num(1), list(raw(pay(5)))), "transfer contract bob 5", 2},
		"multicall in multicall":         {data("multicall(bytes[])", list(raw(data("multicall(bytes[])", list(raw(pay(5))))))), "transfer contract bob 5", 3},
		"multicall of what is not known": {data("multicall(bytes[])", list(raw([]byte{1, 2, 3, 4}))), "unknown contract", 2},
		"multicall of half a selector":   {data("multicall(bytes[])", list(raw([]byte{1}))), "unknown contract", 2},
		"aggregate":                      {data("aggregate((address,bytes)[])", list(tuple(addr(token), raw(pay(5))))), "transfer token bob 5", 2},
		"tryAggregate":                   {data("tryAggregate(bool,(address,bytes)[])", abi.OfBool(false), list(tuple(addr(token), raw(pay(5))))), "transfer token bob 5", 2},
		"aggregate3":                     {data("aggregate3((address,bool,bytes)[])", list(tuple(addr(token), abi.OfBool(true), raw(pay(5))))), "transfer token bob 5", 2},
		"aggregate3Value":                {data("aggregate3Value((address,bool,uint256,bytes)[])", list(tuple(addr(bob), abi.OfBool(true), num(7), raw(nil)))), "native_value - bob 7", 2},
		"a Safe":                         {safe(token, 0, pay(5), 0, 0), "transfer token bob 5", 2},
		"a Safe's coins":                 {safe(bob, 7, nil, 0, 0), "native_value - bob 7", 2},
		"a Safe that refunds gas":        {safe(token, 0, pay(5), 0, 2), "native_value - bob 8589934592, transfer token bob 5", 2},
		"a Safe that refunds more gas":   {data(safeTx, addr(token), num(0), raw(pay(5)), num(0), num(9), num(3), num(2), addr(contract), addr(bob), raw(nil)), "transfer contract bob 8589934598, transfer token bob 5", 2},
		"a Safe that delegates":          {safe(token, 0, pay(5), 1, 0), "unknown token, delegates", 2},
		"a Safe with operation 2":        {safe(token, 0, pay(5), 2, 0), "unknown contract", 1},
		"a Safe with MultiSend":          {safe(sends, 0, multi, 1, 0), both, 4},
		"a Safe that calls MultiSend":    {safe(sends, 0, multi, 0, 0), both, 4},
		"MultiSend from another address": {safe(bob, 0, multi, 1, 0), "unknown bob, delegates", 2},
		"MultiSend that delegates":       {safe(sends, 0, data("multiSend(bytes)", raw(packed(1, token, 0, pay(5)))), 1, 0), "unknown token, delegates", 3},
		"MultiSend that is cut":          {safe(sends, 0, data("multiSend(bytes)", raw(two[:len(two)-1])), 1, 0), "transfer token bob 5, unknown ", 3},
		"MultiSend to zero":              {safe(sends, 0, data("multiSend(bytes)", raw(packed(0, evm.Address{}, 7, nil))), 1, 0), "native_value - - 7, unknown -", 3},
		"a module of a Safe":             {data("execTransactionFromModule(address,uint256,bytes,uint8)", addr(token), num(0), raw(pay(5)), num(0)), "transfer token bob 5", 2},
		"execute":                        {data("execute(address,uint256,bytes)", addr(token), num(7), raw(pay(5))), "native_value - token 7, transfer token bob 5", 2},
		"executeBatch":                   {data("executeBatch(address[],uint256[],bytes[])", list(addr(token), addr(bob)), list(num(0), num(7)), list(raw(pay(5)), raw(nil))), both, 3},
		"executeBatch without values":    {data("executeBatch(address[],bytes[])", list(addr(token)), list(raw(pay(5)))), "transfer token bob 5", 2},
		"executeBatch of uneven lists":   {data("executeBatch(address[],bytes[])", list(addr(token), addr(bob)), list(raw(pay(5)))), "unknown contract", 1},
		"executeBatch of tuples":         {data("executeBatch((address,uint256,bytes)[])", calls), both, 3},
		"ERC-7579, one":                  {data("execute(bytes32,bytes)", mode(0), raw(slices.Concat(token[:], make([]byte, 32), pay(5)))), "transfer token bob 5", 2},
		"ERC-7579, many":                 {data("execute(bytes32,bytes)", mode(1), raw(encoded)), both, 3},
		"ERC-7579, many that may fail":   {data("execute(bytes32,bytes)", mode(1, 1), raw(encoded)), both, 3},
		"ERC-7821 with data":             {data("execute(bytes32,bytes)", mode(1, 0, 0, 0, 0, 0, 0x78, 0x21, 0, 1), raw(withData)), both, 3},
		"ERC-7821, batches of batches":   {data("execute(bytes32,bytes)", mode(1, 0, 0, 0, 0, 0, 0x78, 0x21, 0, 2), raw(encoded)), "unknown contract", 1},
		"ERC-7579, delegatecall":         {data("execute(bytes32,bytes)", mode(0xff), raw(slices.Concat(token[:], pay(5)))), "unknown token, delegates", 2},
		"ERC-7579, delegated MultiSend":  {data("execute(bytes32,bytes)", mode(0xff), raw(slices.Concat(sends[:], multi))), both, 4},
		"ERC-7579, static":               {data("execute(bytes32,bytes)", mode(0xfe), raw(slices.Concat(token[:], pay(5)))), "unknown contract", 1},
		"ERC-7579, half a call":          {data("execute(bytes32,bytes)", mode(0), raw(token[:])), "unknown contract", 1},
		"ERC-7579, from an executor":     {data("executeFromExecutor(bytes32,bytes)", mode(1), raw(encoded)), both, 3},
		"ERC-4337 0.6":                   {op6(account, data("execute(address,uint256,bytes)", addr(token), num(0), raw(pay(5)))), "native_value - bob 100, transfer token bob 5", 3},
		"ERC-4337 0.7":                   {op7(account, nil, data("execute(bytes32,bytes)", mode(1), raw(encoded))), "native_value - bob 60, " + both, 4},
		"ERC-4337 that creates":          {op7(account, []byte{1}, nil), "native_value - bob 60, creates", 1},
		"ERC-4337 of what is not known":  {op6(account, []byte{1, 2, 3, 4}), "native_value - bob 100, unknown account", 2},
		"a router that takes by Permit2": {router(0x02, data("t(address,address,uint160)", addr(token), addr(bob), num(5))), "transfer_from token bob 5", 1},
		"a router's sender":              {router(0x02, data("t(address,address,uint160)", addr(token), addr(evm.Address{19: 1}), num(5))), "transfer_from token agent 5", 1},
		"a router with a permit":         {router(0x8a, data("t(((address,uint160,uint48,uint48),address,uint256),bytes)", tuple(tuple(addr(token), num(5), num(1), num(0)), addr(bob), num(9)), raw(nil))), "permit2 token bob 5", 1},
		"a router with a swap":           {router(0x00, data("t()")), "unknown contract", 1},
		"a router with a bad permit":     {router(0x0a, data("t()")), "unknown contract", 1},
		"a word with dirty bits":         {append(append(data("t()")[:0], pay(5)[:4]...), dirty()...), "unknown contract", 1},
	} {
		m := read(contract, 0, tc.data)
		got := strings.Replace(show(&m), "unknown "+sends.String(), "unknown ", 1)
		if got != tc.want || len(m.Calls) != tc.calls || len(m.Functions) != tc.calls {
			t.Errorf("%s: %q of %d calls, want %q of %d", name, got, len(m.Calls), tc.want, tc.calls)
		}
	}
}

func router(command byte, input []byte) []byte {
	return data("execute(bytes,bytes[],uint256)", raw([]byte{command}), list(raw(input[4:])), num(1))
}

func dirty() []byte {
	b := pay(5)[4:]
	b[0] = 1
	return b
}

func TestWhoCallsWhat(t *testing.T) {
	sends, _ := evm.ParseAddress(multiSend)
	m := read(account, 0, safe(sends, 0, data("multiSend(bytes)", raw(packed(0, token, 0, pay(5)))), 1, 0))
	for i, want := range []struct {
		from, to evm.Address
		delegate bool
	}{{agent, account, false}, {account, sends, true}, {account, token, false}} {
		if c := m.Calls[i]; c.From != want.from || *c.To != want.to || c.Delegate != want.delegate || c.ChainID != 1 {
			t.Errorf("call %d is from %s to %s, delegated %v", i, c.From, c.To, c.Delegate)
		}
	}
	m = read(contract, 0, data("multicall(bytes[])", list(raw(data("execute(address,uint256,bytes)", addr(token), num(0), raw(pay(5)))))))
	if c := m.Calls[1]; c.From != agent || *c.To != contract {
		t.Errorf("multicall is from %s to %s", c.From, c.To)
	}
	if c := m.Calls[2]; c.From != contract || *c.To != token {
		t.Errorf("what it executes is from %s to %s", c.From, c.To)
	}
}

func TestPaymentsAndCreations(t *testing.T) {
	m := read(bob, 7, nil)
	if show(&m) != "native_value - bob 7" || m.Function != "" || m.Functions[0].Contract != bob {
		t.Errorf("a payment is %s, %q", show(&m), m.Function)
	}
	m = read(bob, 0, []byte{1, 2, 3, 4, 5})
	if show(&m) != "unknown bob" || m.Function != "0x01020304" {
		t.Errorf("an unknown function is %s, %q", show(&m), m.Function)
	}
	m = meaning.Read(meaning.Call{ChainID: 1, From: agent, Value: *uint256.NewInt(7), Data: pay(5)}, nil)
	if show(&m) != "native_value - - 7, creates" || m.Function != "" {
		t.Errorf("a creation is %s, %q", show(&m), m.Function)
	}
	// Coins that are passed on are counted once, those that stay as well.
	inner := list(tuple(addr(bob), abi.OfBool(true), num(7), raw(nil)), tuple(addr(token), abi.OfBool(true), num(1), raw(nil)))
	for value, want := range map[uint64]string{
		8: "native_value - contract 0, native_value - bob 7, native_value - token 1", 10: "native_value - contract 2, native_value - bob 7, native_value - token 1",
		3: "native_value - contract 0, native_value - bob 7, native_value - token 1",
	} {
		m = read(contract, value, data("aggregate3Value((address,bool,uint256,bytes)[])", inner))
		if got := show(&m); got != want {
			t.Errorf("of %d: %s, want %s", value, got, want)
		}
	}
}

func TestFunctionsThatSomebodyVouchesFor(t *testing.T) {
	swap, err := abi.ParseSignature("swap(uint256,address)")
	if err != nil {
		t.Fatal(err)
	}
	exec, _ := abi.ParseSignature("execute(bytes,bytes[],uint256)")
	modular, _ := abi.ParseSignature("execute(bytes32,bytes)")
	known := map[evm.Address][]abi.Function{contract: {swap, exec, modular}}
	call, _ := swap.Encode(num(5), addr(bob))
	for name, tc := range map[string]struct {
		to   evm.Address
		data []byte
		want string
	}{
		"known":                           {contract, call, ""},
		"of another contract":             {token, call, "unknown token"},
		"that does not decode":            {contract, call[:40], "unknown contract"},
		"inside":                          {account, data("execute(address,uint256,bytes)", addr(contract), num(0), raw(call)), ""},
		"a router's swap":                 {contract, router(0x00, data("t()")), ""},
		"a standard one is not taken off": {contract, data("execute(bytes32,bytes)", mode(0xfe), raw(nil)), "unknown contract"},
	} {
		m := meaning.Read(meaning.Call{ChainID: 1, From: agent, To: &tc.to, Data: tc.data}, known)
		if got := show(&m); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestBounds(t *testing.T) {
	deep := pay(5)
	for range 9 {
		deep = data("multicall(bytes[])", list(raw(deep)))
	}
	m := read(contract, 0, deep)
	if got := show(&m); got != "unknown contract, truncated" || len(m.Calls) != 9 {
		t.Errorf("too deep: %s of %d calls", got, len(m.Calls))
	}
	many := slices.Repeat([]abi.Value{raw(pay(1))}, 1000)
	m = read(contract, 0, data("multicall(bytes[])", list(many...)))
	if !m.Truncated || len(m.Calls) != 256 || len(m.Effects) != 255 || len(m.Unknown) == 0 || len(m.Unknown) > 256 {
		t.Errorf("too many calls: %d calls, %d effects, %d unknown, %v", len(m.Calls), len(m.Effects), len(m.Unknown), m.Truncated)
	}
	details := slices.Repeat([]abi.Value{tuple(addr(agent), addr(bob), num(5), addr(token))}, 1000)
	m = read(contract, 0, data("transferFrom((address,address,uint160,address)[])", list(details...)))
	if !m.Truncated || len(m.Effects) != 256 {
		t.Errorf("too many effects: %d, %v", len(m.Effects), m.Truncated)
	}
}

func FuzzRead(f *testing.F) {
	sends, _ := evm.ParseAddress(multiSend)
	two := append(packed(0, token, 0, pay(5)), packed(1, bob, 7, nil)...)
	for _, seed := range [][]byte{
		pay(5), data("multicall(bytes[])", list(raw(pay(5)), raw(pay(6)))), safe(sends, 0, data("multiSend(bytes)", raw(two)), 1, 2), op6(account, pay(5)),
		op7(account, nil, data("execute(bytes32,bytes)", mode(0xff), raw(token[:]))), router(0x02, data("t(address,address,uint160)", addr(token), addr(bob), num(5))),
		data("aggregate3Value((address,bool,uint256,bytes)[])", list(tuple(addr(bob), abi.OfBool(true), num(7), raw(nil)))),
	} {
		f.Add(uint64(7), seed)
	}
	f.Fuzz(func(t *testing.T, value uint64, data []byte) {
		m := read(contract, value, data)
		if len(m.Calls) == 0 || len(m.Calls) > 256 || len(m.Calls) != len(m.Functions) || len(m.Effects) > 256 || len(m.Unknown) > 256 {
			t.Fatalf("%d calls, %d functions, %d effects, %d unknown", len(m.Calls), len(m.Functions), len(m.Effects), len(m.Unknown))
		}
		// What is paid at all is at least what the call pays.
		paid := new(uint256.Int)
		for _, e := range m.Effects {
			if _, over := paid.AddOverflow(paid, &e.Amount); over {
				return
			}
		}
		if !m.Truncated && paid.Lt(uint256.NewInt(value)) {
			t.Fatalf("%d are paid, and %s listed", value, paid)
		}
	})
}

// Some chains have a contract that moves their own coin as if it were a token.
func TestTheChainsOwnCoinUnderAnotherName(t *testing.T) {
	for _, s := range []string{
		"0x471ece3750da237f93b8e339c536989b8978a438", "0xf194afdf50b03e69bd7d057c1aa9e10c9954e4c9", "0x0000000000000000000000000000000000000802",
		"0xdeaddeaddeaddeaddeaddeaddeaddeaddead0000", "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
	} {
		coin, err := evm.ParseAddress(s)
		if err != nil {
			t.Fatal(err)
		}
		m := read(coin, 0, pay(5))
		if got := show(&m); got != "transfer - bob 5" {
			t.Errorf("%s: %s", s, got)
		}
	}
}
