// Package inject scores how much a text looks like an attempt to give a model other
// orders than those of its principals.
//
// Its promise: who wrote the text comes first, and what the operator's own application
// said is never scored; the score is the greatest of what rules of structure, a
// learned model, and how the text is hidden say; the same text gives the same score everywhere; time and memory
// grow with the text and nothing else. It's a filter and not a boundary: who must not
// be able to do something must not have the right to.
package inject

import (
	_ "embed" // the weights
	"fmt"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject/linear"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// From says where a text comes from.
type From int

// Where texts come from. The zero value is scored.
const (
	User    From = iota // who writes to the model
	Context             // tool results, documents, what was retrieved
	Trusted             // system and developer messages: the operator's own words
)

var (
	//go:embed weights.bin
	weights string
	//go:embed glossed.bin
	glossed string
)

// Scores that mean something: at Threshold one in a hundred harmless texts is above it,
// at Certain one in a thousand.
const (
	Threshold = 0.7
	Certain   = 0.9
)

// Detector scores texts. Make one with New and share it.
type Detector struct {
	model, foreign linear.Model
	lexicon        *Lexicon
	vocabulary     map[string]class
	phrases        []phrase
}

// New returns a detector with the weights that are built in.
func New() (*Detector, error) {
	model, err := linear.Decode(weights)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	foreign, err := linear.Decode(glossed)
	if err != nil {
		return nil, fmt.Errorf("weights of the gloss: %w", err)
	}
	lexicon, err := NewLexicon()
	if err != nil {
		return nil, err
	}
	return &Detector{model, foreign, lexicon, vocabulary(), phrases()}, nil
}

// Result is what a text looks like.
type Result struct {
	Score      float64 // the greatest of Model, Rules and Hidden
	Model      float64
	Hidden     float64    // for how it's hidden, whatever it says
	Rules      float64    // the sum of the weights of Categories, at most 1
	Categories []Category // in the contract's order
	Span       text.Span  // of the original: where the score comes from
	// Foreign is the score of a text in another language by the concepts that it
	// names. It is no part of Score.
	Foreign     float64
	ForeignSpan text.Span
	// Tongue is the same where the language is one in which attacks are stopped: in
	// others it only warns.
	Tongue     float64
	TongueSpan text.Span
}

// Score scores a text in all its views. Text that's trusted has no score.
func (d *Detector) Score(views []*text.View, from From) Result {
	r := Result{}
	if from == Trusted {
		return r
	}
	var worst, hidden text.Span
	found, marks := finds{}, text.Marks{}
	hides := func(at text.Span) {
		if r.Hidden == 0 {
			r.Hidden, hidden = hiddenScore, at
			found.add(EncodingEvasion, at.Start, at.End)
		}
	}
	for _, v := range views {
		t := linear.Read(v.Text)
		var how []text.Mark
		if len(v.Via) > 0 {
			how = levels(v, t, marks)
		}
		if w := d.model.WorstOf(t, counted(how, from)); w.Score > r.Model {
			r.Model, worst = w.Score, v.Origin(w.Start, w.End)
		}
		if start, end := unseen(t, how); end > start {
			hides(v.Origin(start, end))
		}
		if sums(how, text.Encoded) != nil {
			found.add(veiled, 0, 0)
		}
		for c, at := range d.match(v.Text, t, from) {
			here := v.Origin(at.Start, at.End)
			switch {
			case c == runs:
				if how != nil && among(marks.Of(v), at, least(how, from)) {
					hides(here)
				}
				continue
			case c != followed && len(v.Via) > 0 && !found.has(c):
				found.add(EncodingEvasion, here.Start, here.End) // it was hidden until it was decoded
			}
			found.add(c, here.Start, here.End)
		}
		d.warn(&r, v, t)
	}
	if at, ok := found[followed]; ok && found.has(veiled) {
		hides(at)
	}
	if from == Context {
		for _, c := range []Category{InstructionOverride, RoleOverride, PromptExtraction} {
			if at, ok := found[c]; ok {
				found.add(Indirect, at.Start, at.End)
			}
		}
	}
	all := finds{}
	for _, c := range Weights() {
		if at, ok := found[c.Category]; ok {
			r.Categories = append(r.Categories, c.Category)
			r.Rules = min(1, r.Rules+c.Weight)
			all.add("", at.Start, at.End)
		}
	}
	if r.Score, r.Span = r.Model, worst; r.Rules > r.Model {
		r.Score, r.Span = r.Rules, all[""]
	}
	if r.Hidden > r.Score {
		r.Score, r.Span = r.Hidden, hidden
	}
	return r
}

// warn scores a view that isn't English by its concepts.
func (d *Detector) warn(r *Result, v *text.View, t linear.Text) {
	if d.lexicon.IsEnglish(t) {
		return
	}
	g := d.lexicon.Any(t)
	if g.Concepts < 3 {
		return
	}
	w := d.foreign.WorstOf(linear.Read(g.Text), nil)
	if w.Score <= min(r.Foreign, r.Tongue) {
		return
	}
	start, end := g.origin(w.Start, w.End)
	at := v.Origin(start, end)
	if w.Score > r.Foreign {
		r.Foreign, r.ForeignSpan = w.Score, at
	}
	if w.Score > r.Tongue && d.lexicon.stops(g, w.Start, w.End) {
		r.Tongue, r.TongueSpan = w.Score, at
	}
}
