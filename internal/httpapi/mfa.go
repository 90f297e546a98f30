package httpapi

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type mfaStatusBody struct {
	Enabled bool `json:"enabled"`
}

// mfaSetupBody holds a key that is shown this once.
type mfaSetupBody struct {
	OTPAuthURI secretValue `json:"otpauth_uri" doc:"For authenticators: SHA1, 6 digits, 30 seconds."`
	Secret     secretValue `json:"secret" doc:"The same key in base32, to be typed."`
	QRCode     secretValue `json:"qr_code" doc:"otpauth_uri as a picture: a PNG in a data URI."`
}

func (m *mfaSetupBody) AppendJSON(b []byte) []byte {
	b = appendQuoted(append(b, `{"otpauth_uri":`...), m.OTPAuthURI.Reveal())
	b = appendQuoted(append(b, `,"secret":`...), m.Secret.Reveal())
	b = appendQuoted(append(b, `,"qr_code":`...), m.QRCode.Reveal())
	for _, v := range [...]secretValue{m.OTPAuthURI, m.Secret, m.QRCode} {
		v.Wipe()
	}
	return append(b, '}')
}

type mfaCodeRequest struct {
	Body struct {
		Code string `json:"code"`
	}
}

type recoveryBody struct {
	RecoveryCodes []string `json:"recovery_codes" doc:"Each works once in the place of a code. They are shown this once."`
}

type enabledMFA struct {
	gone
	Body recoveryBody
}

type mfaVerifyRequest struct {
	Body struct {
		MFAToken string `json:"mfa_token" doc:"From the answer to the login."`
		Code     string `json:"code" doc:"Of the authenticator, or a recovery code."`
	}
}

type mfaDisableRequest struct {
	Body struct {
		Code     *string      `json:"code,omitempty" nullable:"true" doc:"Of the authenticator, or a recovery code."`
		Password *secretValue `json:"password,omitempty" nullable:"true" doc:"Taken and not used: it takes a code."`
	}
}

func (a *API) registerMFA() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/auth/mfa/status", id: "mfa-status", tag: "Auth",
		summary: "Whether your logins need a second factor", action: policy.ReadMFA,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[mfaStatusBody], error) {
		on, err := a.accounts.MFAStatus(ctx, c)
		return answer(mfaStatusBody{Enabled: on}, err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/mfa/setup", id: "mfa-setup", tag: "Auth", limit: gate.AuthLimit,
		summary: "Make the key of an authenticator; it counts once a code confirmed it", action: policy.EnableMFA,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[*mfaSetupBody], error) {
		m, err := a.accounts.SetUpMFA(ctx, c)
		return answer(&mfaSetupBody{
			OTPAuthURI: secretValue{m.URI}, Secret: secretValue{m.Secret}, QRCode: secretValue{m.QR},
		}, err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/mfa/verify-setup", id: "mfa-verify-setup", tag: "Auth", limit: gate.AuthLimit,
		summary: "Turn the second factor on with a code; all your other tokens end", action: policy.EnableMFA,
	}, func(ctx context.Context, c *call.Call, in *mfaCodeRequest) (*enabledMFA, error) {
		codes, err := a.accounts.ConfirmMFA(ctx, c, in.Body.Code)
		if err != nil {
			return nil, err
		}
		return &enabledMFA{goneBy(c), recoveryBody{RecoveryCodes: codes}}, nil
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/mfa/verify", id: "mfa-verify", tag: "Auth", limit: gate.AuthLimit,
		summary: "Finish a login with a code", errors: []int{http.StatusUnauthorized}, action: policy.Login,
	}, func(ctx context.Context, c *call.Call, in *mfaVerifyRequest) (*body[*TokenBody], error) {
		t, err := a.accounts.VerifyMFA(ctx, c, in.Body.MFAToken, in.Body.Code)
		return answer(tokenOf(t), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: "/v1/auth/mfa", id: "mfa-disable", tag: "Auth", limit: gate.AuthLimit,
		summary: "Turn the second factor off with a code; all your other tokens end",
		action:  policy.DisableMFA, status: http.StatusNoContent, bodyOptional: true,
	}, func(ctx context.Context, c *call.Call, in *mfaDisableRequest) (*gone, error) {
		if in.Body.Password != nil {
			gate.WipeAfter(ctx, in.Body.Password.Bytes)
		}
		err := a.accounts.DisableMFA(ctx, c, deref(in.Body.Code))
		ended := goneBy(c)
		return &ended, err
	})
}
