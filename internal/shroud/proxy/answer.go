package proxy

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
)

const (
	maxAnswer = 64 << 20
	maxError  = 1 << 20
)

// forward makes the call and passes the answer on, until ctx ends. What may have reached the
// provider may be billed, whatever becomes of it.
func (p *Proxy) forward(ctx context.Context, x *gate.Request, r *http.Request, a *asked, ok *cleared) error {
	ctx, clock, stop := p.timed(ctx)
	defer stop()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	path, query, body := a.path, a.query, &letter{text: ok.body, size: len(ok.body)}
	if ok.as != nil {
		path, query, body = ok.as.Path, ok.as.Query, &letter{text: ok.as.Body, size: len(ok.as.Body)}
		ok.as.Body = nil
	}
	ok.body = nil
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, a.to.address(path, query).String(), http.NoBody) //nolint:gosec // G704: the host is the operator's, and the way out is guarded
	if err != nil {
		return err
	}
	body.in(out)
	out.Header = outgoing(a.header)
	if out.Header.Get("Content-Type") == "" {
		out.Header.Set("Content-Type", "application/json")
	}
	if ok.as != nil {
		abroad(out.Header, a.to.name)
	}
	a.to.auth(out.Header, string(ok.key.Reveal()))
	res, err := p.cfg.HTTP.RoundTrip(out)
	if err != nil {
		if sent.Load() {
			ok.end.how = brokenBy(ctx, r)
		}
		if why := endedBy(ctx, r); why != nil {
			return why
		}
		p.cfg.Log.Warn("a provider could not be called", slog.String("provider", a.to.name), slog.Any("error", cause(err)))
		return &upstream{http.StatusBadGateway, "upstream error: provider " + a.to.name + " could not be reached"}
	}
	defer func() { _ = res.Body.Close() }() // it was read, or nobody wants it
	a.forget()
	body.burn()
	x.Passed()
	dropKey(res.Header, ok)
	ok.end.how = spend.Broken
	// What the provider sends may take longer than any other answer of this server.
	_ = http.NewResponseController(x).SetWriteDeadline(time.Time{})
	answer, err := decoded(res.Header, clock.heard(res.Body))
	if why := endedBy(ctx, r); err != nil && why != nil {
		ok.end.how = brokenBy(ctx, r)
		return why
	}
	if err != nil {
		return &upstream{http.StatusBadGateway, "upstream error: provider " + a.to.name + " sent an encoding that was not asked for"}
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return &upstream{http.StatusBadGateway, "upstream error: provider " + a.to.name + " sends its callers elsewhere"}
	case res.StatusCode >= 400:
		return p.relayError(x, res, answer, ok)
	case kind == "text/event-stream":
		return p.stream(ctx, x, r, a, ok, res, answer)
	}
	return p.whole(ctx, x, r, a, ok, res, answer)
}

// forget drops what the caller said, which the provider has now: its answer may take an hour.
func (a *asked) forget() {
	a.body = nil
	a.Request = &convo.Request{Model: a.Model, Stream: a.Stream}
}

// names is what of a call its right depends on, for who asks while it runs.
func (a *asked) names() *asked {
	return &asked{to: a.to, Request: &convo.Request{Model: a.Model, Models: a.Models, Kept: a.Kept}}
}

// decoded is the body of an answer without an encoding that nobody asked for.
func decoded(h http.Header, body io.Reader) (io.Reader, error) {
	switch h.Get("Content-Encoding") {
	case "", "identity":
		return body, nil
	case "gzip":
		return gzip.NewReader(body)
	}
	return nil, errGzip
}

// whole passes an answer on that is no stream.
func (p *Proxy) whole(ctx context.Context, x *gate.Request, r *http.Request, a *asked, ok *cleared, res *http.Response, body io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err != nil {
		ok.end.how = brokenBy(ctx, r)
		if why := endedBy(ctx, r); why != nil {
			return why
		}
	}
	if err != nil || len(data) > maxAnswer {
		return &upstream{http.StatusBadGateway, "upstream error: the answer of provider " + a.to.name + " did not come whole"}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		ok.end.how = spend.NotServed
		incoming(x.Header(), res.Header)
		x.WriteHeader(res.StatusCode)
		return nil
	}
	if ok.as != nil {
		if data, err = ok.as.Answer(data); err != nil {
			return &upstream{http.StatusBadGateway, "upstream error: the answer of provider " + a.to.name + " can't be passed on: " + err.Error()}
		}
	}
	said, err := a.dialect.Answer(data)
	if err != nil {
		return &upstream{http.StatusBadGateway, "upstream error: the answer of provider " + a.to.name + " is not one that can be looked at"}
	}
	ok.end = ending{spend.Answered, said.Usage, int64(len(data))}
	edits, err := ok.inspect.View(&said.View)
	if err == nil {
		data = ok.inspect.Unkeyed(said.Rewrite(edits))
	}
	if s := ok.inspect.Summary(); s != "" {
		x.Header().Set("X-Shroud-Inspection", s)
	}
	if err != nil {
		return err
	}
	incoming(x.Header(), res.Header)
	x.WriteHeader(res.StatusCode)
	_, err = x.Write(data)
	return err
}

