package childproxy_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

// streams are the two ways of a request: with a placeholder through the server, and without
// one straight to the host. Both versions of HTTP are tried.
func eachWay(t *testing.T, try func(t *testing.T, s *stage, ask func(method, path string, body io.Reader) *http.Request, c *http.Client)) {
	for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
		for _, way := range []string{"with a secret", "without one"} {
			t.Run(version+" "+way, func(t *testing.T) {
				s := openStage(t)
				s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
				r := s.start(map[string]string{"TOKEN": "k"}, byToken)
				c := r.client(func(tr *http.Transport) { tr.ForceAttemptHTTP2 = version == "HTTP/2" })
				try(t, s, func(method, path string, body io.Reader) *http.Request {
					q, err := http.NewRequestWithContext(t.Context(), method, "https://api.test"+path, body)
					must(t, err)
					if way == "with a secret" {
						q.Header.Set("Authorization", "Bearer "+r.vars["TOKEN"])
					}
					return q
				}, c)
			})
		}
	}
}

// Each event is handed on before the next one is written.
func TestEventsComeAsTheyAreSent(t *testing.T) {
	eachWay(t, func(t *testing.T, s *stage, ask func(string, string, io.Reader) *http.Request, c *http.Client) {
		next := make(chan bool)
		s.site.says(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for i := range 3 {
				_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
				_ = http.NewResponseController(w).Flush()
				select {
				case <-next:
				case <-r.Context().Done():
					return
				}
			}
		})
		res, err := c.Do(ask(http.MethodGet, "/events", nil))
		must(t, err)
		defer func() { _ = res.Body.Close() }()
		lines := bufio.NewScanner(res.Body)
		for i := range 3 {
			if !lines.Scan() || lines.Text() != "data: "+strconv.Itoa(i) || !lines.Scan() {
				t.Fatalf("event %d: %q %v", i, lines.Text(), lines.Err())
			}
			next <- true
		}
		if lines.Scan() {
			t.Errorf("more than all: %q", lines.Text())
		}
	})
}

// A body of any length passes in both directions at the same time, with its trailers.
func TestLongBodiesPassBothWays(t *testing.T) {
	const size = 16 << 20
	eachWay(t, func(t *testing.T, s *stage, ask func(string, string, io.Reader) *http.Request, c *http.Client) {
		s.site.says(func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).EnableFullDuplex()
			w.Header().Set("Trailer", "X-Sum")
			n, _ := io.Copy(w, r.Body)
			w.Header().Set("X-Sum", fmt.Sprint(n))
		})
		res, err := c.Do(ask(http.MethodPost, "/echo", io.LimitReader(ones{}, size)))
		must(t, err)
		defer func() { _ = res.Body.Close() }()
		n, err := io.Copy(io.Discard, res.Body)
		if err != nil || n != size || res.Trailer.Get("X-Sum") != fmt.Sprint(size) {
			t.Errorf("got %d bytes, %v, trailers %v", n, err, res.Trailer)
		}
	})
}

// ones is endless text.
type ones struct{}

func (ones) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '1'
	}
	return len(b), nil
}

// What says how long a message is stays as it was.
func TestLengthsAndHeadsAreKept(t *testing.T) {
	eachWay(t, func(t *testing.T, s *stage, ask func(string, string, io.Reader) *http.Request, c *http.Client) {
		s.site.says(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Length", fmt.Sprint(r.ContentLength, len(b)))
			w.Header().Set("Content-Length", "5")
			w.Header().Set("Location", "https://elsewhere.test/")
			w.WriteHeader(http.StatusFound)
			if r.Method != http.MethodHead {
				_, _ = io.WriteString(w, "12345")
			}
		})
		for method, length := range map[string]string{http.MethodHead: "0 0", http.MethodGet: "0 0", http.MethodPut: "3 3"} {
			var body io.Reader
			if method == http.MethodPut {
				body = strings.NewReader("abc")
			}
			q := ask(method, "/", body)
			if body != nil {
				q.Header.Set("Expect", "100-continue")
			}
			continued := false
			q = q.WithContext(httptrace.WithClientTrace(q.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
				continued = continued || code == http.StatusContinue
				return nil
			}}))
			res, err := c.Do(q)
			text := bodyOf(t, res, err)
			if res.StatusCode != http.StatusFound || res.ContentLength != 5 || res.Header.Get("X-Length") != length || res.Header.Get("Location") == "" || len(text) != map[bool]int{true: 0, false: 5}[method == http.MethodHead] {
				t.Errorf("%s: got %d %v %q", method, res.StatusCode, res.Header, text)
			}
		}
	})
}

// Who hangs up ends the request at the other server; a request that breaks off there does not look whole.
func TestWhatBreaksOffBreaksOff(t *testing.T) {
	eachWay(t, func(t *testing.T, s *stage, ask func(string, string, io.Reader) *http.Request, c *http.Client) {
		begun, ended := make(chan bool), make(chan bool)
		s.site.says(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "begin")
			_ = http.NewResponseController(w).Flush()
			if r.URL.Path == "/breaks" {
				panic(http.ErrAbortHandler)
			}
			begun <- true
			<-r.Context().Done()
			ended <- true
		})
		q := ask(http.MethodGet, "/", nil)
		ctx, cancel := context.WithCancel(q.Context())
		res, err := c.Do(q.WithContext(ctx))
		must(t, err)
		<-begun
		cancel()
		<-ended
		_ = res.Body.Close()
		res, err = c.Do(ask(http.MethodGet, "/breaks", nil))
		if err != nil {
			return // it broke before the head was there
		}
		defer func() { _ = res.Body.Close() }()
		if text, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("a broken answer looks whole: %q", text)
		}
	})
}

// A WebSocket is a connection both ways, of HTTP/1.1.
func TestWebSocketsPass(t *testing.T) {
	for _, with := range []bool{true, false} {
		s := openStage(t)
		s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
		r := s.start(map[string]string{"TOKEN": "k"}, byToken)
		s.site.says(func(w http.ResponseWriter, r *http.Request) {
			if with && r.Header.Get("Authorization") != "Bearer "+hidden {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
			c, both, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			_, _ = fmt.Fprintf(both, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
			_ = both.Flush()
			frame := make([]byte, 11) // a text of five letters, with its mask
			if _, err := io.ReadFull(both, frame); err != nil {
				return
			}
			text := frame[6:]
			for i := range text {
				text[i] ^= frame[2+i%4]
			}
			_, _ = c.Write(append([]byte{0x81, 5}, text...))
		})
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.test/socket", http.NoBody)
		must(t, err)
		for name, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
			q.Header.Set(name, v)
		}
		if with {
			q.Header.Set("Authorization", "Bearer "+r.vars["TOKEN"])
		}
		res, err := r.client(func(tr *http.Transport) { tr.ForceAttemptHTTP2 = false }).Do(q)
		must(t, err)
		if res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
			t.Fatalf("got %d %v %s", res.StatusCode, res.Header, bodyOf(t, res, nil))
		}
		c, ok := res.Body.(io.ReadWriteCloser)
		if !ok {
			t.Fatalf("with a secret %v: no connection: %v", with, res)
		}
		_, err = c.Write([]byte{0x81, 0x85, 1, 2, 3, 4, 'h' ^ 1, 'e' ^ 2, 'l' ^ 3, 'l' ^ 4, 'o' ^ 1})
		must(t, err)
		frame := make([]byte, 7)
		if _, err := io.ReadFull(c, frame); err != nil || string(frame[2:]) != "hello" {
			t.Errorf("got %q %v", frame, err)
		}
		_ = c.Close()
	}
}
