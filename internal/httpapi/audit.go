package httpapi

import (
	"context"
	"encoding/base64"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/rest"
)

// eventBody is Event of the contract, section 11.
type eventBody struct {
	ID            string     `json:"id" format:"uuid"`
	Seq           uint64     `json:"seq" doc:"Position in the organisation's chain."`
	Action        string     `json:"action"`
	ActorID       string     `json:"actor_id"`
	ActorType     string     `json:"actor_type"`
	ActorName     string     `json:"actor_name,omitempty" doc:"An agent's name or a member's mail address, as they are now: to who manages the organisation."`
	ResourceType  string     `json:"resource_type"`
	ResourceID    string     `json:"resource_id"`
	OrgID         string     `json:"org_id"`
	Details       jsonObject `json:"details" doc:"outcome, and where known reason, path, version, status."`
	IPAddress     *string    `json:"ip_address" nullable:"true"`
	CreatedAt     time.Time  `json:"created_at"`
	PrevEventID   *string    `json:"prev_event_id" nullable:"true"`
	IntegrityHash string     `json:"integrity_hash" doc:"SHA-256 over the event and the hash before it."`
}

func eventOf(r *audit.Row) eventBody {
	return eventBody{
		ID: r.ID, Seq: r.Seq, Action: r.Action, ActorID: r.ActorID, ActorType: r.ActorKind,
		ResourceType: r.ResourceType, ResourceID: r.ResourceID, OrgID: r.Org, Details: r.DetailsJSON,
		IPAddress: present(r.IP), CreatedAt: r.At, PrevEventID: present(r.PrevID), IntegrityHash: r.Hash.String(),
	}
}

type listEvents struct {
	UserAgent  string    `header:"User-Agent" hidden:"true"`
	ResourceID string    `query:"resource_id" maxLength:"64" doc:"Only events about what has this id: a vault, an agent, a policy, or a share, also by the id in its link."`
	ActorID    string    `query:"actor_id" maxLength:"64"`
	Action     string    `query:"action" maxLength:"64" doc:"Such as secret.read; or read, for all that hands out a secret's value: reads of secrets, of old versions, and through shares."`
	Outcome    string    `query:"outcome" enum:"success,denied,failed,error" doc:"Only events that ended so. A page may then be empty and have a next_cursor."`
	From       time.Time `query:"from"`
	To         time.Time `query:"to"`
	Path       string    `query:"path" maxLength:"512" doc:"Only events about this secret path, or policies of this pattern."`
	Cursor     string    `query:"cursor" maxLength:"64" doc:"next_cursor of the page before, with the same filters: pages that do not shift while events come in."`
	BeforeSeq  uint64    `query:"before_seq" doc:"Only events before this one."`
	Limit      int       `query:"limit" minimum:"1" default:"100" doc:"At most 1000; more is taken as 1000."`
	Offset     int       `query:"offset" minimum:"0" maximum:"1000000" default:"0"`
}

// anyRead asks for all events that handed out a value, or were to.
const anyRead = "read"

// maxEvents bounds the events of one answer.
const maxEvents = 1000

// eventsOf are the rows as they are sent, with the names of who did it for those who see
// everybody's events.
func (a *API) eventsOf(ctx context.Context, c *call.Call, rows []*audit.Row, userAgent string) ([]eventBody, error) {
	out := make([]eventBody, 0, len(rows))
	for _, r := range rows {
		out = append(out, eventOf(r))
	}
	if len(rows) == 0 || decodesStrictly(userAgent) || policy.Decide(c.Who, policy.ReadAudit, c.Own(), c.At()).Partial {
		return out, nil
	}
	names, err := a.names(ctx, c)
	for i := range out {
		out[i].ActorName = names[policy.PrincipalKind(out[i].ActorType)][out[i].ActorID]
	}
	return out, err
}

func (in *listEvents) query() (audit.Query, error) {
	q := audit.Query{
		ResourceID: in.ResourceID, ActorID: in.ActorID, Path: in.Path, From: in.From, To: in.To,
		BeforeSeq: min(in.BeforeSeq, math.MaxInt64), Limit: min(in.Limit, maxEvents), Offset: in.Offset,
	}
	switch {
	case in.Action == anyRead:
		for _, a := range policy.Reads() {
			q.Actions = append(q.Actions, string(a))
		}
	case in.Action == "":
	case !policy.Recorded(policy.Action(in.Action)):
		return q, errAction(in.Action)
	default:
		q.Actions = []string{in.Action}
	}
	if in.Cursor == "" {
		return q, nil
	}
	var err error
	if q.BeforeSeq, err = parseEventCursor(in.Cursor); err != nil || in.BeforeSeq > 0 || in.Offset > 0 {
		return q, errEventCursor
	}
	return q, nil
}

var errEventCursor = fault.New(fault.Invalid, "invalid_cursor",
	"cursor must be the next_cursor of an earlier page, without offset and before_seq.")

