package binding

import (
	"net/http"
	"strings"
)

// Place is where a secret goes in a request: bearer, basic, header:NAME, query:NAME,
// body:POINTER (RFC 6901), sigv4, hmac or oauth2; ssh and sshsig are no requests: a key signs logins and files.
type Place string

// Kind is the part before the colon.
func (p Place) Kind() string {
	kind, _, _ := strings.Cut(string(p), ":")
	return kind
}

// Name is the part after the colon: a header, a parameter or a pointer.
func (p Place) Name() string {
	_, name, _ := strings.Cut(string(p), ":")
	return name
}

// ParsePlace returns the place in its one spelling.
func ParsePlace(text string) (Place, error) {
	p := Place(strings.TrimSpace(text))
	if p == "" {
		p = "bearer"
	}
	name := p.Name()
	switch kind := p.Kind(); {
	case p == "bearer", p == "basic", p == "sigv4", p == "hmac", p == "oauth2", p == LoginSSH, p == SignSSH:
		return p, nil
	case kind == "header" && HeaderName(name):
		if Withheld(name) {
			return "", invalid("A secret does not go into " + http.CanonicalHeaderKey(name) + ": servers hand that header on or keep it in logs.")
		}
		return Place("header:" + http.CanonicalHeaderKey(name)), nil
	case kind == "query" && name != "" && len(name) <= 128 && printable(name):
		return p, nil
	case kind == "body" && strings.HasPrefix(name, "/") && len(name) <= 256 && printable(name):
		return p, nil
	}
	return "", invalid(`"in" is bearer, basic, header:NAME, query:NAME, body:POINTER (such as body:/token), sigv4, hmac, oauth2, ssh or sshsig.`)
}

// Withheld reports whether a header is one that a credential never goes into: it names where
// the request goes or came from, is handed on by servers, or frames the message.
func Withheld(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "cookie", "cookie2", "host", "referer", "origin", "user-agent", "via", "forwarded", "connection", "upgrade", "te", "trailer",
		"transfer-encoding", "content-length", "content-encoding", "content-type", "keep-alive", "expect", "proxy-authorization", "proxy-connection",
		"accept-encoding", "accept", "range", "date":
		return true
	}
	return strings.HasPrefix(name, "x-forwarded-") || strings.HasPrefix(name, "sec-") || strings.HasPrefix(name, "proxy-")
}

// HeaderName reports whether a text is a name of RFC 9110, section 5.1.
func HeaderName(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c > '~' || strings.IndexByte("\"(),/:;<=>?@[\\]{}", c) >= 0 {
			return false
		}
	}
	return true
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
