package childproxy

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
)

// fromChild takes what programs ask of the proxy itself.
func (p *Proxy) fromChild(w http.ResponseWriter, r *http.Request) {
	switch {
	case !p.admits(w, r):
	case r.Method == http.MethodConnect:
		p.connect(w, r)
	case r.URL.Scheme != "http" && r.URL.Scheme != "https" || r.URL.User != nil || r.URL.Opaque != "":
		refuse(w, errForm)
	default:
		p.request(w, r, r.URL.Scheme, nil)
	}
}

// fromTunnel takes what programs say within a tunnel to a bound host.
func (p *Proxy) fromTunnel(w http.ResponseWriter, r *http.Request) {
	t, ok := r.Context().Value(tunnelKey{}).(*tunnel)
	scheme := "http"
	if ok && t.secure {
		scheme = "https"
	}
	switch {
	case !ok, r.Method == http.MethodConnect, r.URL.User != nil, r.URL.Opaque != "", r.URL.Scheme != "" && r.URL.Scheme != scheme:
		refuse(w, errForm)
	default:
		p.request(w, r, scheme, &t.host)
	}
}

// request sends one request on. within is the host of the tunnel that it came through.
func (p *Proxy) request(w http.ResponseWriter, r *http.Request, scheme string, within *binding.Host) {
	host, ok := binding.ParseHost(r.Host, portOf(scheme))
	switch {
	case !ok:
		refuse(w, errHost)
		return
	case within != nil && host != *within:
		refuse(w, errAgree)
		return
	case p.itself(host):
		refuse(w, errSelf)
		return
	case r.Method == http.MethodTrace:
		refuse(w, errMethod)
		return
	}
	p.book.refresh(r.Context())
	to := &url.URL{Scheme: scheme, Host: hostOf(scheme, host), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery}
	s := &plan{proxy: p, host: host, to: to, bound: p.book.at(host), used: map[int]bool{}}
	if err := s.read(r); err != nil {
		refuse(w, err)
		return
	}
	_ = http.NewResponseController(w).EnableFullDuplex() // of HTTP/1; others have it
	p.forward.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), planKey{}, s)))
}

func portOf(scheme string) uint16 {
	if scheme == "http" {
		return 80
	}
	return 443
}

// hostOf writes a host as a URL of the scheme has it; with its port where there is no scheme.
func hostOf(scheme string, h binding.Host) string {
	if scheme != "" && h.Port == portOf(scheme) {
		if strings.Contains(h.Name, ":") {
			return "[" + h.Name + "]"
		}
		return h.Name
	}
	return net.JoinHostPort(h.Name, strconv.Itoa(int(h.Port)))
}
