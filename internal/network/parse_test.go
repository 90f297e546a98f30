package network_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/network"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "10.1.2.3/8": "10.0.0.0/8", "192.0.2.7": "192.0.2.7/32", "0.0.0.0/0": "0.0.0.0/0",
		"2001:db8::/48": "2001:db8::/48", "2001:DB8::1/48": "2001:db8::/48", "2001:db8::1": "2001:db8::1/128", "::/0": "::/0",
		"::ffff:192.0.2.7": "192.0.2.7/32", "::ffff:10.1.2.3/104": "10.0.0.0/8", "::ffff:0:0/96": "0.0.0.0/0", "::ffff:1.2.3.4/128": "1.2.3.4/32",
	} {
		if got, err := network.Parse(text); err != nil || got.String() != want {
			t.Errorf("%s is read as %v, %v, want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]error{
		"": network.ErrSyntax, "example.com": network.ErrSyntax, "10.0.0.0/33": network.ErrSyntax, "10.0.0/8": network.ErrSyntax, "10.0.0.1:80": network.ErrSyntax,
		" 10.0.0.1": network.ErrSyntax, "[::1]": network.ErrSyntax, "10.0.0.0/": network.ErrSyntax, "/8": network.ErrSyntax, "10.0.0.0/08": network.ErrSyntax,
		"fe80::1%eth0": network.ErrSyntax, "fe80::%eth0/64": network.ErrSyntax, "fe80::1%a/64": network.ErrSyntax,
		"::ffff:10.0.0.0/95": network.ErrWide, "::ffff:10.0.0.0/0": network.ErrWide,
	} {
		if got, err := network.Parse(text); !errors.Is(err, want) || got.IsValid() {
			t.Errorf("%q is read as %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestUnmap(t *testing.T) {
	for text, want := range map[string]string{
		"::ffff:10.1.2.3/104": "10.0.0.0/8", "::ffff:10.1.2.3/96": "0.0.0.0/0", "::ffff:10.1.2.3/95": "::fffe:0:0/95",
		"10.1.2.3/8": "10.0.0.0/8", "2001:db8::1/48": "2001:db8::/48",
	} {
		if got := network.Unmap(netip.MustParsePrefix(text)); got.String() != want {
			t.Errorf("%s became %v, want %s", text, got, want)
		}
	}
}
