package guard_test

import (
	"math/big"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/evm/typed"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// ledger is what was spent, for the reference.
type ledger struct {
	amounts map[string]*big.Int
	known   map[evm.Address]bool
	count   int
}

// reference is the guard again, as the rules are said, without a thought for
// speed: it returns the rule that denies, or else the names of those that ask a human.
func reference(r *guard.Rules, a *guard.Attempt, l *ledger) (denies string, asks []string) {
	m := &a.Meaning
	isTyped := a.Typed != nil
	unread := len(m.Unknown) > 0
	mustRead := len(r.To)+len(r.Functions)+len(r.Tokens) > 0 || r.RefuseOtherTokens
	limited := mustRead || r.MaxValue != nil || r.DailyLimit != nil

	if a.Text {
		switch {
		case !r.AllowText:
			return "allow_text", nil
		case len(r.Chains) > 0 && !folded(r.Chains)[strings.ToLower(a.Chain)]:
			return "tx_allowed_chains", nil
		case folded(r.Approval.Chains)[strings.ToLower(a.Chain)]:
			return "", []string{"require_for_chains"}
		}
		return "", nil
	}
	if a.ChainID == 0 {
		return "chain_id", nil
	}
	if len(r.Chains) > 0 && !folded(r.Chains)[strings.ToLower(a.Chain)] {
		return "tx_allowed_chains", nil
	}
	if m.Authorizes {
		return "authorization", nil
	}
	if isTyped {
		chain := uint64(0)
		if a.Typed.Domain.ChainID != nil {
			chain = *a.Typed.Domain.ChainID
		}
		found, vouched := false, false
		for _, t := range r.Typed {
			if t.PrimaryType == a.Typed.PrimaryType && t.Name == a.Typed.Domain.Name && t.ChainID == chain && same(t.Contract, a.Typed.Domain.VerifyingContract) {
				found = true
				vouched = vouched || t.Unread
			}
		}
		if !found || chain != 0 && chain != a.ChainID || chain == 0 && (len(m.Effects) > 0 || len(m.Calls) > 0) {
			return "typed_data", nil
		}
		if unread && len(m.Calls) == 0 && mustRead && !vouched {
			return "undecodable", nil
		}
	}
	if !r.AllowCreation && (m.Creates || !isTyped && a.To == nil) {
		return "allow_creation", nil
	}
	if limited && m.Delegates {
		return "delegatecall", nil
	}
	if limited && (m.Truncated || slices.Contains(m.Unknown, a.From)) {
		return "undecodable", nil
	}
	if mustRead && unread && !(isTyped && len(m.Calls) == 0) {
		return "undecodable", nil
	}

	if len(r.To) > 0 {
		listed := map[evm.Address]bool{}
		for _, to := range r.To {
			listed[to] = true
		}
		listed[a.From] = true // nothing leaves by it
		if a.To != nil && !listed[*a.To] {
			return "tx_to_allowlist", nil
		}
		for _, c := range m.Calls {
			if c.To != nil && !listed[*c.To] {
				return "tx_to_allowlist", nil
			}
		}
		for _, e := range m.Effects {
			coins := e.Kind == meaning.NativeValue
			if coins && e.Amount.IsZero() || coins && m.Creates && e.To.IsZero() {
				continue
			}
			if !listed[e.To] {
				return "tx_to_allowlist", nil
			}
		}
	}
	if len(r.Functions) > 0 {
		for i, c := range m.Calls {
			if c.To == nil || len(c.Data) == 0 {
				continue
			}
			ok := false
			for _, f := range r.Functions {
				if f.ChainID == c.ChainID && f.Contract == *c.To && f.Function.String() == m.Functions[i].Function {
					all := true
					for _, cond := range f.Args {
						for _, v := range reach(m.Functions[i].Args, cond.Path) {
							if cond.AtMost != nil {
								all = all && v.Big().Cmp(cond.AtMost.ToBig()) <= 0
							} else {
								all = all && slices.Contains(cond.In, v.Address())
							}
						}
					}
					ok = ok || all
				}
			}
			if !ok {
				return "functions", nil
			}
		}
	}

	amounts := map[string]*big.Int{}
	for _, e := range m.Effects {
		key := guard.Asset(a.ChainID, e.Token)
		if amounts[key] == nil {
			amounts[key] = new(big.Int)
		}
		amounts[key].Add(amounts[key], e.Amount.ToBig())
	}
	native := a.Value.ToBig()
	if n := amounts[guard.Native]; n != nil && n.Cmp(native) > 0 {
		native = n
	}
	if r.MaxValue != nil && native.Cmp(r.MaxValue.ToBig()) > 0 {
		return "tx_max_value_eth", nil
	}
	limits := map[string]guard.TokenLimit{}
	for _, t := range r.Tokens {
		limits[guard.Asset(t.ChainID, t.Token)] = t
	}
	first := ""
	for _, e := range m.Effects { // in their order, so that the first denies
		key := guard.Asset(a.ChainID, e.Token)
		t, ok := limits[key]
		switch {
		case key == guard.Native || first != "":
		case !ok && r.RefuseOtherTokens:
			first = "refuse_other_tokens"
		case ok && t.PerTx != nil && amounts[key].Cmp(t.PerTx.ToBig()) > 0:
			first = "tokens"
		}
	}
	if first != "" {
		return first, nil
	}
	price, fees := a.Price.ToBig(), a.GasCost.ToBig()
	fiveTimes := func() bool {
		return a.Market != nil && price.Cmp(new(big.Int).Mul(a.Market.ToBig(), big.NewInt(5))) <= 0
	}
	if a.Cancels != nil && price.Sign() > 0 {
		was := a.Cancels.ToBig()
		quarter := new(big.Int).Add(was, new(big.Int).Div(was, big.NewInt(4)))
		if price.Cmp(quarter) > 0 && !fiveTimes() && (r.MaxFee == nil || fees.Cmp(r.MaxFee.ToBig()) > 0) {
			return "max_fee", nil
		}
	} else if price.Sign() > 0 {
		if r.MaxFee != nil && fees.Cmp(r.MaxFee.ToBig()) > 0 {
			return "max_fee", nil
		}
		if r.MaxFee == nil && (limited || r.Approval.AboveNative != nil || r.Approval.NewRecipients || r.Approval.UnlimitedApprovals || len(r.Approval.Chains) > 0 || r.MaxPerDay != nil) && !fiveTimes() {
			return "max_fee", nil
		}
	}
	exceeds := func(limit *uint256.Int, key string, asked *big.Int) bool {
		all := new(big.Int).Set(asked)
		if was := l.amounts[key]; was != nil {
			all.Add(all, was)
		}
		return limit != nil && asked.Sign() > 0 && all.Cmp(limit.ToBig()) > 0
	}
	today := new(big.Int).Set(native)
	if r.GasCounts {
		today.Add(today, a.GasCost.ToBig())
	}
	stops := a.Cancels != nil
	if !stops && exceeds(r.DailyLimit, guard.Native, today) {
		return "tx_daily_limit_eth", nil
	}
	for key, n := range amounts {
		if t, ok := limits[key]; ok && !stops && exceeds(t.PerDay, key, n) {
			return "tokens", nil
		}
	}
	if r.MaxPerDay != nil && !isTyped && !stops && l.count+1 > *r.MaxPerDay {
		return "max_per_day", nil
	}

	p := r.Approval
	if p.AboveNative != nil && new(big.Int).Add(native, fees).Cmp(p.AboveNative.ToBig()) > 0 {
		asks = append(asks, "require_above_native")
	}
	stranger, unlimited := false, false
	for _, c := range m.Calls {
		stranger = stranger || c.To != nil && !c.To.IsZero() && *c.To != a.From && !l.known[*c.To]
	}
	for _, e := range m.Effects {
		stranger = stranger || !e.To.IsZero() && e.To != a.From && !l.known[e.To]
		unlimited = unlimited || e.Unlimited
	}
	if a.To != nil {
		stranger = stranger || !a.To.IsZero() && *a.To != a.From && !l.known[*a.To]
	}
	if p.NewRecipients && stranger {
		asks = append(asks, "require_for_new_recipients")
	}
	if p.UnlimitedApprovals && unlimited {
		asks = append(asks, "require_for_unlimited_approvals")
	}
	if (p.NewRecipients || p.UnlimitedApprovals) && (unread || m.Delegates || m.Truncated) {
		asks = append(asks, "undecodable")
	}
	if folded(p.Chains)[strings.ToLower(a.Chain)] {
		asks = append(asks, "require_for_chains")
	}
	return "", asks
}

func folded(list []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range list {
		out[strings.ToLower(s)] = true
	}
	return out
}

func same(a, b *evm.Address) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// reach is the values that a path leads to, through lists.
func reach(args []abi.Value, path []int) []abi.Value {
	var flat func(v abi.Value) []abi.Value
	flat = func(v abi.Value) []abi.Value {
		if v.Kind != abi.List && v.Kind != abi.Array {
			return []abi.Value{v}
		}
		var out []abi.Value
		for _, e := range v.List {
			out = append(out, flat(e)...)
		}
		return out
	}
	values := flat(args[path[0]])
	for _, step := range path[1:] {
		var next []abi.Value
		for _, v := range values {
			next = append(next, flat(v.List[step])...)
		}
		values = next
	}
	return values
}

// dice makes rules, attempts and ledgers of few addresses, chains and amounts, so
// that they meet.
type dice struct{ *rand.Rand }

func (d dice) yes(one int) bool { return d.Intn(one) == 0 }

func (d dice) addr() evm.Address { return evm.Address{19: byte(d.Intn(6))} }

func (d dice) amount() *uint256.Int {
	if d.yes(12) {
		return new(uint256.Int).Lsh(uint256.NewInt(1), uint(d.Intn(255)))
	}
	return uint256.NewInt(uint64(d.Intn(30)))
}

// given is an amount that calldata may have, and rules may not.
func (d dice) given() abi.Value {
	if d.yes(15) {
		return abi.OfUint(new(uint256.Int).SetAllOne())
	}
	return abi.OfUint(d.amount())
}

func (d dice) maybe(one int) *uint256.Int {
	if d.yes(one) {
		return d.amount()
	}
	return nil
}

func (d dice) contract() *evm.Address {
	if d.yes(3) {
		return nil
	}
	a := d.addr()
	return &a
}

var calldata = []struct {
	signature string
	paths     [][]int
	args      func(d dice) []abi.Value
}{
	{"transfer(address,uint256)", [][]int{{0}, {1}}, func(d dice) []abi.Value { return []abi.Value{addr(d.addr()), d.given()} }},
	{"approve(address,uint256)", [][]int{{0}, {1}}, func(d dice) []abi.Value { return []abi.Value{addr(d.addr()), d.given()} }},
	{"pay((address,uint256)[],address)", [][]int{{0, 0}, {0, 1}, {1}}, func(d dice) []abi.Value {
		var pairs []abi.Value
		for range d.Intn(3) {
			pairs = append(pairs, tuple(addr(d.addr()), d.given()))
		}
		return []abi.Value{list(pairs...), addr(d.addr())}
	}},
}

func (d dice) call(depth int) []byte {
	if depth < 3 && d.yes(3) {
		var inner []abi.Value
		for range d.Intn(3) {
			inner = append(inner, tuple(addr(d.addr()), d.given(), raw(d.call(depth+1))))
		}
		switch d.Intn(3) {
		case 0:
			return data("executeBatch((address,uint256,bytes)[])", list(inner...))
		case 1:
			return safe(d.addr(), d.call(depth+1), uint64(d.Intn(2)))
		default:
			return data("multicall(bytes[])", list(raw(d.call(depth+1))))
		}
	}
	switch d.Intn(5) {
	case 0:
		return nil
	case 1:
		return []byte{1, 2, 3, byte(d.Intn(3))}
	}
	c := calldata[d.Intn(len(calldata))]
	return data(c.signature, c.args(d)...)
}

func (d dice) rules() *guard.Rules {
	r := &guard.Rules{
		MaxValue: d.maybe(3), DailyLimit: d.maybe(3), GasCounts: d.yes(2), RefuseOtherTokens: d.yes(6), AllowCreation: d.yes(2), AllowText: d.yes(2),
		Approval: guard.ApprovalPolicy{AboveNative: d.maybe(3), NewRecipients: d.yes(3), UnlimitedApprovals: d.yes(3)},
	}
	if d.yes(3) {
		r.MaxPerDay = most(d.Intn(4))
	}
	if d.yes(4) {
		r.MaxFee = d.amount()
	}
	if d.yes(3) {
		for range 1 + d.Intn(5) {
			r.To = append(r.To, d.addr())
		}
	}
	if d.yes(3) {
		r.Chains = []string{"ethereum", "Base"}[:1+d.Intn(2)]
	}
	if d.yes(4) {
		r.Approval.Chains = []string{"BASE"}
	}
	if d.yes(3) {
		for range 1 + d.Intn(8) {
			c := calldata[d.Intn(len(calldata))]
			f := guard.FunctionRule{ChainID: 1 + uint64(d.Intn(2)), Contract: d.addr(), Function: function(c.signature)}
			for range d.Intn(3) {
				cond := guard.ArgRule{Path: c.paths[d.Intn(len(c.paths))]}
				if last := cond.Path[len(cond.Path)-1]; last == 1 && len(c.paths) == 2 || last == 1 && len(cond.Path) == 2 {
					cond.AtMost = d.amount()
				} else {
					cond.In = []evm.Address{d.addr(), d.addr(), d.addr()}
				}
				f.Args = append(f.Args, cond)
			}
			r.Functions = append(r.Functions, f)
		}
	}
	if d.yes(3) {
		for n := range 1 + d.Intn(5) {
			t := guard.TokenLimit{ChainID: 1 + uint64(d.Intn(2)), Token: evm.Address{19: byte(n + 1)}, PerTx: d.maybe(2), PerDay: d.amount()}
			r.Tokens = append(r.Tokens, t)
		}
	}
	for range d.Intn(4) {
		r.Typed = append(r.Typed, guard.TypedRule{Name: []string{"", "A"}[d.Intn(2)], ChainID: uint64(d.Intn(3)), Contract: d.contract(), PrimaryType: []string{"P", "Q"}[d.Intn(2)], Unread: d.yes(2)})
	}
	return r
}

func (d dice) attempt(r *guard.Rules) *guard.Attempt {
	chain := uint64(1 + d.Intn(2))
	if d.yes(30) {
		chain = 0
	}
	a := &guard.Attempt{Chain: []string{"Ethereum", "base", "other"}[d.Intn(3)], ChainID: chain, From: d.addr(), GasCost: *d.amount(), Text: d.yes(30)}
	to := d.addr()
	a.Meaning = meaning.Read(meaning.Call{ChainID: chain, From: a.From, To: &to, Value: *d.amount(), Data: d.call(0)}, r.Known(chain))
	a.To, a.Value = &to, a.Meaning.Calls[0].Value
	switch {
	case a.Text:
		a.To, a.Value, a.GasCost, a.Meaning = nil, uint256.Int{}, uint256.Int{}, meaning.Meaning{}
		return a
	case d.yes(20):
		a.To, a.Meaning = nil, meaning.Read(meaning.Call{ChainID: chain, From: a.From, Value: a.Value}, nil)
	case d.yes(4):
		t := &guard.Typed{PrimaryType: []string{"P", "Q"}[d.Intn(2)], Domain: typed.Domain{Name: []string{"", "A"}[d.Intn(2)], VerifyingContract: d.contract()}}
		if !d.yes(3) {
			t.Domain.ChainID = &chain
		}
		if len(r.Typed) > 0 && !d.yes(4) { // mostly one that a rule is about
			of := r.Typed[d.Intn(len(r.Typed))]
			t.PrimaryType, t.Domain.Name, t.Domain.VerifyingContract, t.Domain.ChainID = of.PrimaryType, of.Name, of.Contract, nil
			if of.ChainID != 0 {
				t.Domain.ChainID = &of.ChainID
			}
		}
		a.Typed, a.To, a.Value, a.GasCost = t, nil, uint256.Int{}, uint256.Int{}
		if d.yes(2) { // of one type, without calls inside
			a.Meaning.Calls, a.Meaning.Functions = nil, nil
		}
	}
	if a.Typed == nil && d.yes(3) {
		a.Price = *d.amount()
		if a.Market = d.maybe(5); d.yes(8) {
			a.Cancels = d.amount()
		}
	}
	a.Meaning.Authorizes = d.yes(40)
	a.Meaning.Truncated = d.yes(20)
	a.Meaning.Creates = a.Meaning.Creates || d.yes(30)
	return a
}

func (d dice) spent(chain uint64) (*guard.Spent, *ledger) {
	s, l := guard.NewSpent(), &ledger{amounts: map[string]*big.Int{}, known: map[evm.Address]bool{}}
	for range d.Intn(4) {
		key, n := guard.Asset(chain, d.addr()), d.amount()
		if l.amounts[key] == nil {
			l.amounts[key] = new(big.Int)
		}
		l.amounts[key].Add(l.amounts[key], n.ToBig())
		s.Add(key, n)
	}
	for range d.Intn(8) {
		a := d.addr()
		s.Know(a)
		l.known[a] = true
	}
	s.Count = d.Intn(4)
	l.count = s.Count
	return s, l
}

// agree compares the guard with the reference, and says which rules came out.
func agree(t *testing.T, seed int64) []string {
	t.Helper()
	d := dice{rand.New(rand.NewSource(seed))}
	r := d.rules()
	if err := r.Check(); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	a := d.attempt(r)
	s, l := d.spent(a.ChainID)
	denies, asks := reference(r, a, l)
	v := guard.Decide(r, a, s)
	got := ""
	if v.Denial != nil {
		got = v.Denial.Rule
	}
	var asked []string
	for _, why := range v.NeedsApproval {
		name, _, _ := strings.Cut(why, ":")
		if !slices.Contains(asked, name) {
			asked = append(asked, name)
		}
	}
	if got != denies || v.Allow != (denies == "") || !slices.Equal(asked, asks) {
		t.Fatalf("seed %d: %q %v, want %q %v\n%+v\n%+v", seed, got, asked, denies, asks, r, a)
	}
	if early := guard.Decide(r, a, &guard.Spent{Early: true}); v.Allow && !early.Allow {
		t.Fatalf("seed %d: %+v is refused early, and not later", seed, early.Denial)
	}
	return append(asks, denies)
}

func TestTheGuardAgreesWithItsReference(t *testing.T) {
	seen := map[string]int{}
	for seed := range int64(9_000) {
		for _, rule := range agree(t, seed) {
			seen[rule]++
		}
	}
	for _, rule := range []string{
		"", "allow_text", "chain_id", "tx_allowed_chains", "authorization", "typed_data", "undecodable", "allow_creation", "delegatecall", "tx_to_allowlist", "functions",
		"tx_max_value_eth", "refuse_other_tokens", "tokens", "max_fee", "tx_daily_limit_eth", "max_per_day", "require_above_native", "require_for_new_recipients", "require_for_unlimited_approvals", "require_for_chains",
	} {
		if seen[rule] < 5 {
			t.Errorf("%q came out %d times", rule, seen[rule])
		}
	}
}

func FuzzDecide(f *testing.F) {
	for seed := range int64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed int64) { agree(t, seed) })
}
