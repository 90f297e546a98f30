// Package proxies says which address a request comes from when there are
// proxies in front of the server.
//
// Its promise: what a header says of the caller is believed only when the
// connection comes from a proxy that the operator named, only as far back as an
// address that is none, and only from the one header that the operator's
// proxies write. The zero Set names no proxy: the caller is the peer.
package proxies

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/network"
)

// Headers in which proxies name the caller.
const (
	XForwardedFor = "X-Forwarded-For"
	Forwarded     = "Forwarded" // RFC 7239
)

// Set is the proxies that are believed.
type Set struct {
	networks []netip.Prefix
	header   string
}

// New returns the set of the proxies in the networks, which write the header:
// XForwardedFor or Forwarded. The other header may well be the caller's own.
func New(networks []netip.Prefix, header string) Set {
	s := Set{header: http.CanonicalHeaderKey(header)}
	for _, n := range networks {
		s.networks = append(s.networks, network.Unmap(n))
	}
	return s
}

// Client returns the address that the request comes from, and whether a trusted
// proxy brought it. The address is unmapped and has no zone; it is the zero Addr
// when the peer has none. A header that can't be read, or that names proxies
// only, leaves the peer.
func (s Set) Client(r *http.Request) (addr netip.Addr, fromProxy bool) {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	peer := plain(ap.Addr())
	if !s.Trusts(peer) {
		return peer, false
	}
	// Proxies add at the end: what stands before the last address that is none
	// of them is the caller's own word.
	hops := strings.Split(strings.Join(r.Header.Values(s.header), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := s.read(hops[i])
		if !ok {
			return peer, true
		}
		if !s.Trusts(hop) {
			return hop, true
		}
	}
	return peer, true
}

// Pass makes a request that never leaves the process come from where outer came
// from: the same peer, the same connection, the same word of proxies.
func Pass(inner, outer *http.Request) {
	inner.RemoteAddr, inner.TLS = outer.RemoteAddr, outer.TLS
	for _, h := range [...]string{XForwardedFor, Forwarded} {
		if v := outer.Header.Values(h); len(v) > 0 {
			inner.Header[h] = append([]string(nil), v...)
		}
	}
}

// Trusts reports whether an address is that of a proxy which is believed.
func (s Set) Trusts(a netip.Addr) bool {
	for _, n := range s.networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

func (s Set) read(hop string) (netip.Addr, bool) {
	if s.header == Forwarded {
		return readForwarded(hop)
	}
	return readNode(strings.TrimSpace(hop))
}

// readForwarded reads the parameter for of one element. A comma within quotes,
// which no address has, makes an element that can't be read.
func readForwarded(element string) (found netip.Addr, ok bool) {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if !strings.EqualFold(name, "for") {
			continue
		}
		if ok {
			return netip.Addr{}, false // twice: which is it?
		}
		quoted := len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"'
		if quoted {
			value = value[1 : len(value)-1]
		}
		if found, ok = readNode(value); !ok {
			return netip.Addr{}, false
		}
	}
	return found, ok
}

// readNode reads an address, with a port or without one.
func readNode(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		s = ap.Addr().String()
	} else if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return plain(a), true
}

func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }
