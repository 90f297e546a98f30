package httpapi_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// An event goes on when it comes, also one that ends as a secret begins, and a request's body is
// passed on while the answer comes.
func TestAStreamIsNotHeldUp(t *testing.T) {
	s := openStreaming(t)
	s.keep("k", "sk_live_0123456789", object{"hosts": []string{s.up.host()}})
	s.up.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		_ = c.EnableFullDuplex()
		w.Header().Set("Content-Type", "text/event-stream")
		_ = c.Flush()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			_, _ = fmt.Fprintf(w, "data: %s\n\n", lines.Text())
			_ = c.Flush()
		}
	})
	from, to := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = from.CloseWithError(io.ErrClosedPipe) })()
	f, err := s.streams(ctx, object{"method": "POST", "url": s.up.URL + "/", "headers": append(bearer("k"), [2]string{"Content-Type", "application/x-ndjson"})}, from)
	if err != nil || f.header("Content-Type") != "text/event-stream" {
		t.Fatalf("%v %+v", err, f)
	}
	for _, text := range []string{"one.", "uses", "sk_live_0123456789.", "last."} {
		if _, err := fmt.Fprintln(to, text); err != nil {
			t.Fatal(err)
		}
		want := "data: " + strings.ReplaceAll(text, "sk_live_0123456789", "******************") + "\n\n"
		got := make([]byte, len(want))
		if _, err := io.ReadFull(f.from, got); err != nil || string(got) != want {
			t.Fatalf("%q: %q %v", text, got, err)
		}
	}
	_ = to.Close()
	if rest, err := io.ReadAll(f.from); err != nil || len(rest) > 0 {
		t.Errorf("at the end: %q %v", rest, err)
	}
}

// What comes in large pieces, which are not pushed out each by itself, is there before more comes, also where a piece is
// of just the size from which on that is so, and where a small one follows.
func TestALargePieceOfAStreamIsNotHeldUp(t *testing.T) {
	sizes := []int{16 << 10, 16<<10 - 1, 16<<10 + 1, 48 << 10, 64 << 10, 64<<10 + 1, 256 << 10, 9}
	for _, kind := range []string{"text/event-stream", "application/octet-stream"} {
		s := openStreaming(t)
		s.keep("k", "sk_live_0123456789", object{"hosts": []string{s.up.host()}})
		more := make(chan struct{})
		s.up.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			for _, n := range sizes {
				_, _ = io.WriteString(w, "data: "+strings.Repeat("x", n-len("data: \n\n"))+"\n\n")
				_ = http.NewResponseController(w).Flush()
				select {
				case <-more:
				case <-r.Context().Done():
				}
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		f, err := s.streams(ctx, object{"method": "GET", "url": s.up.URL + "/", "headers": bearer("k")}, nil)
		if err != nil || f.Status != http.StatusOK {
			t.Fatal(err, f)
		}
		for _, n := range sizes {
			got := make([]byte, n)
			if _, err := io.ReadFull(f.from, got); err != nil || !strings.HasSuffix(string(got), "\n\n") {
				t.Fatalf("%s: a piece of %d: %v", kind, n, err)
			}
			more <- struct{}{}
		}
		if rest, err := io.ReadAll(f.from); err != nil || len(rest) > 0 {
			t.Errorf("%s: at the end: %q %v", kind, rest, err)
		}
	}
}

// Each of these ends a stream under way: it breaks, and is logged as ended.
func TestAStreamEndsWithTheRightToIt(t *testing.T) {
	for name, end := range map[string]func(s *streaming){
		"bindings": func(s *streaming) {
			s.do("PUT", "/v1/vaults/"+s.vault+"/secret-bindings/k", s.ada.token, object{"bindings": []object{}}).want(200)
		},
		"secret":  func(s *streaming) { s.do("DELETE", "/v1/vaults/"+s.vault+"/secrets/k", s.ada.token, nil).want(204) },
		"agent":   func(s *streaming) { s.do("DELETE", "/v1/agents/"+s.agent.id, s.ada.token, nil).want(204) },
		"freeze":  func(s *streaming) { s.do("POST", "/v1/org/freeze", s.ada.token, object{}).want(200) },
		"leaving": func(s *streaming) { s.Relay.Leave() },
	} {
		t.Run(name, func(t *testing.T) {
			s := openStreaming(t)
			s.keep("k", hiddenValue, object{"hosts": []string{s.up.host()}})
			gone := make(chan struct{})
			s.up.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "begun.")
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
				close(gone)
			})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			f, err := s.streams(ctx, object{"method": "GET", "url": s.up.URL + "/", "headers": bearer("k")}, nil)
			if err != nil || f.Status != http.StatusOK {
				t.Fatal(err, f)
			}
			begun := make([]byte, 6)
			if _, err := io.ReadFull(f.from, begun); err != nil {
				t.Fatal(err)
			}
			end(s)
			if rest, err := io.ReadAll(f.from); err == nil || ctx.Err() != nil || len(rest) > 0 {
				t.Errorf("it goes on: %q %v", rest, err)
			}
			select {
			case <-gone:
			case <-ctx.Done():
				t.Error("the request to the other server goes on")
			}
			reason := map[string]string{"leaving": "server_stops"}[name]
			if reason == "" {
				reason = "right_ended"
			}
			if got := s.ending(); !strings.Contains(got, reason) {
				t.Errorf("the log has %s", got)
			}
		})
	}
}

