// Package binding says where a secret may be used: at which hosts, with which methods and
// paths, and in which place of a request.
//
// Its promise: Allows is true only for a request whose host, port, method and path, as they
// will be sent, are within a binding that a human wrote. It computes from its arguments alone,
// and what it does not understand it refuses.
package binding

import (
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Binding is one way to use a secret.
type Binding struct {
	// Hosts are names (api.stripe.com), names below one (*.amazonaws.com), or addresses; with
	// a port where it is not that of https.
	Hosts []string `json:"hosts"`
	// Methods are in capitals; none: every one that a request may have. GET stands for HEAD, too.
	Methods []string `json:"methods,omitempty"`
	// Paths are patterns of the path: * is any run of characters within a segment, ** as a whole
	// segment any number of segments. None: every path.
	Paths []string `json:"paths,omitempty"`
	// In is the place of the secret in the request.
	In Place `json:"in"`
	// User is the user name of basic, where the secret is the password alone.
	User string `json:"user,omitempty"`
	// Region and Service are those of sigv4: one, several with commas, or none for every one that a
	// request names.
	Region  string `json:"region,omitempty"`
	Service string `json:"service,omitempty"`
	// TokenURL is where oauth2 gets access tokens: the secret goes there, and the token to the hosts.
	TokenURL string `json:"token_url,omitempty"`
	Scope    string `json:"scope,omitempty"` // of oauth2: what is asked for
	// TokenAuth is how oauth2 shows the client's secret: basic, or body.
	TokenAuth string `json:"token_auth,omitempty"`
	// HostKeys are the fingerprints (SHA256:...) of the servers that ssh logs in to; Hosts say
	// which those are, for people. User is the user name there; none: every one.
	HostKeys []string `json:"host_keys,omitempty"`
	// Namespaces are what sshsig signs, such as git.
	Namespaces []string `json:"namespaces,omitempty"`
	// Header is where the signature of hmac goes. It signs the body, with SHA-256, in hexadecimal.
	Header string `json:"header,omitempty"`
	// Credentials lets the caller have what the other server gives as credentials of its own: Set-Cookie
	// and the like.
	Credentials bool `json:"answer_credentials,omitempty"`
}

// Bounds of what is stored with one secret.
const (
	Most      = 20 // bindings of a secret
	mostHosts = 20
	mostPaths = 20
)

// methods are those that a request may have. TRACE would show the credential in its answer,
// CONNECT would hide what follows.
var methods = []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// Method reports whether a request may have the method at all.
func Method(m string) bool { return slices.Contains(methods, m) }

// Check returns the bindings in their one spelling, or fault.Invalid "invalid_bindings" with a
// detail that says which rule is broken.
func Check(list []Binding) ([]Binding, error) {
	if err := Room(len(list)); err != nil {
		return nil, err
	}
	out := make([]Binding, len(list))
	for i := range list {
		b := list[i]
		if err := b.normalise(); err != nil {
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}

// Room refuses more bindings than a secret may have.
func Room(n int) error {
	if n > Most {
		return invalid("A secret has at most 20 bindings.")
	}
	return nil
}

func (b *Binding) normalise() error {
	if strings.TrimSpace(string(b.In)) == string(SignSSH) {
		if len(b.Hosts) > 0 {
			return invalid("\"in\": \"sshsig\" has no hosts.")
		}
	} else if len(b.Hosts) == 0 || len(b.Hosts) > mostHosts {
		return invalid("A binding names 1 to 20 hosts.")
	}
	hosts := make([]string, len(b.Hosts))
	for i, h := range b.Hosts {
		to, err := parsePattern(h)
		if err != nil {
			return err
		}
		hosts[i] = to.String()
	}
	b.Hosts = hosts
	found := make([]string, 0, len(b.Methods))
	for _, m := range b.Methods {
		m = strings.ToUpper(strings.TrimSpace(m))
		if !Method(m) {
			return invalid("methods is a list of GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS. Leave it out for all of them.")
		}
		if !slices.Contains(found, m) {
			found = append(found, m)
		}
	}
	b.Methods = found
	if len(b.Paths) > mostPaths {
		return invalid("A binding has at most 20 patterns of paths.")
	}
	for _, p := range b.Paths {
		if err := checkPath(p); err != nil {
			return err
		}
	}
	in, err := ParsePlace(string(b.In))
	if err != nil {
		return err
	}
	b.In = in
	return b.fields()
}

// fields refuses what the place has no use for, so that nobody believes in a bound which is
// none, and asks for what it needs.
func (b *Binding) fields() error {
	for _, f := range []struct{ name, value, of string }{
		{"user", b.User, userOf(b)}, {"region", b.Region, "sigv4"}, {"service", b.Service, "sigv4"},
		{"token_url", b.TokenURL, "oauth2"}, {"scope", b.Scope, "oauth2"}, {"token_auth", b.TokenAuth, "oauth2"}, {"header", b.Header, "hmac"},
	} {
		switch {
		case f.value == "":
		case b.In.Kind() != f.of:
			return invalid("A binding has " + f.name + " only with \"in\": \"" + f.of + "\".")
		case len(f.value) > 2048 || strings.ContainsFunc(f.value, func(r rune) bool { return r < ' ' || r > '~' }):
			return invalid(f.name + " has at most 2048 printable ASCII characters.")
		}
	}
	if err := b.checkSSH(); err != nil {
		return err
	}
	switch b.In.Kind() {
	case "basic":
		if strings.Contains(b.User, ":") {
			return invalid("user has no colon: it would end the name.")
		}
	case "sigv4":
		if !words(b.Region) || !words(b.Service) {
			return invalid("region and service are names such as us-east-1 and s3, or several with commas. Leave them out for all that a request names.")
		}
	case "oauth2":
		if b.TokenAuth != "" && b.TokenAuth != "basic" && b.TokenAuth != "body" {
			return invalid("token_auth is basic or body: where the authorization server wants the client's secret.")
		}
		var err error
		b.TokenURL, err = checkTokenURL(b.TokenURL)
		return err
	case "hmac":
		if b.Header == "" {
			b.Header = "X-Signature"
		}
		if !HeaderName(b.Header) || Withheld(b.Header) {
			return invalid("header is the name of the header that the signature goes into.")
		}
	}
	return nil
}

// words reports whether a text is a list of names with commas, or empty.
func words(s string) bool {
	for one := range strings.SplitSeq(s, ",") {
		if s != "" && !word(one) {
			return false
		}
	}
	return true
}

// Scoped is the one name of a list (Region, Service) that a request is for: the one that it asks for, or
// else the only one. False: the list does not have it, or nobody says which.
func (b *Binding) Scoped(list, asked string) (string, bool) {
	switch {
	case asked == "":
		return list, word(list)
	case list == "":
		return asked, word(asked)
	}
	return asked, slices.Contains(strings.Split(list, ","), asked)
}

func word(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func invalid(detail string) error { return fault.New(fault.Invalid, "invalid_bindings", detail) }
