package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type startDevice struct {
	Body struct {
		ClientID string  `json:"client_id" doc:"The program's name, such as cli. It is shown to the human who decides."`
		Email    *string `json:"email,omitempty" nullable:"true" doc:"Taken and not used: the human says who they are."`
	}
}

type deviceCodeBody struct {
	DeviceCode              string `json:"device_code" doc:"To be kept by the device, and asked with."`
	UserCode                string `json:"user_code" doc:"To be shown to the human."`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete" doc:"With the code in it."`
	ExpiresIn               int64  `json:"expires_in" doc:"In seconds."`
	Interval                int64  `json:"interval" doc:"Seconds to wait between two questions."`
}

type deviceTokenRequest struct {
	Body struct {
		DeviceCode string `json:"device_code"`
		GrantType  string `json:"grant_type" doc:"urn:ietf:params:oauth:grant-type:device_code"`
	}
}

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// deviceTokenBody is the token, or the reason why there is none yet. Both are 200:
// clients of the contract take anything else for a fault that passes.
type deviceTokenBody struct {
	AccessToken secretValue `json:"access_token,omitempty"`
	TokenType   string      `json:"token_type,omitempty" enum:"Bearer"`
	ExpiresIn   int64       `json:"expires_in,omitempty" doc:"In seconds."`
	Email       string      `json:"email,omitempty"`
	UserID      string      `json:"user_id,omitempty" format:"uuid"`
	OrgID       string      `json:"org_id,omitempty" format:"uuid"`
	Error       string      `json:"error,omitempty" enum:"authorization_pending,slow_down,expired_token,access_denied"`
}

func (t *deviceTokenBody) AppendJSON(b []byte) []byte {
	if t.Error != "" {
		return append(appendQuoted(append(b, `{"error":`...), t.Error), '}')
	}
	token := TokenBody{AccessToken: t.AccessToken, TokenType: t.TokenType, ExpiresIn: t.ExpiresIn}
	b = token.appendFields(append(b, '{'))
	b = appendQuoted(append(b, `,"email":`...), t.Email)
	b = appendQuoted(append(b, `,"user_id":`...), t.UserID)
	b = appendQuoted(append(b, `,"org_id":`...), t.OrgID)
	return append(b, '}')
}

type userCodePath struct {
	UserCode string `path:"user_code" doc:"As the device shows it; case and dashes do not matter."`
}

type deviceBody struct {
	UserCode  string    `json:"user_code"`
	Status    string    `json:"status" enum:"pending,approved,denied,used,expired"`
	ClientID  string    `json:"client_id"`
	ExpiresAt time.Time `json:"expires_at"`
}

type decideDevice struct {
	Body struct {
		UserCode string `json:"user_code" doc:"As the device shows it; case and dashes do not matter."`
	}
}

type messageBody struct {
	Message string `json:"message"`
}

// verifyPage is where the human goes.
const verifyPage = "/cli/verify"

func (a *API) registerDevice() {
	const base = "/v1/auth/device"
	handle(a, op{
		method: http.MethodPost, path: base + "/code", id: "start-device-login", tag: "Auth", limit: gate.AuthLimit,
		summary: "Begin the login of a device (RFC 8628)", action: policy.StartDevice,
	}, func(ctx context.Context, c *call.Call, in *startDevice) (*body[deviceCodeBody], error) {
		code, err := a.accounts.StartDevice(ctx, c, in.Body.ClientID)
		page := strings.TrimRight(a.publicURL, "/") + verifyPage
		return answer(deviceCodeBody{
			DeviceCode: code.Device, UserCode: code.User, VerificationURI: page,
			VerificationURIComplete: page + "?code=" + url.QueryEscape(code.User),
			ExpiresIn:               code.ExpiresIn, Interval: int64(account.DeviceInterval / time.Second),
		}, err)
	})
	handle(a, op{
		method: http.MethodPost, path: base + "/token", id: "device-token", tag: "Auth", limit: gate.ExchangeLimit,
		summary: "Ask for the token of a device's login", action: policy.Login,
	}, a.deviceToken)
	handle(a, op{
		method: http.MethodGet, path: base + "/code/{user_code}", id: "get-device-login", tag: "Auth", limit: gate.AuthLimit,
		summary: "How far a device's login is", action: policy.ReadDevice, errors: []int{http.StatusNotFound},
	}, func(ctx context.Context, c *call.Call, in *userCodePath) (*body[deviceBody], error) {
		d, err := a.accounts.DeviceByUserCode(ctx, c, in.UserCode)
		return answer(deviceBody{
			UserCode: account.ShownUserCode(in.UserCode), Status: string(d.Status), ClientID: d.ClientID, ExpiresAt: d.ExpiresAt,
		}, err)
	})
	handle(a, op{
		method: http.MethodPost, path: base + "/approve", id: "approve-device-login", tag: "Auth", limit: gate.AuthLimit,
		summary: "Let a device in as yourself", action: policy.ApproveDevice,
	}, func(ctx context.Context, c *call.Call, in *decideDevice) (*body[messageBody], error) {
		err := a.accounts.ApproveDevice(ctx, c, in.Body.UserCode)
		return answer(messageBody{"The device is logged in as soon as it asks again."}, err)
	})
	handle(a, op{
		method: http.MethodPost, path: base + "/deny", id: "deny-device-login", tag: "Auth", limit: gate.AuthLimit,
		summary: "Refuse a device's login", action: policy.DenyDevice,
	}, func(ctx context.Context, c *call.Call, in *decideDevice) (*body[messageBody], error) {
		err := a.accounts.DenyDevice(ctx, c, in.Body.UserCode)
		return answer(messageBody{"The device was refused."}, err)
	})
}

func (a *API) deviceToken(ctx context.Context, c *call.Call, in *deviceTokenRequest) (*body[*deviceTokenBody], error) {
	if in.Body.GrantType != deviceGrant {
		c.Event.Action = string(policy.AuthFailure)
		return nil, fault.New(fault.Invalid, "unsupported_grant_type", "grant_type must be "+deviceGrant+".")
	}
	p, err := a.accounts.DeviceToken(ctx, c, in.Body.DeviceCode)
	if err == nil && p.Unknown {
		err = a.gate.Limits.Attempt(c.IP, c.Now)
	}
	return answer(&deviceTokenBody{
		AccessToken: secretValue{p.Access}, TokenType: "Bearer", ExpiresIn: p.ExpiresIn,
		Email: p.Email, UserID: p.User, OrgID: p.Org, Error: p.Refusal,
	}, err)
}
