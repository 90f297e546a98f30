package abi_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
)

// The vectors are random values of random types, as ethers 6 and viem 2 encode them
// alike.
func TestEncodingsAreThoseOfEthersAndViem(t *testing.T) {
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ Types, Text, Data string }
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors) < 50 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for i, v := range vectors {
		f := function(t, "f"+v.Types)
		data := unhex(t, v.Data)
		args, rest, err := abi.DecodeRest(f.Inputs, data)
		if err != nil || rest != 0 {
			t.Errorf("vector %d, %s: %d are left, %v", i, v.Types, rest, err)
			continue
		}
		all := abi.OfTuple(args...)
		if got := all.String(); !strings.EqualFold(got, v.Text) { // the addresses are without checksum
			t.Errorf("vector %d, %s: %s, want %s", i, v.Types, got, v.Text)
		}
		if again, err := abi.Encode(f.Inputs, args); err != nil || !bytes.Equal(again, data) {
			t.Errorf("vector %d, %s encodes to %x, %v", i, v.Types, again, err)
		}
	}
}
