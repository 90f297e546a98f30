package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
)

// requestBody is an event of GET /v1/shroud/activity (contract, later.md).
type requestBody struct {
	ID              string       `json:"id" format:"uuid"`
	OrgID           string       `json:"org_id" format:"uuid"`
	AgentID         string       `json:"agent_id" format:"uuid"`
	Provider        string       `json:"provider"`
	Model           string       `json:"model"`
	Action          string       `json:"action" enum:"allowed,logged,warned,redacted,blocked,failed,lost" doc:"The strongest of what was done. lost: the server that had it is gone."`
	RequestTokens   int64        `json:"request_tokens" doc:"As the provider counts them, with those of its cache."`
	ResponseTokens  int64        `json:"response_tokens" doc:"With those that the model thought in."`
	LatencyMS       int64        `json:"latency_ms"`
	SecretsRedacted bool         `json:"had_secrets_redacted"`
	PIIDetected     bool         `json:"had_pii_detected"`
	InjectionScore  float64      `json:"injection_score"`
	Violations      []string     `json:"policy_violations"`
	AnswerInjection float64      `json:"response_injection_score"`
	Hosts           []string     `json:"external_urls_flagged" doc:"Names of hosts alone."`
	ContentFiltered bool         `json:"content_filtered"`
	Metadata        requestExtra `json:"metadata"`
	Timestamp       time.Time    `json:"timestamp"`
}

// requestExtra is what the contract has no field for.
type requestExtra struct {
	CostUSD    *string       `json:"cost_usd" nullable:"true" doc:"What it counts against the budget; null: the model has no price."`
	CostBasis  *string       `json:"cost_basis" nullable:"true" enum:"usage,bytes,reservation,not_served" doc:"usage: what the provider bills. bytes: a token for each byte of the answer, since the provider said less. reservation: what was reserved, since it said nothing."`
	CacheRead  int64         `json:"cache_read_tokens"`
	CacheWrite int64         `json:"cache_write_tokens"`
	CutBy      *string       `json:"cut_by" nullable:"true" enum:"caller,provider,node,rights,storage" doc:"Who ended the answer early. storage: the end of the call could not be stored, and it counts at what was reserved."`
	Findings   []findingBody `json:"findings"`
}

type findingBody struct {
	Detector string `json:"detector"`
	Action   string `json:"action" enum:"blocked,redacted,warned,logged"`
	Count    int64  `json:"count"`
}

func requestOf(r *activity.Request) requestBody {
	b := requestBody{
		ID: r.ID, OrgID: r.Org, AgentID: r.Agent, Provider: r.Provider, Model: r.Model, Action: string(r.Action),
		RequestTokens: r.RequestTokens, ResponseTokens: r.ResponseTokens, LatencyMS: r.Latency.Milliseconds(),
		SecretsRedacted: r.SecretsRedacted, PIIDetected: r.PII, InjectionScore: r.Injection, Violations: append([]string{}, r.Violations...),
		AnswerInjection: r.AnswerInjection, Hosts: append([]string{}, r.Hosts...), ContentFiltered: r.Filtered, Timestamp: r.At,
		Metadata: requestExtra{CostBasis: present(string(r.Basis)), CacheRead: r.CacheRead, CacheWrite: r.CacheWrite, CutBy: present(r.Cut), Findings: []findingBody{}},
	}
	if r.Basis != activity.Unknown {
		b.Metadata.CostUSD = present(r.Cost.String())
	}
	for _, f := range r.Findings {
		b.Metadata.Findings = append(b.Metadata.Findings, findingBody{f.Detector, string(f.Effect), f.Count})
	}
	return b
}

type requestList struct {
	Events []requestBody `json:"events"`
	Total  int64         `json:"total" doc:"How many there are, in this answer or not."`
}

