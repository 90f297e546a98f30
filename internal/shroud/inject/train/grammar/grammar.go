// Package grammar makes texts from rules that are written by hand: attacks, attacks
// within documents, and harmless texts with the words of attacks.
//
// Its promise: the same numbers by chance make the same texts. The three parts share
// no rule, so that a model can't learn one writer's habits from all of them.
//
// A part is a file of rules, "name = alternative | alternative". A line that begins
// with a bar goes on. "(a|b)" is a choice within a text, "[a]" is there half the time,
// "{name}" is another rule of the file, and a backslash takes the next sign as it is,
// or is the end of a line before an n. A rule whose name begins with @ is a family.
package grammar

import (
	_ "embed" // the rules
	"fmt"
	"regexp"
	"strings"
)

// Part is the rules of a file.
type Part struct {
	rules    map[string]node
	families []string
}

// Chance gives numbers from 0 to n-1.
type Chance func(n int) int

var (
	//go:embed direct.txt
	direct string
	//go:embed indirect.txt
	indirect string
	//go:embed harmless.txt
	harmless string
)

// Direct are attacks by who writes to the model.
func Direct() (*Part, error) { return Parse(direct) }

// Indirect are attacks by what a tool or a document says.
func Indirect() (*Part, error) { return Parse(indirect) }

// Harmless are texts with the words of attacks and harmless objects.
func Harmless() (*Part, error) { return Parse(harmless) }

// Families are the names of the families, in the order of the file.
func (p *Part) Families() []string { return p.families }

// Make makes a text of a family.
func (p *Part) Make(family string, chance Chance) string {
	var b strings.Builder
	p.write(&b, p.rules[family], chance)
	return strings.TrimSpace(seams.ReplaceAllString(spaces.ReplaceAllString(b.String(), " "), "$1$2"))
}

// What joining pieces leaves behind.
var (
	spaces = regexp.MustCompile(` {2,}`)
	seams  = regexp.MustCompile(` ([.,;!?\n])(\s|$)`)
)

func (p *Part) write(b *strings.Builder, n node, chance Chance) {
	switch n.kind {
	case text:
		b.WriteString(n.text)
	case name:
		p.write(b, p.rules[n.text], chance)
	case sequence:
		for _, part := range n.parts {
			p.write(b, part, chance)
		}
	case choice:
		p.write(b, n.parts[chance(len(n.parts))], chance)
	case maybe:
		if chance(2) == 0 {
			p.write(b, n.parts[0], chance)
		}
	}
}

// Parse reads a part. A rule that's missing, unused or reaches itself is an error.
func Parse(file string) (*Part, error) {
	p := &Part{rules: map[string]node{}}
	var names []string
	bodies := map[string]string{}
	for i, line := range strings.Split(file, "\n") {
		line = strings.TrimSpace(line)
		switch head, body, found := strings.Cut(line, " = "); {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "|") && len(names) > 0:
			bodies[names[len(names)-1]] += line
		case found && !strings.ContainsAny(head, " ({[|"):
			if _, twice := bodies[head]; twice {
				return nil, fmt.Errorf("line %d: %s a second time", i+1, head)
			}
			names, bodies[head] = append(names, head), body
		default:
			return nil, fmt.Errorf("line %d is no rule", i+1)
		}
	}
	used := map[string]bool{}
	for _, head := range names {
		n, err := parse(bodies[head])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", head, err)
		}
		p.rules[head] = n
		if strings.HasPrefix(head, "@") {
			p.families, used[head] = append(p.families, head), true
		}
	}
	for _, head := range names {
		if err := p.check(p.rules[head], used, []string{head}); err != nil {
			return nil, err
		}
	}
	for _, head := range names {
		if !used[head] {
			return nil, fmt.Errorf("nothing uses %s", head)
		}
	}
	return p, nil
}

// check follows the names of a rule.
func (p *Part) check(n node, used map[string]bool, way []string) error {
	if n.kind == name {
		inner, there := p.rules[n.text]
		if !there {
			return fmt.Errorf("%s names %s, which is no rule", way[len(way)-1], n.text)
		}
		used[n.text] = true
		if len(way) > 12 {
			return fmt.Errorf("%s reaches too far", strings.Join(way, " > "))
		}
		return p.check(inner, used, append(way, n.text))
	}
	for _, part := range n.parts {
		if err := p.check(part, used, way); err != nil {
			return err
		}
	}
	return nil
}
