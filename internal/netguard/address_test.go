package netguard_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/netguard"
)

func TestOnlyPublicAddressesArePublic(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want bool
		list []string
	}{
		"public IPv4":                       {true, []string{"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "169.253.255.255", "128.0.0.1"}},
		"public IPv6":                       {true, []string{"2606:4700:4700::1111", "2a00:1450:4001::1", "2001:200::1", "2003::1", "2001:db7::1"}},
		"IPv4 behind NAT64":                 {true, []string{"64:ff9b::8.8.8.8"}},
		"public IPv4 written as IPv6":       {true, []string{"::ffff:8.8.8.8"}},
		"unspecified":                       {false, []string{"0.0.0.0", "::", "0.1.2.3"}},
		"loopback":                          {false, []string{"127.0.0.1", "127.255.255.255", "127.0.1.1", "::1"}},
		"private":                           {false, []string{"10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "fc00::1", "fd12:3456::1", "fec0::1"}},
		"carriers' NAT":                     {false, []string{"100.64.0.0", "100.127.255.255", "100.100.100.200"}},
		"link-local":                        {false, []string{"169.254.0.1", "169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%eth0", "febf::1"}},
		"multicast and broadcast":           {false, []string{"224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1", "ff0e::1"}},
		"reserved":                          {false, []string{"240.0.0.1", "192.0.0.1", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "192.88.99.1", "2001:db8::1", "3fff::1", "100::1", "4000::1", "5f00::1", "e000::1"}},
		"a cloud's service at public IPv4":  {false, []string{"168.63.129.16", "fd00:ec2::254"}},
		"private IPv4 written as IPv6":      {false, []string{"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:7f00:1"}},
		"the old IPv4-compatible form":      {false, []string{"::127.0.0.1", "::8.8.8.8"}},
		"private IPv4 behind NAT64":         {false, []string{"64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::a00:1"}},
		"a NAT64 of somebody's own":         {false, []string{"64:ff9b:1::10.0.0.1", "64:ff9b:1::8.8.8.8", "64:ff9b:0:1::8.8.8.8"}},
		"IPv4 in 6to4":                      {false, []string{"2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::1", "2002:808:808::1"}},
		"IPv4 in Teredo":                    {false, []string{"2001::1", "2001:0:7f00:1::"}},
		"the translated form of RFC 2765":   {false, []string{"::ffff:0:127.0.0.1"}},
		"a zone, which names an interface":  {false, []string{"2606:4700:4700::1111%eth0"}},
		"the discard prefix and benchmarks": {false, []string{"100::", "2001:2::1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range c.list {
				if got := netguard.Public(netip.MustParseAddr(s)); got != c.want {
					t.Errorf("%s: public is %v", s, got)
				}
			}
		})
	}
	if netguard.Public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

// reference is the same question answered by the standard library's own
// predicates, which know less: what they refuse must be refused.
func reference(ip netip.Addr) (refused bool) {
	ip = ip.Unmap()
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast() ||
		ip.IsInterfaceLocalMulticast() || ip.IsMulticast() || ip.IsUnspecified() || !ip.IsGlobalUnicast()
}

func FuzzAddresses(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "8.8.8.8", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "fe80::1", "2606::1", "0.0.0.0"} {
		f.Add(netip.MustParseAddr(s).AsSlice())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ip, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		got := netguard.Public(ip)
		if got && reference(ip) {
			t.Errorf("%s is public", ip)
		}
		if got && netguard.Public(ip.WithZone("eth0")) && ip.Is6() {
			t.Errorf("%s is public with a zone", ip)
		}
		if !ip.Unmap().Is4() {
			return
		}
		// Whatever dress an IPv4 address comes in, it is judged alike, or refused.
		v4 := ip.Unmap().As4()
		n := binary.BigEndian.Uint32(v4[:])
		for name, prefix := range map[string][12]byte{
			"mapped": {10: 0xff, 11: 0xff}, "NAT64": {1: 0x64, 2: 0xff, 3: 0x9b}, "compatible": {}, "translated": {8: 0xff, 9: 0xff},
		} {
			var v6 [16]byte
			copy(v6[:], prefix[:])
			binary.BigEndian.PutUint32(v6[12:], n)
			if in := netip.AddrFrom16(v6); netguard.Public(in) && !got {
				t.Errorf("%s: %s is public, %s is not", name, in, ip)
			}
		}
		var v6 [16]byte
		v6[0], v6[1] = 0x20, 0x02
		copy(v6[2:], v4[:])
		if netguard.Public(netip.AddrFrom16(v6)) {
			t.Errorf("6to4 of %s is public", ip)
		}
	})
}