type listRequests struct {
	pickRequests
	Period string `query:"period" maxLength:"8" doc:"1h, 24h, 7d or 30d, which ends now; left out: all that is kept."`
	Limit  int    `query:"limit" minimum:"1" default:"50" doc:"At most 1000; more is taken as 1000."`
	Offset int    `query:"offset" minimum:"0" maximum:"1000000" default:"0"`
}

// pickRequests are the filters of requests.
type pickRequests struct {
	AgentID  string `query:"agent_id" maxLength:"64"`
	Action   string `query:"action" maxLength:"64" doc:"allowed, logged, warned, redacted, blocked, failed or lost."`
	Provider string `query:"provider" maxLength:"255"`
	Detector string `query:"detector" maxLength:"255" doc:"Only those in which it found something."`
}

func (p *pickRequests) query() activity.Query {
	return activity.Query{Agent: p.AgentID, Action: activity.Action(p.Action), Provider: p.Provider, Detector: p.Detector}
}

// countsBody is the answer of GET /v1/shroud/activity/counts.
type countsBody struct {
	From  time.Time  `json:"from"`
	Step  int64      `json:"step_seconds"`
	Slots []slotBody `json:"slots" doc:"Oldest first; those without a request are left out."`
}

type slotBody struct {
	At       time.Time `json:"at" doc:"When it begins."`
	Provider string    `json:"provider"`
	Requests int64     `json:"requests"`
	Found    int64     `json:"found" doc:"In how many of them something was found."`
}

func countsOf(n *activity.Counts) countsBody {
	b := countsBody{From: n.From, Step: int64(n.Step / time.Second), Slots: []slotBody{}}
	for _, s := range n.Slots {
		b.Slots = append(b.Slots, slotBody{s.At, s.Provider, s.Requests, s.Found})
	}
	return b
}

// summaryBody is the answer of GET /v1/shroud/threat-summary (contract, later.md).
type summaryBody struct {
	Requests  int64          `json:"total_requests"`
	Before    int64          `json:"total_requests_prev" doc:"In the period before, which was as long."`
	Blocked   int64          `json:"blocked_requests"`
	Triggered int            `json:"detectors_triggered" doc:"How many detectors found something."`
	Agents    int64          `json:"active_agents"`
	Detectors []detectorBody `json:"detectors"`
	Flagged   []flaggedBody  `json:"flagged_requests" doc:"The newest 50."`
}

type detectorBody struct {
	Detector   string     `json:"detector"`
	Detections int64      `json:"detections" doc:"With those that were cut out or replaced, which actions has no field for."`
	Blocks     int64      `json:"blocks"`
	Actions    actionsSum `json:"actions"`
}

type actionsSum struct {
	Blocked int64 `json:"blocked"`
	Warned  int64 `json:"warned"`
	Logged  int64 `json:"logged"`
}

type flaggedBody struct {
	ID        string    `json:"id" format:"uuid"`
	Timestamp time.Time `json:"timestamp"`
	AgentID   string    `json:"agent_id" format:"uuid"`
	AgentName string    `json:"agent_name"`
	Score     float64   `json:"score"`
	Reason    string    `json:"reason"`
	Action    string    `json:"action" enum:"logged,warned,redacted,blocked"`
}

func summaryOf(s *activity.Summary) summaryBody {
	b := summaryBody{
		Requests: s.Requests, Before: s.Before, Blocked: s.Blocked, Triggered: len(s.Detectors), Agents: s.Agents,
		Detectors: []detectorBody{}, Flagged: []flaggedBody{},
	}
	for _, d := range s.Detectors {
		b.Detectors = append(b.Detectors, detectorBody{d.Detector, d.Detections(), d.Blocked, actionsSum{d.Blocked, d.Warned, d.Logged}})
	}
	for _, r := range s.Flagged {
		b.Flagged = append(b.Flagged, flaggedBody{
			r.ID, r.At, r.Agent, r.AgentName, max(r.Injection, r.AnswerInjection), cmp.Or(append(r.Violations, string(r.Action))...), string(r.Action),
		})
	}
	return b
}

