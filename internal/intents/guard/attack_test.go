package guard_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/evm/typed"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

var (
	agent    = evm.Address{19: 0xa9}
	usd      = evm.Address{19: 0x05}
	shop     = evm.Address{19: 0x5b}
	thief    = evm.Address{19: 0xee}
	account  = evm.Address{19: 0xac}
	contract = evm.Address{19: 0xc0}
)

func addr(a evm.Address) abi.Value { return abi.OfAddress(a) }
func num(n uint64) abi.Value       { return abi.OfUint64(n) }
func raw(b []byte) abi.Value       { return abi.OfBytes(b) }
func word() abi.Value              { return abi.OfFixed(make([]byte, 32)) }
func wei(n uint64) *uint256.Int    { return uint256.NewInt(n) }

func list(v ...abi.Value) abi.Value  { return abi.OfList(v...) }
func tuple(v ...abi.Value) abi.Value { return abi.OfTuple(v...) }

func function(signature string) abi.Function {
	f, err := abi.ParseSignature(signature)
	if err != nil {
		panic(err)
	}
	return f
}

func data(signature string, args ...abi.Value) []byte {
	f := function(signature)
	b, err := f.Encode(args...)
	if err != nil {
		panic(signature + ": " + err.Error())
	}
	return b
}

// send is a transaction on chain 1, read with the rules.
func send(r *guard.Rules, to *evm.Address, value uint64, calldata []byte) *guard.Attempt {
	return &guard.Attempt{
		Chain: "ethereum", ChainID: 1, From: agent, To: to, Value: *wei(value),
		Meaning: meaning.Read(meaning.Call{ChainID: 1, From: agent, To: to, Value: *wei(value), Data: calldata}, r.Known(1)),
	}
}

// sign is typed data of the token, or of another contract, on chain 1.
func sign(t testing.TB, r *guard.Rules, domain, types, message string) *guard.Attempt {
	t.Helper()
	structs := map[string][]map[string]string{}
	primary, _, _ := strings.Cut(types, "(")
	for part := range strings.SplitSeq(strings.TrimSuffix(types, ")"), ")") {
		name, fields, _ := strings.Cut(part, "(")
		for f := range strings.SplitSeq(fields, ",") {
			typ, field, _ := strings.Cut(f, " ")
			structs[name] = append(structs[name], map[string]string{"name": field, "type": typ})
		}
	}
	text, err := json.Marshal(map[string]any{"types": structs, "primaryType": primary, "message": json.RawMessage(message), "domain": json.RawMessage(domain)})
	if err != nil {
		t.Fatal(err)
	}
	d, err := typed.Parse(text)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return &guard.Attempt{
		Chain: "ethereum", ChainID: 1, From: agent, Meaning: meaning.ReadTyped(d, r.Known(1)),
		Typed: &guard.Typed{Domain: d.Domain, PrimaryType: d.PrimaryType},
	}
}

func domain(contract evm.Address) string {
	return fmt.Sprintf(`{"name":"USD","chainId":1,"verifyingContract":"%s"}`, contract)
}

const (
	permit = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
	moved  = "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
	single = "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
	safeTx = "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)"
)

// tokens bound one token: 100 in one transaction, 150 in a day, no others.
func tokens() guard.Rules {
	return guard.Rules{
		Tokens:            []guard.TokenLimit{{ChainID: 1, Token: usd, PerTx: wei(100), PerDay: wei(150)}},
		RefuseOtherTokens: true,
		Typed: []guard.TypedRule{
			{Name: "USD", ChainID: 1, Contract: &usd, PrimaryType: "Permit"}, {Name: "USD", ChainID: 1, Contract: &usd, PrimaryType: "TransferWithAuthorization"},
			{Name: "USD", ChainID: 1, Contract: &contract, PrimaryType: "PermitSingle"}, {Name: "USD", ChainID: 1, Contract: &account, PrimaryType: "SafeTx"},
			{Name: "USD", ChainID: 1, Contract: &usd, PrimaryType: "Login"},
		},
	}
}

