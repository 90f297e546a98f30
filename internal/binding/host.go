package binding

import (
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Host is where a request goes, in its one spelling: a name in small ASCII letters without a
// final dot, or an address; and a port.
type Host struct {
	Name string
	Port uint16
	// Below is true of a pattern that means the names below Name alone.
	Below bool
}

const https = 443

// String writes the host as a binding has it: without the port of https.
func (h Host) String() string {
	name := h.Name
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if h.Below {
		name = "*." + name
	}
	if h.Port == https {
		return name
	}
	return name + ":" + strconv.Itoa(int(h.Port))
}

// parsePattern reads a host of a binding.
func parsePattern(text string) (Host, error) {
	name, below := strings.CutPrefix(strings.TrimSpace(text), "*.")
	h, ok := parseHost(name, https)
	switch {
	case !ok:
		return h, invalid("A host is a name (api.stripe.com), names below one (*.example.com) or an address, in ASCII, with a port where it is not 443. Write a name of other letters as punycode (xn--...), without https:// and without a path.")
	case below && (isAddress(h.Name) || registry(h.Name)):
		return h, invalid("*. stands before a name that belongs to somebody, such as *.example.com: no binding is for a whole registry of names, such as com or co.uk.")
	}
	h.Below = below
	return h, nil
}

// registry reports whether a name is one below which others are given out by a registry of the
// internet, as the list of public suffixes has it. Suffixes of single companies are names like others:
// *.s3.amazonaws.com is where one's own storage is.
func registry(name string) bool {
	suffix, official := publicsuffix.PublicSuffix(name)
	return suffix == name && (official || !strings.Contains(name, "."))
}

// parseHost reads HOST or HOST:PORT. Every character that two programs could read in two ways
// makes it no host.
func parseHost(text string, port uint16) (Host, bool) {
	name := text
	if ip, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil && ip.Zone() == "" && strings.HasPrefix(text, "[") == ip.Is6() {
		return Host{Name: ip.Unmap().String(), Port: port}, true
	}
	if at := strings.LastIndexByte(text, ':'); at >= 0 {
		n, err := strconv.ParseUint(text[at+1:], 10, 16)
		if err != nil || n == 0 || text[at+1] == '0' || text[at+1] == '+' {
			return Host{}, false
		}
		name, port = text[:at], uint16(n)
		if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil && ip.Zone() == "" && strings.HasPrefix(name, "[") == ip.Is6() {
			return Host{Name: ip.Unmap().String(), Port: port}, true
		}
	}
	name = strings.ToLower(name)
	name = strings.TrimSuffix(name, ".") // the root that every name ends in
	if !hostName(name) {
		return Host{}, false
	}
	return Host{Name: name, Port: port}, true
}

// hostName reports whether a text is a name of RFC 1123. One whose last part is a number is
// none: some programs take 127.1 or 0x7f.1 for an address.
func hostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	last := s
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
		last = label
	}
	return last[0] < '0' || last[0] > '9'
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// matches reports whether a host is within the pattern.
func (h Host) matches(to Host) bool {
	if h.Port != to.Port {
		return false
	}
	if h.Below {
		return !isAddress(to.Name) && strings.HasSuffix(to.Name, "."+h.Name)
	}
	return h.Name == to.Name
}

// checkTokenURL takes the address of an authorization server that tokens come from, and returns it in its
// one spelling.
func checkTokenURL(text string) (string, error) {
	_, u, err := ParseTarget("POST", text)
	if err != nil {
		return "", invalid("\"in\": \"oauth2\" needs token_url: where the authorization server gives tokens, as https://HOST/PATH with a name in ASCII or an address.")
	}
	return u.String(), nil
}
