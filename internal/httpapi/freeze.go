package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/freeze"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// freezeBody is a freeze of one agent, or of all.
type freezeBody struct {
	AgentID  *string   `json:"agent_id" nullable:"true" format:"uuid" doc:"null: all agents of the organisation, also those that come later."`
	FrozenBy string    `json:"frozen_by" format:"uuid"`
	FrozenAt time.Time `json:"frozen_at"`
}

func freezeOf(f *freeze.Freeze) freezeBody {
	return freezeBody{AgentID: present(f.Agent), FrozenBy: f.By, FrozenAt: f.At}
}

type freezeState struct {
	Frozen  bool         `json:"frozen" doc:"Whether all agents of the organisation are."`
	Freezes []freezeBody `json:"freezes" doc:"Those that you may know of."`
}

func (a *API) registerFreeze() {
	handle(a, op{
		method: http.MethodPost, path: "/v1/org/freeze", id: "freeze-org", tag: "Organization",
		summary: "Stop all agents: nothing is read, used or signed for them until this ends", action: policy.FreezeOrg,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[freezeBody], error) {
		f, err := a.freezes.FreezeOrg(ctx, c)
		return answer(freezeOf(&f), err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/org/unfreeze", id: "unfreeze-org", tag: "Organization",
		summary: "End the freeze of all agents; it takes a person", action: policy.UnfreezeOrg,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*empty, error) {
		return &empty{}, a.freezes.UnfreezeOrg(ctx, c)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/org/freeze", id: "get-freeze", tag: "Organization",
		summary: "Whether agents are frozen, and which", action: policy.ReadFreeze,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[freezeState], error) {
		all, err := a.freezes.List(ctx, c)
		out := freezeState{Freezes: []freezeBody{}}
		for i := range all {
			out.Frozen = out.Frozen || all[i].Agent == ""
			out.Freezes = append(out.Freezes, freezeOf(&all[i]))
		}
		return answer(out, err)
	})
	const one = "/v1/agents/{agent_id}"
	handle(a, op{
		method: http.MethodPost, path: one + "/freeze", id: "freeze-agent", tag: "Agents",
		summary: "Stop an agent: nothing is read, used or signed for it until this ends", action: policy.FreezeAgent,
	}, func(ctx context.Context, c *call.Call, in *agentPath) (*body[freezeBody], error) {
		f, err := a.freezes.FreezeAgent(ctx, c, in.AgentID)
		return answer(freezeOf(&f), err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/unfreeze", id: "unfreeze-agent", tag: "Agents",
		summary: "End the freeze of an agent; it takes a person", action: policy.UnfreezeAgent,
	}, func(ctx context.Context, c *call.Call, in *agentPath) (*empty, error) {
		return &empty{}, a.freezes.UnfreezeAgent(ctx, c, in.AgentID)
	})
}
