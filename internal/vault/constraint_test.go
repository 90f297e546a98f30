package vault_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// transfer is what a part of the product that sends money would demand: neither the
// vault nor the policy knows its fields.
type transfer struct {
	to      string
	value   int
	allowed string
	most    int
}

func (t transfer) Refuses(policy.Principal, policy.Moment) error {
	switch {
	case t.to != t.allowed:
		return fault.New(fault.Denied, "recipient_not_allowed", "This recipient is not allowed.").Because("to_allowlist")
	case t.value > t.most:
		return fault.New(fault.Denied, "value_too_high", "This is more than is allowed.").Because("max_value")
	}
	return nil
}

func TestAUseIsWithinTheConstraintOfWhoUses(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	f.put(v, "keys/hot", "of a chain")
	f.allow(v, f.agent, "keys/*", "read")
	asked := f.newAgent()
	_, err := f.Grant(t.Context(), f.call(f.owner), v.ID, vault.Grant{
		Pattern: "keys/*", PrincipalKind: policy.KindAgent, PrincipalID: asked.ID, Permissions: []string{"read"},
		Conditions: []byte(`{"require_approval":true}`),
	})
	must(t, err)
	stranger := f.newAgent()
	for name, test := range map[string]struct {
		who          policy.Principal
		does         transfer
		code, reason string
	}{
		"within it":                    {f.agent, transfer{"a", 1, "a", 1}, "", ""},
		"another recipient":            {f.agent, transfer{"b", 1, "a", 1}, "recipient_not_allowed", "to_allowlist"},
		"too much":                     {f.agent, transfer{"a", 2, "a", 1}, "value_too_high", "max_value"},
		"without a grant":              {stranger, transfer{"b", 1, "a", 1}, "access_denied", "no_policy"},
		"a human is asked":             {asked, transfer{"a", 1, "a", 1}, "approval_required", "approval_required"},
		"no human is asked about that": {asked, transfer{"a", 2, "a", 1}, "value_too_high", "max_value"},
	} {
		t.Run(name, func(t *testing.T) {
			c, ran := f.call(test.who), false
			err := f.Use(t.Context(), c, vault.Ref{Vault: v.ID, Path: parse("keys/hot"), Constraint: test.does}, policy.UseSecret,
				func(s *vault.Secret) error { ran = string(s.Value.Reveal()) == "of a chain"; return nil })
			if ran != (test.code == "") || (err == nil) != ran {
				t.Fatalf("it ran: %v, %v", ran, err)
			}
			if err == nil {
				if c.Event.Details.Outcome != audit.Success || !c.Event.Committed {
					t.Errorf("recorded %+v", c.Event)
				}
				return
			}
			if fault.CodeOf(err) != test.code || c.Event.Details.Reason != test.reason {
				t.Errorf("got %v, recorded %q", err, c.Event.Details.Reason)
			}
		})
	}
}
