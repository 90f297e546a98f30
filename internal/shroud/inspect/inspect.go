// Package inspect decides what becomes of a call of a model: it asks the detectors about
// each text, and does what the agent's settings say of what they find.
//
// Its promise: the same text gets the same verdict whole and in any pieces, in every
// dialect; what was found is told as kinds and numbers, never as text.
package inspect

import (
	"context"
	"hash"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/detect"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/pii"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/placekey"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// Maker makes the inspectors of calls.
type Maker struct {
	Known  *Watcher
	Inject *inject.Detector
	Key    [32]byte // of what this process remembers; random
	Places *placekey.Keeper

	detectors detectors
	keys      keys
}

// For returns the inspector of a call of an agent with the config, which says s.
func (m *Maker) For(ctx context.Context, c *call.Call, config shroud.Config, s *shroud.Settings) (out *Session, err error) {
	out = &Session{settings: *s, keys: &m.keys, inject: m.Inject, own: m.Key, key: m.Key, agent: c.Who.ID, unseen: c.Who.NoReveal, back: map[string]string{}, plain: map[string]string{}}
	if out.detector, err = m.detectors.of(config); err != nil {
		return nil, err
	}
	if m.Places != nil {
		out.key = m.Places.Of(ctx, c.Who.Org)
	}
	if s.Redaction {
		set, err := m.Known.For(ctx, c)
		if err != nil {
			return nil, err
		}
		out.known = set
	}
	return out, nil
}

// Session inspects one call: its request first, and then its answer.
type Session struct {
	settings  shroud.Settings
	detector  *detect.Detector
	inject    *inject.Detector
	known     *known.Set // nil: none
	keys      *keys
	paid      *known.Set // the provider's key in use; nil: none
	paidNames *known.Set // the same for names of headers
	agent     string
	unseen    bool              // the agent is shown no value
	own       [32]byte          // of this process
	key       placekey.Key      // of the numbers in placeholders
	numbers   hash.Hash         // keyed with it; nil: not needed yet
	numbered  map[valued]string // placeholders of the text that is looked at, with such numbers, up to maxNumbered

	found      []Finding
	score      float64 // of the request
	normalised bool
	pii        bool
	secrets    bool
	hidden     map[string]bool // secrets that were replaced: paths, and shapes
	stopped    string
	filtered   bool              // something of the answer was cut out or held back
	back       map[string]string // placeholders that the request got, and what they stand for
	plain      map[string]string // those of back that stand for secrets as they are
	placed     Placed            // nil: nothing is put back in what tools are called with
	kept       *kept             // what is kept of what is flagged; nil: nothing is
	followed   pii.Block         // of a private key that was cut out of texts that stand side by side
	stood      string            // what stands for it
}

// Request decides over a request.
func (s *Session) Request(r *convo.Request) (edits []convo.Edit, err error) {
	if err := s.offered(r.Tools); err != nil {
		return nil, err
	}
	if err := s.keeps(r.Keeps); err != nil {
		return nil, err
	}
	if err := s.Beside("field", r.Words); err != nil {
		return nil, err
	}
	out, err := s.meet(r)
	if err != nil {
		return nil, err
	}
	for i, p := range r.Parts {
		p.Text = out[i]
		if out[i], err = s.part(&p); err != nil {
			return nil, err
		}
	}
	return became(r.Parts, out), nil
}

// became are the edits of parts that become other texts.
func became(parts []convo.Part, out []string) (edits []convo.Edit) {
	for i := range parts {
		if out[i] != parts[i].Text {
			edits = append(edits, convo.Edit{Part: i, Text: out[i]})
		}
	}
	return edits
}

// part decides over one text of a request.
func (s *Session) part(p *convo.Part) (string, error) {
	var cuts []stream.Cut
	out := p.Text
	if s.known != nil {
		out = s.known.Redact(out, func(m known.Match) string { return s.hide(m, p.Text) })
	}
	read := s.detector.Read(out)
	plain := s.detector.Reveal(read)
	for _, m := range disguised(&plain, s.known) {
		cuts = append(cuts, stream.Cut{Start: m.Start, End: m.End, With: s.hide(m, out)})
	}
	if p.Kind == convo.ID {
		return applied(out, cuts), nil
	}
	if s.kept != nil {
		defer s.kept.whole(out, roleName(p.Role))()
	}
	if p.Kind != convo.Schema && p.Role != convo.Assistant {
		if s.settings.Unicode.Enabled && read.Normalised() {
			s.normalised = true
		}
		if p.Role != convo.System {
			more, err := s.threats(&read, roleName(p.Role), s.scored(&read, p.Role))
			if err != nil {
				return "", err
			}
			cuts = append(cuts, more...)
		}
	}
	more, err := s.private(out, true)
	if err != nil {
		return "", err
	}
	encoded, err := s.secretsIn(&plain, true, nil)
	if err != nil {
		return "", err
	}
	return applied(out, append(append(cuts, more...), encoded...)), nil
}

// scored are the findings of injection in a text, by whose words it is.
func (s *Session) scored(read *text.Reading, role convo.Role) []Finding {
	from, limit := inject.User, s.settings.Injection
	if role == convo.Tool {
		from, limit = inject.Context, s.settings.ContextInjection
	}
	r := s.inject.Score(read.Views, from)
	s.score = max(s.score, r.Score)
	if r.Score > limit || r.Score > inject.Certain {
		return []Finding{{Threat: "prompt_injection", Pattern: patternOf(r.Categories), Severity: "critical", Span: r.Span, Action: "block"}}
	}
	if r.Tongue > limit || r.Tongue > inject.Certain {
		return []Finding{{Threat: "prompt_injection", Pattern: "foreign_language", Severity: "high", Span: r.TongueSpan, Action: "block"}}
	}
	if r.Foreign > inject.Threshold {
		return []Finding{{Threat: "prompt_injection", Pattern: "foreign_language", Severity: "medium", Span: r.ForeignSpan, Action: "warn"}}
	}
	return nil
}

func patternOf(all []inject.Category) string {
	if len(all) == 0 {
		return "model"
	}
	return string(all[0])
}

// View decides over parts of an answer that are whole.
func (s *Session) View(v *convo.View) (edits []convo.Edit, err error) {
	if err := s.called(v); err != nil {
		return nil, err
	}
	out, err := s.met(v)
	if err != nil {
		return nil, err
	}
	edits = became(v.Parts, out)
	s.filtered = s.filtered || len(edits) > 0
	return append(edits, s.restored(v, edits)...), nil
}

// Rules are those for a text of an answer that comes in pieces.
func (s *Session) Rules(kind convo.Kind) stream.Rules {
	return s.of(&convo.Part{Role: convo.Assistant, Kind: kind})
}

// of are the rules of a part of an answer. What repeats the request was decided over.
func (s *Session) of(p *convo.Part) stream.Rules {
	return &answer{Session: s, seen: s.kept.answer(), tool: p.Kind == convo.Arguments || p.Kind == convo.ToolName, echo: p.Role == convo.System || p.Kind == convo.Schema}
}

// Fields are what the log says of what was found.
func (s *Session) Fields() []audit.Field {
	var out []audit.Field
	if kinds := s.kinds(); kinds != "" {
		out = append(out, audit.Text("found", kinds))
	}
	if s.stopped != "" {
		out = append(out, audit.Text("stopped_by", s.stopped))
	}
	return out
}
