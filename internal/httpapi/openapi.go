package httpapi

import (
	"net/http"
	"net/url"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/rest"
)

//go:generate go test -count=1 -vet=off -run "^Test(OpenAPIDocument|GoldenLines)$" . -update

// registerOpenAPI serves the document of every operation, made once, when it is
// first asked for.
func (a *API) registerOpenAPI() {
	document := sync.OnceValues(a.doc.OpenAPI.MarshalJSON)
	serve := func(x *gate.Request, _ *http.Request, _ url.Values, _ []byte) error {
		doc, err := document()
		if err != nil {
			panic(err) // a type that can't be described; the golden file's test shows it first
		}
		x.Header().Set("Content-Type", rest.JSON)
		_, _ = x.Write(doc) // it fails when the client is gone
		return nil
	}
	// The second is where programs that know nothing of the server look.
	for _, path := range []string{"/v1/openapi.json", "/openapi.json"} {
		a.route(&op{method: http.MethodGet, path: path, action: policy.ReadOpenAPI}, false, serve)
	}
}
