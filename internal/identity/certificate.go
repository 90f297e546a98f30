package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"time"
)

// InTime reports whether a certificate is neither too new nor too old.
func InTime(leaf *x509.Certificate, now time.Time) bool {
	return !now.Before(leaf.NotBefore) && !now.After(leaf.NotAfter)
}

// Thumbprint is x5t#S256 of RFC 8705.
func Thumbprint(leaf *x509.Certificate) string {
	sum := sha256.Sum256(leaf.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// heldBy reports whether a credential may be used by who came with the
// certificate, or with none: bound ones need theirs.
func (se *session) heldBy(chain []*x509.Certificate, now time.Time) bool {
	if se.cert == "" {
		return true
	}
	return len(chain) > 0 && InTime(chain[0], now) &&
		subtle.ConstantTimeCompare([]byte(Thumbprint(chain[0])), []byte(se.cert)) == 1
}
