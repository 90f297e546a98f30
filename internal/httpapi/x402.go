package httpapi

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

// x402Document says where and how requests are paid for.
type x402Document struct {
	Version   int                `json:"x402Version"`
	Resources []string           `json:"resources" doc:"Where requests are paid for. Empty: nowhere."`
	Accepts   []x402.Requirement `json:"accepts"`
	OpenAPI   string             `json:"openapi" doc:"The description of every operation."`
}

func (a *API) registerX402() {
	handle(a, op{
		method: http.MethodGet, path: "/.well-known/x402", id: "discover-x402", tag: "Billing",
		summary: "Tell how requests can be paid for one by one", action: policy.ReadOpenAPI,
	}, func(ctx context.Context, _ *call.Call, _ *struct{}) (*body[x402Document], error) {
		d := x402Document{Version: x402.Version, Resources: []string{}, Accepts: []x402.Requirement{}, OpenAPI: a.publicURL + "/openapi.json"}
		if a.payments == nil {
			return answer(d, nil)
		}
		terms, err := a.payments.Terms(ctx)
		if err == nil && terms.On() {
			d.Resources = append(d.Resources, a.publicURL+"/v1")
			d.Accepts = append(d.Accepts, terms.Require(a.publicURL+"/v1", terms.Price))
		}
		return answer(d, err)
	})
}
