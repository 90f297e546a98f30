package proxy

import (
	"context"
	"log/slog"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/translate"
)

// begin finds out what the call may use of the agent's limits. They are taken from with the event
// (record).
func (p *Proxy) begin(c *call.Call, a *asked, out *cleared, limits *spend.Limits) (err error) {
	bound := limits.Budget > 0 || limits.Tokens != nil
	switch {
	case bound && a.text:
		return errUnbounded
	case bound && a.Kept, limits.Budget > 0 && a.Instead:
		return errUnpriced
	case limits.Budget > 0 && len(a.Fetched.Unbounded) > 0 && !a.counts(): // nothing is billed for a count
		return errFetched(a.Fetched.Unbounded)
	}
	out.billed = limits.Budget > 0 && a.Stream
	out.spend, err = p.cfg.Ledger.Begin(c, *limits, spend.Ask{
		Provider: a.to.name, Model: a.Model, InputBytes: a.bytes(), Media: a.Media, Filed: a.Filed, Uses: a.Fetched.Uses, UseTokens: a.Fetched.Tokens, MaxTokens: a.MaxTokens, Choices: a.Choices, Stream: a.Stream, Embeds: a.embeds(),
	})
	return err
}

// tell has the provider told what the reservation rests on, and in its own words.
func (p *Proxy) tell(c *call.Call, a *asked, out *cleared, body []byte) (err error) {
	out.body, out.usage = body, false
	if n := out.spend.AnswerTokens; n > 0 {
		out.body, err = convo.Bounded(a.dialect, out.body, n, a.to.name == "openai" && a.path == commonPath)
	}
	if err == nil && out.billed {
		out.body, out.usage, err = convo.Billed(a.dialect, out.body)
	}
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "bad_body", err.Error()) // a fixed text
	}
	if a.foreign {
		if out.as, err = translate.Request(a.to.name, out.body, c.Now); err != nil {
			return fault.Wrap(err, fault.Invalid, "not_translatable", err.Error()) // a place and fixed words
		}
		out.usage = out.usage || !out.as.Usage
	}
	return nil
}

// record puts a call into the log that uses no key of a vault, with what it takes from the limits.
func (p *Proxy) record(ctx context.Context, c *call.Call, of *spend.Reservation) error {
	c.Event.Details.Outcome = audit.Success
	if of.Counted() {
		return of.Take(ctx, nil, c.Event)
	}
	return p.cfg.Gate.Events.Append(ctx, c.Event)
}

// bytes is how long the texts are that the model reads.
func (a *asked) bytes() (n int) {
	for _, p := range a.Parts {
		n += len(p.Text)
	}
	return n + a.Unread
}

// embeds reports whether the answer has no text.
func (a *asked) embeds() bool {
	switch a.path {
	case "/v1/embeddings", "/v1/moderations", "/v1/messages/count_tokens", "/v2/embed", "/v2/rerank", "/v1beta/openai/embeddings":
		return true
	}
	_, method, _ := convo.GeminiModel(a.path)
	return method == "countTokens" || method == "embedContent" || method == "batchEmbedContents"
}

// counts reports whether only the number of tokens is asked for.
func (a *asked) counts() bool {
	_, method, _ := convo.GeminiModel(a.path)
	return a.path == "/v1/messages/count_tokens" || method == "countTokens"
}

// settle tells what became of a call, and what it took. It is done once, also when the
// caller is gone.
func (p *Proxy) settle(ctx context.Context, x *gate.Request, a *asked, ok *cleared) {
	if ok.inspect == nil {
		return
	}
	if ok.silent {
		if ok.spend != nil {
			ok.spend.Leave()
		}
		ok.inspect, ok.spend = nil, nil
		return
	}
	told := ok.inspect.Told()
	told.Provider, told.Model, told.Latency = a.to.name, plain(a.Model), p.cfg.Gate.Now().Sub(x.Call.Now)
	if a.unnamed {
		told.Model = "unusual"
	}
	if ok.end.how == spend.Answered && a.counts() {
		ok.end.how = spend.NotServed // nothing is billed for a count
	}
	if ok.end.how == spend.Revoked {
		told.Action, told.Violations = activity.Blocked, append(told.Violations, fault.ReasonOf(errEnded))
	}
	if ok.spend != nil {
		told.Text = p.text(ctx, &x.Call, ok.spend.ID(), ok.inspect)
		ok.spend.Settle(ctx, ok.end.usage, spend.End{How: ok.end.how, AnswerBytes: ok.end.bytes, Request: told}, nil)
		ok.spend = nil
	} else if told.Action == activity.Blocked {
		told.ID = ids.NewSorted()
		told.Text = p.text(ctx, &x.Call, told.ID, ok.inspect)
		if err := p.cfg.Ledger.Note(ctx, &x.Call, told); err != nil {
			p.cfg.Log.Warn("what became of a call of a model is not noted", slog.Any("error", err))
		}
	}
	ok.inspect = nil
}
