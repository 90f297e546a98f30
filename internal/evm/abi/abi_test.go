package abi_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
)

func function(t testing.TB, signature string) abi.Function {
	t.Helper()
	f, err := abi.ParseSignature(signature)
	if err != nil {
		t.Fatalf("%s: %v", signature, err)
	}
	return f
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// words are numbers in words of 32 bytes.
func words(numbers ...uint64) []byte {
	var out []byte
	for _, n := range numbers {
		b := uint256.NewInt(n).Bytes32()
		out = append(out, b[:]...)
	}
	return out
}

func num(n uint64) abi.Value { return abi.OfUint64(n) }

// Examples of the Contract ABI Specification.
func TestTheExamplesOfTheSpecification(t *testing.T) {
	for _, tc := range []struct {
		signature string
		args      []abi.Value
		calldata  string
	}{
		{"baz(uint32,bool)", []abi.Value{num(69), abi.OfBool(true)}, `cdcd77c0
			0000000000000000000000000000000000000000000000000000000000000045
			0000000000000000000000000000000000000000000000000000000000000001`},
		{"bar(bytes3[2])", []abi.Value{abi.OfArray(abi.OfFixed([]byte("abc")), abi.OfFixed([]byte("def")))}, `fce353f6
			6162630000000000000000000000000000000000000000000000000000000000
			6465660000000000000000000000000000000000000000000000000000000000`},
		{"sam(bytes,bool,uint256[])", []abi.Value{abi.OfBytes([]byte("dave")), abi.OfBool(true), abi.OfList(num(1), num(2), num(3))}, `a5643bf2
			0000000000000000000000000000000000000000000000000000000000000060
			0000000000000000000000000000000000000000000000000000000000000001
			00000000000000000000000000000000000000000000000000000000000000a0
			0000000000000000000000000000000000000000000000000000000000000004
			6461766500000000000000000000000000000000000000000000000000000000
			0000000000000000000000000000000000000000000000000000000000000003
			0000000000000000000000000000000000000000000000000000000000000001
			0000000000000000000000000000000000000000000000000000000000000002
			0000000000000000000000000000000000000000000000000000000000000003`},
		{"f(uint256,uint32[],bytes10,bytes)", []abi.Value{num(0x123), abi.OfList(num(0x456), num(0x789)), abi.OfFixed([]byte("1234567890")), abi.OfBytes([]byte("Hello, world!"))}, `8be65246
			0000000000000000000000000000000000000000000000000000000000000123
			0000000000000000000000000000000000000000000000000000000000000080
			3132333435363738393000000000000000000000000000000000000000000000
			00000000000000000000000000000000000000000000000000000000000000e0
			0000000000000000000000000000000000000000000000000000000000000002
			0000000000000000000000000000000000000000000000000000000000000456
			0000000000000000000000000000000000000000000000000000000000000789
			000000000000000000000000000000000000000000000000000000000000000d
			48656c6c6f2c20776f726c642100000000000000000000000000000000000000`},
		{"g(uint256[][],string[])", []abi.Value{
			abi.OfList(abi.OfList(num(1), num(2)), abi.OfList(num(3))),
			abi.OfList(abi.OfString("one"), abi.OfString("two"), abi.OfString("three")),
		}, `2289b18c
			0000000000000000000000000000000000000000000000000000000000000040
			0000000000000000000000000000000000000000000000000000000000000140
			0000000000000000000000000000000000000000000000000000000000000002
			0000000000000000000000000000000000000000000000000000000000000040
			00000000000000000000000000000000000000000000000000000000000000a0
			0000000000000000000000000000000000000000000000000000000000000002
			0000000000000000000000000000000000000000000000000000000000000001
			0000000000000000000000000000000000000000000000000000000000000002
			0000000000000000000000000000000000000000000000000000000000000001
			0000000000000000000000000000000000000000000000000000000000000003
			0000000000000000000000000000000000000000000000000000000000000003
			0000000000000000000000000000000000000000000000000000000000000060
			00000000000000000000000000000000000000000000000000000000000000a0
			00000000000000000000000000000000000000000000000000000000000000e0
			0000000000000000000000000000000000000000000000000000000000000003
			6f6e650000000000000000000000000000000000000000000000000000000000
			0000000000000000000000000000000000000000000000000000000000000003
			74776f0000000000000000000000000000000000000000000000000000000000
			0000000000000000000000000000000000000000000000000000000000000005
			7468726565000000000000000000000000000000000000000000000000000000`},
	} {
		f := function(t, tc.signature)
		want := unhex(t, tc.calldata)
		if got, err := f.Encode(tc.args...); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s encodes to %x, %v", tc.signature, got, err)
		}
		args, err := f.Decode(want)
		if err != nil || !reflect.DeepEqual(args, tc.args) {
			t.Errorf("%s decodes to %v, %v", tc.signature, args, err)
		}
	}
}

