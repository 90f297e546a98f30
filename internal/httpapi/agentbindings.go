package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/executor"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/rest"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// credentialValue is a credential as clients send it, a text or an object, which is never sent back.
type credentialValue struct{ secret.Bytes }

// Schema implements huma.SchemaProvider.
func (credentialValue) Schema(rest.Registry) *rest.Schema { return &rest.Schema{} }

// UnmarshalJSON implements json.Unmarshaler.
func (v *credentialValue) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	v.Bytes = secret.New(bytes.Clone(b))
	return nil
}

// credentialSource says where a credential comes from.
type credentialSource struct {
	Type    string          `json:"type" enum:"inline,vault_ref"`
	Value   credentialValue `json:"value,omitempty" doc:"Of inline: the credential."`
	VaultID *string         `json:"vault_id,omitempty" nullable:"true" doc:"Of vault_ref: a secret that whoever sends this may read, for as long as they may."`
	Path    *string         `json:"path,omitempty" nullable:"true"`
}

// BindingParts are what both a new binding and a change of one may have. The name is exported for the
// schema: see SecretMeta.
type BindingParts struct {
	Config       jsonObject        `json:"config,omitempty" doc:"base_url, headers, auth_type (bearer or basic, of a credential that is a text, or oauth2, with token_url, scope and token_auth), timeout_ms. Of postgres: host, port, database, username, sslmode, timeout_ms. Fields that are left out of a change stay; null takes one away."`
	Guardrails   jsonObject        `json:"guardrails,omitempty" doc:"allowed_hosts (none: the host of base_url), allowed_paths, allowed_methods, read_only (of postgres true where it is left out), max_rows (of postgres), max_duration_ms, max_requests_per_minute."`
	AllowedHosts []string          `json:"allowed_hosts,omitempty" nullable:"true" doc:"The same as in guardrails; in one place only."`
	AllowedPaths []string          `json:"allowed_paths,omitempty" nullable:"true" doc:"The same as in guardrails; in one place only."`
	Credential   credentialValue   `json:"credential,omitempty" doc:"A text (bearer), or an object: {type: bearer, token}, {type: header, name, value}, {type: query, name, value}, {type: basic, username, password}; with auth_type oauth2 {client_id, client_secret, refresh_token}. No answer has it."`
	Source       *credentialSource `json:"credential_source,omitempty"`
	IsActive     *bool             `json:"is_active,omitempty" nullable:"true"`
}

// Refuses implements rest.Refuser: a bound that is misspelt would be none.
func (BindingParts) Refuses(_, plain string) string {
	for _, word := range []string{"host", "path", "method", "limit", "rate", "max", "allow", "read", "domain", "expire", "guard", "active", "credential"} {
		if strings.Contains(plain, word) {
			return "is no field of an agent's binding: bounds stand in guardrails"
		}
	}
	return ""
}

func (b *BindingParts) change(ctx context.Context) executor.Change {
	ch := executor.Change{
		Sent:   execution.Sent{Config: b.Config, Guardrails: b.Guardrails, Hosts: b.AllowedHosts, Paths: b.AllowedPaths},
		Active: b.IsActive, Credential: executor.Credential{Value: b.Credential.Bytes},
	}
	if s := b.Source; s != nil {
		if s.Value.Len() > 0 && ch.Credential.Value.Len() == 0 {
			ch.Credential.Value = s.Value.Bytes
		}
		ch.Credential.Vault, ch.Credential.Path = deref(s.VaultID), deref(s.Path)
		ch.Credential.Type = s.Type
		gate.WipeAfter(ctx, s.Value.Bytes)
	}
	gate.WipeAfter(ctx, b.Credential.Bytes)
	return ch
}

// agentBindingBody is a binding without its credential.
type agentBindingBody struct {
	ID              string      `json:"id" format:"uuid"`
	AgentID         string      `json:"agent_id" format:"uuid"`
	BindingType     string      `json:"binding_type" enum:"http,graphql,postgres"`
	Name            string      `json:"name"`
	Config          *jsonObject `json:"config,omitempty"`
	Guardrails      *jsonObject `json:"guardrails,omitempty"`
	IsActive        bool        `json:"is_active"`
	CredentialSet   bool        `json:"credential_set"`
	CredentialType  *string     `json:"credential_source_type,omitempty" enum:"inline,vault_ref"`
	CredentialVault *string     `json:"credential_vault_id,omitempty" format:"uuid" doc:"Of vault_ref."`
	CredentialPath  *string     `json:"credential_path,omitempty" doc:"Of vault_ref."`
	CreatedAt       time.Time   `json:"created_at"`
	UpdatedAt       time.Time   `json:"updated_at"`
}

