package httpapi

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// attestation is what hardware says of the server (contract shroud.md, section 8): nothing,
// since none is asked.
type attestation struct {
	Attested bool              `json:"attested" doc:"Always false: no hardware vouches for this server."`
	Level    string            `json:"attestation_level" enum:"none"`
	Image    *string           `json:"image_hash" nullable:"true"`
	Token    *string           `json:"identity_token" nullable:"true"`
	Claims   *jsonObject       `json:"confidential_claims"`
	Verify   attestationChecks `json:"verification"`
}

type attestationChecks struct {
	Steps    []string `json:"steps" doc:"Empty: there is nothing to verify."`
	Certs    string   `json:"google_certs_url"`
	Audience string   `json:"expected_audience"`
}

func (a *API) registerAttestation() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/shroud/attestation", id: "shroud-attestation", tag: "Shroud",
		summary: "What hardware vouches for of this server: nothing", action: policy.ReadAttestation,
	}, func(context.Context, *call.Call, *struct{}) (*body[attestation], error) {
		return answer(attestation{Level: "none", Verify: attestationChecks{Steps: []string{}}}, nil)
	})
}
