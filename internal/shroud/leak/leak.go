// Package leak finds what looks like a secret, by the shapes that services give
// their keys and by how random it is.
//
// Its promise: a text is passed over once for all rules, and the work is linear.
// The rules are those of gitleaks, as data, and a few of our own. A secret of no
// known shape, such as a password in a sentence, is not found.
package leak

import (
	"bytes"
	_ "embed" // the rules
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/pattern"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

//go:generate go run -C ../../../tools/detect . leaks

//go:embed rules.json
var rules []byte

// rule is a line of rules.json.
type rule struct {
	ID      string   `json:"id"`
	Regex   string   `json:"regex"`
	Entropy float64  `json:"entropy"`
	Group   int      `json:"group"`
	Words   []string `json:"words"`
	Allow   []allow  `json:"allow"`

	except []exception
}

// allow says what is no secret although a rule matches.
type allow struct {
	Target  string   `json:"target"` // match, line; else the secret
	Regexes []string `json:"regexes"`
	Words   []string `json:"words"`
}

// exception is allow, ready to be looked for.
type exception struct {
	target string
	expr   func() []*regexp.Regexp
	words  *pattern.Words
}

// Detector has the rules, ready to be looked for.
type Detector struct {
	rules    []rule
	patterns *pattern.Set
	except   exception // under any rule
}

// New makes a detector. Expressions are compiled when they are first needed.
func New() (*Detector, error) {
	lines := bytes.Split(bytes.TrimSpace(rules), []byte("\n"))
	d := &Detector{}
	var everywhere allow
	if err := json.Unmarshal(lines[0], &everywhere); err != nil {
		return nil, err
	}
	d.except = newException(everywhere)
	for _, line := range lines[1:] {
		var r rule
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, err
		}
		d.rules = append(d.rules, r)
	}
	d.rules = append(d.rules, own()...)
	var patterns []pattern.Pattern
	for i := range d.rules {
		r := &d.rules[i]
		for _, a := range r.Allow {
			r.except = append(r.except, newException(a))
		}
		patterns = append(patterns, near(*r))
	}
	d.patterns = pattern.New(patterns)
	return d, nil
}

// own are the rules that gitleaks has none for.
func own() []rule {
	return []rule{
		{ID: "oneclaw-key", Regex: `\b(?:ocv|1ck)_[A-Za-z0-9_-]{20,200}|\bsk-shroud-v1-[A-Za-z0-9_-]{16,200}`, Words: []string{"ocv_", "1ck_", "sk-shroud-v1-"}},
		{ID: "url-password", Regex: `\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:/@"'<>]{0,64}:([^\s/@"'<>${}*]{6,128})@[\w.-]{1,253}`, Group: 1, Words: []string{"://"}, Entropy: 2.5},
	}
}

func newException(a allow) exception {
	e := exception{target: a.Target, expr: sync.OnceValue(func() (list []*regexp.Regexp) {
		for _, expr := range a.Regexes {
			list = append(list, regexp.MustCompile(expr))
		}
		return list
	})}
	if len(a.Words) > 0 {
		e.words = pattern.NewWords(a.Words)
	}
	return e
}

func (e *exception) holds(secret, match, line string) bool {
	target := secret
	switch e.target {
	case "match":
		target = match
	case "line":
		target = line
	}
	if slices.ContainsFunc(e.expr(), func(x *regexp.Regexp) bool { return x.MatchString(target) }) {
		return true
	}
	return e.words != nil && e.words.Within(secret)
}

const (
	anywhere = 1 << 30 // from the word
	before   = 64      // what rules that begin with a name allow before their word
	longest  = 8 << 10
)

// near says where around its words a rule matches: its expression has the word,
// or the word is only somewhere in the text.
func near(r rule) pattern.Pattern {
	p := pattern.Pattern{Name: r.ID, Expr: r.Regex, Words: r.Words, Before: anywhere, After: anywhere}
	low := strings.ToLower(r.Regex)
	for _, w := range r.Words {
		if r.ID != generic && !strings.Contains(low, w) && !strings.Contains(low, regexp.QuoteMeta(w)) { // the generic rule spells its words as one
			return p
		}
	}
	chars, known := pattern.Reach(r.Regex)
	if p.After = longest; known {
		p.After = chars + 1
	}
	p.Before = min(p.After, 2*before)
	if strings.HasPrefix(r.Regex, `(?i)[\w.-]{0,50}?(?:`) && strings.Contains(r.Regex, operators) {
		p.Before, p.Worth = before, assigned
		if r.ID == generic {
			p.Worth = func(after string) bool {
				return assigned(after) && strings.ContainsAny(after[:min(len(after), 200)], "0123456789")
			}
		}
		return p
	}
	switch {
	case r.ID == "url-password":
		p.Worth = credentials
	case slices.ContainsFunc(r.Words, func(w string) bool { return len(w) <= 3 }):
		p.Worth = func(after string) bool { return run(after) >= shortest }
	}
	return p
}

