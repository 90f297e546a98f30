package stream

import (
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
)

// Sides decide over texts that stand side by side, in order. Only what was not sent of one when it ended is looked at
// with the next, and of that no more than its beginning: so a stream says the same.
type Sides interface {
	// Next are the rules for a text of the kind after that of others. Where open is not 0, what was cut out of both
	// may go on after so many bytes of it.
	Next(kind convo.Kind, before Rules, open int) Rules
	// Across looks at what was not sent of a text with the texts after it, and the beginning of the last. The text's
	// rules were asked up to so many bytes before. It returns what they become, and whether what was cut out may go
	// on after the last of them.
	Across(of Rules, before int, texts []string) (out []string, open bool, err error)
	// More reports whether something may begin before the last of the texts that goes on after it.
	More(texts []string) bool
}

// The beginning of a text is looked at with what stands before it up to the first white space after least bytes, or
// after twice, four times, … that, up to most, where something may go on for longer.
const (
	least = 256
	most  = 32 << 10
)

// beginning is how much of a text is looked at with those before it. ok is false where more of it has to come to know.
func beginning(s Sides, before []string, text string, whole bool) (n int, all, ok bool) {
	for n := least; ; n *= 2 {
		end, sure := edge(text, 0, n)
		if !sure || end == len(text) && whole {
			return len(text), true, whole
		}
		if n >= most || !s.More(append(before[:len(before):len(before)], text[:end])) {
			return end, false, true
		}
	}
}

// Beside is what texts become that stand side by side and are whole.
func Beside(s Sides, texts []string) (out []string, err error) {
	texts, out = append([]string(nil), texts...), make([]string, len(texts))
	var rules Rules
	open := 0
	for i := 0; i < len(texts); {
		rules = s.Next(convo.Text, rules, open)
		open = 0
		t := newTail(rules)
		sent, err := t.write(texts[i])
		if err != nil {
			return nil, err
		}
		some := []string{t.keep()}
		next := i + 1
		n := 0
		for ; next < len(texts); next++ {
			var all bool
			if n, all, _ = beginning(s, some, texts[next], true); !all {
				some = append(some, texts[next][:n])
				break
			}
			some = append(some, texts[next])
		}
		goes := false
		if len(some) > 1 {
			if some, goes, err = s.Across(rules, t.from()-t.next, some); err != nil {
				return nil, err
			}
			t.instead(some[0])
		}
		rest, err := t.close()
		if err != nil {
			return nil, err
		}
		out[i] = sent + rest
		for k := i + 1; k < next; k++ {
			rules = s.Next(convo.Text, rules, 0)
			if out[k], err = Whole(rules, some[k-i]); err != nil {
				return nil, err
			}
		}
		if next < len(texts) {
			last := some[next-i]
			if goes {
				open = len(last)
			}
			texts[next] = last + texts[next][n:]
		}
		i = next
	}
	return out, nil
}

// Flow is what a text becomes that stands in several places, by place. Those before the first change and after the last
// stay as they are; what is between them stands in the first that changed.
func Flow(r Rules, texts []string) ([]string, error) {
	was := strings.Join(texts, "")
	is, err := Whole(r, was)
	if err != nil || is == was {
		return texts, err
	}
	out := append([]string(nil), texts...)
	first, last := 0, len(out)-1
	for first < last && strings.HasPrefix(is, out[first]) {
		is = is[len(out[first]):]
		first++
	}
	for last > first && strings.HasSuffix(is, out[last]) {
		is = is[:len(is)-len(out[last])]
		last--
	}
	for i := first; i <= last; i++ {
		out[i], is = is, ""
	}
	return out, nil
}
