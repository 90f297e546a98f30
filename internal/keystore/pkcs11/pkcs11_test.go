//go:build pkcs11 && cgo

package pkcs11_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/keystoretest"
)

func TestConformance(t *testing.T) { keystoretest.Run(t, softHSMEnv) }

func softHSMEnv(t *testing.T) keystoretest.Env {
	tok := newToken(t)
	return keystoretest.Env{
		Provider: "pkcs11",
		Open:     func(t *testing.T) keystore.KeyStore { return tok.open(t) },
		Away:     func(t *testing.T) { tok.move(t, tok.dir, tok.elsewhere()) },
		Back:     func(t *testing.T) { tok.move(t, tok.elsewhere(), tok.dir) },
	}
}
