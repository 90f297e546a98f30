package proxy

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inspect"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/translate"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// maxBody is what a request may hold (contract shroud.md, section 4).
const maxBody = 5 << 20

// asked is a call of a model as it came.
type asked struct {
	*convo.Request
	to      *provider
	dialect convo.Dialect
	path    string
	query   string
	body    []byte
	header  http.Header
	foreign bool           // the provider has it in its own dialect alone
	text    bool           // nobody knows the path, and the agent's settings let its body be looked at as text
	named   bool           // the body has the provider before the model, which that does not know
	unnamed bool           // what it has as its model is a secret
	agent   string         // that the key is said to be of, or ""
	keyRef  string         // X-Shroud-Api-Key
	carried []secret.Bytes // credentials, where texts are kept: they are in none
}

// cleared is a call that may go to its provider.
type cleared struct {
	body    []byte
	key     secret.Bytes
	keyAt   vault.Ref // where it is from; the zero one: the caller sent it
	given   string    // the approval that its use rests on, or ""
	until   time.Time // when the agent ends
	inspect *inspect.Session
	billed  bool            // a stream must say what it bills
	usage   bool            // it was asked for that for us alone
	as      *translate.Call // what a foreign provider gets instead of the body
	spend   *spend.Reservation
	end     ending
	silent  bool // nobody is told what was found: the limits have no room for who asks
}

// ending is what is known of a call at its end.
type ending struct {
	how   spend.How
	usage convo.Usage
	bytes int64 // of the answer
}

// call serves one call of a model.
func (p *Proxy) call(x *gate.Request, r *http.Request) error {
	a, err := p.read(x, r)
	if err != nil {
		return err
	}
	epoch, _ := p.cfg.Epoch(x.Call.Who.Org)
	var ok cleared
	defer func() { p.settle(r.Context(), x, a, &ok) }()
	err = x.Decide(r.Context(), true, func(ctx context.Context) (err error) {
		ok.key.Wipe()
		p.settle(ctx, x, a, &ok) // of a decision that did not hold
		ok, err = p.clear(ctx, &x.Call, a)
		return err
	})
	defer func() { ok.key.Wipe() }()
	if ok.inspect != nil && !ok.silent && ok.inspect.Summary() != "" {
		x.Header().Set("X-Shroud-Inspection", ok.inspect.Summary())
	}
	if err != nil {
		return err
	}
	ctx, stop := p.watch(&standing{of: x, asked: a.names(), keyAt: ok.keyAt, given: ok.given, until: ok.until, epoch: epoch}).Begin(r.Context())
	defer stop()
	ok.inspect.Restores(func(to *broker.Request) ([]broker.Placed, error) {
		now, err := x.Standing(ctx)
		if err != nil {
			return nil, err
		}
		return p.cfg.Broker.Placed(ctx, now, to)
	})
	return p.forward(ctx, x, r, a, &ok)
}

// read reads a call and finds out where it is to go.
func (p *Proxy) read(x *gate.Request, r *http.Request) (*asked, error) {
	a := &asked{header: r.Header, path: r.URL.Path, keyRef: r.Header.Get("X-Shroud-Api-Key")}
	a.agent, _ = presented(r)
	for _, name := range [...]string{"X-Shroud-Provider", "X-Shroud-Api-Key", "X-Shroud-Model", "Idempotency-Key", "Content-Encoding", "Content-Type"} {
		if len(r.Header.Values(name)) > 1 {
			return nil, errTwice
		}
	}
	if p.cfg.Keep.For > 0 {
		a.carried = carried(r)
	}
	data, err := x.Read(r, maxBody)
	if err != nil {
		return nil, err
	}
	if a.body, err = unpacked(data, r.Header.Get("Content-Encoding")); err != nil {
		return nil, err
	}
	name := strings.ToLower(strings.TrimSpace(r.Header.Get("X-Shroud-Provider")))
	if name == "" {
		name = native(a.path)
	}
	if name != "" && p.providers[name] == nil {
		return nil, errProvider
	}
	if a.to = p.providers[name]; a.to != nil {
		a.path = a.to.common(a.path)
		if a.dialect = a.to.dialect(a.path); a.dialect == nil && !spoken(a.path) {
			a.dialect, a.text = convo.Plain{}, true
		}
		if a.dialect == nil {
			return nil, errPath
		}
	} else if a.dialect = openAI(a.path); a.dialect == nil {
		return nil, errNoProvider
	}
	if a.Request, err = a.dialect.Request(a.body, a.path); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "bad_body", err.Error()) // a fixed text
	}
	if a.to == nil { // routers' clients write PROVIDER/MODEL
		before, model, _ := strings.Cut(a.Model, "/")
		switch a.to = p.providers[strings.ToLower(before)]; {
		case a.to != nil:
			a.Model, a.named = model, true
		case x.Call.Who.Router: // whoever came with a router key has OpenAI's client, and no place to name another
			a.to = p.providers["openai"]
		default:
			return nil, errNoProvider
		}
		a.path = a.to.common(a.path)
		if a.to.dialect(a.path) != a.dialect {
			return nil, errPath
		}
	}
	if a.foreign = a.path == commonPath && translate.Known(a.to.name); a.foreign {
		a.Model = translate.Model(a.Model)
	}
	a.query = query(r.URL.Query())
	switch _, gemini := a.dialect.(convo.Gemini); {
	case a.Model == "" && r.Header.Get("X-Shroud-Model") == "":
		return nil, errNoModel
	case !nameable(append(a.Models, a.Model)):
		return nil, errModelName
	case a.Tokens:
		return nil, errTokens
	case gemini && a.Stream && r.URL.Query().Get("alt") != "sse":
		return nil, errAltSSE
	}
	return a, nil
}