func TestTuplesAndNegativeNumbersComeBack(t *testing.T) {
	f := function(t, "f((address,uint8)[2],(bytes,(int256,int8)[])[],int128,bool[2][])")
	who := evm.Address{1, 2, 3}
	args := []abi.Value{
		abi.OfArray(abi.OfTuple(abi.OfAddress(who), num(255)), abi.OfTuple(abi.OfAddress(evm.Address{}), num(0))),
		abi.OfList(abi.OfTuple(abi.OfBytes([]byte{9}), abi.OfList(abi.OfTuple(abi.OfInt(big.NewInt(-1)), abi.OfInt(big.NewInt(-128)))))),
		abi.OfInt(big.NewInt(-7)),
		abi.OfList(abi.OfArray(abi.OfBool(true), abi.OfBool(false))),
	}
	data, err := f.Encode(args...)
	if err != nil {
		t.Fatal(err)
	}
	back, err := f.Decode(data)
	if err != nil || !reflect.DeepEqual(back, args) {
		t.Errorf("decodes to %v, %v", back, err)
	}
	all := abi.OfTuple(back...)
	want := "([(" + who.String() + ", 255), (0x0000000000000000000000000000000000000000, 0)], [(0x09, [(-1, -128)])], -7, [[true, false]])"
	if got := all.String(); got != want {
		t.Errorf("prints as %s, want %s", got, want)
	}
	if got := back[0].List[0].List[0].Address(); got != who {
		t.Errorf("the address is %s", got)
	}
}

func TestWhatIsNoSignature(t *testing.T) {
	for _, s := range []string{
		"", "transfer", "transfer(", "transfer()x", "(uint256)", "transfer(uint)", "transfer(int)", "f(uint7)", "f(uint264)", "f(uint08)", "f(bytes0)",
		"f(bytes33)", "f(uint256,)", "f(,uint256)", "f(uint256 a)", "f( uint256)", "f(uint256[0])", "f(uint256[-1])", "f(uint256[01])", "f(uint256[65537])",
		"f(uint256[65536][65536])", "f(())", "f(()[])", "f(uint256))", "f(uint256[)", "f(uint256])", "f(fixed128x18)", "f(Address)", "1f()", "f-g()", "f(address",
		"f(uint256[65536],uint256)", "f(" + strings.Repeat("(", 13) + "bool" + strings.Repeat(")", 13) + ")", "f(bool" + strings.Repeat("[]", 13) + ")",
		"f(" + strings.Repeat("bool,", 1000) + "bool)", "f(uint256)\n",
	} {
		if f, err := abi.ParseSignature(s); err == nil {
			t.Errorf("%q is %s", s, f.String())
		}
	}
	for s, selector := range map[string]string{
		"transfer(address,uint256)": "a9059cbb", "approve(address,uint256)": "095ea7b3", "balanceOf(address)": "70a08231", "deposit()": "d0e30db0",
	} {
		if f := function(t, s); hex.EncodeToString(f.Selector[:]) != selector || f.String() != s {
			t.Errorf("%s has the selector %x", f.String(), f.Selector)
		}
	}
}

func TestWhatDoesNotDecode(t *testing.T) {
	high := words(0)
	high[0] = 1
	minus := bytes.Repeat([]byte{0xff}, 32)
	for name, tc := range map[string]struct {
		types string
		data  []byte
		want  error
	}{
		"no data":                               {"uint256", nil, abi.ErrShort},
		"half a word":                           {"uint256", make([]byte, 31), abi.ErrShort},
		"an address with dirty bits":            {"address", high, abi.ErrUnclean},
		"a bool of 2":                           {"bool", words(2), abi.ErrUnclean},
		"a uint8 of 256":                        {"uint8", words(256), abi.ErrUnclean},
		"an int8 of 128":                        {"int8", words(128), abi.ErrUnclean},
		"an int8 that is not extended":          {"int8", append(make([]byte, 31), 0xff), abi.ErrUnclean},
		"bytes3 with a fourth":                  {"bytes3", append([]byte{1, 2, 3, 4}, make([]byte, 28)...), abi.ErrUnclean},
		"bytes with dirty padding":              {"bytes", append(words(32, 1), append([]byte{1}, bytes.Repeat([]byte{1}, 31)...)...), abi.ErrUnclean},
		"an offset past the end":                {"bytes", words(64), abi.ErrBounds},
		"an offset at the end":                  {"bytes", words(32), abi.ErrShort},
		"an offset of 2^255":                    {"bytes", high, abi.ErrBounds},
		"an offset of -1":                       {"bytes", minus, abi.ErrBounds},
		"a length past the end":                 {"bytes", words(32, 33, 0), abi.ErrBounds},
		"a length of 2^27":                      {"uint256[]", words(32, 1<<27), abi.ErrBounds},
		"a length of 2^64-1":                    {"uint256[]", words(32, 1<<64-1), abi.ErrBounds},
		"a list of lists with a length of 2^27": {"uint256[][]", words(32, 1<<27, 0), abi.ErrBounds},
		"an offset to itself":                   {"bytes", words(0), abi.ErrShared},
		"two offsets to one value":              {"(bytes,bytes)", words(32, 64, 64, 32, 0), abi.ErrShared},
		"offsets that lead to their own list":   {"uint256[][]", words(32, 2, 0, 0), abi.ErrShared},
		"an array with one element missing":     {"uint256[3]", words(1, 2), abi.ErrShort},
		"a list of pairs with half a pair":      {"(uint8,uint8)[]", words(32, 1, 1), abi.ErrShort},
		"a tuple behind an offset past the end": {"(bytes,bool)", words(32, 64), abi.ErrShort},
		"three offsets of a list to one value":  {"bytes[]", words(32, 3, 96, 96, 96, 0), abi.ErrShared},
	} {
		typ, err := abi.ParseType(tc.types)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := abi.Decode([]abi.Type{typ}, tc.data); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, tc.want)
		}
	}
}