// shortest is how much of a secret follows a short word at least.
const shortest = 8

// run is how many characters of a secret a text begins with, as far as it matters.
func run(s string) int {
	n := 0
	for n < len(s) && n < shortest && (wordChar(s[n]) || strings.IndexByte(".=-+/~", s[n]) >= 0) {
		n++
	}
	return n
}

// credentials says whether a URL whose scheme ends here names a user.
func credentials(after string) bool {
	end := strings.IndexAny(after[:min(len(after), 200)], "@/ \t\r\n\"'<>")
	return end >= 0 && after[end] == '@'
}

// operators is what stands between a name and a value, in the rules about both.
const operators = `(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)`

// assigned says whether a name that ends here is given a value that could be a
// secret. It is what those rules ask for, without an expression.
func assigned(after string) bool {
	const name, gap = 20, 3
	i := 0
	for n := 0; n < name+10 && i < len(after) && (wordChar(after[i]) || strings.IndexByte(" \t.-", after[i]) >= 0); n++ {
		i++
	}
	for n := 0; n < gap && i < len(after) && strings.IndexByte(" \t\r\n\"'", after[i]) >= 0; n++ {
		i++
	}
	if i == len(after) || strings.IndexByte("=>:|?,", after[i]) < 0 {
		return false
	}
	for n := 0; n < gap+6 && i < len(after) && strings.IndexByte("=>:|?,`'\" \t\r\n", after[i]) >= 0; n++ {
		i++
	}
	return run(after[i:]) >= shortest
}

func wordChar(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_'
}

// generic is the rule for values of no known service.
const generic = "generic-api-key"

// Find returns the secrets of a text, in order and without overlaps.
func (d *Detector) Find(s string) []finding.Finding {
	var found []finding.Finding
	d.patterns.Find(s, func(i int, m []int) {
		r := &d.rules[i]
		start, end := secretOf(r, m)
		secret := s[start:end]
		if secret == "" || r.Entropy > 0 && entropy(secret) <= r.Entropy || r.ID == generic && !strings.ContainsAny(secret, "0123456789") {
			return
		}
		line := lineOf(s, m[0], m[1])
		if d.except.holds(secret, s[m[0]:m[1]], line) {
			return
		}
		for k := range r.except {
			if r.except[k].holds(secret, s[m[0]:m[1]], line) {
				return
			}
		}
		f := finding.Finding{Threat: finding.Leak, Pattern: r.ID, Severity: finding.Critical, Span: text.Span{Start: start, End: end}, Score: 0.9}
		if r.ID == generic {
			f.Severity, f.Score = finding.High, 0.6
		}
		found = append(found, f)
	})
	slices.SortStableFunc(found, func(a, b finding.Finding) int {
		switch {
		case a.Score != b.Score:
			if a.Score > b.Score {
				return -1
			}
			return 1
		case a.End-a.Start != b.End-b.Start:
			return (b.End - b.Start) - (a.End - a.Start)
		}
		return strings.Compare(a.Pattern, b.Pattern)
	})
	return finding.Apart(found)
}

// secretOf is the group that holds the secret: the one that the rule names, else
// the first that matched, else all.
func secretOf(r *rule, m []int) (start, end int) {
	if r.Group > 0 && len(m) > 2*r.Group+1 && m[2*r.Group] >= 0 {
		return m[2*r.Group], m[2*r.Group+1]
	}
	for k := 2; k+1 < len(m); k += 2 {
		if m[k] >= 0 && m[k+1] > m[k] {
			return m[k], m[k+1]
		}
	}
	return m[0], m[1]
}

func lineOf(s string, start, end int) string {
	const most = 400
	from := max(0, start-most)
	if i := strings.LastIndexByte(s[from:start], '\n'); i >= 0 {
		from += i + 1
	}
	to := min(len(s), end+most)
	if i := strings.IndexByte(s[end:to], '\n'); i >= 0 {
		to = end + i
	}
	return s[from:to]
}

// entropy is that of Shannon, in bits a character.
func entropy(s string) float64 {
	var count [256]int
	for i := range len(s) {
		count[s[i]]++
	}
	sum := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(s))
			sum -= p * math.Log2(p)
		}
	}
	return sum
}
