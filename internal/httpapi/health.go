package httpapi

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type healthBody struct {
	Status  string `json:"status" enum:"healthy,degraded"`
	Service string `json:"service"`
	Version string `json:"version"`
	Reason  string `json:"reason,omitempty" doc:"With status degraded: what is wrong, as a code. database_unavailable, database_replaced, storage_damaged, log_not_written, log_not_signed, log_changed, sealing_key_lost or keystore_unavailable."`
}

type hsmBody struct {
	Status      string `json:"status" enum:"ok,degraded"`
	HSMProvider string `json:"hsm_provider" doc:"soft: a key file on this machine. pkcs11: a hardware security module."`
	Connected   bool   `json:"connected"`
}

type healthAnswer[T any] struct {
	Status int
	Body   T
}

func (a *API) registerHealth() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/health", id: "health", tag: "Health",
		summary: "Whether the last events were written and signed, and the keystore answers", action: policy.ReadHealth,
	}, func(ctx context.Context, _ *call.Call, _ *struct{}) (*healthAnswer[healthBody], error) {
		out := &healthAnswer[healthBody]{Status: http.StatusOK, Body: healthBody{Status: "healthy", Service: "oneclaw", Version: a.version}}
		_, connected := a.health.Keystore(ctx)
		err := a.health.Ready(ctx)
		switch {
		case err != nil:
			out.Body.Reason = fault.CodeOf(err)
		case !connected:
			out.Body.Reason = "keystore_unavailable"
		default:
			return out, nil
		}
		out.Status, out.Body.Status = http.StatusServiceUnavailable, "degraded"
		return out, nil
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/health/hsm", id: "health-hsm", tag: "Health",
		summary: "Which keystore holds the keys, and whether it answers", action: policy.ReadHealth,
	}, func(ctx context.Context, _ *call.Call, _ *struct{}) (*healthAnswer[hsmBody], error) {
		provider, connected := a.health.Keystore(ctx)
		out := &healthAnswer[hsmBody]{Status: http.StatusOK, Body: hsmBody{Status: "ok", HSMProvider: provider, Connected: connected}}
		if !connected {
			out.Status, out.Body.Status = http.StatusServiceUnavailable, "degraded"
		}
		return out, nil
	})
}
