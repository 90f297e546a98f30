package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

// exchange is one request and its answer. It holds the answer back until the
// request's audit event is in the log: that is what makes every request leave
// exactly one, also a refused one, and nothing leave without it.
type exchange struct {
	http.ResponseWriter
	api     *API
	call    call.Call
	event   audit.Event
	token   string         // the caller's credential, where one is asked for
	seen    int64          // the latest change of rights that its check knows of
	spent   []secret.Bytes // to be wiped when the operation has run; see decide.go
	audited bool
	started bool
	status  int
	dropped bool // the answer was replaced: its body must not be sent
	read    bool // the body was

	own    part  // of the budgets; see ingress.go
	within *part // that of the request which made this one, in this process

	passed   billing.Pass  // counted; see quota.go
	endpoint string        // the route that was counted
	receipt  *x402.Receipt // of the payment that let it in; see paywall.go
}

type exchangeKey struct{}

// ServeHTTP takes a request through audit, rate limit and authentication to its
// route (contract section 0, pipeline).
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, api: a, audited: strings.HasPrefix(r.URL.Path, "/v1")}
	now := a.now()
	x.within = withinOf(r.Context())
	x.event = audit.Event{ID: uuid.NewString(), Org: audit.SystemOrg, At: now, Action: "request.unknown", ActorKind: string(policy.KindAnonymous)}
	x.call = call.Call{Now: now, Event: &x.event}
	x.call.IP, _ = a.proxies.Client(r)
	x.call.Who.Kind = policy.KindAnonymous
	x.call.Client = plain(r.UserAgent())
	if r.TLS != nil {
		x.call.Chain = r.TLS.PeerCertificates
	}
	if x.call.IP.IsValid() {
		x.event.IP = x.call.IP.String()
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	defer x.unserved()
	defer x.counted(r)
	defer x.leave()
	defer x.finish(r)
	if err := a.pass(x, r); err != nil {
		x.hurry(r)
		x.refuse(err)
	}
}

