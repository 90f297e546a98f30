package broker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Codes of what came of a request.
const (
	CodeUnreachable = "upstream_unreachable" // nothing was sent
	CodeFailed      = "upstream_failed"      // nobody knows whether it was done
	CodeNotReadable = "answer_not_readable"
)

// What is told of a request of which nothing was sent, but for errSlow: it may be tried again.
var (
	errNoServer  = fault.New(fault.Unprocessable, CodeUnreachable, "Nothing was sent: the other server refuses connections, or does not answer.")
	errNoName    = fault.New(fault.Unprocessable, CodeUnreachable, "Nothing was sent: the other server's name has no address.")
	errUntrusted = fault.New(fault.Unprocessable, CodeUnreachable, "Nothing was sent: the other server's certificate is not trusted here. The operator names its authority in SSL_CERT_FILE.")
	errOtherName = fault.New(fault.Unprocessable, CodeUnreachable, "Nothing was sent: the other server's certificate is for another name.")
	errSlow      = fault.New(fault.Unprocessable, CodeFailed, "The other server did not answer in time. Whether it did what was asked is not known.")
	errNoTLS     = fault.New(fault.Unprocessable, CodeUnreachable, "Nothing was sent: the other server speaks no TLS at this port.")
)

// refusedBy is what a caller is told of a request that could not be sent. The error of a client has
// the address with its query in it.
func refusedBy(err error) error {
	if e, ok := asFault(err); ok && e.Code == "address_refused" {
		return errRefused
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns != nil {
		return errNoName
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return errNoServer
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return errOtherName
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return errUntrusted
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return errNoTLS
	}
	if slow(err) {
		return errSlow
	}
	return errUpstream
}

// slow reports whether an error says that the time was over.
func slow(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}
