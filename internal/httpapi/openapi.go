package httpapi

import (
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

//go:generate go test -count=1 -run "^Test(OpenAPIDocument|GoldenLines)$" . -update

// registerOpenAPI serves the document of every operation, made once, when it is
// first asked for.
func (a *API) registerOpenAPI() {
	document := sync.OnceValues(a.openAPIJSON)
	serve := func(ctx huma.Context) {
		doc, err := document()
		if err != nil {
			panic(err) // a type that can't be described; the golden file's test shows it first
		}
		ctx.SetHeader("Content-Type", "application/json")
		ctx.SetStatus(http.StatusOK)
		// A write fails when the client is gone.
		_, _ = ctx.BodyWriter().Write(doc)
	}
	// The second is where programs that know nothing of the server look.
	for _, path := range []string{"/v1/openapi.json", "/openapi.json"} {
		a.router.Handle(&huma.Operation{
			Method: http.MethodGet, Path: path, Metadata: map[string]any{metaKey: opMeta{action: policy.ReadOpenAPI}},
		}, serve)
	}
}

func (a *API) openAPIJSON() ([]byte, error) { return a.huma.OpenAPI().MarshalJSON() }
