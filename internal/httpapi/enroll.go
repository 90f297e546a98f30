package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type enrollAgent struct {
	Body struct {
		Name        string  `json:"name" minLength:"1" maxLength:"255"`
		HumanEmail  string  `json:"human_email" doc:"Whose agent it is to be."`
		Description *string `json:"description,omitempty" nullable:"true" maxLength:"1000"`
	}
}

// enrolledBody is the same whoever was named.
type enrolledBody struct {
	AgentID string `json:"agent_id" format:"uuid" doc:"Always the nil UUID: the agent's id comes with its key."`
	Message string `json:"message"`
}

type enrollmentBody struct {
	ID          string    `json:"id" format:"uuid"`
	Name        string    `json:"name" doc:"As the agent says; nobody has checked it."`
	Description string    `json:"description"`
	KeyPrefix   string    `json:"key_prefix" doc:"The beginning of the key that was mailed."`
	IPAddress   string    `json:"ip_address" doc:"Where the request came from."`
	CreatedAt   time.Time `json:"created_at"`
	ExpiresAt   time.Time `json:"expires_at"`
}

type enrollmentList struct {
	Enrollments []enrollmentBody `json:"enrollments"`
}

type enrollmentPath struct {
	EnrollmentID string `path:"enrollment_id"`
}

type acceptEnrollment struct {
	enrollmentPath
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      struct {
		VaultID           *string    `json:"vault_id,omitempty" nullable:"true" doc:"A vault to give access to; without it the agent gets none yet."`
		SecretPathPattern *string    `json:"secret_path_pattern,omitempty" nullable:"true" maxLength:"512" doc:"Which paths; needed with vault_id."`
		Permissions       []string   `json:"permissions,omitempty" nullable:"true" maxItems:"8" doc:"Of read, use, write and delete; read when left out."`
		Conditions        jsonObject `json:"conditions,omitempty"`
		ExpiresAt         *time.Time `json:"expires_at,omitempty" nullable:"true" doc:"When the access ends."`
	}
}

func (in *acceptEnrollment) grant() (*policy.Spec, error) {
	b := &in.Body
	if b.VaultID == nil {
		if b.SecretPathPattern != nil || len(b.Permissions) > 0 {
			return nil, fault.New(fault.Invalid, "missing_vault_id", "Say with vault_id which vault the agent gets access to.")
		}
		return nil, nil
	}
	if !ids.Exact(*b.VaultID) {
		return nil, fault.New(fault.Invalid, "invalid_vault_id", "vault_id must be the UUID of a vault.")
	}
	g := &policy.Spec{
		Vault: *b.VaultID, Pattern: deref(b.SecretPathPattern), Permissions: b.Permissions, Conditions: b.Conditions, ExpiresAt: end(b.ExpiresAt),
	}
	if g.Pattern == "" {
		return nil, fault.New(fault.Invalid, "missing_secret_path_pattern", "Say with secret_path_pattern which paths the agent gets access to.")
	}
	if len(g.Permissions) == 0 {
		g.Permissions = []string{"read"}
	}
	return g, nil
}

func (a *API) registerEnroll() {
	const all, one = "/v1/agents/enrollments", "/v1/agents/enrollments/{enrollment_id}"
	handle(a, op{
		method: http.MethodPost, path: "/v1/agents/enroll", id: "enroll-agent", tag: "Agents", status: http.StatusCreated, limit: gate.AuthLimit,
		summary: "Ask a human to take an agent in; its key is mailed to them", action: policy.EnrollAgent,
	}, func(ctx context.Context, c *call.Call, in *enrollAgent) (*body[enrolledBody], error) {
		err := a.agents.Enroll(ctx, c, in.Body.Name, in.Body.HumanEmail, deref(in.Body.Description))
		return answer(enrolledBody{
			AgentID: agent.NoAgent,
			Message: "If this person has an account here, a mail with the agent's key is on its way to them. The key works once they accept.",
		}, err)
	})
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-enrollments", tag: "Agents",
		summary: "List the agents that ask to be yours", action: policy.ReadEnrollment,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[enrollmentList], error) {
		waiting, err := a.agents.Enrollments(ctx, c)
		out := enrollmentList{Enrollments: []enrollmentBody{}}
		for _, e := range waiting {
			out.Enrollments = append(out.Enrollments, enrollmentBody{
				ID: e.ID, Name: e.Name, Description: e.Description, KeyPrefix: e.KeyPrefix, IPAddress: e.Address,
				CreatedAt: e.CreatedAt, ExpiresAt: e.ExpiresAt,
			})
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/accept", id: "accept-enrollment", tag: "Agents",
		summary: "Take an agent in, with access to paths of a vault", action: policy.AcceptEnrollment,
	}, func(ctx context.Context, c *call.Call, in *acceptEnrollment) (*body[agentBody], error) {
		g, err := in.grant()
		if err != nil {
			return nil, err
		}
		agent, err := a.agents.AcceptEnrollment(ctx, c, in.EnrollmentID, g)
		b := agentOf(&agent)
		if !decodesStrictly(in.UserAgent) {
			b.Warnings = agent.Warnings
		}
		return answer(b, err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/reject", id: "reject-enrollment", tag: "Agents",
		summary: "Reject an agent; its key never works", action: policy.RejectEnrollment,
	}, func(ctx context.Context, c *call.Call, in *enrollmentPath) (*empty, error) {
		return &empty{}, a.agents.RejectEnrollment(ctx, c, in.EnrollmentID)
	})
}