func spender(who evm.Address, value uint64) string {
	return fmt.Sprintf(`{"owner":"%s","spender":"%s","value":%d,"nonce":0,"deadline":1}`, agent, who, value)
}

func safeMessage(to evm.Address, calldata []byte, operation int) string {
	return fmt.Sprintf(`{"to":"%s","value":0,"data":"0x%x","operation":%d,"safeTxGas":0,"baseGas":0,"gasPrice":0,"gasToken":"%[4]s","refundReceiver":"%[4]s","nonce":0}`, to, calldata, operation, evm.Address{})
}

func safe(to evm.Address, calldata []byte, operation uint64) []byte {
	return data("execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
		addr(to), num(0), raw(calldata), num(operation), num(0), num(0), num(0), addr(evm.Address{}), addr(evm.Address{}), raw(nil))
}

// One drain, tried in every way that is known: each takes more of the token, or of
// the coin, than the agent may, or gives it to a stranger.
func TestEachWayOfDrainingIsRefusedByItsRule(t *testing.T) {
	pay := func(to evm.Address, n uint64) []byte { return data("transfer(address,uint256)", addr(to), num(n)) }
	sig := []abi.Value{num(27), word(), word()}
	sends, err := evm.ParseAddress("0x40A2aCCbd92BCA938b02010E17A5b8929b49130D")
	if err != nil {
		t.Fatal(err)
	}
	packed := data("multiSend(bytes)", raw(append(append(append([]byte{0}, usd[:]...), append(make([]byte, 63), 68)...), pay(thief, 101)...)))
	execute := data("execute(address,uint256,bytes)", addr(usd), num(0), raw(pay(thief, 101)))
	userOp := data("handleOps((address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,bytes)[],address)",
		list(tuple(addr(account), num(0), raw(nil), raw(execute), num(0), num(0), num(0), num(0), num(0), raw(nil), raw(nil))), addr(thief))
	delegate := data("execute(bytes32,bytes)", abi.OfFixed(append([]byte{0xff}, make([]byte, 31)...)), raw(append(thief[:], pay(thief, 1)...)))
	permit2 := tuple(tuple(addr(usd), num(101), num(1), num(0)), addr(thief), num(9))

	limited := tokens()
	native := guard.Rules{MaxValue: wei(100), DailyLimit: wei(150)}
	listed := guard.Rules{To: []evm.Address{usd, shop, account, contract, sends}}
	named := guard.Rules{Chains: []string{"ethereum"}}
	functions := guard.Rules{Functions: []guard.FunctionRule{{ChainID: 1, Contract: usd, Function: function("transfer(address,uint256)"), Args: []guard.ArgRule{
		{Path: []int{0}, In: []evm.Address{shop}}, {Path: []int{1}, AtMost: wei(100)},
	}}}}
	text := guard.Rules{}

	tx := func(r *guard.Rules, to evm.Address, value uint64, calldata []byte) *guard.Attempt {
		return send(r, &to, value, calldata)
	}
	elsewhere := func(r *guard.Rules, chain uint64, name string) *guard.Attempt {
		a := tx(r, usd, 0, pay(shop, 1))
		a.ChainID, a.Chain = chain, name
		for i := range a.Meaning.Calls {
			a.Meaning.Calls[i].ChainID = chain
		}
		return a
	}
	authorizes := tx(&limited, shop, 0, nil)
	authorizes.Meaning.Authorizes = true

	for name, tc := range map[string]struct {
		rules *guard.Rules
		try   *guard.Attempt
		want  string
	}{
		"value":                                    {&native, tx(&native, thief, 101, nil), "tx_max_value_eth"},
		"value to a stranger":                      {&listed, tx(&listed, thief, 1, nil), "tx_to_allowlist"},
		"a token transfer":                         {&limited, tx(&limited, usd, 0, pay(thief, 101)), "tokens"},
		"a token transfer to a stranger":           {&listed, tx(&listed, usd, 0, pay(thief, 1)), "tx_to_allowlist"},
		"a token transfer, by argument":            {&functions, tx(&functions, usd, 0, pay(thief, 1)), "functions"},
		"a token transfer, by amount":              {&functions, tx(&functions, usd, 0, pay(shop, 101)), "functions"},
		"a token without a limit":                  {&limited, tx(&limited, contract, 0, pay(thief, 1)), "refuse_other_tokens"},
		"transferFrom":                             {&limited, tx(&limited, usd, 0, data("transferFrom(address,address,uint256)", addr(agent), addr(thief), num(101))), "tokens"},
		"approve":                                  {&limited, tx(&limited, usd, 0, data("approve(address,uint256)", addr(thief), num(101))), "tokens"},
		"approve for a stranger":                   {&listed, tx(&listed, usd, 0, data("approve(address,uint256)", addr(thief), num(1))), "tx_to_allowlist"},
		"approve, by function":                     {&functions, tx(&functions, usd, 0, data("approve(address,uint256)", addr(shop), num(1))), "functions"},
		"increaseAllowance":                        {&limited, tx(&limited, usd, 0, data("increaseAllowance(address,uint256)", addr(thief), num(101))), "tokens"},
		"setApprovalForAll":                        {&limited, tx(&limited, usd, 0, data("setApprovalForAll(address,bool)", addr(thief), abi.OfBool(true))), "tokens"},
		"a permit that is sent":                    {&limited, tx(&limited, usd, 0, data("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", append([]abi.Value{addr(agent), addr(thief), num(101), num(9)}, sig...)...)), "tokens"},
		"Permit2 that is sent":                     {&limited, tx(&limited, contract, 0, data("permit(address,((address,uint160,uint48,uint48),address,uint256),bytes)", addr(agent), permit2, raw(nil))), "tokens"},
		"Permit2's approve":                        {&limited, tx(&limited, contract, 0, data("approve(address,address,uint160,uint48)", addr(usd), addr(thief), num(101), num(9))), "tokens"},
		"EIP-3009 that is sent":                    {&limited, tx(&limited, usd, 0, data("transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)", addr(agent), addr(thief), num(101), num(0), num(9), word(), raw(nil))), "tokens"},
		"multicall":                                {&limited, tx(&limited, usd, 0, data("multicall(bytes[])", list(raw(pay(thief, 60)), raw(pay(thief, 60))))), "tokens"},
		"multicall in multicall":                   {&listed, tx(&listed, usd, 0, data("multicall(bytes[])", list(raw(data("multicall(bytes[])", list(raw(pay(thief, 1)))))))), "tx_to_allowlist"},
		"Multicall3":                               {&listed, tx(&listed, contract, 0, data("aggregate3((address,bool,bytes)[])", list(tuple(addr(thief), abi.OfBool(true), raw(nil))))), "tx_to_allowlist"},
		"multicall, by function":                   {&functions, tx(&functions, usd, 0, data("multicall(bytes[])", list(raw(pay(shop, 1))))), "functions"},
		"a Safe":                                   {&limited, tx(&limited, account, 0, safe(usd, pay(thief, 101), 0)), "tokens"},
		"a Safe's MultiSend":                       {&limited, tx(&limited, account, 0, safe(sends, packed, 1)), "tokens"},
		"a Safe's MultiSend to a stranger":         {&listed, tx(&listed, account, 0, safe(sends, packed, 1)), "tx_to_allowlist"},
		"a Safe that delegates":                    {&limited, tx(&limited, account, 0, safe(thief, packed, 1)), "delegatecall"},
		"a Safe that delegates, coins":             {&native, tx(&native, account, 0, safe(thief, packed, 1)), "delegatecall"},
		"ERC-4337":                                 {&limited, tx(&limited, contract, 0, userOp), "tokens"},
		"ERC-4337's fees":                          {&listed, tx(&listed, contract, 0, userOp), "tx_to_allowlist"},
		"ERC-7579's delegatecall":                  {&limited, tx(&limited, account, 0, delegate), "delegatecall"},
		"EIP-7702":                                 {&limited, authorizes, "authorization"},
		"a creation":                               {&limited, send(&limited, nil, 0, []byte{0x60}), "allow_creation"},
		"a permit":                                 {&limited, sign(t, &limited, domain(usd), permit, spender(thief, 101)), "tokens"},
		"a permit of another domain":               {&limited, sign(t, &limited, domain(contract), permit, spender(thief, 1)), "typed_data"},
		"a permit of a domain in capitals":         {&limited, sign(t, &limited, strings.Replace(domain(usd), "USD", "Usd", 1), permit, spender(thief, 1)), "typed_data"},
		"a permit for every chain":                 {&limited, sign(t, &limited, strings.Replace(domain(usd), `"chainId":1,`, ``, 1), permit, spender(thief, 1)), "typed_data"},
		"a permit of another chain":                {&limited, sign(t, &limited, strings.Replace(domain(usd), `"chainId":1`, `"chainId":2`, 1), permit, spender(thief, 1)), "typed_data"},
		"a permit without a rule":                  {&native, sign(t, &native, domain(usd), permit, spender(thief, 1)), "typed_data"},
		"Permit2":                                  {&limited, sign(t, &limited, domain(contract), single, fmt.Sprintf(`{"details":{"token":"%s","amount":101,"expiration":0,"nonce":0},"spender":"%s","sigDeadline":0}`, usd, thief)), "tokens"},
		"EIP-3009":                                 {&limited, sign(t, &limited, domain(usd), moved, fmt.Sprintf(`{"from":"%s","to":"%s","value":101,"validAfter":0,"validBefore":9,"nonce":"0x%s"}`, agent, thief, hex.EncodeToString(make([]byte, 32)))), "tokens"},
		"a Safe's typed data":                      {&limited, sign(t, &limited, domain(account), safeTx, safeMessage(usd, pay(thief, 101), 0)), "tokens"},
		"a Safe's typed data that delegates":       {&limited, sign(t, &limited, domain(account), safeTx, safeMessage(thief, packed, 1)), "delegatecall"},
		"typed data that nobody knows":             {&limited, sign(t, &limited, domain(usd), "Login(string text)", `{"text":"hi"}`), "undecodable"},
		"a permit with a field more":               {&limited, sign(t, &limited, domain(usd), "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline,bool x)", strings.Replace(spender(thief, 1), "}", `,"x":true}`, 1)), "undecodable"},
		"a text":                                   {&text, &guard.Attempt{Text: true}, "allow_text"},
		"a function that nobody knows":             {&limited, tx(&limited, contract, 0, []byte{1, 2, 3, 4}), "undecodable"},
		"one at an address that is listed":         {&listed, tx(&listed, contract, 0, []byte{1, 2, 3, 4}), "undecodable"},
		"a transfer with dirty bits":               {&limited, tx(&limited, usd, 0, append(pay(thief, 1)[:4], append([]byte{1}, pay(thief, 1)[5:]...)...)), "undecodable"},
		"a transfer that is cut":                   {&limited, tx(&limited, usd, 0, pay(thief, 1)[:60]), "undecodable"},
		"code of the account that nobody can read": {&native, tx(&native, agent, 0, []byte{1, 2, 3, 4}), "undecodable"},
		"more calls than can be read":              {&native, tx(&native, contract, 0, data("multicall(bytes[])", list(make300(raw(nil))...))), "undecodable"},
		"another chain":                            {&named, elsewhere(&named, 137, "polygon"), "tx_allowed_chains"},
		"another chain, for functions":             {&functions, elsewhere(&functions, 137, "polygon"), "functions"},
		"another chain, for tokens":                {&limited, elsewhere(&limited, 137, "polygon"), "refuse_other_tokens"},
		"a chain's name with a blank":              {&named, elsewhere(&named, 137, "ethereum "), "tx_allowed_chains"},
		"chain id 0":                               {&named, elsewhere(&named, 0, "ethereum"), "chain_id"},
	} {
		v := guard.Decide(tc.rules, tc.try, guard.NewSpent())
		if v.Denial == nil || v.Denial.Rule != tc.want || v.Allow || len(v.Takes) > 0 || v.Denial.Text == "" {
			t.Errorf("%s: %+v, %+v, want %s", name, v, v.Denial, tc.want)
		}
	}

	// What the same rules let pass, so that they don't refuse everything.
	for name, tc := range map[string]struct {
		rules *guard.Rules
		try   *guard.Attempt
	}{
		"value":                          {&native, tx(&native, thief, 100, nil)},
		"a token transfer":               {&limited, tx(&limited, usd, 0, pay(thief, 100))},
		"a transfer to who is listed":    {&listed, tx(&listed, usd, 0, pay(shop, 1000))},
		"a transfer to itself":           {&listed, tx(&listed, usd, 0, pay(agent, 1))},
		"a transfer by function":         {&functions, tx(&functions, usd, 0, pay(shop, 100))},
		"value where functions are":      {&functions, tx(&functions, thief, 1, nil)},
		"two transfers in one":           {&limited, tx(&limited, usd, 0, data("multicall(bytes[])", list(raw(pay(thief, 40)), raw(pay(thief, 60)))))},
		"a permit":                       {&limited, sign(t, &limited, domain(usd), permit, spender(thief, 100))},
		"a Safe's typed data":            {&limited, sign(t, &limited, domain(account), safeTx, safeMessage(usd, pay(thief, 100), 0))},
		"a chain's name in capitals":     {&named, elsewhere(&named, 1, "Ethereum")},
		"an unknown function, no reader": {&native, tx(&native, contract, 1, []byte{1, 2, 3, 4})},
	} {
		if v := guard.Decide(tc.rules, tc.try, guard.NewSpent()); !v.Allow || v.Denial != nil {
			t.Errorf("%s is refused: %+v", name, v.Denial)
		}
	}
}

