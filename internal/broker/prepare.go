package broker

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/broker/mask"
	"github.com/oneclaw-dev/oneclaw/internal/broker/mint"
	"github.com/oneclaw-dev/oneclaw/internal/broker/sought"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// Prepared is a request that may be sent: bindings allow it, its use is in the log, and the
// secrets are in it. Close wipes them.
type Prepared struct {
	s       *Service
	c       call.Call
	draft   *draft
	uses    []use
	values  []secret.Bytes
	filled  filled
	granted []known.Value // parts of grants of OAuth 2
	of      []sought.Of   // whose the secrets are
	keys    []mint.Key    // of tokens
	leave   func()
	began   time.Time
}

// mostTries is how often a request is decided whose secret has a newer version when its refresh token is needed.
const mostTries = 3

// prepare decides over a draft, takes a place for it, records the uses and fills it.
func (s *Service) prepare(ctx context.Context, c *call.Call, d *draft, vault string, in *places) (*Prepared, error) {
	for try := 1; ; try++ {
		p, err := s.attempt(ctx, c, d, vault, in)
		if !errors.Is(err, mint.ErrMoved) || try == mostTries {
			return p, err
		}
		ctx, c, d.tokens = call.Again(ctx), c.Once(), nil // another node stored a newer one
	}
}

func (s *Service) attempt(ctx context.Context, c *call.Call, d *draft, vault string, in *places) (p *Prepared, err error) {
	if len(d.slots) == 0 {
		return nil, errNoRef
	}
	p = &Prepared{s: s, draft: d}
	if p.uses, err = s.find(ctx, c, d, vault); err != nil {
		return nil, err
	}
	if p.leave, err = in.enter(c.Who.ID); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.Close()
			p = nil
		}
	}()
	var beside []known.Value
	if p.values, beside, err = s.opened(ctx, c, d, p.uses); err != nil {
		return p, err
	}
	p.c, p.began = *c, s.cfg.Now()
	if err = p.mint(ctx, c); err != nil {
		p.tell(ctx, outcome{}, err)
		return p, err
	}
	bindings := make([]*binding.Binding, len(p.uses))
	for i := range p.uses {
		u := &p.uses[i]
		bindings[i] = u.binding
		p.of = append(p.of, sought.Of{Org: c.Who.Org, Vault: u.at.Vault, Path: u.at.Path.String(), Version: u.version})
	}
	if p.filled, err = d.fill(bindings, p.values); err != nil {
		return p, err
	}
	p.filled.hidden = append(append(p.filled.hidden, beside...), p.granted...)
	return p, nil
}

// Close wipes the secrets and gives the place back.
func (p *Prepared) Close() {
	wipe(p.values)
	for _, v := range p.draft.tokens {
		v.Wipe()
	}
	for _, list := range [][]known.Value{p.filled.hidden, p.filled.fresh, p.granted} {
		for _, v := range list {
			v.Value.Wipe()
		}
	}
	p.leave()
}

// Mask makes a mask of the values that no answer may show.
func (p *Prepared) Mask() *mask.Mask {
	f := &p.filled
	sets := p.s.sought.Each(p.of, f.hidden)
	for _, v := range f.fresh {
		sets = append(sets, known.New([]known.Value{v}))
	}
	return mask.Of(sets, p.names(f.all()), &p.s.finders)
}

// all are the values that no answer may show.
func (f *filled) all() []known.Value { return slices.Concat(f.hidden, f.fresh) }

// together is one set of values, and names that for names of headers. What is of this request alone is not kept.
func (p *Prepared) together(values []known.Value) *known.Set {
	if len(p.filled.fresh) > 0 {
		return known.New(values)
	}
	return p.s.sought.All(p.of, values)
}

func (p *Prepared) names(values []known.Value) *known.Set {
	if len(p.filled.fresh) > 0 {
		return known.Names(values)
	}
	return p.s.sought.Names(p.of, values)
}

// Host is where the request goes, as bindings write it.
func (p *Prepared) Host() string { return p.draft.target.Host.String() }

// request is what is sent. body stands for a body that is not in the draft.
func (p *Prepared) request(ctx context.Context, body io.Reader) (*http.Request, error) {
	d, f := p.draft, &p.filled
	url := *d.url
	if len(f.query) > 0 {
		url.RawQuery = strings.TrimPrefix(url.RawQuery+"&"+f.query.Encode(), "&")
	}
	out, err := http.NewRequestWithContext(ctx, d.target.Method, url.String(), body)
	if err != nil {
		return nil, errUpstream
	}
	out.URL, out.Header = &url, f.header
	out.Header.Set("Accept-Encoding", "identity")
	for _, sign := range f.sign {
		if err := sign(out, f.body, p.s.cfg.Now()); err != nil {
			return nil, err
		}
	}
	for _, m := range f.macs {
		text := out.Header.Get(m.header)
		raw, err := hex.DecodeString(text)
		if err != nil {
			return nil, err
		}
		f.fresh = append(f.fresh, known.Value{Label: m.label, Value: secret.FromString(text)}, known.Value{Label: m.label, Value: secret.New(raw)})
	}
	return out, nil
}

// authorized is nil where the caller may have requests sent at all.
func authorized(c *call.Call) error { return c.Authorize(policy.SendRequest, c.Own()) }

var errNoRef = fault.New(fault.Invalid, "no_reference",
	"The request refers to no secret. Write {{secret:PATH}} or oneclaw://VAULT/PATH where the secret goes; a request without one needs no vault.")
