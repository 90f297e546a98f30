package netguard

import (
	"net/netip"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Allow is what may be called although it is private, and without TLS. The zero
// value allows nothing.
type Allow struct {
	nets  []netip.Prefix
	hosts []hostPort
}

// hostPort is a name, or an address in its one spelling, and a port.
type hostPort struct {
	host string
	ip   netip.Addr // valid when host is an address
	port uint16
}

// maxAllowed bounds the list: it is looked through for each connection.
const maxAllowed = 256

// ParseAllow reads a list, separated by commas: networks (10.0.0.0/8), addresses
// (127.0.0.1), and HOST:PORT (idp.internal:8443), which allows all addresses of
// the host at that port.
func ParseAllow(list string) (Allow, error) {
	var a Allow
	for entry := range strings.SplitSeq(list, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		if !a.add(entry) || len(a.nets)+len(a.hosts) > maxAllowed {
			return Allow{}, fault.New(fault.Invalid, "bad_configuration",
				"ONECLAW_OUTBOUND_ALLOW must be a list, separated by commas, of at most 256 networks (10.0.0.0/8), addresses (127.0.0.1) and HOST:PORT (idp.internal:8443).")
		}
	}
	return a, nil
}

func (a *Allow) add(entry string) bool {
	if n, err := netip.ParsePrefix(entry); err == nil {
		if n.Addr().Is4In6() {
			return false // written as IPv4, it says how wide it is
		}
		a.nets = append(a.nets, n.Masked())
		return true
	}
	if ip, err := netip.ParseAddr(strings.Trim(entry, "[]")); err == nil {
		ip = ip.Unmap()
		a.nets = append(a.nets, netip.PrefixFrom(ip, ip.BitLen()))
		return ip.Zone() == ""
	}
	host, port, ok := splitAddress(entry)
	if !ok || strings.ContainsAny(host, "/*@?# ") {
		return false
	}
	h := hostPort{host: host, port: port}
	if ip, err := netip.ParseAddr(host); err == nil {
		h.ip = ip.Unmap()
	}
	a.hosts = append(a.hosts, h)
	return true
}

func (a *Allow) empty() bool { return len(a.nets)+len(a.hosts) == 0 }

// holds reports whether the address that host has is allowed at the port.
func (a *Allow) holds(host string, ip netip.Addr, port uint16) bool {
	if !ip.IsValid() || ip.Zone() != "" {
		return false
	}
	ip = plain(ip)
	guarded := within(metadata, ip)
	for _, n := range a.nets {
		if n.Contains(ip) && (!guarded || n.IsSingleIP()) {
			return true
		}
	}
	for _, h := range a.hosts {
		if h.port != port {
			continue
		}
		if h.ip.IsValid() && h.ip == ip || !h.ip.IsValid() && h.host == host && !guarded {
			return true
		}
	}
	return false
}
