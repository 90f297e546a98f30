package proxy

import (
	"context"
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
)

// errUnbounded is for what no budget can be held on.
var errUnbounded = fault.New(fault.Denied, "shroud_unbounded", "Nobody knows what a call of this path may cost or how long its answer is: it is refused where the agent has a daily_budget_usd or max_tokens_per_request.").Because("shroud_unbounded")

// errUnpriced is for a call that a model may answer which is not the one that it is priced by.
var errUnpriced = fault.New(fault.Denied, "shroud_unpriced", "This agent has limits of its own, and the body lets the provider take another model or settings that it keeps (models, fallbacks, plugins, preset). Name one model.").Because("shroud_unpriced")

// errFetched is for what the model reads beside the request, of a length that nobody here knows. What
// it is are words of this program.
func errFetched(what []string) error {
	return fault.New(fault.Denied, "shroud_fetched", "This agent has a daily_budget_usd, and nobody knows how much the model would read of what the provider keeps or gets itself ("+
		strings.Join(what, ", ")+"). Send it in the body: texts, files as data, pictures also by their address. Tools that the provider runs pass where the request bounds them: "+
		"max_uses (and max_content_tokens of web_fetch), or max_tool_calls.").Because("shroud_fetched")
}

// unspoken reports whether a path that no dialect has may be one of a provider's: made of plain
// segments, so that it is the same for whoever reads it.
func unspoken(path string) bool {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:/"
	if len(path) > 512 || strings.Trim(path, plain) != "" || !strings.HasPrefix(path, "/v") || strings.HasSuffix(path, "/") {
		return false
	}
	for part := range strings.SplitSeq(path[1:], "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return !strings.HasPrefix(path, "/v1/agents/") && !strings.HasPrefix(path, "/v1/shroud/")
}

// asText serves a call of a path that no dialect has. It is a path that is not there unless the
// agent's settings say that such bodies are looked at as text.
func (p *Proxy) asText(x *gate.Request, r *http.Request) error {
	err := x.Decide(r.Context(), false, func(ctx context.Context) error {
		who, err := p.cfg.Agents.AgentSelf(ctx, &x.Call)
		x.Call.Touch("model", "")
		if err != nil {
			return err
		}
		s, err := who.ShroudConfig.Settings()
		if err == nil && !s.AsText {
			err = errNoRoute
		}
		return err
	})
	if err != nil {
		return err
	}
	return p.call(x, r)
}
