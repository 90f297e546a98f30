package httpapi

import (
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/broker/relay"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/rest"
)

// registerStreams adds the one operation whose body and answer are no JSON: docs/use-without-seeing.md,
// "Streams", describes them.
func (a *API) registerStreams() {
	o := op{
		method: http.MethodPost, path: "/v1/http-stream", id: "http-stream", tag: "Use without seeing",
		summary: "As http-request, for requests and answers of any size that are passed on as they come", action: policy.SendRequest,
		errors: []int{http.StatusUnprocessableEntity, http.StatusConflict},
	}
	about := a.describe(&o)
	rest.Bytes(a.doc, about, relay.MediaType)
	a.router.add(o.method, o.path, &route{Route: gate.Route{Path: o.path, Action: o.action, Serve: a.relay.Serve}})
}
