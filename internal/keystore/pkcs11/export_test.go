//go:build pkcs11 && cgo

package pkcs11

import (
	p11 "github.com/miekg/pkcs11"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// CopyFunc is C_CopyObject.
type CopyFunc = func(p11.SessionHandle, p11.ObjectHandle, []*p11.Attribute) (p11.ObjectHandle, error)

// CopyWith puts another C_CopyObject before the one of the token. Call it
// before the store is used.
func CopyWith(ks keystore.KeyStore, wrap func(CopyFunc) CopyFunc) {
	s := ks.(*Store)
	s.copyObject = wrap(s.copyObject)
}

// LimitCopies sets how many copies there may be. Call it before the store is used.
func LimitCopies(ks keystore.KeyStore, n int) { ks.(*Store).keys.limit = n }