// ending waits for what the log has of the end of a stream.
func (s *streaming) ending() string {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for _, e := range s.Events(s.ada.org) {
			if e.Action == "secret.used" {
				return string(e.DetailsJSON)
			}
		}
	}
	s.t.Fatal("the log has no end of the stream")
	return ""
}

// A caller that hangs up ends the request at the other server, and is not taken for an error of that.
func TestACallerThatHangsUpEndsTheStream(t *testing.T) {
	s := openStreaming(t)
	s.keep("k", hiddenValue, object{"hosts": []string{s.up.host()}})
	gone := make(chan struct{})
	s.up.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun.")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
	})
	ctx, cancel := context.WithCancel(t.Context())
	f, err := s.streams(ctx, object{"method": "GET", "url": s.up.URL + "/", "headers": bearer("k")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.from.ReadByte(); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-gone
	if got := s.ending(); !strings.Contains(got, "stream_cancelled") {
		t.Errorf("the log has %s", got)
	}
}

// An answer that breaks off never looks whole.
func TestAnAnswerThatBreaksOffIsNoWholeOne(t *testing.T) {
	s := openStreaming(t)
	s.keep("k", hiddenValue, object{"hosts": []string{s.up.host()}})
	s.up.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("half.", 10_000))
		panic(http.ErrAbortHandler)
	})
	if _, _, err := s.whole(object{"method": "GET", "url": s.up.URL + "/", "headers": bearer("k")}, nil); err == nil {
		t.Error("it ended as if it were whole")
	}
	if got := s.ending(); !strings.Contains(got, "upstream_failed") {
		t.Errorf("the log has %s", got)
	}
}

func TestAWebSocketIsPassedOn(t *testing.T) {
	s := openStreaming(t)
	s.keep("k", "secret-value-1", object{"hosts": []string{s.up.host()}})
	s.up.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Websocket-Extensions") != "" || r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Authorization") != "Bearer secret-value-1" {
			t.Errorf("the service got %v", r.Header)
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n\x81\x04said")
		got := make([]byte, 6)
		if _, err := io.ReadFull(rw, got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(conn, "\x01\x09a secret-\x80\x09value-1 b\x88\x00")
	})
	from, to := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = from.CloseWithError(io.ErrClosedPipe) })()
	f, err := s.streams(ctx, object{"method": "GET", "url": s.up.URL + "/", "headers": append(bearer("k"),
		[2]string{"Connection", "Upgrade"}, [2]string{"Upgrade", "websocket"}, [2]string{"Sec-WebSocket-Extensions", "permessage-deflate"}, [2]string{"Sec-WebSocket-Key", "x"})}, from)
	if err != nil || f.Status != http.StatusSwitchingProtocols || f.header("Sec-WebSocket-Accept") != "x" || f.header("Upgrade") != "websocket" {
		t.Fatalf("%v %+v", err, f)
	}
	said := make([]byte, 6)
	if _, err := io.ReadFull(f.from, said); err != nil || string(said) != "\x81\x04said" {
		t.Fatalf("%q %v", said, err)
	}
	if _, err := io.WriteString(to, "\x81\x84wxyz"); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(f.from)
	if want := "\x01\x09a *******\x80\x09******* b\x88\x00"; err != nil || string(rest) != want {
		t.Errorf("%q %v", rest, err)
	}
	_ = to.Close()
}

