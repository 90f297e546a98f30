package abi

import (
	"errors"

	"github.com/holiman/uint256"
)

// ErrValue is for a value that is not of its type.
var ErrValue = errors.New("abi: a value is not of its type")

// Encode encodes values of types. Decode gives them back.
func Encode(types []Type, values []Value) ([]byte, error) {
	if len(types) != len(values) {
		return nil, ErrValue
	}
	return sequence(func(i int) *Type { return &types[i] }, values)
}

// sequence is the heads of values and then the tails.
func sequence(of func(int) *Type, values []Value) ([]byte, error) {
	offset := 0
	for i := range values {
		offset += of(i).head() * word
	}
	var head, tail []byte
	for i := range values {
		t := of(i)
		part, err := encode(t, &values[i])
		if err != nil {
			return nil, err
		}
		if !t.dynamic() {
			head = append(head, part...)
			continue
		}
		head = appendNumber(head, offset+len(tail))
		tail = append(tail, part...)
	}
	return append(head, tail...), nil
}

func encode(t *Type, v *Value) ([]byte, error) {
	if v.Kind != t.Kind || !t.fits(v) {
		return nil, ErrValue
	}
	switch t.Kind {
	case FixedBytes:
		if len(v.Bytes) != t.Size {
			return nil, ErrValue
		}
		return pad(v.Bytes), nil
	case Bytes, String:
		return append(appendNumber(nil, len(v.Bytes)), pad(v.Bytes)...), nil
	case List:
		body, err := sequence(func(int) *Type { return t.Elem }, v.List)
		return append(appendNumber(nil, len(v.List)), body...), err
	case Array, Tuple:
		n, _, of := t.parts()
		if len(v.List) != n {
			return nil, ErrValue
		}
		return sequence(of, v.List)
	default:
		b := v.Word.Bytes32()
		return b[:], nil
	}
}

func appendNumber(to []byte, n int) []byte {
	b := uint256.NewInt(uint64(n)).Bytes32()
	return append(to, b[:]...)
}

func pad(b []byte) []byte {
	out := make([]byte, (len(b)+word-1)/word*word)
	copy(out, b)
	return out
}