func agentBindingOf(b *execution.Binding) agentBindingBody {
	out := agentBindingBody{
		ID: b.ID, AgentID: b.Agent, BindingType: b.Type, Name: b.Name, Config: asObject(b.Config), Guardrails: asObject(b.Rails), IsActive: b.Active,
		CredentialSet: b.Source != "", CredentialType: present(b.Source), CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt,
	}
	if b.Source == execution.VaultRef {
		out.CredentialVault, out.CredentialPath = &b.Vault, &b.Path
	}
	return out
}

func asObject(v any) *jsonObject {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return object(text)
}

type agentBindingList struct {
	Bindings []agentBindingBody `json:"bindings"`
}

type agentBindingPath struct {
	agentPath
	BindingID string `path:"binding_id"`
}

type testedBody struct {
	Success bool    `json:"success"`
	Latency int64   `json:"latency_ms"`
	Error   *string `json:"error,omitempty"`
}

func (a *API) registerAgentBindings() {
	const all, one, tag = "/v1/agents/{agent_id}/bindings", "/v1/agents/{agent_id}/bindings/{binding_id}", "Use without seeing"
	handle(a, op{
		method: http.MethodPost, path: all, id: "create-agent-binding", tag: tag, status: http.StatusCreated,
		summary: "Let an agent work with a service by a credential that it never sees", action: policy.CreateAgentBinding, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *struct {
		agentPath
		Body struct {
			Name        string `json:"name" minLength:"1" maxLength:"128"`
			BindingType string `json:"binding_type" maxLength:"64" doc:"http, graphql or postgres."`
			BindingParts
		}
	}) (*body[agentBindingBody], error) {
		ch := in.Body.change(ctx)
		ch.Name, ch.Type = in.Body.Name, in.Body.BindingType
		b, err := a.executor.Create(ctx, c, in.AgentID, ch)
		return answer(agentBindingOf(&b), err)
	})
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-agent-bindings", tag: tag,
		summary: "List an agent's bindings, the oldest first", action: policy.ListAgentBindings,
	}, func(ctx context.Context, c *call.Call, in *agentPath) (*body[agentBindingList], error) {
		list, err := a.executor.Bindings(ctx, c, in.AgentID)
		out := agentBindingList{Bindings: []agentBindingBody{}}
		for i := range list {
			out.Bindings = append(out.Bindings, agentBindingOf(&list[i]))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodGet, path: one, id: "get-agent-binding", tag: tag,
		summary: "One of an agent's bindings", action: policy.ReadAgentBinding,
	}, func(ctx context.Context, c *call.Call, in *agentBindingPath) (*body[agentBindingBody], error) {
		b, err := a.executor.Binding(ctx, c, in.AgentID, in.BindingID)
		return answer(agentBindingOf(&b), err)
	})
	handle(a, op{
		method: http.MethodPatch, path: one, id: "update-agent-binding", tag: tag,
		summary: "Change an agent's binding", action: policy.UpdateAgentBinding, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *struct {
		agentBindingPath
		Body struct{ BindingParts }
	}) (*body[agentBindingBody], error) {
		b, err := a.executor.Update(ctx, c, in.AgentID, in.BindingID, in.Body.change(ctx))
		return answer(agentBindingOf(&b), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: one, id: "delete-agent-binding", tag: tag,
		summary: "Delete an agent's binding with its credential", action: policy.DeleteAgentBinding,
	}, func(ctx context.Context, c *call.Call, in *agentBindingPath) (*empty, error) {
		return &empty{}, a.executor.Delete(ctx, c, in.AgentID, in.BindingID)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/rotate-credential", id: "rotate-agent-binding-credential", tag: tag,
		summary: "Replace the credential of an agent's binding", action: policy.RotateAgentCredential, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *struct {
		agentBindingPath
		Body struct {
			Credential credentialValue `json:"credential" doc:"As for a new binding."`
		}
	}) (*body[agentBindingBody], error) {
		gate.WipeAfter(ctx, in.Body.Credential.Bytes)
		b, err := a.executor.Rotate(ctx, c, in.AgentID, in.BindingID, executor.Credential{Value: in.Body.Credential.Bytes})
		return answer(agentBindingOf(&b), err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/test", id: "test-agent-binding", tag: tag, bodyOptional: true,
		summary: "Ask the service of a binding whether it takes the credential", action: policy.TestAgentBinding, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *struct {
		agentBindingPath
		Body struct {
			TimeoutMS *int64 `json:"timeout_ms,omitempty" nullable:"true" minimum:"1" maximum:"600000"`
		}
	}) (*body[testedBody], error) {
		got, err := a.executor.Test(ctx, c, in.AgentID, in.BindingID, time.Duration(deref(in.Body.TimeoutMS))*time.Millisecond)
		return answer(testedBody{Success: got.Success, Latency: got.Took.Milliseconds(), Error: present(got.Error)}, err)
	})
}
