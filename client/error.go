package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is every failure that a call returns: a refusal by the server (Status is
// its HTTP status), an argument refused before anything was sent (Status 400), or
// a server that could not be reached or understood (Status 0).
type Error struct {
	Status     int
	Type       string        // "about:blank" unless the server names the problem
	Title      string        // short text for the kind of problem
	Detail     string        // what happened and what to do
	Code       string        // stable and machine-readable: "not_found", "invalid_path"
	RetryAfter time.Duration // zero unless the server asked to wait
	RequestID  string        // for finding the request in the server's log
	fields     *[]Field      // a pointer, so that errors can be compared
	cause      error
}

// DetailBesideWait is Detail without its words on when to come back, for who says RetryAfter
// in their place.
func (e *Error) DetailBesideWait() string {
	if e.RetryAfter <= 0 {
		return e.Detail
	}
	return strings.NewReplacer(" Wait as long as the Retry-After header says.", "", ", or wait as long as the Retry-After header says.", ".",
		" Try again later.", "", " Try again in a moment.", "").Replace(e.Detail)
}

// Field says what is wrong with one part of a request.
type Field struct {
	Field   string `json:"field"` // where: "body.name"
	Message string `json:"message"`
}

// Codes of failures that no server sent.
const (
	CodePersonRequired = "person_required" // of a 403: sign in again and use that token
	CodeUnreachable    = "unreachable"     // no answer: connection refused, timed out, cancelled
	CodeBadReply       = "bad_reply"       // the answer is not what this API sends
	CodeInvalidPath    = "invalid_path"    // a path or id that must not be put in a URL
	CodeInvalidValue   = "invalid_value"   // a value that JSON can not carry unchanged
)

// Error gives the detail, or the title where there is none.
func (e *Error) Error() string {
	s := e.Detail
	if s == "" {
		s = e.Title
	}
	if e.Status != 0 && e.cause == nil {
		return fmt.Sprintf("%s (HTTP %d)", s, e.Status)
	}
	return s
}

// Fields says what of the request did not fit, where the server says so.
func (e *Error) Fields() []Field {
	if e.fields == nil {
		return nil
	}
	return *e.fields
}

// Unwrap returns the cause of a connection failure, so that
// errors.Is(err, context.Canceled) works.
func (e *Error) Unwrap() error { return e.cause }

// IsStatus reports whether err is an *Error with that HTTP status.
func IsStatus(err error, status int) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == status
}

func refuse(code, detail string) *Error {
	return &Error{Status: http.StatusBadRequest, Type: "about:blank", Title: "Refused before sending",
		Detail: detail, Code: code, cause: errors.New(code)}
}

func badReply(detail string) *Error {
	return &Error{Type: "about:blank", Title: "Unexpected reply", Detail: detail, Code: CodeBadReply}
}

// codeOf names a problem: by the server's own code, else by the last part of a
// problem type, else by the status.
func codeOf(code, typ string, status int) string {
	if code != "" {
		return code
	}
	if typ != "" && typ != "about:blank" {
		return typ[strings.LastIndexAny(typ, ":/")+1:]
	}
	if t := http.StatusText(status); t != "" {
		return strings.ReplaceAll(strings.ToLower(t), " ", "_")
	}
	return "http_" + strconv.Itoa(status)
}

// problem reads an error reply. A body that is not JSON is dropped: it did not
// come from this API and may be a page of a proxy.
func problem(r *http.Response, body []byte, now time.Time) *Error {
	var b struct {
		Type, Title, Detail, Message, Code string
		Error                              json.RawMessage
		Fields                             []Field
		RequestID                          string `json:"request_id"`
		Reason                             string // of a server that is degraded
	}
	_ = json.Unmarshal(body, &b)
	e := &Error{Status: r.StatusCode, Type: b.Type, Title: b.Title, Detail: b.Detail, RequestID: b.RequestID}
	if len(b.Fields) > 0 {
		e.fields = &b.Fields
	}
	if e.Detail == "" {
		e.Detail = b.Message
	}
	if e.Detail == "" {
		_ = json.Unmarshal(b.Error, &e.Detail)
	}
	if e.Type == "" {
		e.Type = "about:blank"
	}
	if e.Title == "" {
		e.Title = http.StatusText(r.StatusCode)
	}
	if e.Title == "" {
		e.Title = "HTTP " + strconv.Itoa(r.StatusCode)
	}
	if e.RequestID == "" {
		e.RequestID = r.Header.Get("X-Request-Id")
	}
	if e.Detail == "" && r.StatusCode >= 300 && r.StatusCode < 400 {
		e.Detail = "The server answered with a redirect, which is not followed. Set the base URL to the address of the API itself."
	}
	if b.Code == "" && b.Reason != "" {
		b.Code = b.Reason
		if e.Detail == "" {
			e.Detail = "The server answers, but it is degraded. Its log says why."
		}
	}
	e.Code = codeOf(b.Code, e.Type, e.Status)
	e.RetryAfter = retryAfter(r.Header.Get("Retry-After"), now)
	return e
}

func retryAfter(h string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(h)); err == nil {
		if n < 0 || n > 1<<30 {
			return 0
		}
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(h); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}
