package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/rest"
)

const (
	tailType = "text/event-stream"
	// tailEvery is how often a tail looks for events, tailAlive how often it says that it is there.
	tailEvery = time.Second
	tailAlive = 15 * time.Second
	// tailPage bounds what one look sends: a reader of a busy log gets the newest.
	tailPage = 100
)

// registerTail adds the log as it grows: an answer that goes on.
func (a *API) registerTail() {
	o := op{
		method: http.MethodGet, path: "/v1/audit/tail", id: "tail-audit", tag: "Audit",
		summary: "The access log as it grows, as server-sent events: each has an event of list-audit-events, oldest first. It ends with the right to read the log", action: policy.ReadAudit,
	}
	rest.Events(a.doc, a.describe(&o), "resource_id", "actor_id", "action", "outcome", "vault_id", "path")
	a.router.add(o.method, o.path, &route{Route: gate.Route{Path: o.path, Action: o.action, Serve: a.tail}})
}

var (
	errTailEnded  = fault.New(fault.Denied, "right_ended", "The right to read the log ended.").Because("right_ended")
	errTailUnsure = fault.New(fault.Unavailable, "right_unknown", "The stream was ended: nobody could tell any more whether it may go on. Try again.")
	errTailLeft   = fault.New(fault.Unavailable, "server_stops", "The stream was ended: the server is told to stop. Try again.")
	errTailQuery  = fault.New(fault.Invalid, "invalid_query", "A tail takes resource_id, actor_id, action, outcome, vault_id and path, each once and at most 512 characters long.")
)

// Leave ends the answers that go on: the server is told to stop.
func (a *API) Leave() { a.leave.Do(func() { close(a.leaving) }) }

// tail serves one reader. What it sends is found as list-audit-events finds it, so that
// who sees only its own events there sees only those here.
func (a *API) tail(x *gate.Request, r *http.Request) error {
	in, err := tailQuery(r.URL.Query())
	if err != nil {
		return err
	}
	last, err := a.newest(r.Context(), x, in)
	if err != nil {
		return err
	}
	conn := x.Stream(r)
	defer conn.Shut(r)
	conn.Endless(r)
	x.Header().Set("Content-Type", tailType)
	x.Header().Set("X-Accel-Buffering", "no") // a proxy in front would keep it
	if err := conn.Begin(); err != nil || gate.Bodyless(r.Context()) {
		return err
	}
	ctx, stop := gate.Watch{
		May: func(ctx context.Context) error { _, err := x.StandingNow(ctx); return err }, Leaving: a.leaving,
		Ended: errTailEnded, Unsure: errTailUnsure, Left: errTailLeft,
	}.Begin(r.Context())
	defer stop()
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	if _, err := conn.Write([]byte(": from here on\n\n")); err != nil {
		return nil // the reader is gone, or the answer has begun
	}
	for idle := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return nil // the answer has begun: its end is all that can be said
		case <-tick.C:
		}
		text, next, err := a.grown(ctx, x, in, last)
		if err != nil {
			return nil // the reader is gone, or the answer has begun
		}
		last = next
		if idle += tailEvery; len(text) == 0 && idle < tailAlive {
			continue
		}
		idle = 0
		if len(text) == 0 {
			text = []byte(":\n\n")
		}
		if _, err := conn.Write(text); err != nil {
			return nil // the reader is gone, or the answer has begun
		}
	}
}

// newest is the last event that is there when a tail begins.
func (a *API) newest(ctx context.Context, x *gate.Request, in *eventsOfVault) (last uint64, err error) {
	err = x.Decide(ctx, false, func(ctx context.Context) error {
		one := *in
		one.Limit, one.Outcome = 1, ""
		rows, _, err := a.readEvents(ctx, &x.Call, &one.listEvents, func(q *audit.Query) { q.Vault = in.VaultID })
		if err == nil && len(rows) > 0 {
			last = rows[0].Seq
		}
		return err
	})
	return last, err
}

// grown is what came since an event, as it is sent, and the last event of it. It is read
// with the rights of now, until the token ends.
func (a *API) grown(ctx context.Context, x *gate.Request, in *eventsOfVault, last uint64) (text []byte, next uint64, err error) {
	c, err := x.StandingNow(ctx) // whoever reads on when a token has ended has another by then
	if err != nil {
		return nil, last, err
	}
	rows, _, err := a.readEvents(ctx, c, &in.listEvents, func(q *audit.Query) { q.Vault, q.AfterSeq = in.VaultID, last })
	if err != nil || len(rows) == 0 {
		return nil, last, err
	}
	events, err := a.eventsOf(ctx, c, rows, in.UserAgent)
	if err != nil {
		return nil, last, err
	}
	for _, e := range slices.Backward(events) {
		one, err := json.Marshal(e)
		if err != nil {
			return nil, last, err
		}
		text = append(append(append(text, "data: "...), one...), "\n\n"...)
	}
	return text, rows[0].Seq, nil
}

// tailQuery reads what events are asked for.
func tailQuery(q url.Values) (*eventsOfVault, error) {
	in := &eventsOfVault{}
	in.Limit = tailPage
	at := map[string]*string{
		"resource_id": &in.ResourceID, "actor_id": &in.ActorID, "action": &in.Action, "outcome": &in.Outcome, "vault_id": &in.VaultID, "path": &in.Path,
	}
	for name, values := range q {
		to, ok := at[name]
		if !ok || len(values) != 1 || len(values[0]) > 512 {
			return nil, errTailQuery
		}
		*to = values[0]
	}
	if o := in.Outcome; o != "" && !slices.Contains([]string{"success", "denied", "failed", "error"}, o) {
		return nil, errTailQuery
	}
	if in.VaultID != "" && !ids.Valid(in.VaultID) {
		return nil, errTailQuery
	}
	return in, nil
}
