package leak

import (
	_ "embed"
	"encoding/json"
	"strings"
	"sync"
)

//go:embed rules.json
var source []byte

// rule says what to look for where an anchor stands: at the anchor itself, after
// what leads to a value, or behind a name that something is assigned to.
type rule struct {
	ID      string   `json:"id"`
	Anchors []string `json:"anchors"`
	Before  int      `json:"before"` // bytes between the beginning and the anchor
	Name    string   `json:"name"`
	Lead    string   `json:"lead"`
	Value   string   `json:"value"`
	After   string   `json:"after"` // what must stand somewhere before it
	End     string   `json:"end"`   // what must follow
	Entropy float64  `json:"entropy"`
	Allow   []string `json:"allow"` // what is no secret

	shortest          int // of the anchors
	name, lead, value func() *automaton
	allow             func() *automaton // nil for none
	ends              *[256]mayEnd      // nil for anywhere
}

// set is all rules, and what is no secret though it looks like one.
type set struct {
	rules   []rule
	anchors *words
	generic int

	stop   *words
	allows map[string]func() *automaton
}

// rules are compiled once, each automaton when it is first needed.
var rules = sync.OnceValue(func() *set {
	var from struct {
		Rules []rule              `json:"rules"`
		Allow map[string][]string `json:"allow"`
		Stop  []string            `json:"stop"`
	}
	if err := json.Unmarshal(source, &from); err != nil {
		panic(err)
	}
	s := &set{rules: from.Rules, anchors: newWords(), stop: newWords(), allows: map[string]func() *automaton{}}
	for n := range s.rules {
		r := &s.rules[n]
		r.name, r.lead, r.value = later(r.Name), later(r.Lead), later(r.Value)
		r.ends = endOf(r.End)
		if len(r.Allow) > 0 {
			r.allow = later(oneOf(r.Allow))
		}
		r.shortest = longestName
		for _, a := range r.Anchors {
			s.anchors.add(a, n)
			r.shortest = min(r.shortest, len(a))
		}
		if r.ID == Generic {
			s.generic = n
		}
	}
	for what, list := range from.Allow {
		if s.allows[what] = anywhere(oneOf(list)); what == "generic match" {
			s.allows[what] = later(oneOf(list))
		}
	}
	for _, w := range from.Stop {
		s.stop.add(w, 0)
	}
	return s
})

func oneOf(patterns []string) string { return "(?:" + strings.Join(patterns, ")|(?:") + ")" }

func later(pattern string) func() *automaton {
	return sync.OnceValue(func() *automaton { return compile(pattern, false) })
}

// anywhere is later for a pattern that is looked for in a text, and has few enough states for all places at once.
func anywhere(pattern string) func() *automaton {
	return sync.OnceValue(func() *automaton { return compile(pattern, true) })
}

// mayEnd says whether a value may end before a byte.
type mayEnd byte

const (
	never mayEnd = iota
	always
	beforeSpace // when no word goes on after the byte
	beforeWord  // when one does
)

// endOf says before which bytes a value may end. In talk more may follow one
// than in files: marks of sentences and of other languages.
func endOf(kind string) *[256]mayEnd {
	var of [256]mayEnd
	switch kind {
	case "stop":
		for _, c := range []byte("`'\" \t\n\r\f;\\,)}]<>!?&|*#") {
			of[c] = always
		}
		of['.'] = beforeSpace
		for c := 0x80; c < len(of); c++ {
			of[c] = always
		}
	case "word":
		for c := range of {
			if !word(byte(c)) {
				of[c] = always
			}
		}
	case "at":
		of['@'] = beforeWord
	default:
		return nil
	}
	return &of
}

// fits says whether a value may end at a place.
func fits(ends *[256]mayEnd, s string, n int) bool {
	if ends == nil {
		return true
	}
	switch ends[char(s, n)] {
	case always:
		return true
	case beforeSpace:
		return !word(char(s, n+1))
	case beforeWord:
		return word(char(s, n+1))
	default:
		return false
	}
}

// longestPrefix is how much before a name counts as one with it.
const longestPrefix = 50

// allowed says whether a value is known to be no secret.
func (s *set) allowed(text string, n, start, from, end int) bool {
	secret := text[from:end]
	if r := &s.rules[n]; s.allows["secret"]().in(secret) || r.allow != nil && r.allow().in(secret) {
		return true
	}
	if n != s.generic {
		return false
	}
	for before := start; start > 0 && before-start < longestPrefix && (word(text[start-1]) || text[start-1] == '.' || text[start-1] == '-'); {
		start--
	}
	return s.stop.any(secret) || s.allows["generic secret"]().in(secret) || s.allows["generic match"]().in(text[start:min(end+1, len(text))])
}
