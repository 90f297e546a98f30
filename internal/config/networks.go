package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// Networks is a list of networks, with commas between; an address stands for
// itself alone.
type Networks []netip.Prefix

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Networks) UnmarshalText(b []byte) error {
	*n = nil
	for text := range strings.SplitSeq(string(b), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				p, err = a.Prefix(a.BitLen())
			}
		}
		if err != nil || p.Addr().Zone() != "" {
			return fmt.Errorf("a list of addresses and networks")
		}
		if p.Bits() == 0 || p.Addr().Is4In6() && p.Bits() <= 96 {
			return fmt.Errorf("all addresses are no proxies")
		}
		*n = append(*n, p)
	}
	return nil
}
