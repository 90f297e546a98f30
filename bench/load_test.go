//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve runs a server that the standard library made: what the generator must
// understand.
func serve(t *testing.T, h http.HandlerFunc) netip.AddrPort {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return netip.MustParseAddrPort(s.Listener.Addr().String())
}

func TestLoad(t *testing.T) {
	long := strings.Repeat("x", 300_000)
	for name, tc := range map[string]struct {
		answer   http.HandlerFunc
		failures int
		says     string
	}{
		"a short answer has a length": {answer: func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "found ", r.URL.Path) }},
		"a long answer comes in chunks": {answer: func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "found ")
			for range 5 {
				fmt.Fprint(w, long)
				w.(http.Flusher).Flush()
			}
		}},
		"a long answer with a length comes in many reads": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(6+len(long)))
			fmt.Fprint(w, "found ", long)
		}},
		"a head that comes in parts is put together": {answer: func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			go func() {
				for range 10 { // its answers to all that this connection asks
					for _, b := range []string{"HTTP/1.1 200 OK\r\nContent-", "Length: 5\r\n", "\r\nfo", "und"} {
						_, _ = io.WriteString(c, b)
					}
					_, _ = c.Read(make([]byte, 4096))
				}
			}()
		}},
		"a refusal is a failure and its body is told": {failures: 10, says: "answered with 403: no way", answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "no way, nothing found")
		}},
		"success with something else is a failure": {failures: 10, says: "does not contain", answer: func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "lost")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			addr := serve(t, tc.answer)
			left := 10
			marks := 0
			l := load{addr: addr, conns: 2, mark: func() { marks++ }, next: func(buf []byte) ([]byte, []byte, bool) {
				left--
				return append(buf, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"...), []byte("found"), left >= 0
			}}
			if strings.HasPrefix(name, "a head") {
				l.conns = 1
			}
			out, err := l.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if out.failures != tc.failures || out.sent != 10 || len(out.latency) != 10 || marks != 2 {
				t.Errorf("%d failures, %d sent, %d counted, %d marks; first: %v", out.failures, out.sent, len(out.latency), marks, out.first)
			}
			if tc.says != "" && !strings.Contains(fmt.Sprint(out.first), tc.says) {
				t.Errorf("the first failure is %v", out.first)
			}
		})
	}
}

func TestLoadEnds(t *testing.T) {
	answer := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "found") }
	next := func(buf []byte) ([]byte, []byte, bool) {
		return append(buf, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"...), []byte("found"), true
	}
	t.Run("after its time, and what it counted lies within", func(t *testing.T) {
		l := load{addr: serve(t, answer), conns: 3, next: next, warm: 20 * time.Millisecond, measure: 50 * time.Millisecond, mark: func() {}}
		out, err := l.run(t.Context())
		if err != nil || out.first != nil {
			t.Fatal(err, out.first)
		}
		if len(out.latency) == 0 || len(out.latency) >= out.sent || out.elapsed < l.measure {
			t.Errorf("%d counted of %d in %v", len(out.latency), out.sent, out.elapsed)
		}
	})
	t.Run("with an error when the server hangs up", func(t *testing.T) {
		l := load{addr: serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), conns: 1, next: next, mark: func() {}}
		if _, err := l.run(t.Context()); err == nil {
			t.Error("no error")
		}
	})
	t.Run("when it is interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		l := load{addr: serve(t, answer), conns: 1, mark: func() {}, next: func(buf []byte) ([]byte, []byte, bool) {
			if n++; n == 100 {
				cancel()
			}
			return next(buf)
		}}
		if _, err := l.run(ctx); err == nil {
			t.Error("no error")
		}
	})
}

// Every cut of an answer into two reads gives the same result, and so do reads
// of one byte.
func TestAnswerCutAnywhere(t *testing.T) {
	for name, tc := range map[string]struct{ answer, want string }{
		"with a length": {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX: y\r\n\r\nhello, world", "o, w"},
		"in chunks":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1b\r\nabcdefghijklmnopqrstuvwxyz!\r\n0\r\n\r\n", "defghi"},
		"empty":         {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		"without body":  {"HTTP/1.1 204 No Content\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var ways [][]string
			for cut := range tc.answer {
				ways = append(ways, []string{tc.answer[:cut], tc.answer[cut:]})
			}
			for _, parts := range append(ways, strings.Split(tc.answer, "")) {
				c := conn{fd: -1, want: []byte(tc.want)}
				for i, part := range parts {
					done, err := c.take([]byte(part))
					if done != (i == len(parts)-1) || err != nil {
						t.Fatalf("part %d, %q: done %v, error %v", i, part, done, err)
					}
				}
				if !c.seen && tc.want != "" {
					t.Errorf("cut at %d: %q was not seen", len(parts[0]), tc.want)
				}
			}
		})
	}
}

func TestAnswerRefused(t *testing.T) {
	for name, answer := range map[string]string{
		"another protocol":         "HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
		"a body without end":       "HTTP/1.1 200 OK\r\n\r\nx",
		"longer than its length":   "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy",
		"a chunk of no size":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"more after the last part": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx",
	} {
		t.Run(name, func(t *testing.T) {
			c := conn{fd: -1}
			if done, err := c.take([]byte(answer)); err == nil {
				t.Errorf("done %v and no error", done)
			}
		})
	}
}

func TestTemplate(t *testing.T) {
	var mu sync.Mutex
	var paths, bodies []string
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		paths, bodies = append(paths, r.URL.Path), append(bodies, string(b))
		if err != nil || r.Method != "PUT" || r.Header.Get("Authorization") != "Bearer tok" {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprint(w, r.URL.Path)
	})
	q := writeOf("v", "tok", 25)
	q.inOrder = true
	l := load{addr: addr, conns: 4, next: q.template(addr).next, mark: func() {}}
	out, err := l.run(t.Context())
	if err != nil || out.first != nil {
		t.Fatal(err, out.first)
	}
	slices.Sort(paths)
	slices.Sort(bodies)
	if len(paths) != 25 || paths[0] != "/v1/vaults/v/secrets/api-keys/key-000000" || paths[24] != "/v1/vaults/v/secrets/api-keys/key-000024" {
		t.Errorf("paths: %q", paths)
	}
	if n := len(slices.Compact(bodies)); n != 25 {
		t.Errorf("%d different values", n)
	}
}
