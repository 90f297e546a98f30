package grammar

import (
	"errors"
	"strings"
)

// node is a piece of a rule.
type node struct {
	kind  kind
	text  string // of a text or a name
	parts []node
}

type kind byte

const (
	text kind = iota
	name
	sequence
	choice
	maybe
)

var errOpen = errors.New("a bracket is not closed, or not opened")

func parse(body string) (node, error) {
	n, rest, err := alternatives(body)
	if err == nil && rest != "" {
		err = errOpen
	}
	return n, err
}

// alternatives reads up to a closing bracket or the end.
func alternatives(s string) (node, string, error) {
	all := node{kind: choice}
	for {
		one, rest, err := series(s)
		if err != nil {
			return node{}, "", err
		}
		all.parts = append(all.parts, one)
		if !strings.HasPrefix(rest, "|") {
			return all, rest, nil
		}
		s = rest[1:]
	}
}

// series reads up to a bar, a closing bracket or the end.
func series(s string) (node, string, error) {
	all := node{kind: sequence}
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			all.parts = append(all.parts, node{kind: text, text: plain.String()})
			plain.Reset()
		}
	}
	for s != "" {
		switch c := s[0]; c {
		case '|', ')', ']':
			flush()
			return all, s, nil
		case '\\':
			if len(s) < 2 {
				return node{}, "", errOpen
			}
			if s[1] == 'n' {
				plain.WriteByte('\n')
			} else {
				plain.WriteByte(s[1])
			}
			s = s[2:]
		case '{':
			inner, rest, closed := strings.Cut(s[1:], "}")
			if !closed {
				return node{}, "", errOpen
			}
			flush()
			all.parts = append(all.parts, node{kind: name, text: inner})
			s = rest
		case '(', '[':
			flush()
			inner, rest, err := alternatives(s[1:])
			closing := map[byte]string{'(': ")", '[': "]"}[c]
			if err != nil || !strings.HasPrefix(rest, closing) {
				return node{}, "", errOpen
			}
			if c == '[' {
				inner = node{kind: maybe, parts: []node{inner}}
			}
			all.parts = append(all.parts, inner)
			s = rest[1:]
		default:
			plain.WriteByte(c)
			s = s[1:]
		}
	}
	flush()
	return all, "", nil
}
