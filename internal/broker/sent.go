package broker

import (
	"context"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/broker/mint"
	"github.com/oneclaw-dev/oneclaw/internal/broker/sought"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// Ready is a request that was read, refers to no secret, and waits for one credential.
type Ready struct{ draft draft }

var errNoRefs = fault.New(fault.Invalid, "reference_not_allowed", "An execution has the credential of its binding and no other: it takes no references to secrets.")

// Read reads a request whose credential is not in it. Nothing is looked up yet.
func Read(r *Request) (Ready, error) {
	d, err := read(r)
	if err == nil && len(d.slots) > 0 {
		err = errNoRefs
	}
	return Ready{d}, err
}

// Target is where the request goes: what is matched here is what is sent.
func (r *Ready) Target() binding.Target { return r.draft.target }

var errTaken = fault.New(fault.Invalid, "credential_place_taken", "The request has something where the credential of the binding goes. Leave it out.")

// Lent is a secret that somebody lent for one request, and whose use was decided and is in the log.
type Lent struct {
	Who          string           // who sends the request
	Of           string           // the binding of an agent that it is lent by
	In           *binding.Binding // where the value goes
	Value, Whole secret.Bytes     // Whole is the secret that the value is a part of
	// Of oauth2: whose token it is, and what decides about the use once more after a token was waited for.
	Key    mint.Key
	Stands func(context.Context) error
	Keep   *Keeping // of a refresh token
}

// Send sends a request with a value in the place that a binding says, and returns the answer with the
// value taken out, and with every text of the secret that it is a part of. The caller tells what came of it.
// Nothing is sent again.
func (s *Service) Send(ctx context.Context, r *Ready, l *Lent) (Answer, error) {
	label, err := secretpath.Parse("credential")
	if err != nil {
		return Answer{}, err
	}
	d, b := r.draft, l.In
	at := slot{place: b.In, ref: Ref{Path: label}}
	switch b.In.Kind() {
	case "bearer", "basic", oauth2:
		at.place = authorization
		if d.header.Get("Authorization") != "" {
			return Answer{}, errTaken
		}
	case "header":
		if d.header.Get(b.In.Name()) != "" {
			return Answer{}, errTaken
		}
	case "query":
		if d.query.Has(b.In.Name()) || d.url.Query().Has(b.In.Name()) {
			return Answer{}, errTaken
		}
	}
	leave, err := s.requests.enter(l.Who)
	if err != nil {
		return Answer{}, err
	}
	defer leave()
	d.slots = []slot{at}
	p := &Prepared{s: s, draft: &d}
	if b.In.Kind() == oauth2 {
		t, err := s.minted(ctx, l.Key, b, l.Value, label.String(), l.Keep)
		if err != nil {
			return Answer{}, err
		}
		defer t.wipe()
		if t.waited {
			if err := l.Stands(ctx); err != nil {
				return Answer{}, err
			}
		}
		d.tokens, p.granted, p.keys = map[int]secret.Bytes{0: t.value}, t.granted, []mint.Key{t.key}
	}
	if p.filled, err = d.fill(slices.Repeat([]*binding.Binding{b}, len(d.slots)), slices.Repeat([]secret.Bytes{l.Value}, len(d.slots))); err != nil {
		return Answer{}, err
	}
	p.filled.hidden = append(append(p.filled.hidden, known.Value{Label: label.String(), Value: l.Whole}), p.granted...)
	p.filled.hidden = append(p.filled.hidden, parts(label.String(), "", l.Whole)...)
	p.of = []sought.Of{{Path: l.Of}}
	return s.send(ctx, p)
}
