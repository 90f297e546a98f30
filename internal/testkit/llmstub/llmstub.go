// Package llmstub is a provider of language models for tests: it speaks the dialects of
// the known ones, as their official clients read them, and says what a test tells it to.
//
// Its promise: it keeps every request as it came, a stream and a whole answer to the
// same Reply hold the same texts, and nothing of it comes from a real provider's server.
package llmstub

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Request is one that the provider got.
type Request struct {
	Method, Path, Query string
	Host                string
	Header              http.Header
	Body                []byte
	Length              int64 // -1: not said before the body

	gone chan struct{}
	once sync.Once
}

// Key is what the request says who pays.
func (r *Request) Key() string {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token
	}
	return r.Header.Get("X-Api-Key") + r.Header.Get("X-Goog-Api-Key")
}

// Gone is closed when the caller hangs up before the answer is whole.
func (r *Request) Gone() <-chan struct{} { return r.gone }

func (r *Request) leave() { r.once.Do(func() { close(r.gone) }) }

// Server is a provider.
type Server struct {
	URL string

	t       testing.TB
	mu      sync.Mutex
	replies []Reply
	got     []*Request
	came    chan struct{} // closed and made again with each request
}

// New starts a provider that ends with the test. Until it is told otherwise it answers
// "Hello from the stub.".
func New(t testing.TB) *Server {
	s := &Server{t: t, came: make(chan struct{}), replies: []Reply{Says(Said(Text, "Hello ", "from the ", "stub."))}}
	srv := httptest.NewUnstartedServer(s)
	srv.Config.ErrorLog = nil
	srv.Start()
	t.Cleanup(func() {
		srv.CloseClientConnections() // of answers that nobody reads to their end
		srv.Close()
	})
	s.URL = srv.URL
	return s
}

// Answer says what the next calls are answered; the last reply is for all that follow.
func (s *Server) Answer(replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies = replies
}

// Requests are all that came, in their order.
func (s *Server) Requests() []*Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Request(nil), s.got...)
}

// Last is the newest request.
func (s *Server) Last() *Request {
	s.t.Helper()
	all := s.Requests()
	if len(all) == 0 {
		s.t.Fatal("the provider got no request")
	}
	return all[len(all)-1]
}

// Await returns the request number n, from 1 on, when it has come.
func (s *Server) Await(ctx context.Context, n int) *Request {
	s.t.Helper()
	for {
		s.mu.Lock()
		got, came := s.got, s.came
		s.mu.Unlock()
		if len(got) >= n {
			return got[n-1]
		}
		select {
		case <-came:
		case <-ctx.Done():
			s.t.Fatalf("request %d did not come: %v", n, ctx.Err())
		}
	}
}

// keep records a request and returns what it is answered.
func (s *Server) keep(got *Request) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, got)
	close(s.came)
	s.came = make(chan struct{})
	reply := s.replies[0]
	if len(s.replies) > 1 {
		s.replies = s.replies[1:]
	}
	return reply
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	got := &Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.Host, Header: r.Header.Clone(), Body: body,
		Length: r.ContentLength, gone: make(chan struct{}),
	}
	reply := s.keep(got)
	if err != nil {
		got.leave()
		return
	}
	stop := context.AfterFunc(r.Context(), got.leave)
	defer stop()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Request-Id", "req_stub")
	w.Header().Set("Openai-Processing-Ms", "5")
	w.Header().Set("Set-Cookie", "__cf_bm=stub; path=/")
	for name, values := range reply.Header {
		w.Header()[name] = values
	}
	if reply.Raw != nil {
		for name, values := range reply.Raw.Header {
			w.Header()[name] = values
		}
		s.send(w, r, got, &reply, reply.Raw.Status, [][]byte{reply.Raw.Body})
		return
	}
	s.answer(w, r, got, &reply)
}

// answer answers a call of a model.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, got *Request, reply *Reply) {
	ask := asked{}
	if err := json.Unmarshal(got.Body, &ask); err != nil {
		s.send(w, r, got, reply, http.StatusBadRequest, [][]byte{reply.encode(failure(Chat, &Failure{Kind: "invalid_request_error", Message: "no JSON"}))})
		return
	}
	d, other := route(r.URL.Path, &ask)
	if reply.As != "" && d != "" {
		d = reply.As
	}
	switch {
	case d == "":
		s.send(w, r, got, reply, http.StatusNotFound, [][]byte{reply.encode(failure(Chat, &Failure{Kind: "invalid_request_error", Message: "no such path"}))})
	case reply.Fail != nil && reply.After == 0:
		f := *reply.Fail
		f.Message = strings.ReplaceAll(f.Message, "{key}", got.Key())
		s.send(w, r, got, reply, f.Status, [][]byte{reply.encode(failure(d, &f))})
	case other != nil:
		s.send(w, r, got, reply, http.StatusOK, [][]byte{reply.encode(other)})
	case ask.Stream:
		kind := "text/event-stream"
		if d == Chat || d == Mistral {
			kind += "; charset=utf-8"
		}
		if reply.Type != "" {
			kind = reply.Type
		}
		w.Header().Set("Content-Type", kind)
		frames := Frames(d, Events(d, reply, ask.Options.Usage), reply.Framing)
		if reply.Leave > 0 {
			frames = frames[:min(reply.Leave, len(frames))]
		}
		s.send(w, r, got, reply, http.StatusOK, frames)
	default:
		s.send(w, r, got, reply, http.StatusOK, [][]byte{Whole(d, reply)})
	}
}

// asked is what of a request decides over the form of the answer.
type asked struct {
	Stream  bool `json:"stream"`
	Options struct {
		Usage bool `json:"include_usage"`
	} `json:"stream_options"`
	Encoding string `json:"encoding_format"`
}

// route is the dialect of a path. other is the answer of one that says nothing.
func route(path string, ask *asked) (d Dialect, other fields) {
	if _, method, ok := strings.Cut(path, ":"); ok && strings.Contains(path, "/models/") {
		switch method {
		case "streamGenerateContent":
			ask.Stream = true
		case "countTokens":
			other = fields{"totalTokens", 12, "promptTokensDetails", []any{fields{"modality", "TEXT", "tokenCount", 12}}}
		case "embedContent":
			other = fields{"embedding", fields{"values", []any{0.25, -0.5, 0.75}}}
		case "batchEmbedContents":
			other = fields{"embeddings", []any{fields{"values", []any{0.25, -0.5, 0.75}}}}
		case "generateContent":
		default:
			return "", nil
		}
		return Gemini, other
	}
	switch {
	case strings.HasSuffix(path, "/chat/completions"):
		return Chat, nil
	case strings.HasSuffix(path, "/completions"):
		return Completions, nil
	case strings.HasSuffix(path, "/responses"):
		return Responses, nil
	case strings.HasSuffix(path, "/messages/count_tokens"):
		return Messages, fields{"input_tokens", 42}
	case strings.HasSuffix(path, "/messages"):
		return Messages, nil
	case strings.HasSuffix(path, "/v2/chat"):
		return Cohere, nil
	case strings.HasSuffix(path, "/embeddings"):
		return Chat, embeddings(ask.Encoding == "base64")
	}
	return "", nil
}
