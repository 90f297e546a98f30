package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/rest"
	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

// Problem is the body of every error: RFC 9457 (contract section 0), with a
// stable code. It holds fixed texts only: never what was sent, nor a cause.
type Problem struct {
	Type   string  `json:"type" doc:"about:blank, or a name that clients know."`
	Title  string  `json:"title" doc:"The status in words."`
	Status int     `json:"status" doc:"The HTTP status."`
	Detail string  `json:"detail" doc:"What went wrong and what to do, for people."`
	Code   string  `json:"code" doc:"What went wrong, for programs. docs/errors.md lists the codes."`
	Fields []Field `json:"fields,omitempty" doc:"Which parts of the request were refused."`

	ApprovalRequestID string `json:"approval_request_id,omitempty" doc:"With type approval_required: the request that a human must approve."`

	retryAfter time.Duration
}

// Field says what is wrong with one field of a request.
type Field struct {
	Field   string `json:"field" doc:"Where: body.value, query.limit."`
	Message string `json:"message" doc:"What is expected there."`
}

// Error implements error.
func (p *Problem) Error() string { return p.Code }

func (p *Problem) header() http.Header {
	h := http.Header{"Content-Type": {rest.ProblemJSON}}
	wait := p.retryAfter
	if wait == 0 && p.Status == http.StatusServiceUnavailable {
		wait = time.Second // what is away may be back at any moment
	}
	if wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	return h
}

// statuses is the one place where kinds become HTTP statuses.
var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.PaymentRequired: http.StatusPaymentRequired,
	fault.Denied:          http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.NotAllowed:      http.StatusMethodNotAllowed,
	fault.Conflict:        http.StatusConflict,
	fault.Gone:            http.StatusGone,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.TooSlow:         http.StatusRequestTimeout,
	fault.RateLimited:     http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.NotOffered:      http.StatusNotImplemented,
	fault.Unprocessable:   http.StatusUnprocessableEntity,
	fault.Damaged:         http.StatusInternalServerError,
}

// ProblemOf is what the API answers for an error.
func ProblemOf(err error) *Problem { return problemOf(err) }

// RetryAfter is how long to wait before the next try; zero when that is not known.
func (p *Problem) RetryAfter() time.Duration { return p.retryAfter }

// problemOf maps an error of the domain. What is no fault, or an internal one,
// shows nothing of itself.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind == fault.Internal {
		return newProblem(http.StatusInternalServerError, "internal_error", "Something went wrong here. The server's log has more.")
	}
	p := newProblem(statuses[e.Kind], e.Code, e.Detail)
	p.retryAfter = e.RetryAfter
	if m, ok := errors.AsType[*misfit](err); ok {
		for _, f := range m.fields {
			p.Fields = append(p.Fields, Field(f))
		}
	}
	if e.Kind == fault.PaymentRequired {
		p.Type = "payment_required"
	}
	if e.Code == "resource_limit_exceeded" || e.Code == "approval_required" {
		p.Type, p.ApprovalRequestID = e.Code, e.Ref
	}
	return p
}

func newProblem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code}
}

// misfit is a request that does not fit its operation, with what is wrong.
type misfit struct {
	err    *fault.Error
	fields []rest.Field
}

// Error implements error.
func (m *misfit) Error() string { return m.err.Error() }

// Unwrap returns the fault.
func (m *misfit) Unwrap() error { return m.err }

// unfit is what is said of a request that can't be decoded.
func unfit(err error) error {
	if bad, ok := errors.AsType[*strictjson.Error](err); ok {
		return fault.New(fault.Invalid, "invalid_json", bad.Error())
	}
	bad, ok := errors.AsType[*rest.Invalid](err)
	if !ok {
		return err
	}
	m := &misfit{fault.New(fault.Invalid, "invalid_request", "The request is not valid."), bad.Fields}
	if len(bad.Fields) > 0 {
		m.err.Detail = "The request is not valid: " + bad.Fields[0].Field + ": " + bad.Fields[0].Message + "."
	} else if bad.NoBody {
		m.err.Detail = "This operation needs a body: a JSON object."
	}
	return m
}
