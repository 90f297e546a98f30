package doctor

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/house"
)

// TestKeysOfAccountsThatNoAgentHasAreNamed: the account says whether there is something to save.
func TestKeysOfAccountsThatNoAgentHasAreNamed(t *testing.T) {
	h := house.New(t, false)
	h.Fill()
	if err := h.Keys.CreateEVMKey(t.Context(), "evm:gone"); err != nil {
		t.Fatal(err)
	}
	key, err := h.Keys.EVMKey(t.Context(), "evm:gone")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	e := &examination{Operator: operator.Operator{Stdout: &out, Now: time.Now}}
	e.accounts(t.Context(), h.DB, h.Keys)
	for _, says := range []string{"the account " + key.Address().String() + " in " + soft.EVMFile("evm:gone"), "1 keys of accounts"} {
		if !strings.Contains(out.String(), says) {
			t.Errorf("%q is missing:\n%s", says, &out)
		}
	}
	if e.bad != 0 || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("%d failures:\n%s", e.bad, &out)
	}
}

// TestKeysThatNothingNeedsAreNoted: a server that is killed between a vault's key and its
// row leaves the key. It is a note, and no failure.
func TestKeysThatNothingNeedsAreNoted(t *testing.T) {
	for _, pg := range []bool{false, true} {
		h := house.New(t, pg)
		h.Fill()
		inUse, err := h.DB.AllVaults(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"vault:gone", "vault:gone:2", "job:gone", "vault:" + inUse[0] + ":1", "vault:new", "other:key"} {
			if err := h.Keys.CreateKEK(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		files, err := filepath.Glob(filepath.Join(h.KeyDir, "kek-*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if filepath.Base(f) == soft.KEKFile("vault:new") {
				continue // somebody makes the vault just now
			}
			if err := os.Chtimes(f, time.Time{}, time.Now().Add(-2*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		e := &examination{Operator: operator.Operator{Stdout: &out, Now: time.Now}}
		e.unused(t.Context(), h.DB, h.Keys)
		for _, says := range []string{"the key of job gone in " + soft.KEKFile("job:gone"), "the key of vault gone in", "the key of vault gone:2 in", "3 keys are in no use"} {
			if !strings.Contains(out.String(), says) {
				t.Errorf("postgres %v: %q is missing:\n%s", pg, says, &out)
			}
		}
		if e.bad != 0 || strings.Count(out.String(), "\n") != 4 {
			t.Errorf("postgres %v: %d failures:\n%s", pg, e.bad, &out)
		}
	}
}
