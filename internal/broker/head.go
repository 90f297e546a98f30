package broker

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"golang.org/x/net/http/httpguts"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Head is what a stream's request says before its body: a request as a program made it, with
// references in the places of its placeholders.
type Head struct {
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers [][2]string `json:"headers"`
	Vault   string      `json:"vault_id"`
	AWS     struct {
		Region  string `json:"region"`
		Service string `json:"service"`
	} `json:"aws"`
	References []string `json:"references"` // all that the request may have; none: any

	draft   draft
	length  int64 // of the body, as its headers say; -1: they do not
	kind    string
	upgrade bool
	te      bool        // trailers are taken
	pieces  http.Header // that ask for a piece of the answer
}

const (
	// MaxHead is how long a head may be.
	MaxHead        = 64 << 10
	maxHeadHeaders = 256
)

var (
	errHead = fault.New(fault.Invalid, "invalid_head",
		"The body begins with a line of JSON of at most 64 KiB: method, url, headers as a list of pairs, and perhaps vault_id, references, and aws with region and service.")
	errFrame = fault.New(fault.Invalid, "invalid_header",
		"headers are at most 256 pairs without control characters. Content-Length stands once and not beside Transfer-Encoding, Host is the url's, and no header names another method, path or host.")
	errNotListed = fault.New(fault.Invalid, "reference_in_request",
		"The request names a secret that its head does not list, so it was not sent. A program uses the secrets of its run alone.")
	errUpgrade = fault.New(fault.Invalid, "upgrade_refused", "The one protocol that a connection may change to is websocket, with GET.")
)

// ReadHead reads a head. Nothing is looked up yet.
func ReadHead(line []byte) (*Head, error) {
	h := &Head{length: -1}
	if err := json.Unmarshal(line, h, json.RejectUnknownMembers(true)); err != nil {
		return nil, errHead
	}
	if err := h.readURL(); err != nil {
		return nil, err
	}
	if err := h.readHeaders(); err != nil {
		return nil, err
	}
	return h, h.listed()
}

// listed refuses references that the head does not list, as they are read for the secrets. Whoever
// puts references into another's request lists them, each as often as it stands there.
func (h *Head) listed() error {
	if len(h.draft.slots) > maxRefs {
		return errManyRefs
	}
	if h.References == nil {
		return nil
	}
	var left []Ref
	for _, text := range h.References {
		all, err := pieces(text)
		if err != nil || len(all) != 1 || all[0].ref == nil {
			return errRef
		}
		left = append(left, *all[0].ref)
	}
	for i := range h.draft.slots {
		at := slices.Index(left, h.draft.slots[i].ref)
		if at < 0 {
			return errNotListed
		}
		left = slices.Delete(left, at, at+1)
	}
	return nil
}

// Upgrade reports whether a WebSocket is asked for.
func (h *Head) Upgrade() bool { return h.upgrade }

// Bodyless reports whether a request of this kind has no body as a rule, where its headers announce none.
func (h *Head) Bodyless() bool {
	return h.upgrade || h.length == 0 || h.length < 0 && slices.Contains([]string{"GET", "HEAD", "OPTIONS", "DELETE"}, h.Method)
}

// Looked reports whether the body is to be looked at for references as a whole, where it is
// not longer than MaxBody.
func (h *Head) Looked() bool {
	return !h.upgrade && h.length != 0 && h.length <= MaxBody && h.kind != "" && bodyKind(h.kind)
}

func bodyKind(kind string) bool {
	return kind == "application/json" || strings.HasSuffix(kind, "+json") || kind == "application/x-www-form-urlencoded"
}

// readURL takes the address apart. A reference in its query stands for the value of one parameter.
func (h *Head) readURL() (err error) {
	d := &h.draft
	base, query, asked := strings.Cut(h.URL, "?")
	if has(base) || has(unescaped(base)) {
		return errRefPlace
	}
	var kept []string
	d.query = url.Values{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescapedQuery(name), unescapedQuery(value)
		switch {
		case has(name):
			return errRefPlace
		case !has(value):
			kept = append(kept, pair)
			continue
		case d.query.Has(name):
			return errRefPlace
		}
		if err := d.slot(binding.Place("query:"+name), value); err != nil {
			return err
		}
		d.query.Set(name, value)
	}
	for _, pair := range kept {
		if name, _, _ := strings.Cut(pair, "="); d.query.Has(unescapedQuery(name)) {
			return errRefPlace // which of the two is the credential differs between servers
		}
	}
	if query = strings.Join(kept, "&"); has(query) || has(unescapedQuery(query)) {
		return errRefPlace
	}
	if asked && query != "" {
		base += "?" + query
	}
	d.target, d.url, err = binding.ParseTarget(h.Method, base)
	return err
}

