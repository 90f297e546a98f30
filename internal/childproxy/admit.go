package childproxy

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"sync"
)

type admitted struct{}

// admission has who is at the other end looked up once for a connection, when its first
// request is there: programs connect before they are ready to be looked at.
func (p *Proxy) admission(ctx context.Context, c net.Conn) context.Context {
	if p.cfg.ByToken {
		return ctx
	}
	return context.WithValue(ctx, admitted{}, sync.OnceValue(func() bool { return p.cfg.Ours(c) }))
}

// admits answers whoever is not let in.
func (p *Proxy) admits(w http.ResponseWriter, r *http.Request) bool {
	if p.cfg.ByToken {
		if p.saysToken(r) {
			return true
		}
		w.Header().Set("Proxy-Authenticate", `Basic realm="oneclaw proxy"`)
		http.Error(w, "oneclaw proxy: this proxy is for programs that have its token.", http.StatusProxyAuthRequired)
		return false
	}
	ours, ok := r.Context().Value(admitted{}).(func() bool)
	if !ok || !ours() {
		refuse(w, errStranger)
		return false
	}
	return true
}

func (p *Proxy) saysToken(r *http.Request) bool {
	kind, text, _ := strings.Cut(r.Header.Get("Proxy-Authorization"), " ")
	pair, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || !strings.EqualFold(kind, "Basic") {
		return false
	}
	return subtle.ConstantTimeCompare(pair, []byte("oneclaw:"+p.token)) == 1
}