// What the other server makes of the headers and the encoding of an answer.
func TestHeadersOfAStreamsAnswer(t *testing.T) {
	s := openStreaming(t)
	s.keep("k", "secret-value-1", object{"hosts": []string{s.up.host()}})
	s.keep("cookies", "secret-value-2", object{"hosts": []string{s.up.host()}, "answer_credentials": true})
	s.up.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Set-Cookie", "session=own")
		h.Add("X-Two", "1")
		h.Add("X-Two", "2 "+r.Header.Get("Authorization"))
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "1")
		switch r.URL.Path {
		case "/head":
			h.Set("Content-Length", "12345")
		case "/away":
			h.Set("Location", "https://elsewhere.example/?k=secret-value-1")
			w.WriteHeader(http.StatusFound)
		case "/gzip", "/br", "/zstd":
			h.Set("Content-Encoding", r.URL.Path[1:])
			_, _ = w.Write(encoded(r.URL.Path[1:], "is "+r.Header.Get("Authorization")))
		case "/odd":
			h.Set("Content-Encoding", "odd")
			_, _ = io.WriteString(w, "secret-value-1")
		}
	})
	ask := func(method, path, secret string) (*flow, string) {
		t.Helper()
		f, text, err := s.whole(object{"method": method, "url": s.up.URL + path, "headers": bearer(secret)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return f, text
	}
	f, _ := ask("HEAD", "/head", "k")
	if two := fmt.Sprint(f.Headers); f.header("Content-Length") != "12345" || f.header("Set-Cookie") != "" || f.header("X-Hop") != "" || !strings.Contains(two, "[X-Two 1] [X-Two 2 Bearer **************]") {
		t.Errorf("HEAD: %v", f.Headers)
	}
	if f, _ := ask("GET", "/away", "k"); f.Status != http.StatusFound || f.header("Location") != "https://elsewhere.example/?k=**************" {
		t.Errorf("a redirect: %d %v", f.Status, f.Headers)
	}
	for _, how := range []string{"gzip", "br", "zstd"} {
		if f, text := ask("GET", "/"+how, "cookies"); text != "is Bearer **************" || f.header("Content-Encoding") != "" || f.header("Content-Length") != "" || f.header("Set-Cookie") != "session=own" {
			t.Errorf("%s: %q %v", how, text, f.Headers)
		}
		if f, _ := ask("HEAD", "/"+how, "k"); f.Status != http.StatusOK || f.header("Content-Encoding") != how {
			t.Errorf("HEAD of %s: %d %v", how, f.Status, f.Headers)
		}
		s.asks(object{"method": "HEAD", "url": s.up.URL + "/" + how, "headers": object{"Authorization": "Bearer {{secret:k}}"}}).want(200)
	}
	if f, text := ask("GET", "/odd", "k"); f.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, "answer_not_readable") {
		t.Errorf("an encoding that nobody knows: %d %s", f.StatusCode, text)
	}
}

// A raw client sees the connection's own framing.
func TestAStreamOverARawConnection(t *testing.T) {
	s := openStreaming(t)
	s.keep("k", "secret-value-1", object{"hosts": []string{s.up.host()}})
	conn, err := net.Dial("tcp", s.srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	head, _ := json.Marshal(object{"method": "GET", "url": s.up.URL + "/", "headers": bearer("k")})
	body := string(head) + "\n"
	for range 2 { // the connection is kept
		_, _ = fmt.Fprintf(conn, "POST /v1/http-stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/vnd.oneclaw.http-stream\r\nContent-Length: %d\r\n\r\n%s", s.agent.token, len(body), body)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err != nil || !strings.HasSuffix(string(text), "\nok") || res.Close {
			t.Errorf("%q %v", text, err)
		}
	}
}

// A server that speaks HTTP/2 is spoken to in it: frames and trailers of gRPC come as they were sent.
func TestAStreamOverHTTP2(t *testing.T) {
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 || r.Header.Get("Te") != "trailers" {
			t.Errorf("the service got %s %v", r.Proto, r.Header)
		}
		c := http.NewResponseController(w)
		w.Header().Set("Content-Type", "application/grpc")
		_ = c.Flush() // before the first message
		frame := make([]byte, 10)
		for {
			if _, err := io.ReadFull(r.Body, frame); err != nil {
				break
			}
			_, _ = w.Write(frame)
			_ = c.Flush()
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}))
	up.EnableHTTP2 = true
	up.StartTLS()
	t.Cleanup(up.Close)
	s := openStreaming(t, func(s *setup) {
		s.Roots = x509.NewCertPool()
		s.Roots.AddCert(up.Certificate())
	})
	s.keep("k", "secret-value-1", object{"hosts": []string{strings.TrimPrefix(up.URL, "https://")}})
	from, to := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = from.CloseWithError(io.ErrClosedPipe) })()
	f, err := s.streams(ctx, object{"method": "POST", "url": up.URL + "/svc/Call", "headers": append(bearer("k"), [2]string{"Content-Type", "application/grpc"}, [2]string{"TE", "trailers"})}, from)
	if err != nil || f.header("Content-Type") != "application/grpc" {
		t.Fatalf("%v %+v", err, f)
	}
	for range 3 {
		const frame = "\x00\x00\x00\x00\x05hello"
		if _, err := io.WriteString(to, frame); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(frame))
		if _, err := io.ReadFull(f.from, got); err != nil || string(got) != frame {
			t.Fatalf("%q %v", got, err)
		}
	}
	_ = to.Close()
	if rest, err := io.ReadAll(f.from); err != nil || len(rest) > 0 || f.Trailer.Get("Oneclaw-Trailers") != `[["Grpc-Status","0"]]` {
		t.Errorf("%q %v %v", rest, err, f.Trailer)
	}
}