func TestDataAfterTheValuesIsCounted(t *testing.T) {
	f := function(t, "f(bytes,uint8)")
	data := append(words(64, 7, 3), "abc"...)
	for name, tc := range map[string]struct {
		data []byte
		rest int
	}{
		"none":              {append(bytes.Clone(data), make([]byte, 29)...), 0},
		"padding is left":   {data, 0},
		"more than padding": {append(bytes.Clone(data), make([]byte, 29+5)...), 5},
	} {
		args, rest, err := abi.DecodeRest(f.Inputs, tc.data)
		if err != nil || rest != tc.rest || string(args[0].Bytes) != "abc" {
			t.Errorf("%s: %v, %d after them, %v", name, args, rest, err)
		}
	}
}

func TestWhatDoesNotEncode(t *testing.T) {
	for signature, v := range map[string]abi.Value{
		"f(uint8)": num(256), "f(bool)": num(1), "f(int8)": abi.OfInt(big.NewInt(128)), "f(bytes2)": abi.OfFixed([]byte{1}),
		"f(uint8[2])": abi.OfArray(num(1)), "f((bool,bool))": abi.OfTuple(abi.OfBool(true)), "f(address)": abi.OfBytes(make([]byte, 20)),
	} {
		f := function(t, signature)
		if got, err := f.Encode(v); !errors.Is(err, abi.ErrValue) {
			t.Errorf("%s takes %s: %x, %v", signature, v.String(), got, err)
		}
	}
	f := function(t, "f(bool)")
	if _, err := f.Encode(); !errors.Is(err, abi.ErrValue) {
		t.Errorf("no arguments: %v", err)
	}
}

func TestAnABIInJSON(t *testing.T) {
	functions, errs, err := abi.FromJSON([]byte(`[
		{"type":"constructor","inputs":[{"type":"address","name":"owner"}]},
		{"type":"event","name":"E","inputs":[{"type":"weird","name":"x"}]},
		{"type":"function","name":"pay","stateMutability":"payable","inputs":[
			{"name":"orders","type":"tuple[2][]","components":[{"name":"to","type":"address"},{"name":"fee","type":"tuple","components":[{"name":"amount","type":"uint96"}]}]},
			{"name":"memo","type":"string"}],"outputs":[{"type":"bool","name":""}]},
		{"type":"error","name":"Insufficient","inputs":[{"name":"have","type":"uint256"},{"name":"want","type":"uint256"}]}]`))
	if err != nil || len(functions) != 1 || len(errs) != 1 {
		t.Fatalf("got %v, %v, %v", functions, errs, err)
	}
	f := functions[0]
	if f.String() != "pay((address,(uint96))[2][],string)" || f.Selector != function(t, f.String()).Selector {
		t.Errorf("the function is %s %x", f.String(), f.Selector)
	}
	if order := f.Inputs[0].Elem.Elem; f.Inputs[1].Name != "memo" || order.Fields[0].Name != "to" || order.Fields[1].Fields[0].Name != "amount" {
		t.Errorf("the names are %+v", f.Inputs)
	}
	if e := abi.Function(errs[0]); e.String() != "Insufficient(uint256,uint256)" {
		t.Errorf("the error is %s", e.String())
	}
	for _, bad := range []string{
		``, `{}`, `[1]`, `[{"type":"function","name":"f","inputs":[{"type":"uint"}]}]`, `[{"type":"function","name":"f(","inputs":[]}]`,
		`[{"type":"function","name":"f","inputs":[{"type":"tuple"}]}]`, `[{"type":"function","type":"error","name":"f"}]`, "[]" + strings.Repeat(" ", 1<<20),
		`[{"type":"function","name":"f","inputs":[{"type":"bool),g(bool"}]}]`,
	} {
		if f, e, err := abi.FromJSON([]byte(bad)); err == nil {
			t.Errorf("%.80s is %v %v", bad, f, e)
		}
	}
}
