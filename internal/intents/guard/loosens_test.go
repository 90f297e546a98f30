package guard_test

import (
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// changed are rules of which some are others. Those of the contract stay: they are set elsewhere.
func (d dice) changed(was *guard.Rules) *guard.Rules {
	is, other := *was, d.rules()
	for _, change := range []func(){
		func() { is.GasCounts = other.GasCounts },
		func() { is.RefuseOtherTokens = !is.RefuseOtherTokens },
		func() { is.AllowCreation, is.AllowText = other.AllowCreation, other.AllowText },
		func() { is.MaxFee = other.MaxFee },
		func() { is.MaxPerDay = other.MaxPerDay },
		func() { is.Approval = other.Approval },
		func() { is.Functions = other.Functions },
		func() { is.Functions = append(slices.Clone(is.Functions), other.Functions...) },
		func() { is.Tokens = other.Tokens },
		func() { is.Typed = other.Typed },
	} {
		if d.yes(5) {
			change()
		}
	}
	return &is
}

// read is an attempt as other rules have it read.
func read(a *guard.Attempt, by *guard.Rules) *guard.Attempt {
	out := *a
	if len(a.Meaning.Calls) == 0 || a.Meaning.Calls[0].To == nil {
		return &out
	}
	out.Meaning = meaning.Read(a.Meaning.Calls[0], by.Known(a.ChainID))
	out.Meaning.Authorizes, out.Meaning.Truncated, out.Meaning.Creates = a.Meaning.Authorizes, a.Meaning.Truncated, a.Meaning.Creates
	return &out
}

// asked are the names of the rules that have a human asked.
func asked(v guard.Verdict) (names []string) {
	for _, why := range v.NeedsApproval {
		name, _, _ := strings.Cut(why, ":")
		names = append(names, name)
	}
	return names
}

// Rules that let anything through, or with less asking, that those before them did not are looser.
func TestRulesThatLetMoreThroughLoosen(t *testing.T) {
	passes, keeps := map[string]int{}, 0
	for seed := range int64(60_000) {
		d := dice{rand.New(rand.NewSource(seed))}
		was := d.rules()
		is := d.changed(was)
		loosens := guard.Loosens(was, is)
		if !loosens {
			keeps++
		}
		a := d.attempt(is)
		s, _ := d.spent(a.ChainID)
		before, after := guard.Decide(was, read(a, was), s), guard.Decide(is, read(a, is), s)
		why := ""
		switch {
		case !after.Allow:
		case !before.Allow:
			why = before.Denial.Rule
		default:
			for _, name := range asked(before) {
				if !slices.Contains(asked(after), name) {
					why = name
				}
			}
		}
		if why == "" {
			continue
		}
		passes[why]++
		if !loosens {
			t.Fatalf("seed %d: %s held it before, and the rules do not count as looser\n%+v\n%+v\n%+v", seed, why, was, is, a)
		}
	}
	if keeps < 10_000 {
		t.Errorf("%d changes count as no looser", keeps)
	}
	for _, rule := range []string{
		"undecodable", "functions", "tokens", "refuse_other_tokens", "typed_data", "allow_creation", "allow_text", "max_fee", "tx_daily_limit_eth", "max_per_day",
		"require_above_native", "require_for_new_recipients", "require_for_unlimited_approvals", "require_for_chains",
	} {
		if passes[rule] < 3 {
			t.Errorf("%q held %d attempts that others let pass", rule, passes[rule])
		}
	}
}

// A token that is new to the list hides no limit that is raised beside it.
func TestALimitIsRaisedBesideANewToken(t *testing.T) {
	const known, other = `{"chain_id":1,"token":"0x0000000000000000000000000000000000000005","per_day":"LIMIT"}`, `{"chain_id":1,"token":"0x0000000000000000000000000000000000000006","per_day":"1"}`
	limits := func(limit string) string { return strings.ReplaceAll(known, "LIMIT", limit) }
	function := `"functions":[{"chain_id":1,"contract":"0x0000000000000000000000000000000000000007","function":"drain()"}]`
	for _, tc := range []struct {
		name, was, is string
		loosens       bool
	}{
		{"a new token and the rest refused", `{"tokens":[` + limits("10") + `]}`, `{"tokens":[` + limits("10") + `,` + other + `],"refuse_other_tokens":true}`, false},
		{"a limit raised beside it", `{"tokens":[` + limits("10") + `]}`, `{"tokens":[` + limits("11") + `,` + other + `],"refuse_other_tokens":true}`, true},
		{"a limit left out beside it", `{"tokens":[` + limits("10") + `]}`, `{"tokens":[` + other + `]}`, true},
		{"the first function, where tokens have limits", `{"tokens":[` + limits("10") + `]}`, `{"tokens":[` + limits("10") + `],` + function + `}`, true},
		{"the first function, where others are refused", `{"refuse_other_tokens":true}`, `{"refuse_other_tokens":true,` + function + `}`, true},
		{"the first function, where new recipients are approved", `{"approval":{"require_for_new_recipients":true}}`, `{"approval":{"require_for_new_recipients":true},` + function + `}`, true},
		{"the first function, where nothing is bounded", `{}`, `{` + function + `}`, false},
	} {
		if got := guard.Loosens(parse(t, tc.was), parse(t, tc.is)); got != tc.loosens {
			t.Errorf("%s loosens: %v", tc.name, got)
		}
	}
}
