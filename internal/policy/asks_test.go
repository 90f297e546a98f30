package policy_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

func TestWhichConditionsAskForApprovals(t *testing.T) {
	t.Parallel()
	for conditions, asks := range map[string]bool{
		"": false, "{}": false, `{"ip_allowlist":["192.0.2.1"]}`: false, `{"require_approval":false}`: false,
		`{"require_approval":true}`: true, `{"require_approval":{"max_uses":3}}`: true,
		`{"no_such":1}`: true, "{": true,
	} {
		if got := policy.AsksApproval([]byte(conditions)); got != asks {
			t.Errorf("%s: %v, want %v", conditions, got, asks)
		}
	}
}

func TestWhichPoliciesLetRead(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		row policy.Row
		may bool
	}{
		"the path":                  {policy.Row{Pattern: "a/b", Permissions: []byte(`["read"]`)}, true},
		"a pattern over it":         {policy.Row{Pattern: "a/*", Permissions: []byte(`["delete","read"]`)}, true},
		"another path":              {policy.Row{Pattern: "a/c", Permissions: []byte(`["read"]`)}, false},
		"no right to read":          {policy.Row{Pattern: "**", Permissions: []byte(`["write","delete"]`)}, false},
		"one that ends later":       {policy.Row{Pattern: "**", Permissions: []byte(`["read"]`), ExpiresAt: now.Add(1)}, true},
		"one that ends now":         {policy.Row{Pattern: "**", Permissions: []byte(`["read"]`), ExpiresAt: now}, false},
		"one with an approval":      {policy.Row{Pattern: "**", Permissions: []byte(`["read"]`), Conditions: []byte(`{"require_approval":true}`)}, false},
		"one for an address":        {policy.Row{Pattern: "**", Permissions: []byte(`["read"]`), Conditions: []byte(`{"ip_allowlist":["192.0.2.1"]}`)}, true},
		"conditions that are none":  {policy.Row{Pattern: "**", Permissions: []byte(`["read"]`), Conditions: []byte("{")}, false},
		"a pattern that is none":    {policy.Row{Pattern: "a//", Permissions: []byte(`["read"]`)}, true},
		"permissions that are none": {policy.Row{Pattern: "**", Permissions: []byte("[")}, true},
	} {
		if got := policy.LetsRead([]policy.Row{{Pattern: "x", Permissions: []byte(`["read"]`)}, c.row}, "a/b", now); got != c.may {
			t.Errorf("%s: %v, want %v", name, got, c.may)
		}
	}
	if policy.LetsRead(nil, "a/b", now) {
		t.Error("no policy lets read")
	}
}
