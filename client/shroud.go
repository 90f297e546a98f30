package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ModelRequest is what became of one request to a language model through Shroud.
type ModelRequest struct {
	ID              string           `json:"id"`
	OrgID           string           `json:"org_id"`
	AgentID         string           `json:"agent_id"`
	Provider        string           `json:"provider"`
	Model           string           `json:"model"`
	Action          string           `json:"action"`
	RequestTokens   int64            `json:"request_tokens"`
	ResponseTokens  int64            `json:"response_tokens"`
	LatencyMS       int64            `json:"latency_ms"`
	SecretsRedacted bool             `json:"had_secrets_redacted"`
	PIIDetected     bool             `json:"had_pii_detected"`
	InjectionScore  float64          `json:"injection_score"`
	Violations      []string         `json:"policy_violations"`
	AnswerInjection float64          `json:"response_injection_score"`
	Hosts           []string         `json:"external_urls_flagged"`
	ContentFiltered bool             `json:"content_filtered"`
	Metadata        ModelRequestMore `json:"metadata"`
	Timestamp       time.Time        `json:"timestamp"`
}

// ModelRequestMore is what a request cost, and what was found in it. CostUSD is nil where the model
// has no price; CostBasis says what the cost rests on.
type ModelRequestMore struct {
	CostUSD    *string        `json:"cost_usd"`
	CostBasis  string         `json:"cost_basis,omitempty"`
	CacheRead  int64          `json:"cache_read_tokens"`
	CacheWrite int64          `json:"cache_write_tokens"`
	CutBy      string         `json:"cut_by,omitempty"`
	Findings   []ModelFinding `json:"findings"`
}

// ModelFinding is how often a detector found something in a request.
type ModelFinding struct {
	Detector string `json:"detector"`
	Action   string `json:"action"`
	Count    int64  `json:"count"`
}

// ModelRequests are requests, the newest first, and how many there are in all.
type ModelRequests struct {
	Events []ModelRequest `json:"events"`
	Total  int64          `json:"total"`
}

// ModelRequestFilter picks requests; zero fields pick all. Detector picks those in which it
// found something, and Period (1h, 24h, 7d or 30d) one that ends now. Limit 0 is the server's default.
type ModelRequestFilter struct {
	AgentID, Action, Provider, Detector, Period string
	Limit, Offset                               int
}

func (f *ModelRequestFilter) query() url.Values {
	q := url.Values{}
	for name, text := range map[string]string{"agent_id": f.AgentID, "action": f.Action, "provider": f.Provider, "detector": f.Detector, "period": f.Period} {
		if text != "" {
			q.Set(name, text)
		}
	}
	for name, n := range map[string]int{"limit": f.Limit, "offset": f.Offset} {
		if n > 0 {
			q.Set(name, strconv.Itoa(n))
		}
	}
	return q
}

// ShroudActivity returns the requests that f picks.
func (c *Client) ShroudActivity(ctx context.Context, f ModelRequestFilter) (*ModelRequests, error) {
	out := new(ModelRequests)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: "/v1/shroud/activity", query: f.query(), repeatable: true}, out))
}

// ModelCounts are the requests of a period over time. Steps without any are left out.
type ModelCounts struct {
	From  time.Time   `json:"from"`
	Step  int64       `json:"step_seconds"`
	Slots []ModelSlot `json:"slots"`
}

// ModelSlot is how many requests of a provider came in one step, and in how many of them
// something was found.
type ModelSlot struct {
	At       time.Time `json:"at"`
	Provider string    `json:"provider"`
	Requests int64     `json:"requests"`
	Found    int64     `json:"found"`
}

// ShroudCounts counts the requests that f picks; an empty period is 24h.
func (c *Client) ShroudCounts(ctx context.Context, f ModelRequestFilter) (*ModelCounts, error) {
	f.Limit, f.Offset = 0, 0
	out := new(ModelCounts)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: "/v1/shroud/activity/counts", query: f.query(), repeatable: true}, out))
}

// ThreatSummary is what was found in requests in a period, and in how many there were.
type ThreatSummary struct {
	Requests  int64             `json:"total_requests"`
	Before    int64             `json:"total_requests_prev"`
	Blocked   int64             `json:"blocked_requests"`
	Triggered int               `json:"detectors_triggered"`
	Agents    int64             `json:"active_agents"`
	Detectors []DetectorSummary `json:"detectors"`
	Flagged   []FlaggedRequest  `json:"flagged_requests"`
}

// DetectorSummary is what one detector found.
type DetectorSummary struct {
	Detector   string           `json:"detector"`
	Detections int64            `json:"detections"`
	Blocks     int64            `json:"blocks"`
	Actions    map[string]int64 `json:"actions"`
}

// Redacted is how often what was found was cut out or replaced.
func (d *DetectorSummary) Redacted() int64 {
	n := d.Detections
	for _, other := range d.Actions {
		n -= other
	}
	return n
}

// FlaggedRequest is a request in which something was found.
type FlaggedRequest struct {
	ID        string    `json:"id"`
	Timestamp time.Time `json:"timestamp"`
	AgentID   string    `json:"agent_id"`
	AgentName string    `json:"agent_name"`
	Score     float64   `json:"score"`
	Reason    string    `json:"reason"`
	Action    string    `json:"action"`
}

// ShroudSummary sums up a period that ends now: 1h, 24h, 7d or 30d.
func (c *Client) ShroudSummary(ctx context.Context, period string) (*ThreatSummary, error) {
	q := url.Values{}
	if period != "" {
		q.Set("period", period)
	}
	out := new(ThreatSummary)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: "/v1/shroud/threat-summary", query: q, repeatable: true}, out))
}

// FlaggedTexts are what was flagged in a request to a language model and in its answer.
type FlaggedTexts struct {
	ID        string        `json:"id"`
	AgentID   string        `json:"agent_id"`
	CreatedAt time.Time     `json:"created_at"`
	ExpiresAt time.Time     `json:"expires_at"`
	Texts     []FlaggedText `json:"texts"`
}

// FlaggedText is the part of a text around one finding, without secrets and personal data.
type FlaggedText struct {
	Threat   string `json:"threat_type"`
	Pattern  string `json:"pattern"`
	Severity string `json:"severity"`
	Action   string `json:"action"`
	Location string `json:"location"` // whose words they are: system, user, assistant, tool or response
	Text     string `json:"text"`
}

// FlaggedTexts reads what was flagged in a request, if the server keeps that. It takes an owner
// or admin who has just signed in.
func (c *Client) FlaggedTexts(ctx context.Context, id string) (*FlaggedTexts, error) {
	out := new(FlaggedTexts)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: "/v1/shroud/activity/" + url.PathEscape(id) + "/text", repeatable: true}, out))
}
