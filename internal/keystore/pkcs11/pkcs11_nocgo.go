//go:build !pkcs11 || !cgo

package pkcs11

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// Open fails: this build has no PKCS#11.
func Open(context.Context, Config) (keystore.KeyStore, error) {
	return nil, fault.New(fault.Invalid, "pkcs11_not_built",
		"This binary has no PKCS#11 support, since that needs cgo. Use the build made by `make build-hsm`.")
}
