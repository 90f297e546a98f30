// Package fault is the one error type that crosses package borders.
//
// Its promise: Code and Detail are safe to show to whoever made the request.
// They never hold submitted input, a secret or the cause. The cause travels in
// Err, for the log of the server alone.
package fault

import (
	"errors"
	"time"
)

// Kind says what sort of failure it is. Every surface (REST, MCP, CLI) maps
// Kinds to its own codes in one place. The zero value is Internal.
type Kind uint8

// The kinds. Comments give the HTTP status that REST maps them to.
const (
	Internal        Kind = iota // 500
	Invalid                     // 400: malformed or unacceptable input
	Unauthenticated             // 401: no credential, or one that is not good any more
	PaymentRequired             // 402
	Denied                      // 403: known caller, not allowed
	NotFound                    // 404: no such thing, or another organisation's
	NotAllowed                  // 405: the path exists, the verb does not
	Conflict                    // 409
	Gone                        // 410: expired, deleted or used up
	TooLarge                    // 413
	TooSlow                     // 408: the request did not arrive in time
	RateLimited                 // 429: RetryAfter says when to come back
	Unavailable                 // 503: a part the request needs is down; nothing was done
	NotOffered                  // 501: this server is not set up for it
	Unprocessable               // 422: understood, but it can not be done as things are set
	Damaged                     // 500: what is stored can't be read any more, and trying again won't help
)

// Error is a failure that crosses packages.
type Error struct {
	Kind       Kind
	Code       string        // stable and machine-readable: "secret_not_found"
	Detail     string        // one or two plain sentences for the caller
	RetryAfter time.Duration // RateLimited and Unavailable only
	Ref        string        // id of the approval request that the caller waits for
	Reason     string        // why, finer than Code: for the access log alone, never sent
	Err        error         // the cause: logged, never sent
}

// Error joins code, detail and cause, for the log only. Surfaces send Code and
// Detail instead.
func (e *Error) Error() string {
	s := e.Code
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns an Error of the kind with a stable code and a detail that is safe
// to show.
func New(k Kind, code, detail string) *Error {
	return &Error{Kind: k, Code: code, Detail: detail}
}

// Because is e with a reason for the access log.
func (e *Error) Because(reason string) *Error {
	with := *e
	with.Reason = reason
	return &with
}

// Wrap is New with a cause.
func Wrap(err error, k Kind, code, detail string) *Error {
	return &Error{Kind: k, Code: code, Detail: detail, Err: err}
}

// KindOf returns the Kind of the first *Error in err's chain, and Internal when
// there is none. KindOf(nil) is Internal too: check for nil first.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the Code of the first *Error in err's chain, and
// "internal_error" when there is none.
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Code != "" {
		return e.Code
	}
	return "internal_error"
}

// ReasonOf returns what the access log says about err: the Reason of the first *Error
// in its chain, and its CodeOf when that has none.
func ReasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Reason != "" {
		return e.Reason
	}
	return CodeOf(err)
}

// Is reports whether err is a fault of kind k.
func Is(err error, k Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == k
}
