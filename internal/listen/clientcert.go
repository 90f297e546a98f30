package listen

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/proxies"
)

// ForwardedCertificates takes the client's certificate from the header in which
// trusted proxies that end TLS write it. From all others the header is dropped.
// What comes by a proxy has the certificate of that header and no other: the
// proxy's own is not the client's.
func ForwardedCertificates(header string, trusted proxies.Set, next http.Handler) http.Handler {
	if header == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := r.Header.Values(header)
		r.Header.Del(header)
		if _, byProxy := trusted.Client(r); byProxy {
			var state tls.ConnectionState
			if r.TLS != nil {
				state = *r.TLS
			}
			state.PeerCertificates, state.VerifiedChains = nil, nil
			if len(sent) == 1 {
				if cert := readCertificate(sent[0]); cert != nil {
					state.PeerCertificates = []*x509.Certificate{cert}
				}
			}
			r.TLS = &state
		}
		next.ServeHTTP(w, r)
	})
}

// readCertificate reads one certificate as proxies write it: in PEM, escaped as in
// a URL (nginx), or between colons in base64 (RFC 9440). Nil when it is none.
func readCertificate(text string) *x509.Certificate {
	var der []byte
	if inner, ok := strings.CutPrefix(text, ":"); ok {
		inner, ok = strings.CutSuffix(inner, ":")
		raw, err := base64.StdEncoding.DecodeString(inner)
		if !ok || err != nil {
			return nil
		}
		der = raw
	} else {
		plain, err := url.PathUnescape(text)
		if err != nil {
			return nil
		}
		block, rest := pem.Decode([]byte(plain))
		if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
			return nil
		}
		der = block.Bytes
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return cert
}
