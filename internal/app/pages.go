package app

import (
	"html/template"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

var statusTemplate = template.Must(template.New("status").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>oneclaw</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}
dt{font-weight:600}dd{margin:0 0 .7rem}code{background:#f1f1f4;padding:.1rem .3rem;border-radius:.2rem}
@media(prefers-color-scheme:dark){body{color:#e6e6ea;background:#16161a}code{background:#26262c}a{color:#9ab8ff}}</style></head>
<body><h1>oneclaw</h1>
<dl><dt>Status</dt><dd>{{if .Reason}}degraded: {{.Reason}}. The server's log has more{{else}}serving{{end}}</dd>
<dt>Version</dt><dd>{{.Version}}</dd>
<dt>Database</dt><dd>{{.Database}}</dd>
<dt>Keystore</dt><dd>{{.Keystore}}{{if not .Connected}} (does not answer){{end}}</dd></dl>
<p>The API is described in <a href="/v1/openapi.json">/v1/openapi.json</a>. MCP clients connect to <code>/mcp</code>.
On the command line: <code>oneclaw --help</code>.</p></body></html>
`))

// statusPage says whether the server is well. It holds nothing that a stranger
// should not see; the dashboard will take its place.
func (a *App) statusPage() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		h := a.health()
		provider, connected := h.Keystore(r.Context())
		page := struct {
			Connected                           bool
			Reason, Version, Database, Keystore string
		}{connected, "", a.version, a.db.Engine(), provider}
		if err := h.Ready(r.Context()); err != nil {
			page.Reason = fault.CodeOf(err)
		} else if !connected {
			page.Reason = "keystore_unavailable"
		}
		pageHeaders(w, "form-action 'none'")
		// A write fails when the client is gone.
		_ = statusTemplate.Execute(w, page)
	})
}

// pageHeaders are those of every page: nothing is loaded, nothing may frame it,
// and no address with a token in it is passed on.
func pageHeaders(w http.ResponseWriter, formAction string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; "+formAction)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// shroudSoon answers on Shroud's port until Shroud is there (shroud.md section 4
// gives the error's shape).
func shroudSoon() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/healthz", "/health/live":
			_, _ = w.Write([]byte(`{"status":"ok"}`))
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"error":{"code":503,"message":"Shroud is not part of this version of oneclaw yet.","type":"shroud_error"}}`))
		}
	})
}
