//go:build !pkcs11 || !cgo

package pkcs11_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/pkcs11"
)

func TestThisBuildSaysHowToGetPKCS11(t *testing.T) {
	_, err := pkcs11.Open(t.Context(), pkcs11.Config{Module: "/lib/x.so", TokenLabel: "x"})
	if fault.CodeOf(err) != "pkcs11_not_built" || !strings.Contains(err.Error(), "make build-hsm") {
		t.Fatalf("got %v", err)
	}
}
