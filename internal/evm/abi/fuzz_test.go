package abi_test

import (
	"bytes"
	"reflect"
	"runtime"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
)

// signatures have every kind of type in every other.
var signatures = []string{
	"f(address,uint256)", "f(bytes)", "f(bytes[])", "f(uint256[][][])", "f((address,bool,uint256,bytes)[])", "f(string[2][],(int8,bytes3)[])",
	"f((bytes,(bytes[],uint8)[2])[],bool)", "f(uint8[1][1][1][1][])", "f(bytes[][][][])",
}

// allocated is how many bytes decoding takes.
func allocated(types []abi.Type, data []byte) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _ = abi.Decode(types, data)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// most is what decoding may take: four values a word, and what Go rounds up and a
// few values take at least.
func most(data []byte) uint64 { return uint64(16*len(data)) + 64<<10 }

func TestDecodingTakesMemoryInProportion(t *testing.T) {
	const n = 1 << 13
	shared := append(words(32, n), bytes.Repeat(words(0), n)...) // each points to a list that is itself
	far := append(words(32, n), bytes.Repeat(words(1<<18), n)...)
	flat := append(words(32, n), bytes.Repeat(words(1), n)...)
	for _, s := range signatures {
		f := function(t, s)
		for name, data := range map[string][]byte{"shared": shared, "far": far, "flat": flat, "long": words(32, 1<<27, 1<<27)} {
			if got := allocated(f.Inputs, data); got > most(data) {
				t.Errorf("%s of %d bytes (%s) takes %d bytes", s, len(data), name, got)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(uint8(0), words(1, 2))
	f.Add(uint8(1), words(32, 3, 0))
	f.Add(uint8(2), words(32, 2, 64, 64, 0))
	f.Add(uint8(3), words(32, 2, 0, 0))
	f.Add(uint8(4), words(32, 1, 32, 1, 1, 1, 128, 0))
	f.Add(uint8(5), words(32, 1<<27, 1<<27))
	f.Add(uint8(6), words(64, 1, 0))
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		fn := function(t, signatures[int(which)%len(signatures)])
		if got := allocated(fn.Inputs, data); got > most(data)+1<<20 { // other tests allocate too
			t.Fatalf("%d bytes take %d", len(data), got)
		}
		args, rest, err := abi.DecodeRest(fn.Inputs, data)
		if err != nil {
			return
		}
		if rest < 0 || rest > len(data) {
			t.Fatalf("%d of %d bytes are left", rest, len(data))
		}
		again, err := abi.Encode(fn.Inputs, args)
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		back, err := abi.Decode(fn.Inputs, again)
		if err != nil || !reflect.DeepEqual(back, args) {
			t.Fatalf("decodes to %v, then %v, %v", args, back, err)
		}
	})
}
