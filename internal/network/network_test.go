package network_test

import (
	"net/netip"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/network"
)

func TestOf(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "127.0.0.1": "127.0.0.1",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "2001:db8:1:2::": "2001:db8:1:2::/64", "2001:db8:1:3::1": "2001:db8:1:3::/64",
		"fe80::1%eth0": "fe80::/64", "::1": "::/64",
	} {
		if got := network.Of(netip.MustParseAddr(address)); got != want {
			t.Errorf("the network of %s is %s, want %s", address, got, want)
		}
		p := network.Prefix(netip.MustParseAddr(address))
		if want != p.String() && want+"/32" != p.String() {
			t.Errorf("the prefix of %s is %s, want %s", address, p, want)
		}
	}
	if got := network.Of(netip.Addr{}); got != "" {
		t.Errorf("the network of no address is %q", got)
	}
	if got := network.Prefix(netip.Addr{}); got.IsValid() {
		t.Errorf("the prefix of no address is %v", got)
	}
}
