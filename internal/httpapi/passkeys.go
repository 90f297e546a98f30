package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type passkeyBody struct {
	ID         string     `json:"id" format:"uuid"`
	Name       string     `json:"name"`
	AAGUID     string     `json:"aaguid" doc:"The make of the authenticator in hexadecimal, as it says it; zeros where it says none."`
	Transports []string   `json:"transports" doc:"How browsers reach the authenticator, such as usb, internal or hybrid."`
	Synced     bool       `json:"synced" doc:"It may be on several devices."`
	BackedUp   bool       `json:"backed_up"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at" nullable:"true"`
}

func passkeyOf(p *account.Passkey) passkeyBody {
	out := passkeyBody{
		ID: p.ID, Name: p.Name, AAGUID: p.AAGUID, Transports: p.Transports, Synced: p.Backable, BackedUp: p.BackedUp,
		CreatedAt: p.CreatedAt, LastUsedAt: pointer(p.UsedAt),
	}
	if out.Transports == nil {
		out.Transports = []string{}
	}
	return out
}

type passkeyList struct {
	Passkeys []passkeyBody `json:"passkeys"`
}

// passkeyAsked is what a browser takes, and what its answer comes back with.
type passkeyAsked struct {
	Token     string     `json:"token" doc:"To be sent back with the answer, once."`
	Options   jsonObject `json:"options" doc:"For PublicKeyCredential.parseCreationOptionsFromJSON or parseRequestOptionsFromJSON."`
	ExpiresIn int64      `json:"expires_in" doc:"In seconds."`
}

func askedOf(a account.PasskeyAsked, err error) (*body[passkeyAsked], error) {
	return answer(passkeyAsked{Token: a.Token, Options: a.Options, ExpiresIn: a.ExpiresIn}, err)
}

type addPasskey struct {
	Body struct {
		Token      string     `json:"token"`
		Name       string     `json:"name" minLength:"1" maxLength:"100" doc:"For you to tell it from others."`
		Credential jsonObject `json:"credential" doc:"What toJSON of the browser's credential says."`
	}
}

type loginPasskey struct {
	Body struct {
		Token      string     `json:"token"`
		Credential jsonObject `json:"credential" doc:"What toJSON of the browser's credential says."`
	}
}

type passkeyPath struct {
	PasskeyID string `path:"passkey_id" format:"uuid"`
}

type renamePasskey struct {
	passkeyPath
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"100"`
	}
}

type removePasskey struct {
	passkeyPath
	Keep bool `query:"keep" doc:"true keeps what was made in the logins that it began. Otherwise their API keys, devices, agents, shares, policies, invitations, approvals and webhooks end with them."`
}

func (a *API) registerPasskeys() {
	const all, one, login = "/v1/auth/passkeys", "/v1/auth/passkeys/{passkey_id}", "/v1/auth/passkey-login"
	notOffered := []int{http.StatusNotImplemented}
	handle(a, op{
		method: http.MethodPost, path: all + "/begin", id: "begin-passkey", tag: "Auth", limit: gate.AuthLimit, errors: notOffered,
		summary: "Ask your authenticator for a passkey; takes a person", action: policy.AddPasskey,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[passkeyAsked], error) {
		return askedOf(a.accounts.BeginPasskey(ctx, c))
	})
	handle(a, op{
		method: http.MethodPost, path: all, id: "add-passkey", tag: "Auth", limit: gate.AuthLimit, status: http.StatusCreated,
		summary: "Add the passkey that your authenticator made", action: policy.AddPasskey, errors: append([]int{http.StatusConflict}, notOffered...),
	}, func(ctx context.Context, c *call.Call, in *addPasskey) (*body[passkeyBody], error) {
		p, err := a.accounts.AddPasskey(ctx, c, in.Body.Token, in.Body.Name, in.Body.Credential)
		return answer(passkeyOf(&p), err)
	})
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-passkeys", tag: "Auth",
		summary: "Your passkeys, oldest first", action: policy.ListPasskeys,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[passkeyList], error) {
		list, err := a.accounts.Passkeys(ctx, c)
		out := passkeyList{Passkeys: []passkeyBody{}}
		for i := range list {
			out.Passkeys = append(out.Passkeys, passkeyOf(&list[i]))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodPatch, path: one, id: "rename-passkey", tag: "Auth", status: http.StatusNoContent,
		summary: "Give a passkey of yours another name", action: policy.RenamePasskey,
	}, func(ctx context.Context, c *call.Call, in *renamePasskey) (*empty, error) {
		return &empty{}, a.accounts.RenamePasskey(ctx, c, in.PasskeyID, in.Body.Name)
	})
	handle(a, op{
		method: http.MethodDelete, path: one, id: "remove-passkey", tag: "Auth", status: http.StatusNoContent, errors: []int{http.StatusConflict},
		summary: "Remove a passkey of yours, with the logins that it began; takes a person", action: policy.RemovePasskey,
	}, func(ctx context.Context, c *call.Call, in *removePasskey) (*gone, error) {
		err := a.accounts.RemovePasskey(ctx, c, in.PasskeyID, in.Keep)
		ended := goneBy(c)
		return &ended, err
	})
	handle(a, op{
		method: http.MethodPost, path: login + "/begin", id: "begin-passkey-login", tag: "Auth", limit: gate.AuthLimit, errors: notOffered,
		summary: "Ask whoever is there for a passkey", action: policy.AskPasskey,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[passkeyAsked], error) {
		return askedOf(a.accounts.BeginPasskeyLogin(ctx, c))
	})
	handle(a, op{
		method: http.MethodPost, path: login, id: "passkey-login", tag: "Auth", limit: gate.AuthLimit,
		summary: "Log in with a passkey, which is both factors", action: policy.Login,
		errors: append([]int{http.StatusUnauthorized, http.StatusForbidden}, notOffered...),
	}, func(ctx context.Context, c *call.Call, in *loginPasskey) (*body[*TokenBody], error) {
		t, err := a.accounts.PasskeyLogin(ctx, c, in.Body.Token, in.Body.Credential)
		return answer(tokenOf(t), err)
	})
}
