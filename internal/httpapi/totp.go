package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// codeBody is a code of a second factor.
type codeBody struct {
	Code   string    `json:"code" doc:"6 to 8 digits."`
	Period int       `json:"period_seconds"`
	Until  time.Time `json:"valid_until" doc:"When the next code takes its place."`
}

func (a *API) registerCodes() {
	handle(a, op{
		method: http.MethodPost, path: "/v1/vaults/{vault_id}/totp/{path}", id: "totp-code", tag: "Use without seeing",
		summary: "The code that a stored seed of a second factor gives now; the seed is shown to nobody", action: policy.UseSecret,
		errors: []int{http.StatusConflict, http.StatusGone},
	}, func(ctx context.Context, c *call.Call, in *secretPath) (*body[codeBody], error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		code, err := a.broker.Code(ctx, c, in.VaultID, p)
		return answer(codeBody{code.Code, int(code.Period / time.Second), code.Until}, err)
	})
}
