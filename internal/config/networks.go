package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/network"
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
		if a, err := netip.ParseAddr(text); err == nil {
			text = a.WithZone("").String() // a peer is known without its zone
		}
		p, err := network.Parse(text)
		switch {
		case errors.Is(err, network.ErrWide), err == nil && p.Bits() == 0:
			return fmt.Errorf("all addresses are no proxies")
		case err != nil:
			return fmt.Errorf("a list of addresses and networks")
		}
		*n = append(*n, p)
	}
	return nil
}
