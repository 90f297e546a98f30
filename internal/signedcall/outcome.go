package signedcall

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Kind is why a call was not taken.
type Kind string

// The kinds. A name that is unknown and one that stands for a private address are
// the same, so that nobody learns which names there are in the operator's network.
const (
	AddressRefused Kind = "address_refused"   // not called: see Caller.CheckURL
	NotConnected   Kind = "connection_failed" // nobody answers there, or the connection broke
	NoTLS          Kind = "tls_failed"        // the certificate is not good for the host, or none came
	TimedOut       Kind = "timeout"           // no answer within Time
	BadStatus      Kind = "status"            // an answer other than 2xx
	KeyLost        Kind = "secret_lost"       // the signing secret does not open: set the webhook anew
	ServerError    Kind = "server_error"      // this server could not make the call
)

// Kinds are all of them, for documents.
var Kinds = [...]Kind{AddressRefused, NotConnected, NoTLS, TimedOut, BadStatus, KeyLost, ServerError}

// Outcome is what became of a call.
type Outcome struct {
	At     time.Time
	Status int  // of the answer; zero when none came
	Error  Kind // empty when it was taken
}

// OK reports whether the call was taken.
func (o Outcome) OK() bool { return o.Status >= 200 && o.Status <= 299 }

// Last is how an organisation's latest call went, as it is stored.
type Last struct {
	Status      int
	Error       Kind
	CalledAt    time.Time
	DeliveredAt time.Time // of the latest call that was taken
}

// After is l after one more call.
func (l Last) After(o Outcome) Last {
	l.Status, l.Error, l.CalledAt = o.Status, o.Error, o.At
	if o.OK() {
		l.DeliveredAt = o.At
	}
	return l
}

type errStatus int

// Error implements error.
func (e errStatus) Error() string { return "the webhook answered " + strconv.Itoa(int(e)) }

func kindOf(err error) Kind {
	if fault.CodeOf(err) == "address_refused" {
		return AddressRefused
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return AddressRefused
	}
	var timeout interface{ Timeout() bool }
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return TimedOut
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return NoTLS
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return NoTLS
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return NoTLS
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return NoTLS
	}
	return NotConnected
}
