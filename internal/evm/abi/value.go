package abi

import (
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// Value is a value of a type. Which fields count is said by Kind.
type Value struct {
	Kind  Kind
	Word  uint256.Int // Address, Bool and Uint; Int in two's complement
	Bytes []byte      // FixedBytes, Bytes and String; a part of what was decoded
	List  []Value     // List, Array and Tuple
}

// Address is the address that v is, or the zero address.
func (v *Value) Address() evm.Address {
	var a evm.Address
	if v.Kind == Address {
		b := v.Word.Bytes32()
		copy(a[:], b[12:])
	}
	return a
}

// Bool reports whether v is true.
func (v *Value) Bool() bool { return v.Kind == Bool && !v.Word.IsZero() }

// Big is the number that v is, with its sign.
func (v *Value) Big() *big.Int {
	n := v.Word.ToBig()
	if v.Kind == Int && n.Bit(255) == 1 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 256))
	}
	return n
}

// String is v for people and logs: addresses with checksum, numbers in decimal,
// bytes as 0x and digits, texts in quotes with everything odd escaped.
func (v *Value) String() string {
	switch v.Kind {
	case Address:
		return v.Address().String()
	case Bool:
		return strconv.FormatBool(v.Bool())
	case Uint:
		return v.Word.Dec()
	case Int:
		return v.Big().String()
	case FixedBytes, Bytes:
		return "0x" + hex.EncodeToString(v.Bytes)
	case String:
		return strconv.QuoteToASCII(string(v.Bytes))
	case List, Array, Tuple:
		parts := make([]string, len(v.List))
		for i := range v.List {
			parts[i] = v.List[i].String()
		}
		if v.Kind == Tuple {
			return "(" + strings.Join(parts, ", ") + ")"
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return ""
}

// OfAddress is a as a value.
func OfAddress(a evm.Address) Value {
	v := Value{Kind: Address}
	v.Word.SetBytes20(a[:])
	return v
}

// OfUint is n as a value.
func OfUint(n *uint256.Int) Value { return Value{Kind: Uint, Word: *n} }

// OfUint64 is n as a value.
func OfUint64(n uint64) Value { return Value{Kind: Uint, Word: *uint256.NewInt(n)} }

// OfBool is b as a value.
func OfBool(b bool) Value {
	v := Value{Kind: Bool}
	if b {
		v.Word.SetOne()
	}
	return v
}

// OfInt is n, of -2^255 to 2^255-1, as a value.
func OfInt(n *big.Int) Value {
	v := Value{Kind: Int}
	v.Word.SetFromBig(n)
	return v
}

// OfBytes is b as bytes of any length.
func OfBytes(b []byte) Value { return Value{Kind: Bytes, Bytes: b} }

// OfFixed is b as bytes of a fixed length.
func OfFixed(b []byte) Value { return Value{Kind: FixedBytes, Bytes: b} }

// OfString is s as a value.
func OfString(s string) Value { return Value{Kind: String, Bytes: []byte(s)} }

// OfList is a list of values.
func OfList(values ...Value) Value { return Value{Kind: List, List: values} }

// OfArray is an array of as many values.
func OfArray(values ...Value) Value { return Value{Kind: Array, List: values} }

// OfTuple is a tuple of values.
func OfTuple(values ...Value) Value { return Value{Kind: Tuple, List: values} }

// fits reports whether the number in v is one that t holds.
func (t *Type) fits(v *Value) bool {
	switch t.Kind {
	case Address:
		return v.Word.BitLen() <= 160
	case Bool:
		return v.Word.BitLen() <= 1
	case Uint:
		return v.Word.BitLen() <= t.Size
	case Int:
		var extended uint256.Int
		extended.ExtendSign(&v.Word, uint256.NewInt(uint64(t.Size/8-1)))
		return extended.Eq(&v.Word)
	default:
		return true
	}
}