// relayError passes a provider's refusal on with its status and body (contract
// shroud.md, section 4), but for the key, which some repeat.
func (p *Proxy) relayError(x *gate.Request, res *http.Response, body io.Reader, ok *cleared) error {
	ok.end.how = spend.NotServed
	data, err := io.ReadAll(io.LimitReader(body, maxError))
	if err != nil {
		data = nil // its status says what there is to say
	}
	data = unkeyed(data, ok.key)
	if ok.as != nil {
		data = ok.as.Refused(res.StatusCode, data)
		x.Header().Set("Content-Type", "application/json")
		res.Header.Del("Content-Type")
	}
	incoming(x.Header(), res.Header)
	x.WriteHeader(res.StatusCode)
	_, err = x.Write(data)
	return err
}

// unkeyed is what a provider says without the key, in any spelling.
func unkeyed(data []byte, of secret.Bytes) []byte {
	key := of.Reveal()
	if len(key) == 0 {
		return data
	}
	if len(key) < known.Shortest {
		return bytes.ReplaceAll(data, key, []byte("[REDACTED]"))
	}
	set := known.New([]known.Value{{Value: of}})
	return []byte(set.Redact(string(data), func(known.Match) string { return "[REDACTED]" }))
}

// dropKey drops the headers that hold the key, in any spelling.
func dropKey(h http.Header, ok *cleared) {
	key := string(ok.key.Reveal())
	if key == "" {
		return
	}
	for name, values := range h {
		all := name + ": " + strings.Join(values, "\n")
		if strings.Contains(strings.ToLower(name), strings.ToLower(key)) || ok.inspect.NamesKey(name) || strings.Contains(all, key) || string(ok.inspect.Unkeyed([]byte(all))) != all {
			delete(h, name)
		}
	}
}

// stream passes a stream on. What was found in it is told at its end, in a trailer.
func (p *Proxy) stream(ctx context.Context, x *gate.Request, r *http.Request, a *asked, ok *cleared, res *http.Response, body io.Reader) error {
	incoming(x.Header(), res.Header)
	x.WriteHeader(res.StatusCode)
	out := &writer{x: x, control: http.NewResponseController(x)}
	stop := out.alive(ctx, p.cfg.Quiet)
	defer stop()
	if ok.as != nil {
		body = ok.as.Stream(body)
	}
	before := ok.inspect.Summary()
	defer func() {
		if s := ok.inspect.Summary(); s != before {
			x.Header().Set(http.TrailerPrefix+"X-Shroud-Inspection", s)
		}
	}()
	f := stream.Filter{Dialect: a.dialect, Inspect: ok.inspect, NoUsage: ok.usage, Send: out.until(ctx, ok.inspect.Unkeyed)}
	usage, err := f.Run(body)
	ok.end = ending{spend.Answered, usage, f.Bytes()}
	switch {
	case err != nil:
		ok.end.how = brokenBy(ctx, r)
	case r.Context().Err() != nil:
		ok.end.how = spend.HungUp
	}
	if err == nil || r.Context().Err() != nil {
		return nil // nobody is there to be told
	}
	message := "upstream error: the stream of provider " + a.to.name + " broke off"
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Denied {
		message = e.Detail
	}
	if errors.Is(err, stream.ErrShape) {
		message = "upstream error: the stream of provider " + a.to.name + " holds what can't be looked at"
	}
	why := endedBy(ctx, r)
	if e, ok := errors.AsType[*fault.Error](why); ok {
		message = e.Detail
	}
	if e, ok := errors.AsType[*upstream](why); ok {
		message = e.message
	}
	f.Send = out.send
	_ = f.Stop(message) // who does not read any more is not told
	return nil
}

// models lists the models that the agent may use: those its settings name, and else what
// nobody restricts.
func (p *Proxy) models(x *gate.Request, r *http.Request) error {
	var list []string
	err := x.Decide(r.Context(), false, func(ctx context.Context) error {
		who, err := p.self(ctx, &x.Call)
		if err != nil {
			return err
		}
		list = list[:0]
		for _, m := range who.settings.Models {
			if _, ok := who.settings.MayCall("", m); ok && !strings.HasSuffix(m, "*") {
				list = append(list, m)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	x.Header().Set("Content-Type", "application/json")
	_, err = x.Write(modelList(list))
	return err
}

// modelList is a list of models as OpenAI writes it.
func modelList(names []string) []byte {
	var b strings.Builder
	b.WriteString(`{"object":"list","data":[`)
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"id":`)
		b.Write(quoted(name))
		b.WriteString(`,"object":"model","created":0,"owned_by":"oneclaw"}`)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}
