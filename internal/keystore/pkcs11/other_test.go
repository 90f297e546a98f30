//go:build pkcs11 && cgo

package pkcs11_test

import (
	"context"
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
	return s.CreateKEK(ctx, kek)
}

// otherProcess has another process open the token and destroy the key, or make it anew.
func (tok *token) otherProcess(t *testing.T, what string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), otherDoes+"="+what, otherLib+"="+tok.module, otherName+"="+tok.label, otherPIN+"="+tok.pin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the other process: %v: %s", err, out)
	}
}
