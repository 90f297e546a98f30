package iprule_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// rows is a store that keeps rules in memory, and counts how often it is read.
type rows struct {
	rules []iprule.Rule
	epoch int64
	exact bool
	reads int
}

func (r *rows) EpochOf(string) (int64, bool) { return r.epoch, r.exact }

func (r *rows) IPRules(context.Context, string) ([]iprule.Rule, error) {
	r.reads++
	return r.rules, nil
}

func (r *rows) AddIPRule(context.Context, iprule.Rule, func([]iprule.Rule) error, *audit.Event) error {
	return nil
}

func (r *rows) RemoveIPRule(context.Context, string, string, func([]iprule.Rule) error, *audit.Event) error {
	return nil
}

func rule(what, network, to string) iprule.Rule {
	return iprule.Rule{Type: what, Network: netip.MustParsePrefix(network), AppliesTo: to}
}

func TestAdmit(t *testing.T) {
	office, printer := rule(iprule.Allow, "192.0.2.0/24", "all"), rule(iprule.Deny, "192.0.2.7/32", "all")
	for name, tc := range map[string]struct {
		rules []iprule.Rule
		kind  policy.PrincipalKind
		from  string // empty: not known
		in    bool
	}{
		"no rules":                              {nil, policy.KindUser, "203.0.113.1", true},
		"no rules and no address":               {nil, policy.KindUser, "", true},
		"within what is allowed":                {[]iprule.Rule{office}, policy.KindUser, "192.0.2.1", true},
		"outside it":                            {[]iprule.Rule{office}, policy.KindAgent, "203.0.113.1", false},
		"a stranger outside it":                 {[]iprule.Rule{office}, policy.KindAnonymous, "203.0.113.1", false},
		"no address":                            {[]iprule.Rule{office}, policy.KindUser, "", false},
		"deny wins":                             {[]iprule.Rule{printer, office}, policy.KindUser, "192.0.2.7", false},
		"deny wins in whatever order":           {[]iprule.Rule{office, printer}, policy.KindUser, "192.0.2.7", false},
		"beside what is denied":                 {[]iprule.Rule{printer}, policy.KindUser, "192.0.2.8", true},
		"rules for agents are none for users":   {[]iprule.Rule{rule(iprule.Allow, "192.0.2.0/24", "agent")}, policy.KindUser, "203.0.113.1", true},
		"rules for agents are none for others":  {[]iprule.Rule{rule(iprule.Deny, "0.0.0.0/0", "agent")}, policy.KindAnonymous, "203.0.113.1", true},
		"a type that is not known lets none in": {[]iprule.Rule{rule("later", "192.0.2.0/24", "all")}, policy.KindUser, "192.0.2.1", false},
	} {
		t.Run(name, func(t *testing.T) {
			var from netip.Addr
			if tc.from != "" {
				from = netip.MustParseAddr(tc.from)
			}
			err := iprule.New(&rows{rules: tc.rules, exact: true}).Admit(t.Context(), "o", tc.kind, from)
			if in := err == nil; in != tc.in || !in && fault.CodeOf(err) != "address_not_allowed" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRulesAreReadAgainWhenTheEpochMovedOrIsNotKnown(t *testing.T) {
	st := &rows{exact: true}
	s := iprule.New(st)
	ask := func() error {
		return s.Admit(t.Context(), "o", policy.KindUser, netip.MustParseAddr("203.0.113.1"))
	}
	for range 3 {
		if err := ask(); err != nil || st.reads != 1 {
			t.Fatalf("read %d times, %v", st.reads, err)
		}
	}
	st.rules, st.epoch = []iprule.Rule{rule(iprule.Deny, "203.0.113.0/24", "user")}, 1
	if err := ask(); !fault.Is(err, fault.Denied) || st.reads != 2 {
		t.Errorf("after the epoch moved: read %d times, %v", st.reads, err)
	}
	st.exact = false
	_, _ = ask(), ask()
	if st.reads != 4 {
		t.Errorf("read %d times while the epoch is not known, want each time", st.reads-2)
	}
}
