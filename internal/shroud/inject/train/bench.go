package main

import (
	"context"
	_ "embed" // texts of our own
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

var (
	//go:embed hard.txt
	hard string
	//go:embed unseen.txt
	unseen string
	//go:embed foreign.txt
	foreign string
)

// encodedSource is the source whose texts are encoded ones of others.
const encodedSource = "derived-encoded"

// bench prints what models find that have not seen the source of what they look at.
func (t trainer) bench(ctx context.Context, out io.Writer) error {
	d, err := inject.New()
	if err != nil {
		return err
	}
	c := t.read(fullBits, full, false)
	m, margins, err := c.thresholds(ctx)
	if err != nil {
		return err
	}
	scores := make([]float64, len(margins))
	both := make([]float64, len(margins))
	for i, r := range c.records {
		scores[i] = m.Score(margins[i])
		r := d.Score(text.Read(r.Text, text.Defaults()).Views, from(r))
		both[i] = max(scores[i], r.Rules, r.Hidden)
	}
	fmt.Fprintln(out, "Share of texts above 0.7 and 0.9. Sources that share texts are held out of training together.")
	attacks := func(by func(record) string) func(record) string {
		return func(r record) string {
			if !r.attack() {
				return ""
			}
			return by(r)
		}
	}
	harmless := func(r record) string {
		if r.attack() {
			return ""
		}
		return r.Source
	}
	source := func(r record) string { return r.Source }
	kind := func(r record) string { return r.Kind }
	label := func(r record) string { return r.Label }
	table(out, "model: attacks by source", c.records, scores, attacks(source))
	table(out, "model: attacks by kind", c.records, scores, attacks(kind))
	table(out, "model: harmless by source", c.records, scores, harmless)
	table(out, "model: all", c.records, scores, label)
	table(out, "model and rules: attacks", c.records, both, attacks(source))
	table(out, "model and rules: harmless", c.records, both, harmless)
	table(out, "model and rules: all", c.records, both, label)
	of, alone, hidden, err := c.alone(ctx)
	if err != nil {
		return err
	}
	alone = raised(alone, hidden, m.Hidden)
	for i := range alone {
		alone[i] = m.Score(alone[i])
	}
	encoded := func(r record) string {
		if r.Source != encodedSource {
			return ""
		}
		return r.Label + ", " + r.Flags[0]
	}
	table(out, "model: encoded", c.records, scores, encoded)
	table(out, "model and rules: encoded", c.records, both, encoded)
	// What harmless texts would score if somebody encoded them: encoded ones are few.
	veiled := make([]float64, len(margins))
	for i := range margins {
		veiled[i] = m.Score(margins[i] + m.Hidden)
	}
	table(out, "harmless as if encoded", c.records, veiled, func(r record) string {
		if len(strings.Fields(r.Text)) > inject.MostEncoded || r.Source == encodedSource {
			return ""
		}
		return harmless(r)
	})
	table(out, "model: one source held out", of, alone, source)
	if err := t.warnings(ctx, out); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nTexts of our own, with the weights that are built in.")
	own(out, d)
	speed(out, d)
	return nil
}

// warnings prints what the model of concepts finds, by language.
func (t trainer) warnings(ctx context.Context, out io.Writer) error {
	c := t.read(glossedBits, t.gloss, true)
	m, margins, err := c.thresholds(ctx)
	if err != nil {
		return err
	}
	for i := range margins {
		margins[i] = m.Score(margins[i])
	}
	table(out, "concepts: English and unknown", c.records, margins, func(r record) string {
		if r.Lang != "" {
			return ""
		}
		return r.Label
	})
	table(out, "concepts: harmless, others", c.records, margins, func(r record) string { return r.Lang })
	return nil
}

// from is where a text of the data would come from.
func from(r record) inject.From {
	switch r.Kind {
	case "context", "benign-tool", "benign-docs", "benign-code", "benign-email":
		return inject.Context
	}
	return inject.User
}

// own scores the texts that were written for this project.
func own(out io.Writer, d *inject.Detector) {
	var records []record
	var scores []float64
	add := func(source, label, s string, foreign bool) {
		r := d.Score(text.Read(s, text.Defaults()).Views, inject.User)
		score := r.Score
		if foreign {
			score = r.Foreign
		}
		records, scores = append(records, record{Source: source, Label: label}), append(scores, score)
	}
	for line := range strings.Lines(hard) {
		add("hard negatives", "benign", line, false)
	}
	for line := range strings.Lines(unseen) {
		add("other words for attacks", "attack", line, false)
	}
	for line := range strings.Lines(foreign) {
		if parts := strings.SplitN(line, " ", 3); len(parts) == 3 && parts[0] != "#" {
			label := map[string]string{"+": "attack", "-": "benign"}[parts[1]]
			add("foreign "+label+" (warns)", label, parts[2], true)
		}
	}
	table(out, "score", records, scores, func(r record) string { return r.Source })
}

// speed prints what a text of 2 KB takes.
func speed(out io.Writer, d *inject.Detector) {
	sample := strings.Repeat("Please review the attached file and tell me what you think of it by noon. ", 28)[:2048]
	views := text.Read(sample, text.Defaults()).Views
	// The best of many, since others may use the machine.
	best := time.Hour
	for range 200 {
		start := time.Now()
		for range 10 {
			d.Score(views, inject.Context)
		}
		best = min(best, time.Since(start)/10)
	}
	fmt.Fprintf(out, "\n2 KB take %d µs.\n", best.Microseconds())
}
