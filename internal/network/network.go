// Package network says what one customer of an access provider holds.
//
// Its promise: whatever counts strangers by where they come from (limits, guesses,
// waiting devices, connections, events that are counted together) counts the same
// networks, so that what is one to a limit is one in the log.
package network

import "net/netip"

// Of returns the network of an address: an IPv4 address itself, also when it is
// mapped into IPv6, or the /64 of an IPv6 address. It is empty for the zero Addr.
func Of(ip netip.Addr) string {
	ip = ip.Unmap()
	if !ip.IsValid() {
		return ""
	}
	if ip.Is6() {
		if p, err := ip.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}
