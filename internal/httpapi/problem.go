package httpapi

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
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

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
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

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

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

// bodyField is a field that a schema can name: the request's own keys, which a
// deeper location may hold, are cut off.
var bodyField = regexp.MustCompile(`^(body|query|path|header)(\.[a-z][a-z0-9_]{0,40})?`)

// validationProblem replaces huma's errors, which hold the rejected values and
// the names of unknown properties.
func validationProblem(status int, msg string, errs ...error) huma.StatusError {
	if status >= http.StatusInternalServerError {
		return problemOf(nil)
	}
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	p := newProblem(status, "invalid_request", "The request is not valid.")
	if msg == "request body is required" {
		p.Detail = "This operation needs a body: a JSON object."
	}
	for _, err := range errs {
		var d *huma.ErrorDetail
		if !errors.As(err, &d) {
			continue
		}
		if known := strictjson.Find(d.Message); known != nil {
			return newProblem(status, "invalid_json", known.Error())
		}
		p.Fields = append(p.Fields, fieldOf(d))
		if len(p.Fields) == maxFields {
			break
		}
	}
	if len(p.Fields) > 0 {
		p.Detail = "The request is not valid: " + p.Fields[0].Field + ": " + p.Fields[0].Message + "."
	}
	return p
}

const maxFields = 16

// missing is huma's sentence about a property that the schema, not the request,
// names.
var missing = regexp.MustCompile(`^expected required property ([a-z][a-z0-9_]{0,40}) to be present$`)

// fieldOf keeps what a schema says, which is ours, and drops the rest, which
// may quote the request.
func fieldOf(d *huma.ErrorDetail) Field {
	at := bodyField.FindString(d.Location)
	if m := missing.FindStringSubmatch(d.Message); m != nil {
		if strings.Contains(at, ".") { // deeper down, where keys are the request's
			return Field{Field: at, Message: m[1] + " is required in it"}
		}
		return Field{Field: at + "." + m[1], Message: "is required"}
	}
	if strings.HasPrefix(d.Message, "expected ") || strings.HasPrefix(d.Message, "required ") {
		return Field{Field: at, Message: d.Message}
	}
	return Field{Field: at, Message: "not acceptable"}
}
