package audit_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
)

func TestADomainsFieldsFollowTheRestInTheirOrder(t *testing.T) {
	d := audit.Details{Outcome: audit.Success, Stays: "keys=1", More: []audit.Field{
		audit.Text("tx_hash", "0xab"), audit.Number("chain", 8453), audit.Text("empty", ""), audit.Number("zero", 0), audit.Text("bad", "a\"b\n"),
	}}
	want := `{"outcome":"success","stays":"keys=1","tx_hash":"0xab","chain":8453,"bad":"a?b?"}`
	if got := string(d.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string((&audit.Details{More: []audit.Field{audit.Number("n", 1)}}).AppendJSON(nil)); got != `{"n":1}` {
		t.Errorf("alone: %s", got)
	}
}

// The hash is over the exact text of an event, so a log that was written before there
// were fields of domains verifies as it did.
func TestALogOfBeforeStillVerifies(t *testing.T) {
	const log = "testdata/log-before-fields"
	text, err := os.ReadFile(log + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := os.ReadFile(log + ".keys")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]ed25519.PublicKey{}
	for line := range strings.Lines(string(pinned)) {
		id, key, _ := strings.Cut(strings.TrimSpace(line), "=")
		if keys[id], err = base64.StdEncoding.DecodeString(key); err != nil {
			t.Fatal(err)
		}
	}
	r, err := audit.VerifyExport(strings.NewReader(string(text)), keys)
	if err != nil || !r.OK || r.Signed == 0 {
		t.Errorf("whole %v, %d signed: %s, %v", r.OK, r.Signed, r.Problem, err)
	}
	r, err = audit.VerifyExport(strings.NewReader(strings.Replace(string(text), "api-keys/demo", "api-keys/other", 1)), keys)
	if err == nil && r.OK {
		t.Error("an event that was altered passes")
	}
}
