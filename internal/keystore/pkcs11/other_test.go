//go:build pkcs11 && cgo

package pkcs11_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/keystore/pkcs11"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

const (
	otherDoes = "ONECLAW_TEST_OTHER_DOES"
	otherLib  = "ONECLAW_TEST_OTHER_MODULE"
	otherName = "ONECLAW_TEST_OTHER_TOKEN"
	otherPIN  = "ONECLAW_TEST_OTHER_PIN"
)

// TestMain lets this binary be the other process that shares the token.
func TestMain(m *testing.M) {
	if what := os.Getenv(otherDoes); what != "" {
		if err := other(context.Background(), what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func other(ctx context.Context, what string) (err error) {
	s, err := pkcs11.Open(ctx, pkcs11.Config{
		Module: os.Getenv(otherLib), TokenLabel: os.Getenv(otherName), PIN: secret.FromString(os.Getenv(otherPIN)),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.DestroyKEK(ctx, kek); err != nil || what == "destroy" {
		return err
	}
	if err := s.CreateKEK(ctx, kek); err != nil {
		return err
	}
	w, err := s.Wrap(ctx, kek, dek(), nil)
	fmt.Printf("%x", w)
	return err
}

// otherProcess has another process open the token and destroy the key, or make
// it anew and return what it wrapped under that.
func (tok *token) otherProcess(t *testing.T, what string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), otherDoes+"="+what, otherLib+"="+tok.module, otherName+"="+tok.label, otherPIN+"="+tok.pin)
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the other process: %v: %s", err, failed.Bytes())
	}
	w, err := hex.DecodeString(string(out))
	must(t, err)
	return w
}
