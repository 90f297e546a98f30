package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
)

// secretRequestBody is what an agent lacks and asked people for. No value is ever in it.
type secretRequestBody struct {
	ID        string     `json:"id" format:"uuid"`
	VaultID   string     `json:"vault_id" format:"uuid"`
	VaultName *string    `json:"vault_name" nullable:"true" doc:"For people; null for agents."`
	Path      string     `json:"path"`
	AgentID   string     `json:"agent_id" format:"uuid"`
	AgentName string     `json:"agent_name"`
	Reason    string     `json:"reason" doc:"What it is for, in the agent's words. Nobody has checked them: show them as such, and never as markup."`
	Service   *string    `json:"service" nullable:"true" doc:"Where the agent would use it: a service that the command line knows, such as github. A suggestion."`
	Host      *string    `json:"host" nullable:"true" doc:"Where the agent would use it. A suggestion."`
	Status    string     `json:"status" enum:"waiting,filled,declined,withdrawn,expired,ended" doc:"ended: the agent is stopped or gone, has another key, or reaches the path no more."`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at" doc:"Until when it can be answered."`
	DecidedBy *string    `json:"decided_by" nullable:"true" format:"uuid" doc:"Who filled or declined it."`
	DecidedAt *time.Time `json:"decided_at" nullable:"true"`
	EndedBy   *string    `json:"ended_by" nullable:"true" enum:"freeze,credential,reach" doc:"What ended it: a freeze, the end of the credential that it was asked with, or a change of what its agent reaches. Null where that is not known."`
	Answer    *string    `json:"answer" nullable:"true" doc:"Why it was declined, in a person's words."`
	Version   *uint64    `json:"version" nullable:"true" doc:"Of the secret, once it is filled."`
	URL       string     `json:"url" doc:"The page where a person gives the value. Give it to the human; it shows no value."`
	MayRead   *bool      `json:"may_read" nullable:"true" doc:"For the agent: whether policies let it read what is at the path, with an approval where they ask for one. A request changes nothing about that."`
	MayUse    *bool      `json:"may_use" nullable:"true" doc:"As may_read, of uses in which the value is not shown."`
}

func (a *API) secretRequestOf(c *call.Call, r *wanted.Request, may *vault.Prospect) secretRequestBody {
	out := secretRequestBody{
		ID: r.ID, VaultID: r.Vault, Path: r.Path, AgentID: r.Agent, AgentName: r.AgentName, Reason: r.Reason, Service: present(r.Service), Host: present(r.Host),
		Status: string(r.At(c.Now)), CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, DecidedBy: present(r.DecidedBy), DecidedAt: pointer(r.DecidedAt),
		EndedBy: present(string(r.EndedBy)), Answer: present(r.Answer), URL: strings.TrimRight(a.publicURL, "/") + "/requests/" + r.ID,
	}
	if r.Version > 0 {
		out.Version = &r.Version
	}
	if c.Who.Kind == policy.KindUser {
		out.VaultName = present(r.VaultName)
	} else if may != nil {
		out.MayRead, out.MayUse = &may.Read, &may.Use
	}
	return out
}

type askSecret struct {
	Body struct {
		VaultID string  `json:"vault_id" minLength:"36" maxLength:"36"`
		Path    string  `json:"path" doc:"Where the secret is to be."`
		Reason  string  `json:"reason" maxLength:"500" doc:"What it is for, for the human who gives it: one line, without characters that can not be seen."`
		Service *string `json:"service,omitempty" nullable:"true" maxLength:"64" doc:"A service that oneclaw bind --as knows, such as github or stripe: where it would be used."`
		Host    *string `json:"host,omitempty" nullable:"true" maxLength:"300" doc:"A host, with a port where it is not 443, in place of service."`
		Expires *int64  `json:"expires_in_seconds,omitempty" nullable:"true" doc:"How long it can be answered: 300 to 604800; a day when absent."`
	}
}

type secretRequestPath struct {
	RequestID string `path:"request_id"`
}

type listSecretRequests struct {
	Status string `query:"status" enum:"waiting,filled,declined,withdrawn,expired,ended"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"200"`
	Offset int    `query:"offset" minimum:"0" maximum:"2000" default:"0"`
}

type secretRequestList struct {
	Requests []secretRequestBody `json:"requests"`
}

