package proxy

import (
	"context"
	"log/slog"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
)

// reserve takes from the agent's limits what the call may use of them, and has the provider
// told what the reservation rests on.
func (p *Proxy) reserve(ctx context.Context, c *call.Call, a *asked, out *cleared, config shroud.Config) (err error) {
	limits, err := spend.LimitsOf(config)
	if err != nil {
		return err
	}
	bound := limits.Budget > 0 || limits.Tokens != nil
	switch {
	case bound && a.text:
		return errUnbounded
	case bound && a.Kept, limits.Budget > 0 && a.Instead:
		return errUnpriced
	}
	out.spend, err = p.cfg.Ledger.Begin(ctx, c, limits, spend.Ask{
		Provider: a.to.name, Model: a.Model, InputBytes: a.bytes(), Media: a.Media, MaxTokens: a.MaxTokens, Choices: a.Choices, Stream: a.Stream, Embeds: a.embeds(),
	})
	if err != nil {
		return err
	}
	if n := out.spend.AnswerTokens; n > 0 {
		if out.body, err = convo.Bounded(a.dialect, out.body, n); err != nil {
			return fault.Wrap(err, fault.Invalid, "bad_body", err.Error()) // a fixed text
		}
	}
	if limits.Budget > 0 && a.Stream {
		if out.body, out.usage, err = convo.Billed(a.dialect, out.body); err != nil {
			return fault.Wrap(err, fault.Invalid, "bad_body", err.Error()) // a fixed text
		}
	}
	return nil
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
	told := ok.inspect.Told()
	told.Provider, told.Model, told.Latency = a.to.name, plain(a.Model), p.cfg.Gate.Now().Sub(x.Call.Now)
	if ok.end.how == spend.Answered && a.counts() {
		ok.end.how = spend.NotServed // nothing is billed for a count
	}
	if ok.end.how == spend.Revoked {
		told.Action, told.Violations = activity.Blocked, append(told.Violations, fault.ReasonOf(errEnded))
	}
	var err error
	if ok.spend != nil {
		err = ok.spend.Settle(ctx, ok.end.usage, spend.End{How: ok.end.how, AnswerBytes: ok.end.bytes, Request: told})
		ok.spend = nil
	} else if told.Action == activity.Blocked {
		err = p.cfg.Ledger.Note(ctx, &x.Call, told)
	}
	if err != nil {
		p.cfg.Log.Warn("what became of a call of a model is not noted", slog.Any("error", err))
	}
	ok.inspect = nil
}