// pass finds the route and lets the request in, or says why not.
func (a *API) pass(x *exchange, r *http.Request) error {
	to, allowed := a.router.find(r)
	if to != nil {
		x.event.Action = string(to.action)
		x.audited = x.audited && to.action != policy.ReadHealth
	}
	if err := a.limits.general(x.call.IP, x.call.Now); err != nil {
		return err
	}
	if to == nil {
		// Who probes with a good credential shows in its organisation's log.
		if who, err := a.authenticate(r.Context(), &x.call, bearer(r), x.call.Now); err == nil {
			x.identify(who)
			if err := a.identity.Admit(r.Context(), who.Org, who.Kind, x.call.IP); err != nil {
				return err
			}
		}
		if len(allowed) == 0 {
			return errNoRoute
		}
		x.Header().Set("Allow", strings.Join(allowed, ", "))
		return errMethod
	}
	if to.limit == limitAuth {
		if err := a.limits.guess(x.call.IP, x.call.Now); err != nil {
			return err
		}
	}
	if x.token = bearer(r); to.action.Public() && !to.knowsCaller {
		x.token = "" // nobody asks for it
	}
	if !to.action.Public() && x.token == "" {
		if err := x.stranger(r, to); err != nil {
			return err
		}
	}
	if !to.action.Public() || x.token != "" {
		x.seen = a.identity.Seen()
		who, err := a.authenticate(r.Context(), &x.call, x.token, x.call.Now)
		if err != nil {
			if fault.Is(err, fault.Unauthenticated) {
				x.event.Action = string(policy.AuthFailure)
				identity.Blame(&x.event, err)
			}
			return err
		}
		x.identify(who)
		if err := a.identity.Admit(r.Context(), who.Org, who.Kind, x.call.IP); err != nil {
			return err
		}
		if err := a.limits.principal(who, x.call.Now); err != nil {
			return err
		}
		if err := x.enter(); err != nil {
			return err
		}
		if err := x.admit(r, to); err != nil {
			return err
		}
	} else if err := x.enter(); err != nil {
		return err
	}
	if err := checkIDs(r, to); err != nil {
		return err
	}
	if err := checkQuery(r); err != nil {
		return err
	}
	// Bodies are JSON whatever the header says: browsers can't send a bearer
	// token across origins, so there is no forgery to fear, and curl -d works.
	sent := r.Header.Get("Content-Type")
	if sent != jsonType {
		r.Header.Set("Content-Type", jsonType)
	}
	r.Header.Del("Accept") // answers are JSON whatever is asked for
	if to.maxBody > 0 {
		done, err := a.bodies.swap(x, r, to, sent)
		if err != nil {
			return err
		}
		defer done()
	}
	to.serve(x, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	return nil
}

const (
	jsonType  = "application/json"
	linesType = "application/jsonl"
)

var errMethod = fault.New(fault.NotAllowed, "method_not_allowed", "This path takes other methods: see the Allow header.")

var errNoRoute = fault.New(fault.NotFound, "route_not_found", "There is nothing at this path. GET /v1/openapi.json lists what there is.")

// identify puts the caller into the event.
func (x *exchange) identify(who policy.Principal) {
	x.call.Who = who
	x.event.Org, x.event.ActorKind, x.event.ActorID = who.Org, string(who.Kind), who.ID
	x.event.Details.Token = who.TokenID
	x.event.With = who.Credential()
}

// renew takes the clock and authenticates again, once the body is there or the request
// was paid for: that may take half a minute, and a credential that ended meanwhile is
// no good.
// Who was let in first stays in the event of a refusal.
func (x *exchange) renew(ctx context.Context) error {
	now := x.api.now()
	who, err := x.api.authenticate(ctx, &x.call, x.token, now)
	if err != nil {
		if fault.Is(err, fault.Unauthenticated) {
			x.event.Action = string(policy.AuthFailure)
		}
		return err
	}
	x.identify(who)
	x.call.Now, x.event.At = now, now
	return x.api.identity.Admit(ctx, who.Org, who.Kind, x.call.IP)
}

// plain is what a program calls itself, cut to 100 printable characters of ASCII.
func plain(agent string) string {
	var b strings.Builder
	for i := range min(len(agent), 100) {
		if c := agent[i]; c >= 0x20 && c < 0x7f {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// bearer returns the credential that the request carries, or nothing.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func (a *API) authenticate(ctx context.Context, c *call.Call, token string, now time.Time) (policy.Principal, error) {
	if token == "" {
		return policy.Principal{}, errNoCredential
	}
	return a.identity.AuthenticateOver(ctx, c.Chain, token, now)
}

var errNoCredential = fault.New(fault.Unauthenticated, "unauthenticated", "Send a token or an API key: Authorization: Bearer ...")

// checkIDs refuses ids that are no UUIDs before anything looks them up: they
// are not found, like those of others.
func checkIDs(r *http.Request, to *route) error {
	for _, name := range to.ids {
		if id := r.PathValue(name); id != "" && !isUUID(id) {
			return fault.New(fault.NotFound, "not_found", "There is nothing with this id.")
		}
	}
	return nil
}

// checkQuery refuses what net/http would drop from the query without a word: a
// filter that is not applied shows more than was asked for. Texts that no
// database takes go no further either.
func checkQuery(r *http.Request) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errQuery
	}
	for _, list := range values {
		for _, v := range list {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return errQuery
			}
		}
	}
	return nil
}

var errQuery = fault.New(fault.Invalid, "invalid_query", "The query is not well formed: escape it as UTF-8, and join parameters with &.")

// isUUID accepts the one spelling that ids have: 36 characters in lower case.
func isUUID(s string) bool {
	return len(s) == 36 && s == strings.ToLower(s) && uuid.Validate(s) == nil
}

// WriteHeader records the request and then lets the answer go. When the record
// can't be made the caller gets 503 and nothing else.
func (x *exchange) WriteHeader(status int) {
	if x.started {
		return
	}
	x.started, x.status = true, status
	if err := x.record(status); err != nil {
		x.api.log.Error("an audit event could not be written", slog.Any("error", err))
		x.dropped = true
		x.writeProblem(errNoRecord)
		return
	}
	x.ResponseWriter.WriteHeader(status)
}

var errNoRecord = newProblem(http.StatusServiceUnavailable, "audit_unavailable",
	"The access log can't be written now, so nothing is served. Try again.")