type fillSecretRequest struct {
	secretRequestPath
	Body struct {
		Value      string        `json:"value" minLength:"1" doc:"The secret itself."`
		Type       *string       `json:"type,omitempty" nullable:"true" enum:"generic,password,api_key,private_key,certificate,file,note,ssh_key,env_bundle,env,token,totp_seed" doc:"Absent: the stored type, or generic."`
		NewVersion bool          `json:"new_version,omitzero" doc:"Store it also where there is a secret at the path, as its next version."`
		Bindings   []bindingBody `json:"bindings,omitempty" maxItems:"20" doc:"Where it may be used without being seen, beside what is bound already. It takes the right to set bindings."`
	}
}

func (in *fillSecretRequest) given() wanted.Given {
	b := &in.Body
	g := wanted.Given{Draft: vault.Draft{Value: secret.FromString(b.Value), Type: deref(b.Type)}, NewVersion: b.NewVersion}
	for i := range b.Bindings {
		g.Bindings = append(g.Bindings, b.Bindings[i].binding())
	}
	return g
}

type declineSecretRequest struct {
	secretRequestPath
	Body struct {
		Reason *string `json:"reason,omitempty" nullable:"true" maxLength:"500" doc:"Why, for the agent. One line."`
	}
}

func (a *API) registerSecretRequests() {
	const all, one, tag = "/v1/secret-requests", "/v1/secret-requests/{request_id}", "Requests for secrets"
	handle(a, op{
		method: http.MethodPost, path: all, id: "request-secret", tag: tag, status: http.StatusCreated,
		summary: "As an agent, ask people for a secret that you lack", action: policy.RequestSecret, errors: []int{http.StatusConflict},
	}, a.askSecret)
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-secret-requests", tag: tag,
		summary: "List what you asked for or may give, newest first", action: policy.ListSecretRequests,
	}, func(ctx context.Context, c *call.Call, in *listSecretRequests) (*body[secretRequestList], error) {
		found, err := a.wanted.List(ctx, c, wanted.Status(in.Status), in.Limit, in.Offset)
		out := secretRequestList{Requests: []secretRequestBody{}}
		for i := range found {
			out.Requests = append(out.Requests, a.secretRequestOf(c, &found[i], nil))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodGet, path: one, id: "get-secret-request", tag: tag,
		summary: "One request: whether it was answered", action: policy.ReadSecretRequest,
	}, func(ctx context.Context, c *call.Call, in *secretRequestPath) (*body[secretRequestBody], error) {
		r, may, err := a.wanted.Get(ctx, c, in.RequestID)
		return answer(a.secretRequestOf(c, &r, &may), err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/withdraw", id: "withdraw-secret-request", tag: tag,
		summary: "As the agent, take a request back", action: policy.WithdrawSecretRequest, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *secretRequestPath) (*body[secretRequestBody], error) {
		r, err := a.wanted.Withdraw(ctx, c, in.RequestID)
		return answer(a.secretRequestOf(c, &r, nil), err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/fill", id: "fill-secret-request", tag: tag,
		summary: "As a human who may write the path, give what is asked for", action: policy.FillSecretRequest,
		errors: []int{http.StatusConflict, http.StatusRequestEntityTooLarge},
	}, func(ctx context.Context, c *call.Call, in *fillSecretRequest) (*body[secretRequestBody], error) {
		g := in.given()
		defer g.Value.Wipe()
		r, err := a.wanted.Fill(ctx, c, in.RequestID, g)
		return answer(a.secretRequestOf(c, &r, nil), err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/decline", id: "decline-secret-request", tag: tag, bodyOptional: true,
		summary: "As a human who may write the path, say no", action: policy.DeclineSecretRequest, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *declineSecretRequest) (*body[secretRequestBody], error) {
		r, err := a.wanted.Decline(ctx, c, in.RequestID, deref(in.Body.Reason))
		return answer(a.secretRequestOf(c, &r, nil), err)
	})
}

func (a *API) askSecret(ctx context.Context, c *call.Call, in *askSecret) (*body[secretRequestBody], error) {
	b := &in.Body
	if !ids.Exact(b.VaultID) {
		return nil, wanted.ErrNoVault
	}
	p, err := secretpath.Parse(b.Path)
	if err != nil {
		return nil, err
	}
	wait := time.Duration(0)
	if b.Expires != nil {
		if *b.Expires < 1 || *b.Expires > int64(wanted.MaxWait/time.Second) {
			return nil, wanted.ErrWait
		}
		wait = time.Duration(*b.Expires) * time.Second
	}
	r, may, err := a.wanted.Ask(ctx, c, wanted.Asking{Vault: b.VaultID, Path: p, Reason: b.Reason, Service: deref(b.Service), Host: deref(b.Host), Wait: wait})
	return answer(a.secretRequestOf(c, &r, &may), err)
}