// nameable reports whether models may have the names: they are stored, listed and compared, so
// that they are short and have no characters that look like others or like none.
func nameable(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		return len(name) > 256 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
	})
}

// query is what a provider gets of the query: a key in it is the agent's.
func query(q url.Values) string {
	q.Del("key")
	q.Del("access_token")
	return q.Encode()
}

// unpacked is a body without its encoding, within the bound of a body.
func unpacked(data []byte, encoding string) ([]byte, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return data, nil
	case "gzip":
	default:
		return nil, errGzip
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, errGzip
	}
	out, err := io.ReadAll(io.LimitReader(z, maxBody+1))
	if err != nil {
		return nil, errGzip
	}
	if len(out) > maxBody {
		return nil, errLarge
	}
	return out, nil
}

// clear decides whether a call may go on, and as what. It is in the log then. One that is refused
// and tells of something that was found counts as one that goes on.
func (p *Proxy) clear(ctx context.Context, c *call.Call, a *asked) (cleared, error) {
	var limits spend.Limits
	out, err := p.decide(ctx, c, a, &limits)
	if err == nil || out.inspect == nil || out.inspect.Summary() == "" || errors.Is(err, call.ErrMoved) {
		return out, err
	}
	if !fault.Is(err, fault.RateLimited) && (out.spend == nil || !out.spend.Taken()) {
		if full := p.cfg.Ledger.Count(ctx, c, &limits); full != nil {
			err = full
		}
	}
	out.silent = fault.Is(err, fault.RateLimited)
	return out, err
}

// decide is clear without what counts of a refusal. limits become those of the agent.
func (p *Proxy) decide(ctx context.Context, c *call.Call, a *asked, limits *spend.Limits) (out cleared, err error) {
	c.Touch("model", "")
	c.Event.Details.More = []audit.Field{audit.Text("provider", a.to.name)}
	if c.Who.Kind != policy.KindAgent {
		return out, errAgentsOnly
	}
	if a.agent != "" && a.agent != c.Who.ID {
		return out, errOtherAgent
	}
	if err := c.Authorize(policy.CallModel, c.Own()); err != nil {
		return out, err
	}
	who, err := p.self(ctx, c)
	if err != nil {
		return out, err
	}
	c.Touch("model", "")
	*limits = who.limits
	out.until = who.ExpiresAt
	if !who.Shroud {
		return out, errOff
	}
	if out.inspect, err = p.cfg.Inspect.For(ctx, c, who.ShroudConfig, &who.settings); err != nil {
		return out, err
	}
	if p.cfg.Keep.For > 0 {
		out.inspect.Keep(a.carried...)
	}
	// The model is named in the log and the activity: not before it is known to be no secret.
	if err := out.inspect.Beside("model", p.unknown(&who, a)); err != nil {
		a.unnamed = true
		c.Event.Details.More = append(c.Event.Details.More, out.inspect.Fields()...)
		return out, err
	}
	c.Event.Details.More = append(c.Event.Details.More, audit.Text("model", plain(a.Model)))
	if err := allowed(&who, a); err != nil {
		return out, err
	}
	if a.text && !who.settings.AsText {
		return out, errNoRoute
	}
	edits, err := out.inspect.Request(a.Request)
	if headers, query := a.beside(); err == nil {
		if err = out.inspect.Beside("header", headers); err == nil {
			err = out.inspect.Beside("query", query)
		}
		if err == nil && a.text { // others are of fixed words, and of a model
			err = out.inspect.Beside("path", []string{a.path})
		}
	}
	c.Event.Details.More = append(c.Event.Details.More, out.inspect.Fields()...)
	if err != nil {
		return out, err
	}
	out.body = a.Rewrite(edits)
	if a.named {
		if out.body, err = convo.Of(out.body, a.Model); err != nil {
			return out, fault.Wrap(err, fault.Invalid, "bad_body", err.Error()) // a fixed text
		}
	}
	out.end.how = spend.NotServed
	if err := p.begin(c, a, &out, &who.limits); err != nil {
		return out, err
	}
	body, tokens := out.body, out.spend.AnswerTokens
	if err := p.tell(c, a, &out, body); err != nil {
		return out, err
	}
	if out.keyAt, err = p.key(ctx, c, a, &out); err != nil {
		return out, err
	}
	if !c.Event.Committed { // the use of a key from a vault is the event
		if err := p.record(ctx, c, out.spend); err != nil {
			return out, err
		}
	}
	out.inspect.Paid(out.key)
	if out.spend.AnswerTokens != tokens { // the budget is nearly used up
		err = p.tell(c, a, &out, body)
	}
	return out, err
}

// unknown are the models of a call that neither the prices nor the agent's settings name.
func (p *Proxy) unknown(who *caller, a *asked) (names []string) {
	for _, name := range append(a.Models[:len(a.Models):len(a.Models)], a.Model) {
		if !p.cfg.Ledger.Lists(a.to.name, name) && !slices.Contains(who.settings.Models, name) {
			names = append(names, name)
		}
	}
	return names
}

// allowed reports whether the agent may make the call at all.
func allowed(who *caller, a *asked) error {
	if !who.Shroud {
		return errOff
	}
	if a.Kept && who.settings.ModelsBound() {
		return errModelNo
	}
	for _, model := range append(a.Models, a.Model) {
		switch providerOK, modelOK := who.settings.MayCall(a.to.name, model); {
		case !providerOK:
			return errProviderNo
		case !modelOK:
			return errModelNo
		}
	}
	return nil
}

// plain is a model's name as it may stand in the log.
func plain(model string) string {
	if len(model) > 100 || strings.Trim(model, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/:@") != "" {
		return "unusual"
	}
	return model
}