func make300(v abi.Value) []abi.Value {
	out := make([]abi.Value, 300)
	for i := range out {
		out[i] = v
	}
	return out
}

// Transactions of the refused types never become an attempt.
func TestAnAuthorizationIsNoTransaction(t *testing.T) {
	for _, kind := range []byte{3, 4} {
		if _, _, err := evm.ParseTx([]byte{kind, 0xc0}); fault.CodeOf(err) != "unsupported_transaction_type" {
			t.Errorf("type %d: %v", kind, err)
		}
	}
	for _, text := range [][]byte{make([]byte, 32), []byte("0x" + strings.Repeat("ab", 32))} {
		if !typed.LooksLikeDigest(text) {
			t.Errorf("%q is no digest", text)
		}
	}
}

// The ledger is one: what a permit took, a transfer can't take again.
func TestOneLedgerForEveryKindOfSignature(t *testing.T) {
	r := tokens()
	spent := guard.NewSpent()
	book := func(a *guard.Attempt) *guard.Denial {
		v := guard.Decide(&r, a, spent)
		for _, take := range v.Takes {
			spent.Add(take.Asset, &take.Amount)
		}
		return v.Denial
	}
	if d := book(sign(t, &r, domain(usd), permit, spender(shop, 100))); d != nil {
		t.Fatalf("the permit: %+v", d)
	}
	transfer := func(n uint64) *guard.Attempt {
		return send(&r, &usd, 0, data("transfer(address,uint256)", addr(shop), num(n)))
	}
	d := book(transfer(51))
	if d == nil || d.Rule != "tokens" || d.Limit != "150 units" || d.Asked != "51 units" || d.Left != "50 units" || !strings.Contains(d.Text, "1 units more") {
		t.Errorf("a transfer over what is left: %+v", d)
	}
	if d := book(transfer(50)); d != nil {
		t.Errorf("a transfer of what is left: %+v", d)
	}
	if d := book(send(&r, &usd, 0, data("approve(address,uint256)", addr(shop), num(1)))); d == nil || d.Left != "0 units" {
		t.Errorf("an approval after it: %+v", d)
	}
}