func (x *exchange) Write(b []byte) (int, error) {
	if !x.started {
		x.WriteHeader(http.StatusOK)
	}
	if x.dropped {
		return len(b), nil
	}
	return x.api.ingress.Pace.Write(x.ResponseWriter, b)
}

// Unwrap lets http.ResponseController reach the connection's deadlines.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

func (x *exchange) record(status int) error {
	if !x.audited || x.event.Committed {
		return nil
	}
	if status >= 400 && x.event.Action == string(policy.Login) {
		x.event.Action = string(policy.AuthFailure)
	}
	d := &x.event.Details
	d.Status = status
	if d.Reason == "outcome_unknown" {
		x.event.ID = uuid.NewString() // the event itself may be in the log: this one says that nobody knows
	}
	switch {
	case status < 400 && x.event.Action == string(policy.AuthFailure):
		d.Outcome = audit.Denied // a device is told so in an answer that is no error
	case status < 400:
		d.Outcome = audit.Success
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		d.Outcome = audit.Denied
	case status < 500:
		d.Outcome = audit.Failed
	default:
		d.Outcome = audit.Error
	}
	// The client may be gone; the event is due all the same.
	return x.api.events.Append(context.Background(), &x.event)
}

// refuse answers with an error before the route's handler ran.
func (x *exchange) refuse(err error) {
	x.fail(err)
	if c, ok := errors.AsType[*challenge](err); ok {
		x.demand(c)
		return
	}
	p := problemOf(err)
	for k, v := range p.GetHeaders() {
		x.Header()[k] = v
	}
	if !x.started {
		x.Header().Set("Content-Type", p.ContentType(""))
		x.WriteHeader(p.Status)
		if !x.dropped {
			x.body(p)
		}
	}
}

// fail notes why in the event, and logs what callers are not told.
func (x *exchange) fail(err error) {
	if p, ok := errors.AsType[*Problem](err); ok {
		x.event.Details.Reason = p.Code
		return
	}
	x.event.Details.Reason = fault.ReasonOf(err)
	e, ok := errors.AsType[*fault.Error](err)
	if errors.Is(err, context.Canceled) || ok && e.Code == "request_cancelled" {
		x.api.log.Info("a client hung up", slog.String("action", x.event.Action), slog.String("event", x.event.ID))
		return
	}
	if !ok || e.Kind == fault.Internal || e.Kind == fault.Unavailable || e.Kind == fault.Damaged {
		x.api.log.Error("request failed", slog.String("action", x.event.Action), slog.String("event", x.event.ID), slog.Any("error", err))
	}
}

func (x *exchange) writeProblem(p *Problem) {
	for _, h := range [...]string{"Content-Length", "WWW-Authenticate", "Allow", "Retry-After"} {
		x.Header().Del(h) // of the answer that this one replaces
	}
	for k, v := range p.GetHeaders() {
		x.Header()[k] = v
	}
	x.Header().Set("Content-Type", p.ContentType(""))
	x.ResponseWriter.WriteHeader(p.Status)
	x.body(p)
}

func (x *exchange) body(p *Problem) {
	// A write fails when the client is gone; there is nobody to tell.
	_ = x.api.format.Marshal(x.ResponseWriter, p)
}

// finish runs however the handler ended.
func (x *exchange) finish(r *http.Request) {
	switch p := recover(); {
	case p == nil:
	case p == http.ErrAbortHandler: //nolint:errorlint // net/http compares the value itself
		if !x.started {
			_ = x.record(http.StatusInternalServerError)
		}
		panic(p)
	default:
		x.api.log.Error("a handler panicked", slog.String("action", x.event.Action), slog.String("stack", string(debug.Stack())))
		if x.dropped {
			return // what was sent instead of the answer is whole
		}
		if x.started {
			panic(http.ErrAbortHandler) // half an answer must not look whole
		}
		x.refuse(fault.New(fault.Internal, "internal_error", ""))
	}
	if !x.started && r.Context().Err() == nil {
		x.WriteHeader(http.StatusNoContent)
	} else if !x.started {
		x.started, x.status = true, 499
		if err := x.record(499); err != nil {
			x.api.log.Error("an audit event could not be written", slog.Any("error", err))
		}
	}
}
