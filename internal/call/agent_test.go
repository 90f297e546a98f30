package call_test

import (
	"errors"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

func TestWhatIsDoneToAnAgent(t *testing.T) {
	member, other := user(policy.RoleMember), user(policy.RoleMember)
	other.ID = "bob"
	robot := policy.Principal{Kind: policy.KindAgent, ID: "robot", Org: "org", Creator: "ada"}
	stranger := policy.Principal{Kind: policy.KindAgent, ID: "another", Org: "org", Creator: "ada"}
	away := fault.New(fault.Unavailable, "storage_unavailable", "")
	for name, tc := range map[string]struct {
		who    policy.Principal
		action policy.Action
		found  error
		code   string
	}{
		"its creator":                     {member, policy.ReadGuard, nil, ""},
		"an owner":                        {user(policy.RoleOwner), policy.ReadGuard, nil, ""},
		"another member":                  {other, policy.ReadGuard, nil, "agent_not_found"},
		"a member, of none":               {member, policy.ReadGuard, policy.ErrNoAgent, "agent_not_found"},
		"an owner, of none":               {user(policy.RoleOwner), policy.ReadGuard, policy.ErrNoAgent, "agent_not_found"},
		"itself":                          {robot, policy.ReadGuard, nil, ""},
		"itself, which is gone":           {robot, policy.ReadGuard, policy.ErrNoAgent, "agent_not_found"},
		"itself, what agents may not do":  {robot, policy.UpdateGuard, nil, "access_denied"},
		"another agent":                   {stranger, policy.ReadGuard, nil, "access_denied"},
		"another agent, of none":          {stranger, policy.ReadGuard, policy.ErrNoAgent, "access_denied"},
		"nobody":                          {policy.Principal{Kind: policy.KindAnonymous}, policy.ReadGuard, nil, "unauthenticated"},
		"a database that does not answer": {member, policy.ReadGuard, away, "storage_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			c := of(tc.who)
			creator := "ada"
			if errors.Is(tc.found, policy.ErrNoAgent) {
				creator = ""
			}
			if err := c.OverAgent(tc.action, "robot", creator, tc.found); (err == nil) != (tc.code == "") || err != nil && fault.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
			if c.Event.ResourceType != "agent" || c.Event.ResourceID != "robot" {
				t.Errorf("the event is about %s %s", c.Event.ResourceType, c.Event.ResourceID)
			}
		})
	}
}
