package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type agentPath struct {
	AgentID string `path:"agent_id"`
}

type createdAgent struct {
	Agent  agentBody   `json:"agent"`
	APIKey secretValue `json:"api_key,omitempty" doc:"The agent's key, when auth_method is api_key. It is shown this once."`
}

func (k *createdAgent) AppendJSON(b []byte) []byte {
	return appendWithKey(b, "agent", &k.Agent, &k.APIKey)
}

type agentList struct {
	Agents []agentBody `json:"agents"`
}

type rotatedKey struct {
	APIKey secretValue `json:"api_key" doc:"The new key. It is shown this once."`
}

func (k *rotatedKey) AppendJSON(b []byte) []byte {
	b = appendQuoted(append(b, `{"api_key":`...), k.APIKey.Reveal())
	k.APIKey.Wipe()
	return append(b, '}')
}

type rotatedAnswer struct {
	gone
	Body *rotatedKey
}

type endedAgent struct {
	agentPath
	keepFlag
}

type issuedToken struct {
	Token     secretValue `json:"token"`
	ExpiresIn int64       `json:"expires_in" doc:"In seconds."`
}

func (t *issuedToken) AppendJSON(b []byte) []byte {
	b = appendQuoted(append(b, `{"token":`...), t.Token.Reveal())
	t.Token.Wipe()
	return append(strconv.AppendInt(append(b, `,"expires_in":`...), t.ExpiresIn, 10), '}')
}

type changedAgent struct {
	gone
	Body agentBody
}

func (a *API) registerAgents() {
	const all, one = "/v1/agents", "/v1/agents/{agent_id}"
	handle(a, op{
		method: http.MethodPost, path: all, id: "create-agent", tag: "Agents", status: http.StatusCreated,
		summary: "Register an agent", action: policy.RegisterAgent,
	}, func(ctx context.Context, c *call.Call, in *createAgent) (*body[*createdAgent], error) {
		draft, err := in.draft()
		if err != nil {
			return nil, err
		}
		agent, key, err := a.agents.CreateAgent(ctx, c, draft)
		return answer(&createdAgent{Agent: agentOf(&agent), APIKey: secretValue{key}}, err)
	})
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-agents", tag: "Agents",
		summary: "List your agents; owners and admins see all of the organisation", action: policy.ListAgents,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[agentList], error) {
		agents, err := a.agents.Agents(ctx, c)
		out := agentList{}
		for i := range agents {
			out.Agents = append(out.Agents, agentOf(&agents[i]))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/agents/me", id: "get-agent-self", tag: "Agents",
		summary: "The agent that asks", action: policy.ReadAgentSelf,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[agentSelf], error) {
		agent, err := a.agents.AgentSelf(ctx, c)
		return answer(agentSelfOf(&agent), err)
	})
	handle(a, op{
		method: http.MethodGet, path: one, id: "get-agent", tag: "Agents",
		summary: "Get an agent", action: policy.ReadAgent,
	}, func(ctx context.Context, c *call.Call, in *struct {
		agentPath
		KeyState bool `query:"key_state" doc:"Adds has_api_key."`
	}) (*body[agentBody], error) {
		got, err := a.agents.Agent(ctx, c, in.AgentID)
		out := agentOf(&got)
		if in.KeyState && got.AuthMethod == agent.MethodAPIKey {
			out.HasAPIKey = new(got.KeyHash != "")
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodPatch, path: one, id: "update-agent", tag: "Agents",
		summary: "Change an agent", action: policy.UpdateAgent, bodyOptional: true,
	}, func(ctx context.Context, c *call.Call, in *updateAgent) (*changedAgent, error) {
		patch, err := in.patch()
		if err != nil {
			return nil, err
		}
		agent, err := a.agents.UpdateAgent(ctx, c, in.AgentID, patch)
		if err != nil {
			return nil, err
		}
		return &changedAgent{goneBy(c), agentOf(&agent)}, nil
	})
	handle(a, op{
		method: http.MethodDelete, path: one, id: "deactivate-agent", tag: "Agents",
		summary: "Deactivate an agent: its key and tokens end at once", action: policy.DeactivateAgent,
	}, func(ctx context.Context, c *call.Call, in *endedAgent) (*gone, error) {
		err := a.agents.DeactivateAgent(ctx, c, in.AgentID, in.Keep)
		ended := goneBy(c)
		return &ended, err
	})
	a.registerAgentKeys(one)
}

func (a *API) registerAgentKeys(one string) {
	handle(a, op{
		method: http.MethodPost, path: one + "/rotate-key", id: "rotate-agent-key", tag: "Agents",
		summary: "Give an agent a new key; the old one and its tokens end at once", action: policy.RotateAgentKey,
	}, func(ctx context.Context, c *call.Call, in *endedAgent) (*rotatedAnswer, error) {
		key, err := a.agents.RotateAgentKey(ctx, c, in.AgentID, in.Keep)
		if err != nil {
			return nil, err
		}
		return &rotatedAnswer{goneBy(c), &rotatedKey{APIKey: secretValue{key}}}, nil
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/rotate-identity-keys", id: "rotate-agent-identity-keys", tag: "Agents",
		summary: "Give an agent new Ed25519 and P-256 keys", action: policy.RotateAgentIdentityKeys,
	}, func(ctx context.Context, c *call.Call, in *agentPath) (*body[agentBody], error) {
		agent, err := a.agents.RotateAgentIdentityKeys(ctx, c, in.AgentID)
		return answer(agentOf(&agent), err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/token", id: "issue-agent-token", tag: "Agents",
		summary: "Get a token of an agent that you manage", action: policy.IssueAgentToken,
	}, func(ctx context.Context, c *call.Call, in *agentPath) (*body[*issuedToken], error) {
		t, err := a.agents.IssueAgentToken(ctx, c, in.AgentID)
		return answer(&issuedToken{Token: secretValue{t.Access}, ExpiresIn: t.ExpiresIn}, err)
	})
}
