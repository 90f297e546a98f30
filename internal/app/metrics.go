package app

import (
	"net/http"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/metrics"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
)

// meters are what GET /metrics tells. No label has a name of anybody in it, a path or a text.
// The nil one counts nothing.
type meters struct {
	metrics.Set
	requests, denied, signatures       *metrics.Counter
	calls, threats, redactions, tokens *metrics.Counter
	unsettled                          *metrics.Counter
	duration                           *metrics.Histogram
}

func newMeters() *meters {
	m := &meters{}
	label := func(name string, values ...string) metrics.Label { return metrics.Label{Name: name, Values: values} }
	surface := label("surface", "rest", "mcp", "pages", "shroud")
	m.requests = m.Counter("oneclaw_requests_total", "Requests that were answered.", surface, label("class", "2xx", "3xx", "4xx", "5xx"))
	m.denied = m.Counter("oneclaw_denied_total", "Requests that were answered with 401 or 403.", surface)
	m.signatures = m.Counter("oneclaw_signatures_total", "Transactions and messages that were signed for agents.", label("kind", "transaction", "message"))
	outcomes := label("outcome")
	for _, a := range activity.Actions() {
		outcomes.Values = append(outcomes.Values, string(a))
	}
	m.calls = m.Counter("shroud_requests_total", "Calls of models that Shroud looked at and that have ended, by the strongest of what it did.",
		outcomes, label("provider", "openai", "anthropic", "google", "mistral", "cohere", "openrouter"))
	m.threats = m.Counter("shroud_threats_detected_total", "What detectors found in calls of models and their answers, by what it led to.",
		label("kind", "prompt_injection", string(finding.Unicode), string(finding.Command), string(finding.Encoding), string(finding.Social), string(finding.Network),
			string(finding.Filesystem), string(finding.PII), string(finding.Leak), string(finding.Tool), string(finding.Kept)),
		label("action", string(activity.EffectBlocked), string(activity.EffectRedacted), string(activity.EffectWarned), string(activity.EffectLogged)))
	m.redactions = m.Counter("shroud_redactions_total", "Calls of models in which secrets were replaced (secret) or personal data was found (pii).", label("kind", "secret", "pii"))
	m.tokens = m.Counter("shroud_tokens_total", "Tokens as providers count them.", label("kind", "input", "output", "cache_read", "cache_write"))
	m.unsettled = m.Counter("shroud_unstored_settlements_total", "Calls of models whose end could not be stored in any try: they count at what was reserved for them.")
	m.duration = m.Histogram("shroud_request_duration_seconds", "How long calls of models took, with the provider's time.",
		100*time.Millisecond, 500*time.Millisecond, time.Second, 5*time.Second, 30*time.Second, 2*time.Minute, 10*time.Minute)
	return m
}

// told counts a call of a model that has ended.
func (m *meters) told(r *activity.Request) {
	if m == nil {
		return
	}
	m.calls.Add(1, string(r.Action), r.Provider)
	m.duration.Observe(r.Latency)
	for _, f := range r.Findings {
		m.threats.Add(uint64(max(f.Count, 0)), f.Detector, string(f.Effect))
	}
	if r.SecretsRedacted {
		m.redactions.Add(1, "secret")
	}
	if r.PII {
		m.redactions.Add(1, "pii")
	}
	for kind, n := range map[string]int64{
		"input": r.RequestTokens - r.CacheRead - r.CacheWrite, "output": r.ResponseTokens, "cache_read": r.CacheRead, "cache_write": r.CacheWrite,
	} {
		m.tokens.Add(uint64(max(n, 0)), kind)
	}
}

// unstored counts a call of a model whose end is given up.
func (m *meters) unstored() {
	if m != nil {
		m.unsettled.Add(1)
	}
}

// signed counts a signature.
func (m *meters) signed(kind string) {
	if m != nil {
		m.signatures.Add(1, kind)
	}
}

// count counts the answers of h by the surface that a request is for.
func (m *meters) count(surface func(r *http.Request) string, h http.Handler) http.Handler {
	if m == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &status{ResponseWriter: w}
		ended := false
		defer func() { // also of a handler that panicked
			switch {
			case seen.code != 0:
			case !ended:
				seen.code = http.StatusInternalServerError
			case r.Context().Err() != nil:
				seen.code = 499 // who asked is gone
			default:
				seen.code = http.StatusOK
			}
			of := surface(r)
			m.requests.Add(1, of, strconv.Itoa(seen.code/100)+"xx")
			if seen.code == http.StatusUnauthorized || seen.code == http.StatusForbidden {
				m.denied.Add(1, of)
			}
		}()
		h.ServeHTTP(seen, r)
		ended = true
	})
}

// status remembers how a request was answered.
type status struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements http.ResponseWriter.
func (s *status) WriteHeader(code int) {
	if s.code == 0 && code >= 200 {
		s.code = code
	}
	s.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (s *status) Write(b []byte) (int, error) {
	if s.code == 0 {
		s.code = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// Flush implements http.Flusher, which the MCP library asks for.
func (s *status) Flush() { _ = http.NewResponseController(s.ResponseWriter).Flush() } // the next write finds out

// Unwrap lets http.ResponseController reach the connection.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }
