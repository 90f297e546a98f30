package config

import (
	"errors"
	"net/url"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
)

// Upstreams is the base URLs of providers of language models by their names.
type Upstreams map[string]string

var errUpstreams = errors.New("a JSON object of URLs")

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *Upstreams) UnmarshalText(b []byte) error {
	*u = nil
	if strings.TrimSpace(string(b)) == "" {
		return nil
	}
	var bases map[string]string
	if err := jsonv2.Unmarshal(b, &bases); err != nil { // names that are given twice are refused
		return errUpstreams
	}
	for name, text := range bases {
		at, err := url.Parse(text)
		if err != nil || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return errUpstreams
		}
		if at.Hostname() == "" || at.User != nil || at.RawQuery != "" || at.Fragment != "" || at.Scheme != "https" && at.Scheme != "http" || len(text) > 2048 {
			return errUpstreams
		}
	}
	*u = bases
	return nil
}

// Named are the HOST:PORT that the operator named without TLS or by address: such a
// provider is on this machine or in this network, and may be called although it is private.
func (u Upstreams) Named() (hosts []string) {
	for _, text := range u {
		hosts = append(hosts, named(text)...)
	}
	return hosts
}
