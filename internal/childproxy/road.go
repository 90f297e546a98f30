package childproxy

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/oneclaw-dev/oneclaw/client"
)

// roads sends requests on: through the server where a reference stands in one, else to the host.
func (p *Proxy) roads() *httputil.ReverseProxy {
	direct := p.cfg.Direct.Clone()
	direct.ForceAttemptHTTP2, direct.DisableCompression = true, true
	direct.ResponseHeaderTimeout = 0
	return &httputil.ReverseProxy{
		Rewrite: rewrite, FlushInterval: -1, ErrorLog: p.silent(), BufferPool: &pieces{},
		Transport: road(func(r *http.Request) (*http.Response, error) {
			s := planOf(r)
			if len(s.used) == 0 {
				return direct.RoundTrip(r)
			}
			return s.viaServer(r)
		}),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() != nil { // nobody is there any more
				panic(http.ErrAbortHandler)
			}
			if client.IsStatus(err, http.StatusForbidden) {
				p.book.doubt()
			}
			refuse(w, err)
		},
	}
}

// pieces is the memory that answers are copied in: the larger a piece, the fewer calls of the kernel.
type pieces struct{ free sync.Pool }

const pieceSize = 128 << 10

// Get implements httputil.BufferPool.
func (p *pieces) Get() []byte {
	if b, ok := p.free.Get().(*[pieceSize]byte); ok {
		return b[:]
	}
	return make([]byte, pieceSize)
}

// Put implements httputil.BufferPool.
func (p *pieces) Put(b []byte) { p.free.Put((*[pieceSize]byte)(b)) }

type road func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f road) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func planOf(r *http.Request) *plan { return r.Context().Value(planKey{}).(*plan) }

// rewrite keeps all that the program said, but for what is of one connection.
func rewrite(r *httputil.ProxyRequest) {
	s := planOf(r.In)
	r.Out.URL, r.Out.Host = s.to, r.In.Host
	for name, values := range r.In.Header {
		if name == "Forwarded" || strings.HasPrefix(name, "X-Forwarded-") {
			r.Out.Header[name] = values
		}
	}
	for name, values := range s.changed {
		if r.Out.Header[name] == nil {
			continue
		}
		r.Out.Header[name] = values
		if values == nil {
			r.Out.Header.Del(name)
		}
	}
	r.Out.Header.Del("Expect") // was answered here
	if !strings.EqualFold(r.Out.Header.Get("Upgrade"), "websocket") {
		r.Out.Header.Del("Upgrade") // another protocol would not be looked at
		r.Out.Header.Del("Connection")
		r.Out.Header.Del("Http2-Settings")
	}
	r.Out.Body, r.Out.ContentLength = s.body, s.size
}

// viaServer has the server send the request.
func (s *plan) viaServer(r *http.Request) (*http.Response, error) {
	head := client.HTTPStream{Method: r.Method, URL: s.to.String(), VaultID: s.proxy.oneVault(), AWS: s.aws, References: s.refs}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if name == "Connection" || name == "Content-Length" {
			continue
		}
		for _, v := range r.Header[name] {
			head.Headers = append(head.Headers, [2]string{name, v})
		}
	}
	body, upgrade := r.Body, r.Header.Get("Upgrade") != ""
	switch {
	case upgrade:
	case body == nil || body == http.NoBody:
		head.Headers = append(head.Headers, [2]string{"Content-Length", "0"})
	case r.ContentLength >= 0: // many services take no upload of unknown length
		head.Headers = append(head.Headers, [2]string{"Content-Length", strconv.FormatInt(r.ContentLength, 10)})
	}
	var up *io.PipeWriter
	if upgrade {
		var in *io.PipeReader
		in, up = io.Pipe()
		body = in
	}
	got, err := s.proxy.cfg.Client.OpenStream(r.Context(), head, body)
	if err != nil {
		return nil, err
	}
	res := &http.Response{
		StatusCode: got.Status, Status: strconv.Itoa(got.Status) + " " + http.StatusText(got.Status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Request: r, ContentLength: -1,
	}
	for _, h := range got.Headers {
		res.Header.Add(h[0], h[1])
	}
	if n, err := strconv.ParseInt(res.Header.Get("Content-Length"), 10, 64); err == nil {
		res.ContentLength = n
	}
	if got.Status == http.StatusSwitchingProtocols {
		if up == nil {
			_ = got.Body.Close()
			return nil, errDown
		}
		res.ContentLength = 0
		res.Header.Set("Connection", "Upgrade")
		res.Header.Set("Upgrade", "websocket")
		res.Body = upgraded{got.Body, up}
		return res, nil
	}
	if up != nil {
		_ = up.Close()
	}
	res.Body = &answer{ReadCloser: got.Body, res: res, trailers: got.Trailers}
	return res, nil
}

// upgraded is a connection that is not one of HTTP any more.
type upgraded struct {
	io.ReadCloser
	to *io.PipeWriter
}

// Write implements io.Writer.
func (u upgraded) Write(p []byte) (int, error) { return u.to.Write(p) }

// Close implements io.Closer.
func (u upgraded) Close() error {
	_ = u.to.Close()
	return u.ReadCloser.Close()
}

// answer has its trailers where net/http looks for them.
type answer struct {
	io.ReadCloser
	res      *http.Response
	trailers func() [][2]string
}

// Read implements io.Reader.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		for _, t := range a.trailers() {
			if a.res.Trailer == nil {
				a.res.Trailer = http.Header{}
			}
			a.res.Trailer.Add(t[0], t[1])
		}
	}
	return n, err
}
