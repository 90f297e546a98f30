package guard_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/typed"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
)

const everything = `{"gas_counts":true,
	"functions":[{"chain_id":1,"contract":"0x0000000000000000000000000000000000000005","function":"transfer(address,uint256)",
		"args":[{"path":[0],"in":["0x000000000000000000000000000000000000005B"]},{"path":[1],"at_most":"100"}]},
		{"chain_id":10,"contract":"0x00000000000000000000000000000000000000C0","function":"pay((address,uint256)[])","args":[{"path":[0,1],"at_most":"7"}]}],
	"tokens":[{"chain_id":1,"token":"0x0000000000000000000000000000000000000005","per_transaction":"100","per_day":"150"}],"refuse_other_tokens":true,
	"approval":{"require_above_native":"1000000000000000000","require_for_new_recipients":true,"require_for_unlimited_approvals":true,"require_for_chains":["base"]},
	"allow_creation":true,"typed_data":[{"name":"USD","chain_id":1,"contract":"0x0000000000000000000000000000000000000005","primary_type":"Permit"},{"primary_type":"Login","unread":true}],
	"allow_text":true,"require_simulation":true,"max_per_day":9}`

func parse(t testing.TB, text string) *guard.Rules {
	t.Helper()
	var r guard.Rules
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func TestRulesAreKeptAsJSON(t *testing.T) {
	r := parse(t, everything)
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if again := parse(t, string(text)); !reflect.DeepEqual(again, r) {
		t.Errorf("%s comes back as %+v", text, again)
	}
	if empty, err := json.Marshal(guard.Rules{}); err != nil || string(empty) != "{}" {
		t.Errorf("no rules are %s, %v", empty, err)
	}
	known := r.Known(10)
	if f := known[contract]; len(known) != 1 || len(f) != 1 || f[0].Name != "pay" {
		t.Errorf("on chain 10 are known %v", known)
	}
}

func TestTheRulesInWords(t *testing.T) {
	r := parse(t, everything)
	if err := r.Guardrails([]string{strings.ToUpper(shop.String()[2:])}, nil, "", ""); err == nil {
		t.Error("an address without 0x is taken")
	}
	if err := r.Guardrails([]string{"0x000000000000000000000000000000000000005b"}, []string{"ethereum", "base"}, "0.5", "1.25"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"It uses only these chains: ethereum, base.",
		"It calls, pays and approves only these addresses, also inside other calls: 0x000000000000000000000000000000000000005B.",
		"One transaction pays at most 0.5 of the chain's coin, beside fees.",
		"It pays at most 1.25 of the chain's coin in 24 hours, on all chains together, fees included.",
		"It offers at most 5 times what the chain's nodes ask for each gas.",
		"It makes at most 9 transactions in 24 hours.",
		"It calls no functions but the following, on any chain.",
		"On chain 1 it may call transfer(address,uint256) of 0x0000000000000000000000000000000000000005, if argument 1 is one of 0x000000000000000000000000000000000000005B and argument 2 is at most 100.",
		"On chain 10 it may call pay((address,uint256)[]) of 0x00000000000000000000000000000000000000C0, if argument 1.2 is at most 7.",
		"On chain 1 it gives away at most 100 in one transaction and 150 in 24 hours of the token 0x0000000000000000000000000000000000000005 (in its smallest unit), and what it approves or permits counts.",
		"It uses no token that has no limit here.",
		"A human approves what pays more than 1 of the chain's coin, fees included.",
		"A human approves the first transaction to an address.",
		"A human approves unlimited allowances.",
		"A human approves everything on these chains: base.",
		"A transaction is signed only after a simulation that succeeded.",
		`It may sign typed data Permit of a domain named "USD" of the contract 0x0000000000000000000000000000000000000005 on chain 1.`,
		"It may sign typed data Login of a domain without a chain.",
		"It may create contracts.",
		"It may sign texts.",
	}
	if got := r.Words(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	none := &guard.Rules{}
	if got := none.Words(); !slices.Equal(got, []string{"It may not create contracts.", "It may not sign texts.", "It may not sign typed data.", "Nothing bounds whom it pays and how much."}) {
		t.Errorf("no rules are %q", got)
	}
}

func TestRulesThatCannotBeHeld(t *testing.T) {
	const f = `{"functions":[{"chain_id":1,"contract":"0x0000000000000000000000000000000000000005","function":"pay((address,uint256)[],int8,uint8[2])","args":[%s]}]}`
	over := `"` + strings.Repeat("9", 77) + `"`
	for name, text := range map[string]string{
		"a negative count":                   `{"max_per_day":-1}`,
		"a limit over 2^255":                 `{"approval":{"require_above_native":` + over + `}}`,
		"a function without a chain":         strings.Replace(fmt.Sprintf(f, ``), `"chain_id":1,`, ``, 1),
		"a rule without a function":          `{"functions":[{"chain_id":1}]}`,
		"a condition without a path":         fmt.Sprintf(f, `{"at_most":"1"}`),
		"a path past the arguments":          fmt.Sprintf(f, `{"path":[3],"at_most":"1"}`),
		"a path before them":                 fmt.Sprintf(f, `{"path":[-1],"at_most":"1"}`),
		"a path past a tuple":                fmt.Sprintf(f, `{"path":[0,2],"at_most":"1"}`),
		"a path into a number":               fmt.Sprintf(f, `{"path":[1,0],"at_most":"1"}`),
		"a path to a tuple":                  fmt.Sprintf(f, `{"path":[0],"at_most":"1"}`),
		"a limit on an address":              fmt.Sprintf(f, `{"path":[0,0],"at_most":"1"}`),
		"a limit on a signed number":         fmt.Sprintf(f, `{"path":[1],"at_most":"1"}`),
		"a list for a number":                fmt.Sprintf(f, `{"path":[0,1],"in":["0x0000000000000000000000000000000000000005"]}`),
		"both conditions":                    fmt.Sprintf(f, `{"path":[0,0],"at_most":"1","in":["0x0000000000000000000000000000000000000005"]}`),
		"no condition":                       fmt.Sprintf(f, `{"path":[0,0]}`),
		"a condition over 2^255":             fmt.Sprintf(f, `{"path":[0,1],"at_most":`+over+`}`),
		"a token without a chain":            `{"tokens":[{"token":"0x0000000000000000000000000000000000000005","per_day":"1"}]}`,
		"a token without a contract":         `{"tokens":[{"chain_id":1,"per_day":"1"}]}`,
		"a token without a limit":            `{"tokens":[{"chain_id":1,"token":"0x0000000000000000000000000000000000000005"}]}`,
		"a token with a limit over 2^255":    `{"tokens":[{"chain_id":1,"token":"0x0000000000000000000000000000000000000005","per_day":` + over + `}]}`,
		"two limits of a token":              `{"tokens":[{"chain_id":1,"token":"0x00000000000000000000000000000000000000c0","per_day":"1"},{"chain_id":1,"token":"0x00000000000000000000000000000000000000C0","per_day":"2"}]}`,
		"typed data without a type":          `{"typed_data":[{"name":"USD"}]}`,
		"typed data of a name without end":   `{"typed_data":[{"primary_type":"P","name":"` + strings.Repeat("a", 257) + `"}]}`,
		"more rules than there may be":       `{"typed_data":[` + strings.Repeat(`{"primary_type":"P"},`, 1000) + `{"primary_type":"P"}]}`,
		"a condition with too many accounts": fmt.Sprintf(f, `{"path":[0,0],"in":[`+strings.Repeat(`"0x0000000000000000000000000000000000000005",`, 1000)+`"0x0000000000000000000000000000000000000005"]}`),
	} {
		if err := parse(t, text).Check(); fault.CodeOf(err) != "invalid_guard_rules" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, cond := range []string{`{"path":[0,0],"in":["0x0000000000000000000000000000000000000005"]}`, `{"path":[0,1],"at_most":"0"}`, `{"path":[2],"at_most":"1"}`} {
		if err := parse(t, fmt.Sprintf(f, cond)).Check(); err != nil {
			t.Errorf("%s: %v", cond, err)
		}
	}
	for _, bad := range []string{"1.5 ETH", "-1", "1e18", "0x1", "1." + strings.Repeat("0", 19)} {
		if err := new(guard.Rules).Guardrails(nil, nil, bad, ""); err == nil {
			t.Errorf("%q is a limit", bad)
		}
		if err := new(guard.Rules).Guardrails(nil, nil, "", bad); err == nil {
			t.Errorf("%q is a daily limit", bad)
		}
	}
}

// A denial says which limit, by how much, and what would pass.
func TestADenialSaysWhatWouldPass(t *testing.T) {
	var r guard.Rules
	if err := r.Guardrails(nil, nil, "0.5", "1"); err != nil {
		t.Fatal(err)
	}
	r.GasCounts, r.MaxPerDay = true, most(2)
	eth := func(s string) *guard.Attempt {
		v, err := evm.ParseETH(s)
		if err != nil {
			t.Fatal(err)
		}
		a := send(&r, &shop, 0, nil)
		a.Value, a.Coin = v, "CELO"
		return a
	}
	spent := guard.NewSpent()
	d := guard.Decide(&r, eth("0.6"), spent).Denial
	want := guard.Denial{
		Rule: "tx_max_value_eth", Limit: "0.5 CELO", Asked: "0.6 CELO", Left: "0.5 CELO",
		Text: "It would pay 0.6 CELO, 0.1 CELO more than is left of the limit of one transaction, which is 0.5 CELO. At most 0.5 CELO would pass now.",
	}
	if d == nil || *d != want {
		t.Errorf("one transaction: %+v", d)
	}
	was, _ := evm.ParseETH("0.75")
	spent.Add(guard.Native, &was)
	a := eth("0.25")
	a.GasCost = *wei(1)
	d = guard.Decide(&r, a, spent).Denial
	want = guard.Denial{
		Rule: "tx_daily_limit_eth", Limit: "1 CELO", Asked: "0.250000000000000001 CELO", Left: "0.25 CELO",
		Text: "It would pay 0.250000000000000001 CELO, 0.000000000000000001 CELO more than is left of the limit of 24 hours, for the coins of all chains together, which is 1 CELO. At most 0.25 CELO would pass now.",
	}
	if d == nil || *d != want {
		t.Errorf("a day: %+v", d)
	}
	a.GasCost = *wei(0)
	if v := guard.Decide(&r, a, spent); !v.Allow || len(v.Takes) != 1 || v.Takes[0].Asset != guard.Native || !v.Takes[0].Amount.Eq(&a.Value) {
		t.Errorf("what is left: %+v", v)
	}
	spent.Count = 2
	if d = guard.Decide(&r, eth("0.1"), spent).Denial; d == nil || d.Rule != "max_per_day" || d.Limit != "2" {
		t.Errorf("the third: %+v", d)
	}
}

func TestWhenAHumanIsAsked(t *testing.T) {
	r := guard.Rules{Approval: guard.ApprovalPolicy{AboveNative: wei(5), NewRecipients: true, UnlimitedApprovals: true, Chains: []string{"Base"}}}
	spent := guard.NewSpent()
	spent.Know(usd)
	spent.Know(shop)
	most := "0x" + strings.Repeat("f", 64)
	base := send(&r, &shop, 5, nil)
	base.Chain = "base"
	r.Typed = []guard.TypedRule{{Name: "USD", ChainID: 1, Contract: &usd, PrimaryType: "Permit"}}
	for name, tc := range map[string]struct {
		try  *guard.Attempt
		want string
	}{
		"nothing":               {send(&r, &shop, 5, nil), ""},
		"a large payment":       {send(&r, &shop, 6, nil), "require_above_native: with fees it pays up to 0.000000000000000006 coins, more than 0.000000000000000005 coins."},
		"fees beside it":        {costs(send(&r, &shop, 3, nil), 3), "require_above_native: with fees it pays up to 0.000000000000000006 coins, more than 0.000000000000000005 coins."},
		"somebody new":          {send(&r, &usd, 0, data("transfer(address,uint256)", addr(thief), num(1))), "require_for_new_recipients: " + thief.String() + " is new to this agent on this chain."},
		"an unlimited permit":   {sign(t, &r, domain(usd), permit, strings.Replace(spender(shop, 1), `"value":1`, `"value":"`+most+`"`, 1)), "require_for_unlimited_approvals: " + shop.String() + " could take all of the token " + usd.String() + "."},
		"what can't be read":    {send(&r, &shop, 0, []byte{1, 2, 3, 4}), "undecodable: what it does can't be read, so it may reach anybody."},
		"everything on a chain": {base, "require_for_chains: everything on this chain is approved by a human."},
	} {
		v := guard.Decide(&r, tc.try, spent)
		if got := strings.Join(v.NeedsApproval, "\n"); !v.Allow || got != tc.want {
			t.Errorf("%s: %q, %+v, want %q", name, got, v.Denial, tc.want)
		}
	}
	early := &guard.Spent{Early: true}
	if v := guard.Decide(&r, send(&r, &thief, 1, nil), early); !v.Allow || len(v.NeedsApproval) > 0 {
		t.Errorf("before it is known who is new: %+v", v)
	}
	got := guard.Recipients(send(&r, &usd, 0, data("transfer(address,uint256)", addr(thief), num(1))))
	if !slices.Equal(got, []evm.Address{usd, thief}) {
		t.Errorf("recipients are %v", got)
	}
}

func BenchmarkDecide(b *testing.B) {
	var r guard.Rules
	for i := range 25 {
		to := evm.Address{0: byte(i + 1)}
		r.To = append(r.To, to)
		r.Functions = append(r.Functions, guard.FunctionRule{ChainID: 1, Contract: to, Function: function("approve(address,uint256)")})
		r.Tokens = append(r.Tokens, guard.TokenLimit{ChainID: 1, Token: to, PerTx: wei(100), PerDay: wei(1000)})
		r.Typed = append(r.Typed, guard.TypedRule{Name: "USD", ChainID: 1, Contract: &to, PrimaryType: "Permit"})
	}
	r.To, r.Functions = append(r.To, usd, shop), append(r.Functions, guard.FunctionRule{
		ChainID: 1, Contract: usd, Function: function("transfer(address,uint256)"), Args: []guard.ArgRule{{Path: []int{0}, In: []evm.Address{shop}}, {Path: []int{1}, AtMost: wei(100)}},
	})
	r.Tokens = append(r.Tokens, guard.TokenLimit{ChainID: 1, Token: usd, PerTx: wei(100), PerDay: wei(1000)})
	r.MaxValue, r.DailyLimit = wei(100), wei(1000)
	chain := uint64(1)
	r.Typed = append(r.Typed, guard.TypedRule{Name: "USD", ChainID: 1, Contract: &usd, PrimaryType: "Permit"})
	spent := guard.NewSpent()
	transfer := send(&r, &usd, 0, data("transfer(address,uint256)", addr(shop), num(1)))
	signed := sign(b, &r, domain(usd), permit, spender(shop, 1))
	signed.Typed.Domain = typed.Domain{Name: "USD", ChainID: &chain, VerifyingContract: &usd}
	for name, a := range map[string]*guard.Attempt{"transaction": transfer, "typed data": signed} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if v := guard.Decide(&r, a, spent); !v.Allow {
					b.Fatalf("%+v", v.Denial)
				}
			}
		})
	}
}