// flaggedTexts is the answer of GET /v1/shroud/activity/{activity_id}/text.
type flaggedTexts struct {
	ID        string        `json:"id" format:"uuid"`
	AgentID   string        `json:"agent_id" format:"uuid"`
	CreatedAt time.Time     `json:"created_at"`
	ExpiresAt time.Time     `json:"expires_at" doc:"When they are deleted."`
	Texts     []flaggedText `json:"texts"`

	value secret.Bytes
}

type flaggedText struct {
	Threat   string `json:"threat_type"`
	Pattern  string `json:"pattern"`
	Severity string `json:"severity" enum:"low,medium,high,critical"`
	Action   string `json:"action" enum:"block,sanitize,decode,warn,log"`
	Location string `json:"location" enum:"system,user,assistant,tool,response" doc:"Whose words they are."`
	Text     string `json:"text" doc:"The part around what was found, without secrets and personal data."`
}

// AppendJSON appends the texts as they were sealed, into a buffer that is wiped.
func (f *flaggedTexts) AppendJSON(b []byte) []byte {
	b = appendQuoted(append(b, `{"id":`...), f.ID)
	b = appendQuoted(append(b, `,"agent_id":`...), f.AgentID)
	b = f.CreatedAt.AppendFormat(append(b, `,"created_at":"`...), time.RFC3339Nano)
	b = f.ExpiresAt.AppendFormat(append(b, `","expires_at":"`...), time.RFC3339Nano)
	b = append(append(b, `","texts":`...), f.value.Reveal()...)
	f.value.Wipe()
	return append(b, '}')
}

func (a *API) registerShroud() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/shroud/activity/{activity_id}/text", id: "read-flagged-text", tag: "Shroud",
		summary: "What was flagged in a request to a language model and its answer, if the server keeps that", action: policy.ReadFlagged,
	}, func(ctx context.Context, c *call.Call, in *struct {
		ID string `path:"activity_id"`
	}) (*body[*flaggedTexts], error) {
		t, value, err := a.flagged.Read(ctx, c, in.ID)
		return answer(&flaggedTexts{ID: t.ID, AgentID: t.Agent, CreatedAt: t.At, ExpiresAt: t.Until, value: value}, err)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/shroud/activity", id: "list-shroud-activity", tag: "Shroud",
		summary: "Requests to language models, newest first; who does not manage the organisation sees those of its own agents, and an agent its own", action: policy.ReadActivity,
	}, func(ctx context.Context, c *call.Call, in *listRequests) (*body[requestList], error) {
		q := in.query()
		q.Limit, q.Offset = min(in.Limit, maxEvents), in.Offset
		rows, total, err := a.activity.ListSince(ctx, c, q, in.Period)
		out := requestList{Events: []requestBody{}, Total: total}
		for i := range rows {
			out.Events = append(out.Events, requestOf(&rows[i]))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/shroud/activity/counts", id: "count-shroud-activity", tag: "Shroud",
		summary: "How many requests to language models there were in a period that ends now, step by step", action: policy.ReadActivity,
	}, func(ctx context.Context, c *call.Call, in *struct {
		pickRequests
		Period string `query:"period" maxLength:"8" doc:"1h, 24h, 7d or 30d; left out: 24h."`
	}) (*body[countsBody], error) {
		n, err := a.activity.Count(ctx, c, in.query(), in.Period)
		return answer(countsOf(&n), err)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/shroud/threat-summary", id: "shroud-threat-summary", tag: "Shroud",
		summary: "What was found in requests to language models in a period that ends now", action: policy.ReadActivity,
	}, func(ctx context.Context, c *call.Call, in *struct {
		Period string `query:"period" maxLength:"8" doc:"1h, 24h, 7d or 30d; left out: 24h."`
	}) (*body[summaryBody], error) {
		s, err := a.activity.SumUp(ctx, c, in.Period)
		return answer(summaryOf(&s), err)
	})
}