// errAction names the actions that the word may have meant: those of the same sort.
func errAction(word string) error {
	area, _, _ := strings.Cut(word, ".")
	var like []string
	for _, a := range policy.Actions() {
		if strings.HasPrefix(string(a), area+".") {
			like = append(like, string(a))
		}
	}
	text := "There is no action of that name. Names are such as secret.read, policy.create and auth.failure."
	if len(like) > 0 {
		text = "There is no action of that name. Those that begin alike are " + strings.Join(like, ", ") + "."
	}
	return fault.New(fault.Invalid, "unknown_action", text)
}

// eventCursor is opaque to clients: where the next page begins.
func eventCursor(before uint64) *string {
	if before == 0 {
		return nil
	}
	s := base64.RawURLEncoding.EncodeToString(strconv.AppendUint([]byte("e"), before, 10))
	return &s
}

func parseEventCursor(s string) (uint64, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 2 || b[0] != 'e' {
		return 0, errEventCursor
	}
	before, err := strconv.ParseUint(string(b[1:]), 10, 63)
	if err != nil || before == 0 || *eventCursor(before) != s {
		return 0, errEventCursor
	}
	return before, nil
}

type eventList struct {
	Events     []eventBody `json:"events"`
	Count      int         `json:"count" doc:"How many are in this answer."`
	NextCursor *string     `json:"next_cursor,omitempty" doc:"Where to go on; absent at the end."`
}

type verifyLog struct {
	Full  bool      `query:"full" doc:"Check all events again, also those that this server found whole before."`
	From  time.Time `query:"from" doc:"Count in events_checked and events_verified only events from then on. The whole log is checked in any case."`
	To    time.Time `query:"to" doc:"Count only events up to then."`
	Limit int       `query:"limit" minimum:"1" doc:"Count at most so many, the oldest."`
}

// schemeBody says what the chain is made of.
type schemeBody struct {
	Algorithm      string `json:"algorithm"`
	ChainStructure string `json:"chain_structure"`
	HashField      string `json:"hash_field"`
	LinkField      string `json:"link_field"`
	Documentation  string `json:"documentation"`
}

var scheme = schemeBody{
	Algorithm: "SHA-256", ChainStructure: "linear, one chain an organisation, with Ed25519-signed checkpoints",
	HashField: "integrity_hash", LinkField: "prev_event_id",
	Documentation: "https://github.com/oneclaw-dev/oneclaw/blob/main/docs/threat-model.md",
}

type reportBody struct {
	OK              bool   `json:"ok"`
	Events          uint64 `json:"events" doc:"How many events fit, from the first on."`
	FromSeq         uint64 `json:"from_seq" doc:"The first event that was checked now. Those before it were found whole since this server started."`
	Checkpoints     uint64 `json:"checkpoints" doc:"How many of them a signature confirms."`
	SignedSeq       uint64 `json:"signed_seq" doc:"The last event that a signature confirms."`
	FirstBadEventID string `json:"first_bad_event_id,omitempty" doc:"Absent when that event is missing altogether."`
	FirstBadSeq     uint64 `json:"first_bad_seq,omitzero"`
	Problem         string `json:"problem,omitempty"`

	// The same in the words of newer clients.
	ChainValid     bool       `json:"chain_valid" doc:"Of the whole log: a part of a log that is broken elsewhere is not said to be valid."`
	EventsVerified uint64     `json:"events_verified" doc:"How many of events_checked fit: they and all events before them."`
	EventsChecked  uint64     `json:"events_checked" doc:"How many events from, to and limit pick, up to the first that does not fit."`
	BrokenAt       string     `json:"broken_at_event_id,omitempty"`
	Scheme         schemeBody `json:"scheme"`
}

