package netguard

import "net/netip"

// refusedNets are the networks that no public service has its address in: the
// special-purpose registries of IANA (RFC 6890 and its updates), read narrowly.
// For IPv6 they are taken out of 2000::/3, outside of which all is refused.
var refusedNets = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // carriers' NAT, and the metadata address of one cloud
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local, and the metadata address of most clouds
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments, and the metadata address of one cloud
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, broadcast

	"168.63.129.16/32", // a cloud's platform services, at a public address

	"2001::/23",     // Teredo, ORCHID, benchmarks and other protocols
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4: an IPv4 address in another dress
	"3fff::/20",     // documentation
)

var (
	globalUnicast = netip.MustParsePrefix("2000::/3")
	// nat64 is where IPv6-only networks find IPv4 hosts; the last four bytes are
	// the host's address.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// metadata are addresses that hand out a machine's credentials. A network that
// holds one does not allow it: only its own name in the list does.
var metadata = prefixes(
	"169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "100.100.100.200/32", "192.0.0.192/32",
	"168.63.129.16/32", "fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128",
)

// Public reports whether an address is one that a service on the internet may
// have. An IPv4 address that is embedded in an IPv6 one is judged by itself.
func Public(ip netip.Addr) bool {
	if !ip.IsValid() || ip.Zone() != "" {
		return false
	}
	ip = plain(ip)
	if ip.Is6() && !globalUnicast.Contains(ip) {
		return false
	}
	return !within(refusedNets, ip)
}

// plain takes an IPv4 address out of the IPv6 one that stands for it.
func plain(ip netip.Addr) netip.Addr {
	ip = ip.Unmap()
	if nat64.Contains(ip) {
		b := ip.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return ip
}

func within(nets []netip.Prefix, ip netip.Addr) bool {
	for _, n := range nets {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}
