package httpapi

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type forgotRequest struct {
	Body struct {
		Email string `json:"email"`
	}
}

type resetRequest struct {
	Body struct {
		Token string      `json:"token" doc:"From the mail."`
		New   secretValue `json:"new_password" doc:"The rules of signup apply."`
	}
}

func (a *API) registerReset() {
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/forgot-password", id: "forgot-password", tag: "Auth", limit: gate.AuthLimit,
		summary: "Have a token for a new password mailed to you", action: policy.ForgotPassword,
	}, func(ctx context.Context, c *call.Call, in *forgotRequest) (*body[messageBody], error) {
		err := a.accounts.ForgotPassword(ctx, c, in.Body.Email)
		return answer(messageBody{"If there is an account with this address, a mail is on its way to it."}, err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/reset-password", id: "reset-password", tag: "Auth", limit: gate.AuthLimit,
		summary: "Set a new password with the token from the mail; all your tokens end", action: policy.ResetPassword,
		status: http.StatusNoContent,
	}, func(ctx context.Context, c *call.Call, in *resetRequest) (*gone, error) {
		defer in.Body.New.Wipe()
		err := a.accounts.ResetPassword(ctx, c, in.Body.Token, in.Body.New.Bytes)
		ended := goneBy(c)
		return &ended, err
	})
}
