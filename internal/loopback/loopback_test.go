package loopback_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/loopback"
)

const canary = "canary-7c1f"

// send makes one request over the transport.
func send(t *testing.T, h http.HandlerFunc, from *http.Request, change func(*http.Request)) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://127.0.0.1/v1/a%2Fb/c?q=1", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	c := &http.Client{Transport: loopback.New(h, from, nil)}
	res, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

func TestInProcessLooksLikeAConnection(t *testing.T) {
	res, body, err := send(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.Method != "PUT" || r.RequestURI != "/v1/a%2Fb/c?q=1" || r.URL.EscapedPath() != "/v1/a%2Fb/c" ||
			string(b) != "body" || r.ContentLength != 4 || r.Host != "127.0.0.1" || r.ProtoMajor != 1 {
			t.Errorf("request: %+v, body %q", r, b)
		}
		w.Header().Set("A", "before")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("A", "after")
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "te")
		_, _ = io.WriteString(w, "xt")
	}, nil, nil)
	if err != nil || res.StatusCode != http.StatusTeapot || res.Header.Get("A") != "before" || body != "text" || res.ContentLength != 4 {
		t.Errorf("%+v %q %v", res, body, err)
	}
	res, body, err = send(t, func(http.ResponseWriter, *http.Request) {}, nil, func(r *http.Request) { r.Body, r.ContentLength = nil, 0 })
	if err != nil || res.StatusCode != http.StatusOK || body != "" {
		t.Errorf("a silent handler: %+v %q %v", res, body, err)
	}
	res, _, err = send(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrBodyNotAllowed) {
			t.Errorf("a body on 204: %v", err)
		}
	}, nil, nil)
	if err != nil || res.StatusCode != http.StatusNoContent {
		t.Errorf("204: %+v %v", res, err)
	}
}

func TestInProcessComesFromThePeer(t *testing.T) {
	from := httptest.NewRequest(http.MethodPost, "/mcp", nil)
	from.RemoteAddr, from.TLS = "203.0.113.9:4711", &tls.ConnectionState{ServerName: "vault.example"}
	from.Header.Set("X-Forwarded-For", "198.51.100.1")
	from.Header.Set("X-Secret", "not passed on")
	for name, c := range map[string]struct {
		from      *http.Request
		addr, fwd string
		tls       bool
	}{
		"of a request": {from, "203.0.113.9:4711", "198.51.100.1", true},
		"of nobody":    {nil, "127.0.0.1:0", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			called := false
			_, _, err := send(t, func(_ http.ResponseWriter, r *http.Request) {
				called = true
				if r.RemoteAddr != c.addr || r.Header.Get("X-Forwarded-For") != c.fwd || (r.TLS != nil) != c.tls || r.Header.Get("X-Secret") != "" || r.Header.Get("X-Real-IP") != "" {
					t.Errorf("got %s %v %v", r.RemoteAddr, r.Header, r.TLS)
				}
			}, c.from, func(r *http.Request) { r.Header.Set("X-Real-IP", "192.0.2.1") })
			if err != nil || !called {
				t.Errorf("%v %v", called, err)
			}
		})
	}
}

type ctxKey struct{}

func TestInProcessCarriesTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), ctxKey{}, "v"))
	_, _, err := send(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(ctxKey{}) != "v" {
			t.Error("a value is lost")
		}
		cancel()
		<-r.Context().Done()
		_, _ = io.WriteString(w, "too late")
	}, nil, func(r *http.Request) { *r = *r.WithContext(ctx) })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	_, _, err = send(t, func(http.ResponseWriter, *http.Request) { t.Error("called after the end") }, nil,
		func(r *http.Request) { *r = *r.WithContext(ctx) })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestInProcessContainsPanics(t *testing.T) {
	var log bytes.Buffer
	rt := loopback.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("A", "b")
		_, _ = io.WriteString(w, canary)
		panic(canary)
	}), nil, slog.New(slog.NewTextHandler(&log, nil)))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := rt.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusInternalServerError || strings.Contains(string(b), canary) || res.Header.Get("A") != "" || !strings.Contains(string(b), `"status":500`) {
		t.Errorf("%d %v %s", res.StatusCode, res.Header, b)
	}
	if strings.Contains(log.String(), canary) || !strings.Contains(log.String(), "loopback_test.go") {
		t.Errorf("log: %s", log.String())
	}
	_, _, err = send(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, nil)
	if err == nil {
		t.Error("a handler that aborts gives a reply")
	}
}

func TestInProcessBoundsAReply(t *testing.T) {
	_, _, err := send(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for range 100 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
		t.Error("100 MiB were taken")
	}, nil, nil)
	if err == nil {
		t.Error("no error")
	}
}
