package childproxy

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy/placeholder"
)

// maxBody is how long a body may be in which references stand: the server reads it whole.
const maxBody = 5 << 20

type planKey struct{}

// plan is what becomes of one request.
type plan struct {
	proxy *Proxy
	host  binding.Host
	to    *url.URL
	bound map[int]bool // numbers of the secrets that may go there

	used    map[int]bool
	refs    []string            // that stand for placeholders; the server takes no others
	changed map[string][]string // headers with references; none: left out
	aws     *client.AWSScope
	body    io.ReadCloser // nil: there is none
	size    int64         // of body; -1 where it is not known
}

// read finds the placeholders of a request and puts references in their place. Its error says
// why the request is not sent.
func (s *plan) read(r *http.Request) error {
	marks := s.proxy.marks
	if marks.Holds(s.to.EscapedPath()) || marks.Holds(s.to.Path) {
		return errPlace
	}
	s.changed = map[string][]string{}
	for name, values := range r.Header {
		if err := s.header(name, values); err != nil {
			return err
		}
	}
	if err := s.withoutSessionToken(r.Header); err != nil {
		return err
	}
	if err := s.query(); err != nil {
		return err
	}
	if err := s.content(r); err != nil {
		return err
	}
	if len(s.bound) == 0 && len(s.used) == 0 && s.proxy.cfg.DenyUnbound {
		s.proxy.turned.add(s.host.String())
		return errUnbound
	}
	return nil
}

// use notes the use of a secret, which may go to the host, and only once.
func (s *plan) use(number int) error {
	switch {
	case !s.bound[number]:
		return errWrong
	case s.used[number]:
		return errMany
	}
	s.used[number] = true
	return nil
}

// replaced puts references where the placeholders of a text are, and writes them with write.
func (s *plan) replaced(text string, write func(string) string) (string, bool, error) {
	hits, whole := s.proxy.marks.Find(text)
	if !whole {
		return "", false, errPlace
	}
	if len(hits) == 0 {
		if s.proxy.marks.Holds(text) {
			return "", false, errPlace
		}
		return text, false, nil
	}
	slices.SortFunc(hits, func(a, b placeholder.Hit) int { return a.Start - b.Start })
	var out strings.Builder
	at := 0
	for _, h := range hits {
		if err := s.use(h.Number); err != nil {
			return "", false, err
		}
		out.WriteString(text[at:h.Start] + write(s.ref(h.Number, true)))
		at = h.End
	}
	out.WriteString(text[at:])
	if s.proxy.marks.Holds(out.String()) {
		return "", false, errPlace
	}
	return out.String(), true, nil
}

// ref is the reference that takes the place of a placeholder. The program may write others beside
// it: it has the secrets of its run alone, so the server is told which are its own.
func (s *plan) ref(number int, field bool) string {
	ref := s.proxy.ref(number, field)
	s.refs = append(s.refs, ref)
	return ref
}

func asIs(s string) string { return s }

// query looks at each parameter; one without a placeholder stays as it is written.
func (s *plan) query() error {
	marks := s.proxy.marks
	if !marks.Holds(s.to.RawQuery) {
		return nil
	}
	parts := strings.Split(s.to.RawQuery, "&")
	for i, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		if marks.Holds(name) {
			return errPlace
		}
		plain, err := url.QueryUnescape(value)
		if err != nil {
			return errPlace
		}
		text, changed, err := s.replaced(plain, asIs)
		if err != nil {
			return err
		}
		if changed {
			parts[i] = name + "=" + url.QueryEscape(text)
		}
	}
	s.to.RawQuery = strings.Join(parts, "&")
	return nil
}

// content reads a body in which a binding puts a secret; every other one is watched while it goes by.
func (s *plan) content(r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil
	}
	s.body, s.size = s.proxy.marks.Guard(r.Body), r.ContentLength
	write := s.bodyWriting(r.Header)
	if write == nil || r.ContentLength > maxBody || !s.proxy.book.inBody(s.host) {
		return nil
	}
	start, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return errDown
	}
	if len(start) > maxBody {
		s.body = s.proxy.marks.Guard(readCloser{io.MultiReader(bytes.NewReader(start), r.Body), r.Body})
		return nil
	}
	text, _, err := s.replaced(string(start), write)
	if err != nil {
		return err
	}
	s.body, s.size = readCloser{strings.NewReader(text), r.Body}, int64(len(text))
	return nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// bodyWriting is how references are written in a body of this type; nil: none stand in it.
func (s *plan) bodyWriting(h http.Header) func(string) string {
	if h.Get("Content-Encoding") != "" {
		return nil
	}
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		return asIs
	case kind == "application/x-www-form-urlencoded":
		return url.QueryEscape
	}
	return nil
}
