package broker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Body is what a stream's request sends.
type Body interface {
	io.Reader
	// Ahead reads up to limit bytes and says whether they are all. Read returns them again.
	Ahead(limit int) (data []byte, whole bool, err error)
}

var errWhole = fault.New(fault.Invalid, "body_not_whole",
	"A body that is signed as a whole has at most 5 MiB. For a longer one the program sends X-Amz-Content-Sha256.")

// Look finds the references in a body that was read as a whole. A body without any is sent byte
// for byte.
func (h *Head) Look(body []byte) error {
	h.draft.body = body
	if err := h.draft.readRefs(h.kind); err != nil {
		return err
	}
	return h.listed()
}

// Stream prepares the request of a head whose body may be longer than what is looked at. Close
// what it returns.
func (s *Service) Stream(ctx context.Context, c *call.Call, h *Head, body Body) (*Prepared, error) {
	if err := authorized(c); err != nil {
		return nil, err
	}
	d := h.draft
	d.aws.region, d.aws.service = h.AWS.Region, h.AWS.Service
	d.streamed = true
	p, err := s.prepare(ctx, c, &d, h.Vault, s.streams)
	if err != nil {
		return nil, err
	}
	if p.signs() {
		maps.Copy(p.filled.header, h.pieces)
	}
	if p.filled.whole && d.body == nil {
		data, whole, err := body.Ahead(MaxBody)
		if err == nil && !whole {
			err = errWhole
		}
		if err != nil {
			p.Close()
			return nil, err
		}
		p.filled.body = data
	}
	return p, nil
}

// signs reports whether all secrets of a request sign it and stay here. Only then is a piece of an answer asked for: it
// could begin within a value that the other server was sent.
func (p *Prepared) signs() bool {
	return !slices.ContainsFunc(p.uses, func(u use) bool { return u.binding.In.Kind() != "sigv4" })
}

// Send sends a request that was prepared. Its body is what the draft has, or else what comes; nil: it has none.
func (p *Prepared) Send(ctx context.Context, by http.RoundTripper, h *Head, body io.Reader) (*http.Response, error) {
	from, length := body, h.length
	switch {
	case len(p.filled.body) > 0 && len(p.draft.body) > 0:
		from, length = bytes.NewReader(p.filled.body), int64(len(p.filled.body))
	case body == nil:
		from, length = nil, 0
	}
	out, err := p.request(ctx, nil)
	if err != nil {
		return nil, err
	}
	if from != nil {
		out.Body, out.ContentLength = io.NopCloser(from), length
	}
	res, err := by.RoundTrip(out)
	if err != nil {
		if why := context.Cause(ctx); why != nil {
			if e, ok := asFault(why); ok {
				return nil, e
			}
			return nil, errors.Join(errGone, why)
		}
		return nil, refusedBy(err)
	}
	p.answered(res.StatusCode)
	return res, nil
}

// errGone is how a stream ends whose caller hung up.
var errGone = fault.New(fault.Unprocessable, "stream_cancelled", "The caller hung up.")

// Tell puts into the log what came of a stream.
func (p *Prepared) Tell(ctx context.Context, status int, bytes int64, redactions int, failed error) {
	p.tell(ctx, outcome{status, bytes, redactions}, failed)
}

// Look says what of a use's rights is asked for beside the caller's own.
type Look struct {
	Bindings bool // they may have changed
	Secret   bool // it may be gone
}

// Stands returns nil while a caller, as things are now, may still use what an answer or a stream rests on.
func (p *Prepared) Stands(ctx context.Context, now *call.Call, look Look) error {
	if err := authorized(now); err != nil {
		return err
	}
	for i := range p.uses {
		u := &p.uses[i]
		may, err := p.s.cfg.Vault.MayGoOn(ctx, now, u.at, u.given)
		if err == nil && may && look.Secret {
			may, err = p.s.cfg.Vault.Lives(ctx, now, u.at)
		}
		if err == nil && may && look.Bindings {
			var bound Bound
			bound, err = p.s.boundOf(ctx, now.Who.Org, u.at)
			may = binding.Allows(bound.List, &p.draft.target, p.draft.slots[i].fits) != nil
		}
		if err != nil {
			return err
		}
		if !may {
			return errEnded
		}
	}
	return nil
}

// Credentials reports whether a binding lets the other server's own credentials be handed back.
func (p *Prepared) Credentials() bool {
	for i := range p.uses {
		if !p.uses[i].binding.Credentials {
			return false
		}
	}
	return true
}
