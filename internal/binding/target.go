package binding

import (
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Target is what a request is for, as it will be sent.
type Target struct {
	Scheme string // https or http
	Host   Host
	Method string
	// Path is escaped, in capitals (%2F), with nothing escaped that need not be.
	Path string
}

var (
	errURL = fault.New(fault.Invalid, "invalid_url",
		"url is https://HOST/PATH with a name in ASCII or an address, and without a user, a fragment or characters that have to be escaped.")
	errDots   = fault.New(fault.Invalid, "invalid_url", "The path of the url has no segments . or .., no empty ones and no backslashes, also not escaped.")
	errMethod = fault.New(fault.Invalid, "invalid_method", "method is GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.")
)

// ParseTarget reads where a request is to go, or returns fault.Invalid. What it returns is what
// is matched, dialled and sent: nothing reads the address a second time.
func ParseTarget(method, address string) (Target, *url.URL, error) {
	if !Method(method) {
		return Target{}, nil, errMethod
	}
	if len(address) > 8192 || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
		return Target{}, nil, errURL
	}
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.User != nil || u.Fragment != "" || strings.Contains(address, "#") {
		return Target{}, nil, errURL
	}
	t := Target{Scheme: u.Scheme, Method: method}
	port := uint16(https)
	switch u.Scheme {
	case "https":
	case "http":
		port = 80
	default:
		return Target{}, nil, errURL
	}
	var ok bool
	if t.Host, ok = parseHost(u.Host, port); !ok {
		return Target{}, nil, errURL
	}
	if t.Path, ok = normalPath(u.EscapedPath()); !ok {
		return Target{}, nil, errDots
	}
	out := &url.URL{Scheme: t.Scheme, Host: t.authority(), RawQuery: u.RawQuery}
	if out.Path, err = url.PathUnescape(t.Path); err != nil {
		return Target{}, nil, errURL
	}
	out.RawPath = t.Path
	if out.EscapedPath() != t.Path {
		return Target{}, nil, errURL // it would be sent in another spelling
	}
	return t, out, nil
}

// authority is the host as it is sent: with its port unless that is the scheme's own.
func (t *Target) authority() string {
	h := t.Host
	if t.Scheme == "http" && h.Port == 80 {
		h.Port = https // String leaves that one out
		return h.String()
	}
	if t.Scheme == "http" && h.Port == https {
		name := h.String()
		return name + ":443"
	}
	return h.String()
}

// Allows returns the binding that lets a secret be used for the target, or nil.
func Allows(list []Binding, t *Target, with func(*Binding) bool) *Binding {
	for i := range list {
		if b := &list[i]; b.allows(t) && with(b) {
			return b
		}
	}
	return nil
}

func (b *Binding) allows(t *Target) bool {
	return b.host(t.Host) && b.method(t.Method) && b.path(t.Path)
}

// method reports whether a request may have a method. HEAD asks for less than GET, and tools that fetch ask for
// it first.
func (b *Binding) method(m string) bool {
	return len(b.Methods) == 0 || contains(b.Methods, m) || m == "HEAD" && contains(b.Methods, "GET")
}

func (b *Binding) host(to Host) bool {
	for _, text := range b.Hosts {
		if h, err := parsePattern(text); err == nil && h.matches(to) {
			return true
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
