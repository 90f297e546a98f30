package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inspect"
)

// text is what is kept of a call's texts, sealed, or nil. Without it the call is told of as
// ever: whoever calls a model does not wait for the keystore to be well.
func (p *Proxy) text(ctx context.Context, c *call.Call, id string, of *inspect.Session) *flagged.Text {
	all := of.Flagged()
	if len(all) == 0 {
		return nil
	}
	t := &flagged.Text{ID: id, Org: c.Who.Org, Agent: c.Who.ID, At: c.Now}
	if err := p.cfg.Keep.Seal(context.WithoutCancel(ctx), t, all); err != nil {
		p.cfg.Log.Error("what was flagged in a call of a model could not be sealed, and is not kept", slog.String("request", id), slog.Any("error", err))
		return nil
	}
	return t
}

// carried are the credentials of a request, which its texts may repeat.
func carried(r *http.Request) (out []secret.Bytes) {
	all := slices.Concat(r.URL.Query()["key"], r.URL.Query()["access_token"])
	for _, name := range append(keyHeaders(), "X-Shroud-Api-Key") {
		for _, v := range r.Header.Values(name) {
			if scheme, token, ok := strings.Cut(v, " "); ok && name == "Authorization" && strings.EqualFold(scheme, "Bearer") {
				v = strings.TrimSpace(token)
			}
			all = append(all, v)
		}
	}
	for _, v := range all {
		out = append(out, secret.FromString(v))
		if _, key, ok := strings.Cut(v, ":"); ok && !strings.HasPrefix(v, "vault:") {
			out = append(out, secret.FromString(key))
		}
	}
	return out
}
