package config

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// ChainRPC is the URLs of nodes by the name of their chain. They do not print, since
// they often hold a provider's key.
type ChainRPC map[string][]secret.Bytes

// maxNodes is the most URLs of one chain; the setting of a database is one more.
const maxNodes = 15

var errChainRPC = errors.New("a JSON object of lists of URLs")

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *ChainRPC) UnmarshalText(b []byte) error {
	*r = nil
	if strings.TrimSpace(string(b)) == "" {
		return nil
	}
	var lists map[string][]string
	if err := jsonv2.Unmarshal(b, &lists); err != nil { // names that are given twice are refused
		return errChainRPC
	}
	out := ChainRPC{}
	for name, urls := range lists {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || name == "" || len(urls) == 0 || len(urls) > maxNodes {
			return errChainRPC
		}
		for _, text := range urls {
			u, err := url.Parse(text)
			if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || len(text) > 2048 {
				return errChainRPC
			}
			out[name] = append(out[name], secret.FromString(text))
		}
	}
	*r = out
	return nil
}

// Named are the HOST:PORT that the operator named without TLS or by address: such a node
// is on this machine or in this network, and may be called although it is private.
func (r ChainRPC) Named() (hosts []string) {
	for _, urls := range r {
		for _, text := range urls {
			hosts = append(hosts, named(string(text.Reveal()))...)
		}
	}
	return hosts
}

// named is the HOST:PORT of a URL if it may be private.
func named(text string) []string {
	u, err := url.Parse(text)
	if err != nil {
		return nil
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	_, notIP := netip.ParseAddr(u.Hostname())
	if u.Scheme != "http" && notIP != nil && u.Hostname() != "localhost" {
		return nil
	}
	return []string{hostOf(u) + ":" + port}
}

// hostOf keeps the brackets of an IPv6 address.
func hostOf(u *url.URL) string { return strings.TrimSuffix(u.Host, ":"+u.Port()) }
