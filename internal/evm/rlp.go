package evm

import (
	"errors"

	"github.com/holiman/uint256"
)

// RLP is how transactions are encoded (yellow paper, appendix B): a tree of
// strings of bytes. Each tree has one encoding, and decoding takes no other.

var errRLP = errors.New("evm: not canonical RLP")

func appendString(to, s []byte) []byte {
	if len(s) == 1 && s[0] < 0x80 {
		return append(to, s[0])
	}
	return append(appendHead(to, 0x80, len(s)), s...)
}

func appendUint64(to []byte, n uint64) []byte { return appendInt(to, uint256.NewInt(n)) }

// appendInt appends the number without leading zeros; 0 is the empty string.
func appendInt(to []byte, n *uint256.Int) []byte { return appendString(to, n.Bytes()) }

func appendList(to, body []byte) []byte { return append(appendHead(to, 0xc0, len(body)), body...) }

func appendHead(to []byte, base byte, size int) []byte {
	if size < 56 {
		return append(to, base+byte(size))
	}
	length := uint256.NewInt(uint64(size)).Bytes()
	return append(append(to, base+55+byte(len(length))), length...)
}

// rlp is what is left to decode of a list. The first error stays, and everything
// after it decodes to nothing.
type rlp struct {
	rest []byte
	err  error
}

// next takes one item off.
func (r *rlp) next(list bool) []byte {
	if r.err != nil {
		return nil
	}
	body, rest, isList, err := split(r.rest)
	if err == nil && isList != list {
		err = errRLP
	}
	if err != nil {
		r.err, r.rest = err, nil
		return nil
	}
	r.rest = rest
	return body
}

func (r *rlp) str() []byte { return r.next(false) }
func (r *rlp) list() *rlp  { body := r.next(true); return &rlp{rest: body, err: r.err} }
func (r *rlp) more() bool  { return r.err == nil && len(r.rest) > 0 }

// end fails when something is left over in r, and hands on what was wrong in the
// lists inside.
func (r *rlp) end(inner ...*rlp) error {
	for _, in := range inner {
		if err := in.end(); r.err == nil {
			r.err = err
		}
	}
	if r.err == nil && len(r.rest) > 0 {
		r.err = errRLP
	}
	return r.err
}

func (r *rlp) integer() (n uint256.Int) {
	s := r.str()
	if len(s) > 32 || len(s) > 0 && s[0] == 0 {
		r.err = errRLP
		return n
	}
	n.SetBytes(s)
	return n
}

func (r *rlp) uint64() uint64 {
	n := r.integer()
	if !n.IsUint64() {
		r.err = errRLP
	}
	return n.Uint64()
}

// fixed takes a string of exactly len(to) bytes.
func (r *rlp) fixed(to []byte) {
	s := r.str()
	if len(s) != len(to) {
		r.err = errRLP
	}
	copy(to, s)
}

// split takes the first item off b.
func split(b []byte) (body, rest []byte, list bool, err error) {
	if len(b) == 0 {
		return nil, nil, false, errRLP
	}
	kind := b[0]
	if kind < 0x80 {
		return b[:1], b[1:], false, nil
	}
	list = kind >= 0xc0
	short := kind & 0x3f // counted from 0x80 or 0xc0
	b = b[1:]
	size := uint64(short)
	if short > 55 {
		width := int(short - 55)
		if len(b) < width || b[0] == 0 {
			return nil, nil, false, errRLP
		}
		size = 0
		for _, d := range b[:width] { // at most 8 digits
			size = size<<8 | uint64(d)
		}
		if size < 56 {
			return nil, nil, false, errRLP
		}
		b = b[width:]
	}
	if size > uint64(len(b)) || !list && size == 1 && b[0] < 0x80 {
		return nil, nil, false, errRLP
	}
	return b[:size], b[size:], list, nil
}
