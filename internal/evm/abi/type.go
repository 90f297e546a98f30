// Package abi encodes and decodes the arguments of contracts as the Contract
// ABI Specification of Solidity says.
//
// Its promises: what it decodes means to every contract what it means here, so
// numbers, addresses and booleans in words that are not clean are refused; and
// decoding takes memory in proportion to the data, whatever lengths and offsets
// in it say.
package abi

import (
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Kind says what sort of type or value it is. The zero value is none.
type Kind uint8

// The kinds.
const (
	Address Kind = iota + 1
	Bool
	Uint       // uint8 to uint256
	Int        // int8 to int256
	FixedBytes // bytes1 to bytes32
	Bytes
	String
	List  // T[]
	Array // T[n]
	Tuple
)

// Bounds of types: those of real contracts are far below.
const (
	maxSignature = 4096  // characters
	maxNesting   = 12    // lists, arrays and tuples in each other
	maxWords     = 65536 // of a static type
	word         = 32    // bytes
)

// Type is a type of the ABI.
type Type struct {
	Kind   Kind
	Size   int    // bits of Uint and Int, bytes of FixedBytes, elements of Array
	Elem   *Type  // of List and Array
	Fields []Type // of Tuple
	Name   string // of a parameter or field, where it is known; not part of the type
}

// String is the type as a signature spells it, such as "(address,uint8)[]".
func (t *Type) String() string {
	switch t.Kind {
	case Address:
		return "address"
	case Bool:
		return "bool"
	case Uint:
		return "uint" + strconv.Itoa(t.Size)
	case Int:
		return "int" + strconv.Itoa(t.Size)
	case FixedBytes:
		return "bytes" + strconv.Itoa(t.Size)
	case Bytes:
		return "bytes"
	case String:
		return "string"
	case List:
		return t.Elem.String() + "[]"
	case Array:
		return t.Elem.String() + "[" + strconv.Itoa(t.Size) + "]"
	case Tuple:
		return join(t.Fields)
	}
	return ""
}

func join(types []Type) string {
	parts := make([]string, len(types))
	for i := range types {
		parts[i] = types[i].String()
	}
	return "(" + strings.Join(parts, ",") + ")"
}

// dynamic reports whether a value lies behind an offset.
func (t *Type) dynamic() bool {
	switch t.Kind {
	case Bytes, String, List:
		return true
	case Array:
		return t.Elem.dynamic()
	case Tuple:
		for i := range t.Fields {
			if t.Fields[i].dynamic() {
				return true
			}
		}
		return false
	default:
		return false
	}
}

// head is how many words a value takes where it stands: one for an offset.
func (t *Type) head() int {
	switch {
	case t.dynamic():
		return 1
	case t.Kind == Array:
		return t.Size * t.Elem.head()
	case t.Kind == Tuple:
		return heads(t.Fields)
	}
	return 1
}

func heads(types []Type) int {
	n := 0
	for i := range types {
		n += types[i].head()
	}
	return n
}

// ParseType parses a type as a signature spells it: without blanks, names and
// the short forms uint and int.
func ParseType(s string) (Type, error) {
	p := parser{rest: s}
	t, ok := p.parse(0)
	if !ok || p.rest != "" || len(s) > maxSignature {
		return Type{}, errType()
	}
	return t, nil
}

func errType() error {
	return fault.New(fault.Invalid, "invalid_abi_type", "A type is one of the ABI in full, such as address, uint256, bytes32[] or (address,uint256)[2].")
}

type parser struct{ rest string }

func (p *parser) take(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

// parse takes one type from what is left.
func (p *parser) parse(nesting int) (Type, bool) {
	if nesting > maxNesting {
		return Type{}, false
	}
	var t Type
	if p.take("(") {
		fields, ok := p.list(nesting + 1)
		if !ok || len(fields) == 0 {
			return Type{}, false // a list of empty tuples would have any length for free
		}
		t = Type{Kind: Tuple, Fields: fields}
	} else {
		n := strings.IndexAny(p.rest, "[](),")
		if n < 0 {
			n = len(p.rest)
		}
		var ok bool
		if t, ok = elementary(p.rest[:n]); !ok {
			return Type{}, false
		}
		p.rest = p.rest[n:]
	}
	for p.take("[") {
		size, rest, ok := strings.Cut(p.rest, "]")
		if nesting++; !ok || nesting > maxNesting {
			return Type{}, false
		}
		elem := t
		t = Type{Kind: List, Elem: &elem}
		if size != "" {
			n, ok := number(size, maxWords)
			if !ok || n*elem.head() > maxWords {
				return Type{}, false
			}
			t = Type{Kind: Array, Elem: &elem, Size: n}
		}
		p.rest = rest
	}
	return t, t.Kind != Tuple || t.head() <= maxWords
}

// list takes types up to the closing parenthesis.
func (p *parser) list(nesting int) ([]Type, bool) {
	if p.take(")") {
		return nil, true
	}
	var out []Type
	for words := 0; ; {
		t, ok := p.parse(nesting)
		if words += t.head(); !ok || words > maxWords {
			return nil, false
		}
		out = append(out, t)
		if p.take(")") {
			return out, true
		}
		if !p.take(",") {
			return nil, false
		}
	}
}

func elementary(s string) (Type, bool) {
	switch s {
	case "address":
		return Type{Kind: Address}, true
	case "bool":
		return Type{Kind: Bool}, true
	case "bytes":
		return Type{Kind: Bytes}, true
	case "string":
		return Type{Kind: String}, true
	}
	for _, f := range []struct {
		prefix    string
		kind      Kind
		most, per int
	}{{"uint", Uint, 256, 8}, {"int", Int, 256, 8}, {"bytes", FixedBytes, 32, 1}} {
		if digits, ok := strings.CutPrefix(s, f.prefix); ok {
			n, ok := number(digits, f.most)
			return Type{Kind: f.kind, Size: n}, ok && n%f.per == 0
		}
	}
	return Type{}, false
}

// number parses 1 to most, without leading zeros.
func number(s string, most int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= most && strconv.Itoa(n) == s
}
