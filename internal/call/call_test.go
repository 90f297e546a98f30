package call_test

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func of(who policy.Principal) *call.Call {
	return &call.Call{Who: who, IP: netip.MustParseAddr("192.0.2.7"), Now: now, Event: &audit.Event{ID: "event", Org: who.Org}}
}

func user(role policy.Role) policy.Principal {
	return policy.Principal{Kind: policy.KindUser, ID: "ada", Org: "org", Role: role, Person: now}
}

func TestAuthorizeNotesTheRuleOrGivesTheReason(t *testing.T) {
	member, owner := user(policy.RoleMember), user(policy.RoleOwner)
	boss := member
	boss.PlatformAdmin = true
	agent := policy.Principal{Kind: policy.KindAgent, ID: "robot", Org: "org", Creator: "ada"}
	away := member
	away.Person = now.Add(-policy.PersonFor)
	for name, tc := range map[string]struct {
		who          policy.Principal
		action       policy.Action
		org          string
		allowed      policy.Reason // empty: it is refused
		code, reason string
		kind         fault.Kind
	}{
		"open to users":              {member, policy.UpdateUser, "org", policy.ReasonSignedIn, "", "", 0},
		"a role":                     {owner, policy.UpdateBilling, "org", policy.ReasonRole, "", "", 0},
		"the platform":               {boss, policy.UpdateSettings, "org", policy.ReasonPlatform, "", "", 0},
		"open to all":                {policy.Principal{}, policy.AccessShare, "", policy.ReasonPublic, "", "", 0},
		"a stranger":                 {policy.Principal{}, policy.UpdateUser, "org", "", "unauthenticated", "unauthenticated", fault.Unauthenticated},
		"a role that is missing":     {member, policy.UpdateBilling, "org", "", "access_denied", "role_required", fault.Denied},
		"another organisation":       {owner, policy.UpdateBilling, "other", "", "not_found", "not_found", fault.NotFound},
		"an agent for a user":        {agent, policy.UpdateUser, "org", "", "access_denied", "kind_required", fault.Denied},
		"an action that nobody knew": {owner, "no.such", "org", "", "internal_error", "internal_error", fault.Internal},
		"a person who went away":     {away, policy.EnableMFA, "org", "", "person_required", "person_required", fault.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			c := of(tc.who)
			c.Event.Details.Reason = "before"
			err := c.Authorize(tc.action, policy.Resource{Org: tc.org})
			if tc.allowed != "" {
				if err != nil || c.Event.Details.Reason != string(tc.allowed) {
					t.Errorf("got %v with the reason %q, want %q", err, c.Event.Details.Reason, tc.allowed)
				}
				return
			}
			if err == nil || fault.KindOf(err) != tc.kind || fault.CodeOf(err) != tc.code || fault.ReasonOf(err) != tc.reason {
				t.Errorf("got %v of kind %d with the reason %q, want %s of kind %d because of %s",
					err, fault.KindOf(err), fault.ReasonOf(err), tc.code, tc.kind, tc.reason)
			}
			if c.Event.Details.Outcome != "" {
				t.Errorf("Authorize says the outcome %q, which is the edge's to say", c.Event.Details.Outcome)
			}
		})
	}
}

func TestOwnAndAtAreTheCallers(t *testing.T) {
	c := of(user(policy.RoleMember))
	if r := c.Own(); r.Org != "org" || r.Vault != nil || r.Agent != nil {
		t.Errorf("its own is %+v", r)
	}
	if at := c.At(); !at.Now.Equal(now) || at.IP != c.IP {
		t.Errorf("it is at %+v", at)
	}
}

func TestTouchSucceedAndBy(t *testing.T) {
	c := of(user(policy.RoleMember))
	c.Touch("share", "one")
	if e := c.Event; e.ResourceType != "share" || e.ResourceID != "one" || e.Details.Outcome != "" {
		t.Errorf("after Touch: %+v", e)
	}
	c.Succeed("vault", "two")
	if e := c.Event; e.ResourceType != "vault" || e.ResourceID != "two" || e.Details.Outcome != audit.Success {
		t.Errorf("after Succeed: %+v", e)
	}
	c.By(policy.KindAgent, "robot", "its org")
	if e := c.Event; e.ActorKind != "agent" || e.ActorID != "robot" || e.Org != "its org" {
		t.Errorf("after By: %+v", e)
	}
	if c.Who.ID != "ada" {
		t.Error("By changed who asks")
	}
}

func TestADraftCountsWhenItSucceedsOrIsInTheLog(t *testing.T) {
	failed := errors.New("failed")
	for name, tc := range map[string]struct {
		err       error
		committed bool
		kept      bool
	}{
		"success":                    {nil, false, true},
		"success that was committed": {nil, true, true},
		"failure":                    {failed, false, false},
		"failure after the commit":   {failed, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := of(user(policy.RoleMember))
			c.Touch("user", "ada")
			before, event := *c.Event, c.Event
			err := c.Draft(func(d *call.Call) error {
				if d == c || d.Event == c.Event {
					t.Error("the draft is the call itself")
				}
				if d.Who.ID != c.Who.ID || !d.Now.Equal(c.Now) || d.IP != c.IP || !reflect.DeepEqual(*d.Event, before) {
					t.Errorf("the draft is %+v", d)
				}
				d.By(policy.KindUser, "bob", "org of bob")
				d.Succeed("invitation", "one")
				d.Event.Committed = tc.committed
				if !reflect.DeepEqual(*c.Event, before) {
					t.Error("the event changed while there was a draft only")
				}
				return tc.err
			})
			if !errors.Is(err, tc.err) {
				t.Errorf("got %v, want %v", err, tc.err)
			}
			if c.Event != event {
				t.Error("the call has another event: who holds the first misses what was filled in")
			}
			got := *c.Event
			if !tc.kept {
				if !reflect.DeepEqual(got, before) {
					t.Errorf("the event became %+v", got)
				}
				return
			}
			if got.ActorID != "bob" || got.Org != "org of bob" || got.ResourceID != "one" || got.Details.Outcome != audit.Success || got.Committed != tc.committed {
				t.Errorf("the event is %+v", got)
			}
		})
	}
}

// A draft within a draft is dropped alone, and kept only with the one around it.
func TestDraftsWithinDrafts(t *testing.T) {
	failed := errors.New("failed")
	c := of(user(policy.RoleMember))
	err := c.Draft(func(outer *call.Call) error {
		outer.Touch("outer", "1")
		if err := outer.Draft(func(inner *call.Call) error { inner.Touch("inner", "2"); return failed }); !errors.Is(err, failed) {
			t.Errorf("got %v", err)
		}
		if outer.Event.ResourceType != "outer" {
			t.Errorf("the outer draft has %s", outer.Event.ResourceType)
		}
		return nil
	})
	if err != nil || c.Event.ResourceType != "outer" {
		t.Errorf("got %v and %s", err, c.Event.ResourceType)
	}
	err = c.Draft(func(outer *call.Call) error {
		if err := outer.Draft(func(inner *call.Call) error { inner.Touch("inner", "3"); return nil }); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) || c.Event.ResourceType != "outer" {
		t.Errorf("got %v and %s", err, c.Event.ResourceType)
	}
}
