// Package network says what one customer of an access provider holds, and reads what
// operators and users write for a network.
//
// Its promise: whatever counts strangers by where they come from (limits, guesses,
// waiting devices, connections, events that are counted together) counts the same
// networks, so that what is one to a limit is one in the log.
package network

import "net/netip"

// Of names the network of an address: an IPv4 address itself, also when it is
// mapped into IPv6, or the /64 of an IPv6 address. It is empty for the zero Addr.
func Of(ip netip.Addr) string {
	p := Prefix(ip)
	switch {
	case !p.IsValid():
		return ""
	case p.Addr().Is4():
		return p.Addr().String()
	}
	return p.String()
}

// Prefix returns the network that Of names. It is the zero Prefix for the zero Addr.
func Prefix(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap()
	bits := 64
	if ip.Is4() {
		bits = ip.BitLen()
	}
	p, _ := ip.Prefix(bits) // no address is too short for these
	return p
}
