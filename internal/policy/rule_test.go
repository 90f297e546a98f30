package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// constants returns the string constants of type T declared in a file of this
// package, so that a new one can not be forgotten in a table.
func constants[T ~string](t *testing.T, file string) []T {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []T
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, T(text))
		}
		return true
	})
	if len(found) < 10 {
		t.Fatalf("%s: only %d constants found", file, len(found))
	}
	return found
}

func TestEveryActionIsListedOnceAndHasARule(t *testing.T) {
	listed := policy.Actions()
	for _, a := range constants[policy.Action](t, "action.go") {
		n := 0
		for _, l := range listed {
			if l == a {
				n++
			}
		}
		rule, ok := policy.RuleFor(a)
		if slices.Contains([]policy.Action{policy.AuthFailure, policy.UnknownRequest, policy.LogResumed, policy.WatchModel, policy.UsedSecret}, a) { // the log alone has them
			if n != 0 || ok || !policy.Recorded(a) {
				t.Errorf("%s can be declared by an operation, or is not known to be recorded", a)
			}
			continue
		}
		if n != 1 || !ok {
			t.Errorf("%s: listed %d times, rule %v", a, n, ok)
		}
		if rule.Who == policy.Nobody {
			t.Errorf("%s: nobody may do it", a)
		}
	}
	if table := policy.Rules(); len(table) != len(listed) {
		t.Errorf("%d rules for %d actions", len(table), len(listed))
	}
}

func TestOnlyTheseActionsArePublic(t *testing.T) {
	want := []policy.Action{
		policy.Login, policy.Signup, policy.VerifyEmail, policy.ReadSigningKey, policy.StartDevice, policy.AskPasskey,
		policy.ReadDevice, policy.EnrollAgent, policy.ReadHealth, policy.ReadOpenAPI,
		policy.ForgotPassword, policy.ResetPassword, policy.AccessShare, policy.BillingEvent, policy.ListChains, policy.ReadAttestation,
	}
	for _, a := range policy.Actions() {
		if a.Public() != slices.Contains(want, a) {
			t.Errorf("%s: public %v", a, a.Public())
		}
	}
	if policy.Action("no.such").Public() {
		t.Error("an unknown action is public")
	}
}

func TestOnlyTheseActionsHandOutValues(t *testing.T) {
	for a, rule := range policy.Rules() {
		want := a == policy.ReadSecret || a == policy.ReadSecretVersion || a == policy.CreateShare
		if rule.Value != want {
			t.Errorf("%s: value %v", a, rule.Value)
		}
		if rule.Value && rule.Admin {
			t.Errorf("%s: owners and admins read values by role", a)
		}
	}
}

func TestOnlyTheseActionsTakeAPerson(t *testing.T) {
	for a, rule := range policy.Rules() {
		if rule.Person != slices.Contains(personal, a) {
			t.Errorf("%s: person %v", a, rule.Person)
		}
		if rule.Person && rule.Who != policy.Users {
			t.Errorf("%s: agents are no persons", a)
		}
	}
}