func unescapedQuery(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// readHeaders sorts what a program sends: its own headers pass, those of its connection end here.
func (h *Head) readHeaders() error {
	d := &h.draft
	if len(h.Headers) > maxHeadHeaders {
		return errFrame
	}
	d.header = http.Header{}
	var named []string // by Connection
	chunked := false
	for _, pair := range h.Headers {
		name, value := http.CanonicalHeaderKey(pair[0]), strings.TrimSpace(pair[1])
		if !binding.HeaderName(name) || !httpguts.ValidHeaderFieldValue(value) || len(value) > maxHeader || misleads(name) {
			return errFrame
		}
		if has(name) {
			return errRefPlace
		}
		switch {
		case name == "Content-Length":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < 0 || h.length >= 0 || value[0] == '+' {
				return errFrame
			}
			h.length = n
		case name == "Transfer-Encoding":
			if !strings.EqualFold(value, "chunked") || chunked {
				return errFrame
			}
			chunked = true
		case name == "Host":
			if !h.sameHost(value) {
				return errFrame
			}
		case name == "Connection":
			for n := range strings.SplitSeq(value, ",") {
				named = append(named, http.CanonicalHeaderKey(strings.TrimSpace(n)))
			}
		case name == "Upgrade":
			if !strings.EqualFold(value, "websocket") || h.Method != http.MethodGet {
				return errUpgrade
			}
			h.upgrade = true
		case name == "Range", name == "If-Range":
			if has(value) {
				return errRefPlace
			}
			if h.pieces == nil {
				h.pieces = http.Header{}
			}
			h.pieces.Add(name, value)
		case name == "Te":
			h.te = h.te || strings.Contains(strings.ToLower(value), "trailers")
		case dropped(name):
		default:
			if has(value) && (d.header[name] != nil || binding.Withheld(name)) {
				return errRefPlace
			}
			if err := d.slot(binding.Place("header:"+name), value); err != nil {
				return err
			}
			d.header[name] = append(d.header[name], value)
		}
	}
	if chunked && h.length >= 0 || h.upgrade && h.length > 0 {
		return errFrame
	}
	for _, s := range d.slots {
		if key := s.place.Name(); s.place.Kind() == "header" && (len(d.header[key]) != 1 || slices.Contains(named, key)) {
			return errRefPlace
		}
	}
	for _, n := range named {
		if n != "Authorization" {
			d.header.Del(n)
		}
	}
	h.kind, _, _ = mime.ParseMediaType(d.header.Get("Content-Type"))
	h.frame()
	return nil
}

// frame writes the headers of the connection that is made.
func (h *Head) frame() {
	d := &h.draft
	if h.te {
		d.header.Set("Te", "trailers")
	}
	if h.upgrade {
		d.header.Set("Connection", "Upgrade")
		d.header.Set("Upgrade", "websocket")
		d.header.Del("Sec-Websocket-Extensions") // frames that are compressed can't be looked at
	}
	if d.header["User-Agent"] == nil {
		d.header["User-Agent"] = []string{""} // a program that names itself not is given no name
	}
}

// sameHost reports whether a Host header names the host of the url.
func (h *Head) sameHost(value string) bool {
	t, _, err := binding.ParseTarget(h.Method, h.draft.url.Scheme+"://"+value+"/")
	return err == nil && t.Host == h.draft.target.Host
}

// dropped reports whether a header is of the program's own connection, or asks for an encoding of the answer in
// which a secret could not be found.
func dropped(name string) bool {
	switch name {
	case "Keep-Alive", "Trailer", "Expect", "Http2-Settings", "Accept-Encoding", "Forwarded", "Via":
		return true
	}
	return strings.HasPrefix(name, "Proxy-") || strings.HasPrefix(name, "X-Forwarded-")
}

// misleads reports whether some servers take another method, path or host from a header. Some
// read _ as -.
func misleads(name string) bool {
	switch name = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")); name {
	case "X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Url", "X-Original-Uri", "X-Rewrite-Url", "X-Override-Url", "X-Original-Host", "X-Host":
		return true
	}
	return false
}
