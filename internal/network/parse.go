package network

import (
	"errors"
	"net/netip"
	"strings"
)

// Parse fails with one of these.
var (
	ErrSyntax = errors.New("neither an address nor a network")
	ErrWide   = errors.New("IPv4 in IPv6 form, and more than IPv4")
)

// Parse reads a network such as 10.0.0.0/8, or an address, which is the network of
// itself alone. Bits beyond the prefix are cleared, and IPv4 in IPv6 form is taken as
// the IPv4 that it is. An address with a zone is neither.
func Parse(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, ErrSyntax
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, ErrSyntax
	case p.Addr().Is4In6() && p.Bits() < mapped:
		return netip.Prefix{}, ErrWide
	}
	return Unmap(p), nil
}

// mapped is how many bits of an IPv4 address in IPv6 form are the same for all.
const mapped = 96

// Unmap writes a network of IPv4 addresses in IPv6 form as one of IPv4, and leaves one
// that is wider as it is. Bits beyond the prefix are cleared.
func Unmap(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p.Masked()
}
