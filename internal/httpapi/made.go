package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// keepFlag is how whoever ends a credential keeps what was made with it.
type keepFlag struct {
	Keep bool `query:"keep" doc:"true keeps what was made with the credential; it takes a person who has just signed in, or the credential itself. Otherwise its API keys, devices that it let in, agents, agents' tokens, shares, policies, invitations, approvals and webhooks end with it, and so do policies and agents that it let do more."`
}

// gone is the answer without a body that says what ended with a credential.
type gone struct {
	Ended string `header:"X-Ended" doc:"What ended with it, such as api_keys=1,agents=2,shares=3. Absent when nothing did."`
	Stays string `header:"X-Stays" doc:"What the credential made that does not end, for you to look at: members=1 for somebody who joined by an invitation that it made, or whose role it raised, ip_rules=1 for an address that it allowed, ip_rules_removed=1 for a rule that it removed and that kept others out. The event and .../made say who."`
}

// goneBy is what the call's event says that ended, without the ids.
func goneBy(c *call.Call) gone {
	ended, _, _ := strings.Cut(cmp.Or(c.Event.Told.Ended, c.Event.Details.Ended), " ")
	stays, _, _ := strings.Cut(cmp.Or(c.Event.Told.Stays, c.Event.Details.Stays), " ")
	return gone{ended, stays}
}

type madeBody struct {
	Kind      string    `json:"kind" enum:"api_key,agent,share,policy,vault,invitation,ip_rule,webhook,agent_token,router_key,member,session,policy_change,agent_change,invitation_change,webhook_change,role_change,approval,agent_key,ip_rule_removed,passkey"`
	ID        string    `json:"id"`
	Name      string    `json:"name" doc:"Its name, or a share's path, a policy's pattern, an invitation's address, a rule's network, what a removed rule said, a member's address, the program of a device that was let in, the agent whose token was taken, the role that a member was raised to, the path of an approval, the agent that was given its key."`
	MadeWith  string    `json:"made_with" doc:"key:ID of an API key, session:ID of a login, or agent:ID/GENERATION of the agent's credentials."`
	CreatedAt time.Time `json:"created_at"`
	IsLive    bool      `json:"is_live"`
}

type madeList struct {
	Made  []madeBody `json:"made" doc:"The newest first, 1,000 at most."`
	Total int        `json:"total" doc:"How many there are."`
}

func madeOf(all *identity.AllMade) madeList {
	out := madeList{Made: []madeBody{}, Total: all.Total}
	for _, m := range all.List {
		out.Made = append(out.Made, madeBody{m.Kind, m.ID, m.Name, m.With, m.CreatedAt, m.Live})
	}
	return out
}

func (a *API) registerMade() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/auth/api-keys/{key_id}/made", id: "list-made-with-api-key", tag: "API keys",
		summary: "List what was made with an API key; owners and admins ask about anybody's", action: policy.ListAPIKeys,
	}, func(ctx context.Context, c *call.Call, in *keyPath) (*body[madeList], error) {
		all, err := a.accounts.MadeWithKey(ctx, c, in.KeyID)
		return answer(madeOf(&all), err)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/auth/sessions/{session_id}/made", id: "list-made-with-session", tag: "Auth", errors: []int{http.StatusNotFound},
		summary: "List what was made with one of your logins or devices", action: policy.ListSessions,
	}, func(ctx context.Context, c *call.Call, in *sessionPath) (*body[madeList], error) {
		all, err := a.accounts.MadeWithSession(ctx, c, in.ID)
		return answer(madeOf(&all), err)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/agents/{agent_id}/made", id: "list-made-by-agent", tag: "Agents",
		summary: "List what an agent made", action: policy.ReadAgent,
	}, func(ctx context.Context, c *call.Call, in *agentPath) (*body[madeList], error) {
		all, err := a.agents.MadeByAgent(ctx, c, in.AgentID)
		return answer(madeOf(&all), err)
	})
}