func (a *API) registerAudit() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/audit/events", id: "list-audit-events", tag: "Audit",
		summary: "Read the access log, newest first; who does not manage the organisation reads its own events", action: policy.ReadAudit,
	}, func(ctx context.Context, c *call.Call, in *eventsOfVault) (*body[eventList], error) {
		rows, next, err := a.readEvents(ctx, c, &in.listEvents, func(q *audit.Query) { q.Vault = in.VaultID })
		if err != nil {
			return nil, err
		}
		events, err := a.eventsOf(ctx, c, rows, in.UserAgent)
		return answer(eventList{Events: events, Count: len(events), NextCursor: eventCursor(next)}, err)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/audit", id: "list-audit-events-bare", tag: "Audit",
		summary: "The same as a bare list, as the 1Claw CLI asks for it", action: policy.ReadAudit,
	}, func(ctx context.Context, c *call.Call, in *eventsOfVault) (*body[[]eventBody], error) {
		rows, _, err := a.readEvents(ctx, c, &in.listEvents, func(q *audit.Query) {
			if in.VaultID != "" {
				q.ResourceID = in.VaultID
			}
		})
		if err != nil {
			return nil, err
		}
		return answer(a.eventsOf(ctx, c, rows, in.UserAgent))
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/audit/verify", id: "verify-audit", tag: "Audit",
		summary: "Check the organisation's log and name the first event that does not fit; with full=true from the first event on, else from where this server found it whole last", action: policy.VerifyAudit,
	}, func(ctx context.Context, c *call.Call, in *verifyLog) (*body[reportBody], error) {
		if err := c.Authorize(policy.VerifyAudit, c.Own()); err != nil {
			return nil, err
		}
		scope := audit.Recent
		if in.Full {
			scope = audit.Whole
		}
		r, err := a.audit.Verify(ctx, c.Who.Org, scope)
		if err != nil {
			return nil, err
		}
		checked, fit, err := a.audit.Counted(ctx, r, in.From, in.To, in.Limit)
		if err != nil {
			return nil, err
		}
		return &body[reportBody]{reportBody{
			ChainValid: r.OK, EventsVerified: fit, EventsChecked: checked, BrokenAt: r.BadID, Scheme: scheme,
			OK: r.OK, Events: r.Events, FromSeq: r.From, Checkpoints: r.Checkpoints, SignedSeq: r.Signed,
			FirstBadEventID: r.BadID, FirstBadSeq: r.BadSeq, Problem: r.Problem,
		}}, nil
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/audit/export", id: "export-audit", tag: "Audit",
		summary: "The organisation's whole log as JSON lines, with its checkpoints, to verify elsewhere", action: policy.VerifyAudit,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*exportAnswer, error) {
		if err := c.Authorize(policy.VerifyAudit, c.Own()); err != nil {
			return nil, err
		}
		return &exportAnswer{ContentType: linesType, Body: &export{ctx: ctx, log: a.audit, org: c.Who.Org}}, nil
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/audit/keys", id: "audit-keys", tag: "Audit",
		summary: "The public keys of the log's checkpoints", action: policy.ReadSigningKey,
	}, func(ctx context.Context, _ *call.Call, _ *struct{}) (*body[map[string]string], error) {
		keys, err := a.audit.PublicKeys(ctx)
		if err != nil {
			return nil, err
		}
		out := &body[map[string]string]{Body: map[string]string{}}
		for id, k := range keys {
			out.Body[id] = base64.StdEncoding.EncodeToString(k)
		}
		return out, nil
	})
}

type eventsOfVault struct {
	listEvents
	VaultID string `query:"vault_id" maxLength:"64" doc:"Only events in this vault."`
}

// readEvents reads what the caller asks for and may see. more completes the query.
func (a *API) readEvents(ctx context.Context, c *call.Call, in *listEvents, more func(*audit.Query)) ([]*audit.Row, uint64, error) {
	q, err := in.query()
	if err != nil {
		return nil, 0, err
	}
	if ids.Valid(q.ResourceID) {
		if q.ResourceID, err = a.sharing.LogID(ctx, c.Who.Org, q.ResourceID); err != nil {
			return nil, 0, err
		}
	}
	more(&q)
	if q, err = visible(c, q); err != nil {
		return nil, 0, err
	}
	if in.Outcome != "" {
		q.Shows = ended(in.Outcome, q.Shows)
	}
	return a.audit.Read(ctx, c.Who.Org, q)
}

// visible restricts a caller to its own events when policy shows no more: a caller
// that does not manage the organisation, or whose credential is capped to some
// paths or vaults. Of those events a capped credential sees the ones within its cap,
// since its owner has others.
func visible(c *call.Call, q audit.Query) (audit.Query, error) {
	d := policy.Decide(c.Who, policy.ReadAudit, policy.Resource{Org: c.Who.Org}, c.At())
	if d.Partial {
		q.OnlyActor = c.Who.ID
	}
	if d.Partial && c.Who.Narrowed() {
		q.Shows = func(r *audit.Row) bool {
			var at struct {
				Vault string `json:"vault_id"`
				Path  string `json:"path"`
			}
			return json.Unmarshal(r.DetailsJSON, &at) == nil && c.Who.Covers(at.Vault, at.Path)
		}
	}
	return q, d.ErrOf(policy.ReadAudit)
}

// ended picks the events with an outcome of those that shows picks; nil: of all.
func ended(outcome string, shows func(*audit.Row) bool) func(*audit.Row) bool {
	return func(r *audit.Row) bool {
		var d struct {
			Outcome string `json:"outcome"`
		}
		return json.Unmarshal(r.DetailsJSON, &d) == nil && d.Outcome == outcome && (shows == nil || shows(r))
	}
}

type exportAnswer struct {
	ContentType string `header:"Content-Type"`
	Body        *export
}

const linesType = "application/jsonl"

// export is a log as JSON lines: checkpoints first, then events in order.
type export struct {
	ctx context.Context //nolint:containedctx // of the request, whose answer this is
	log *audit.Log
	org string
}

func (e *export) WriteJSON(w io.Writer) error {
	return e.log.Export(e.ctx, e.org, func(line any) error {
		b, err := rest.Marshal(line)
		if err != nil {
			return err
		}
		_, err = w.Write(append(b, '\n'))
		return err
	})
}
