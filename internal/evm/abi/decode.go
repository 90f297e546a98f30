package abi

import (
	"encoding/binary"
	"errors"
)

// Why data does not decode.
var (
	ErrShort   = errors.New("abi: the data ends before its values")
	ErrUnclean = errors.New("abi: a word holds more than its type")
	ErrBounds  = errors.New("abi: an offset or a length leads out of the data")
	ErrShared  = errors.New("abi: values share the same data")
)

// Decode decodes the arguments of a function, which follow its selector, or of
// an error. It refuses words that are not clean (some compilers' contracts cut
// them, others revert), data that is missing (some read zeros) and values that
// lie in the same bytes, which no encoder makes and which multiply what the data
// holds. Data after the values is allowed, as contracts allow it. The values keep
// parts of data.
func Decode(types []Type, data []byte) ([]Value, error) {
	values, _, err := DecodeRest(types, data)
	return values, err
}

// DecodeRest is Decode, and says how many bytes come after the last value.
func DecodeRest(types []Type, data []byte) (values []Value, rest int, err error) {
	words := (len(data) + word - 1) / word
	r := reader{data: data, words: words, values: 4*words + 16}
	values, err = r.sequence(func(i int) *Type { return &types[i] }, len(types), heads(types), 0)
	if err != nil {
		return nil, 0, err
	}
	return values, len(data) - r.end, nil
}

// reader decodes data. Each word may be visited once, which bounds the time, and
// there are at most four values a word, which bounds the memory.
type reader struct {
	data          []byte
	words, values int // that are left
	end           int // of the last value
}

// sequence decodes n values whose heads, of so many words together, begin at base.
func (r *reader) sequence(of func(int) *Type, n, heads, base int) ([]Value, error) {
	if err := r.visit(base, heads*word); err != nil {
		return nil, err
	}
	if r.values -= n; r.values < 0 {
		return nil, ErrShared
	}
	out := make([]Value, n)
	at := base
	for i := range out {
		t := of(i)
		if err := r.value(&out[i], t, at, base); err != nil {
			return nil, err
		}
		at += t.head() * word
	}
	return out, nil
}

// visit takes size bytes from at, which other values may not have.
func (r *reader) visit(at, size int) error {
	if at > len(r.data) || size > len(r.data)-at {
		return ErrShort
	}
	if r.words -= (size + word - 1) / word; r.words < 0 {
		return ErrShared
	}
	r.end = max(r.end, at+size)
	return nil
}

// value decodes the value whose head is at, in a sequence that begins at base. The
// head was visited.
func (r *reader) value(v *Value, t *Type, at, base int) (err error) {
	v.Kind = t.Kind
	if t.dynamic() {
		off, ok := r.number(at)
		if !ok || off > len(r.data)-base {
			return ErrBounds
		}
		return r.tail(v, t, base+off)
	}
	switch t.Kind {
	case Array, Tuple:
		// Words of static parts were visited with the head.
		n, heads, of := t.parts()
		r.words += heads
		v.List, err = r.sequence(of, n, heads, at)
		return err
	case FixedBytes:
		v.Bytes = r.data[at : at+t.Size : at+t.Size]
		return clean(r.data[at+t.Size : at+word])
	default:
		v.Word.SetBytes32(r.data[at : at+word])
		if !t.fits(v) {
			return ErrUnclean
		}
		return nil
	}
}

// tail decodes the value at an offset.
func (r *reader) tail(v *Value, t *Type, at int) (err error) {
	if t.Kind == Array || t.Kind == Tuple {
		n, heads, of := t.parts()
		v.List, err = r.sequence(of, n, heads, at)
		return err
	}
	if err := r.visit(at, word); err != nil {
		return err
	}
	n, ok := r.number(at)
	if at += word; !ok || n > len(r.data)-at {
		return ErrBounds
	}
	if t.Kind == List {
		if n > (len(r.data)-at)/word {
			return ErrBounds
		}
		v.List, err = r.sequence(func(int) *Type { return t.Elem }, n, n*t.Elem.head(), at)
		return err
	}
	if err := r.visit(at, n); err != nil {
		return err
	}
	v.Bytes = r.data[at : at+n : at+n]
	// The last bytes may go without padding, but padding is zero.
	padded := min(at+(n+word-1)/word*word, len(r.data))
	r.end = max(r.end, padded)
	return clean(r.data[at+n : padded])
}

// parts says how many values an array or a tuple is made of, how many words their
// heads take, and of which types they are.
func (t *Type) parts() (n, words int, of func(int) *Type) {
	if t.Kind == Array {
		return t.Size, t.Size * t.Elem.head(), func(int) *Type { return t.Elem }
	}
	return len(t.Fields), heads(t.Fields), func(i int) *Type { return &t.Fields[i] }
}

// number is the offset or length at a place that was visited, if it is below 2^31.
func (r *reader) number(at int) (int, bool) {
	w := r.data[at : at+word]
	n := binary.BigEndian.Uint32(w[28:])
	return int(n), clean(w[:28]) == nil && n < 1<<31
}

func clean(b []byte) error {
	for _, c := range b {
		if c != 0 {
			return ErrUnclean
		}
	}
	return nil
}
