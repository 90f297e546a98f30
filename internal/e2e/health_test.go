package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
)

// The key that signs the log is taken out of the keystore of a server that runs,
// and put back.
func TestHealthWithoutTheKeyThatSigns(t *testing.T) {
	p := newPlace(t)
	s := p.start()
	owner := s.login()
	health := func(status int) map[string]any {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
			r := owner.as("").do(t, "GET", "/v1/health", nil)
			if r.status == status {
				return r.fields(t)
			}
			if time.Now().After(deadline) {
				t.Fatalf("health: %d %s, want %d", r.status, r.body, status)
			}
		}
	}
	health(http.StatusOK)
	if r := owner.as("").do(t, "GET", "/health", nil); r.status != http.StatusOK || string(r.body) != "✓ Ok" {
		t.Errorf("health of the HTTP mode: %d %s", r.status, r.body)
	}
	keys, err := filepath.Glob(filepath.Join(p.data, "keystore", "signer-61756469743a*.key")) // audit:
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	away := filepath.Join(t.TempDir(), "key")
	if err := os.Rename(keys[0], away); err != nil {
		t.Fatal(err)
	}
	for range 1100 { // as many events as are signed at once
		owner.want(t, http.StatusOK, "GET", "/v1/vaults", nil)
	}
	if m := health(http.StatusServiceUnavailable); m["status"] != "degraded" || m["reason"] != "log_not_signed" {
		t.Errorf("health: %v", m)
	}
	if r := owner.as("").do(t, "GET", "/health", nil); r.status != http.StatusServiceUnavailable {
		t.Errorf("health of the HTTP mode: %d %s", r.status, r.body)
	}
	if r := owner.do(t, "GET", "/status", nil); !strings.Contains(string(r.body), "log_not_signed") {
		t.Errorf("the status page: %s", r.body)
	}
	owner.want(t, http.StatusOK, "GET", "/v1/vaults", nil) // what can be recorded is served
	if err := os.Rename(away, keys[0]); err != nil {
		t.Fatal(err)
	}
	if m := health(http.StatusOK); m["status"] != "healthy" || m["reason"] != nil {
		t.Errorf("health: %v", m)
	}
	if n := strings.Count(s.output(), "audit checkpoint not written"); n < 1 || n > 3 {
		t.Errorf("it was logged %d times that the log is not signed", n)
	}
}

// A key that is taken out of the keystore of a server with nothing to do is missed all the same.
func TestHealthMissesKeysThatNothingNeeds(t *testing.T) {
	p := newPlace(t)
	owner := p.start().login()
	anyone := owner.as("")
	vault := owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]any{"name": "v"})["id"].(string)
	owner.want(t, http.StatusCreated, "PUT", "/v1/vaults/"+vault+"/secrets/a", map[string]any{"value": "x"})
	owner.want(t, http.StatusCreated, "POST", "/v1/shares", map[string]any{"vault_id": vault, "secret_path": "a"}) // which makes a key
	for _, c := range []struct{ what, glob, reason string }{
		{"that signs the log", "signer-61756469743a*.key", "log_not_signed"}, // audit:
		{"of links of shares", soft.KEKFile("shares"), "sealing_key_lost"},
	} {
		keys, err := filepath.Glob(filepath.Join(p.data, "keystore", c.glob))
		if err != nil || len(keys) != 1 {
			t.Fatal(c.what, keys, err)
		}
		await := func(status int, reason any) {
			t.Helper()
			for deadline := time.Now().Add(50 * time.Second); ; time.Sleep(100 * time.Millisecond) { // before a checkpoint is due
				r := anyone.do(t, "GET", "/v1/health", nil)
				if r.status == status && r.fields(t)["reason"] == reason {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("without the key %s: %d %s", c.what, r.status, r.body)
				}
			}
		}
		away := filepath.Join(t.TempDir(), "key")
		if err := os.Rename(keys[0], away); err != nil {
			t.Fatal(err)
		}
		await(http.StatusServiceUnavailable, c.reason)
		if err := os.Rename(away, keys[0]); err != nil {
			t.Fatal(err)
		}
		await(http.StatusOK, nil)
	}
}
