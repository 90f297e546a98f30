package gate

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Of returns the request that ctx is of, or nil.
func Of(ctx context.Context) *Request {
	x, _ := ctx.Value(requestKey{}).(*Request)
	return x
}

// Note puts a reason into the event, for a refusal that the surface sends by itself.
func (x *Request) Note(reason string) { x.event.Details.Reason = reason }

// Again counts the request so many times more against the limits, for one that does the
// work of several.
func (x *Request) Again(times int) error {
	for range times {
		if x.within == nil {
			if err := x.at.Limits.Address(x.Call.IP, x.Call.Now); err != nil {
				return err
			}
		}
		if err := x.at.Limits.Principal(x.Call.Who, x.Call.Now); err != nil {
			return err
		}
	}
	return nil
}

// identify puts the caller into the event.
func (x *Request) identify(who policy.Principal) {
	x.Call.Who = who
	x.event.Org, x.event.ActorKind, x.event.ActorID = who.Org, string(who.Kind), who.ID
	x.event.Details.Token = who.TokenID
	x.event.With = who.Credential()
}

// renew takes the clock and authenticates again, once the body is there or the request
// was paid for: that may take half a minute, and a credential that ended meanwhile is
// no good. The caller that was let in first stays in the event of a refusal.
func (x *Request) renew(ctx context.Context) error {
	now := x.at.Now()
	who, err := x.at.authenticate(ctx, &x.Call, x.token, now)
	if err != nil {
		if fault.Is(err, fault.Unauthenticated) {
			x.event.Action = string(policy.AuthFailure)
		}
		return err
	}
	x.identify(who)
	x.Call.Now, x.event.At = now, now
	return x.at.IPRules.Admit(ctx, who.Org, who.Kind, x.Call.IP)
}

// Standing is who sent the request, as things are now, for an answer that goes on for long. A
// credential that was revoked and an address that is let in no more are refused, and so is a router key
// that has expired; a token that has was good when the request came. The call is a copy, whose event nobody stores.
func (x *Request) Standing(ctx context.Context) (*call.Call, error) {
	if x.Call.Who.Router { // a key, which is no token that was good for the whole call
		return x.StandingNow(ctx)
	}
	return x.standing(ctx, x.Call.Now)
}

// StandingNow is Standing for an answer that would never end: a token that has expired is refused, too.
func (x *Request) StandingNow(ctx context.Context) (*call.Call, error) {
	return x.standing(ctx, x.at.Now())
}

func (x *Request) standing(ctx context.Context, at time.Time) (*call.Call, error) {
	who, err := x.at.authenticate(ctx, &x.Call, x.token, at)
	if err == nil {
		err = x.at.IPRules.Admit(ctx, who.Org, who.Kind, x.Call.IP)
	}
	if err != nil {
		return nil, err
	}
	c := x.Call
	c.Who, c.Now, c.Event = who, x.at.Now(), &audit.Event{}
	return &c, nil
}

// StandingOf is Standing of the request that ctx is of; nil where it is of none, or nobody signed in.
func StandingOf(ctx context.Context) (*call.Call, error) {
	x := Of(ctx)
	if x == nil || x.token == "" {
		return nil, nil //nolint:nilnil // there is nobody whose rights could have ended
	}
	return x.Standing(ctx)
}

// codeUnknown is the code of a write that was cut off in its commit: nobody knows
// whether it was done.
const codeUnknown = "outcome_unknown"

// WriteHeader records the request and then lets the answer go. When the record
// can't be made the caller gets 503 and nothing else, but for the answer that nobody
// knows whether a write was done, which holds nothing.
func (x *Request) WriteHeader(status int) {
	if x.started {
		return
	}
	x.started, x.status = true, status
	if err := x.record(status); err != nil {
		x.at.Log.Error("an audit event could not be written", slog.Any("error", err))
		if x.event.Details.Reason == codeUnknown { // what was asked may have been done: the caller must not be told that it was not
			x.ResponseWriter.WriteHeader(status)
			return
		}
		x.dropped = true
		x.replace(errNoRecord)
		return
	}
	x.ResponseWriter.WriteHeader(status)
}

var errNoRecord = fault.New(fault.Unavailable, "audit_unavailable", "The access log can't be written now, so nothing is served. Try again.")

