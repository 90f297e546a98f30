package broker

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Request is what a caller wants sent, with references where secrets go.
type Request struct {
	Method  string
	URL     string
	Headers map[string]string
	Query   map[string]string // added to that of the URL
	Body    []byte
	JSON    bool   // Body is JSON that the caller gave as such
	Vault   string // where references without a vault are; empty: where the caller may use them
}

const (
	maxHeaders = 64
	maxHeader  = 16 << 10
	maxQuery   = 64
	// MaxBody is how much a request may send.
	MaxBody = 5 << 20
)

var (
	errHeader = fault.New(fault.Invalid, "invalid_header",
		"headers are at most 64 names with values in printable ASCII. Those that frame a message or name where it goes (Host, Cookie, Content-Length, Connection, Range, X-HTTP-Method-Override and the like, and names with _) are the server's to set.")
	errQuery    = fault.New(fault.Invalid, "invalid_query", "query is at most 64 parameters.")
	errRefPlace = fault.New(fault.Invalid, "reference_not_allowed",
		"A reference to a secret stands in the value of a header, of a query parameter or in the body, once, where the secret's binding says. Not in the host, the path or a name.")
)

// draft is a request that was read: where it goes, and where secrets go in it.
type draft struct {
	target binding.Target
	url    *url.URL
	header http.Header
	query  url.Values // beside that of the url
	body   []byte
	form   url.Values // the body, where it is a form with a reference in it
	slots  []slot
	tokens map[int]secret.Bytes // by slot: what oauth2 sends in place of the secret

	streamed bool                             // its body may come after it
	aws      struct{ region, service string } // that the caller names; empty: the binding's
}

// slot is one place of the request with a reference in it.
type slot struct {
	place  binding.Place // header:Authorization also stands for bearer, basic and what signs
	ref    Ref
	before string // in the same value
	after  string
	from   int // of the string in a body of JSON, with its quotes
	to     int
}

// read reads a request. Nothing is looked up yet.
func read(r *Request) (d draft, err error) {
	if has(r.URL) || has(unescaped(r.URL)) {
		return d, errRefPlace // in a query of the URL too: the parameter goes into query
	}
	if d.target, d.url, err = binding.ParseTarget(r.Method, r.URL); err != nil {
		return d, err
	}
	if d.header, err = d.readHeaders(r.Headers); err != nil {
		return d, err
	}
	if err := d.readQuery(r.Query); err != nil {
		return d, err
	}
	if err := d.readBody(r); err != nil {
		return d, err
	}
	if len(d.slots) > maxRefs {
		return d, errManyRefs
	}
	return d, nil
}

func unescaped(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

func (d *draft) readHeaders(in map[string]string) (http.Header, error) {
	out := http.Header{}
	if len(in) > maxHeaders {
		return nil, errHeader
	}
	for name, value := range in {
		key := http.CanonicalHeaderKey(name)
		if !binding.HeaderName(name) || !sendable(key) || len(value) > maxHeader || out[key] != nil ||
			strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' }) {
			return nil, errHeader
		}
		if has(name) {
			return nil, errRefPlace
		}
		out[key] = []string{strings.TrimSpace(value)}
		if err := d.slot(binding.Place("header:"+key), out[key][0]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sendable reports whether a caller may set a header. The rest frames the message, names
// where it goes or another method, asks for a piece of the answer in which a part of a secret could
// not be found, or makes of the connection another. Some servers read _ as -.
func sendable(key string) bool {
	switch key {
	case "Host", "Cookie", "Cookie2", "Connection", "Upgrade", "Te", "Trailer", "Transfer-Encoding", "Content-Length", "Keep-Alive", "Expect",
		"Accept-Encoding", "Http2-Settings", "Forwarded", "Via", "Range", "If-Range",
		"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Url", "X-Original-Uri", "X-Rewrite-Url", "X-Override-Url":
		return false
	}
	return !strings.Contains(key, "_") && !strings.HasPrefix(key, "Proxy-") && !strings.HasPrefix(key, "X-Forwarded-")
}

// slot notes the reference in a value. A value has one at most, so that a secret can't be laid
// beside itself.
func (d *draft) slot(place binding.Place, value string) error {
	if !has(value) {
		return nil
	}
	all, err := pieces(value)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(all, func(p piece) bool { return p.ref != nil })
	s := slot{place: place, ref: *all[at].ref}
	for i, p := range all {
		switch {
		case i != at && p.ref != nil:
			return errRefPlace
		case i < at:
			s.before += p.text
		case i > at:
			s.after += p.text
		}
	}
	d.slots = append(d.slots, s)
	return nil
}

func (d *draft) readQuery(in map[string]string) error {
	if len(in) > maxQuery {
		return errQuery
	}
	have, err := url.ParseQuery(d.url.RawQuery)
	if err != nil {
		return errQuery
	}
	d.query = url.Values{}
	for name, value := range in {
		if has(name) || name == "" || have.Has(name) {
			return errQuery
		}
		if err := d.slot(binding.Place("query:"+name), value); err != nil {
			return err
		}
		d.query.Set(name, value)
	}
	return nil
}
