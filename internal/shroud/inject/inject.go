// Package inject scores how much a text looks like an attempt to give a model other
// orders than those of its principals.
//
// Its promise: who wrote the text comes first, and what the operator's own application
// said is never scored; the score is the greater of what rules of structure and a
// learned model say; the same text gives the same score everywhere; time and memory
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
	Score      float64 // the greater of Model and Rules
	Model      float64
	Rules      float64    // the sum of the weights of Categories, at most 1
	Categories []Category // in the contract's order
	Span       text.Span  // of the original: where the score comes from
	// Foreign is the score of a text in another language by the concepts that it
	// names. It only warns: it is no part of Score.
	Foreign     float64
	ForeignSpan text.Span
}

// Score scores a text in all its views. Text that's trusted has no score.
func (d *Detector) Score(views []*text.View, from From) Result {
	r := Result{}
	if from == Trusted {
		return r
	}
	var worst text.Span
	found := finds{}
	for _, v := range views {
		t := linear.Read(v.Text)
		if w := d.model.WorstOf(t); w.Score > r.Model {
			r.Model, worst = w.Score, v.Origin(w.Start, w.End)
		}
		for c, at := range d.match(v.Text, t, from) {
			at = v.Origin(at.Start, at.End)
			if _, before := found[c]; !before && len(v.Via) > 0 {
				found.add(EncodingEvasion, at.Start, at.End) // it was hidden until it was decoded
			}
			found.add(c, at.Start, at.End)
		}
		d.warn(&r, v, t)
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
	if w := d.foreign.WorstOf(linear.Read(g.Text)); w.Score > r.Foreign {
		start, end := g.origin(w.Start, w.End)
		r.Foreign, r.ForeignSpan = w.Score, v.Origin(start, end)
	}
}