func (x *Request) Write(b []byte) (int, error) {
	if !x.started {
		x.WriteHeader(http.StatusOK)
	}
	if x.dropped || x.head {
		return len(b), nil
	}
	return x.at.budgets.Pace.Write(x.ResponseWriter, b)
}

// FlushError lets http.ResponseController send what a stream has written, after the
// event like everything else.
func (x *Request) FlushError() error {
	if !x.started {
		x.WriteHeader(http.StatusOK)
	}
	if x.dropped {
		return nil
	}
	return http.NewResponseController(x.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection's deadlines.
func (x *Request) Unwrap() http.ResponseWriter { return x.ResponseWriter }

func (x *Request) record(status int) error {
	if !x.audited || x.event.Committed {
		return nil
	}
	if status >= 400 && x.event.Action == string(policy.Login) {
		x.event.Action = string(policy.AuthFailure)
	}
	d := &x.event.Details
	d.Status = status
	if d.Reason == codeUnknown {
		x.event.ID = ids.New() // the event itself may be in the log: this one says that nobody knows
	}
	switch {
	case status < 400 && x.event.Action == string(policy.AuthFailure):
		d.Outcome = audit.Denied // a device is told so in an answer that is no error
	case status < 400 && x.event.Action == string(policy.UnknownRequest):
		d.Outcome = audit.Failed // MCP tells of an error in an answer of 200
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
	return x.at.Events.Append(context.Background(), &x.event)
}

// refuse answers with an error before the route's handler ran.
func (x *Request) refuse(err error) {
	x.Fail(err)
	if x.started {
		return
	}
	ref := x.at.Refusal(err)
	for k, v := range ref.Header {
		x.Header()[k] = v
	}
	if x.WriteHeader(ref.Status); !x.dropped && !x.head {
		_, _ = x.ResponseWriter.Write(ref.Body) // a write fails when the client is gone; there is nobody to tell
	}
}

// Fail notes why in the event, and logs what callers are not told.
func (x *Request) Fail(err error) {
	x.event.Details.Reason = fault.ReasonOf(err)
	e, ok := errors.AsType[*fault.Error](err)
	if errors.Is(err, context.Canceled) || ok && e.Code == "request_cancelled" {
		x.at.Log.Info("a client hung up", slog.String("action", x.event.Action), slog.String("event", x.event.ID))
		return
	}
	if !ok || e.Kind == fault.Internal || e.Kind == fault.Unavailable || e.Kind == fault.Damaged {
		x.at.Log.Error("request failed", slog.String("action", x.event.Action), slog.String("event", x.event.ID), slog.Any("error", err))
	}
}

// replace sends a refusal in the place of the answer that was begun.
func (x *Request) replace(err error) {
	for _, h := range [...]string{"Content-Length", "WWW-Authenticate", "Allow", "Retry-After"} {
		x.Header().Del(h) // of the answer that this one replaces
	}
	ref := x.at.Refusal(err)
	for k, v := range ref.Header {
		x.Header()[k] = v
	}
	if x.ResponseWriter.WriteHeader(ref.Status); !x.head {
		_, _ = x.ResponseWriter.Write(ref.Body)
	}
}

// finish runs however the handler ended.
func (x *Request) finish(r *http.Request) {
	switch p := recover(); {
	case p == nil:
	case p == http.ErrAbortHandler: //nolint:errorlint // net/http compares the value itself
		if !x.started {
			_ = x.record(http.StatusInternalServerError)
		}
		panic(p)
	default:
		x.at.Log.Error("a handler panicked", slog.String("action", x.event.Action), slog.String("stack", string(debug.Stack())))
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
			x.at.Log.Error("an audit event could not be written", slog.Any("error", err))
		}
	}
}

func (s *Surface) authenticate(ctx context.Context, c *call.Call, token string, now time.Time) (policy.Principal, error) {
	if token == "" {
		return policy.Principal{}, errNoCredential
	}
	if s.Routers {
		return s.Identity.AuthenticateCaller(ctx, c.Chain, token, now)
	}
	return s.Identity.AuthenticateOver(ctx, c.Chain, token, now)
}

var errNoCredential = fault.New(fault.Unauthenticated, "unauthenticated", "Send a token or an API key: Authorization: Bearer ...")
