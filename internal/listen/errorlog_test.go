package listen

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// logged is a log that several write to.
type logged struct {
	mu  sync.Mutex
	all bytes.Buffer
	one chan struct{} // closed with the first line
}

func (k *logged) Write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer func() {
		if k.one != nil {
			close(k.one)
			k.one = nil
		}
	}()
	return k.all.Write(b)
}

// TestWhatAHandlerPanickedWithIsNotLogged: it may be what a request or an answer holds. That and where it did is.
func TestWhatAHandlerPanickedWithIsNotLogged(t *testing.T) {
	for _, two := range []bool{false, true} {
		came := make(chan struct{})
		log := logged{one: came}
		srv := httptest.NewUnstartedServer(nil)
		srv.Config.ErrorLog = slog.NewLogLogger(quiet{slog.NewJSONHandler(&log, nil)}, slog.LevelDebug)
		srv.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			panic("hunter2 panic serving \ngoroutine " + r.Proto + " " + r.Header.Get("X-Secret"))
		})
		srv.EnableHTTP2 = two
		srv.StartTLS()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Secret", "zebra-90")
		if res, err := srv.Client().Do(r); err == nil {
			_ = res.Body.Close()
			t.Error("there is an answer")
		}
		<-came // of HTTP/2 the answer ends before
		srv.Close()
		got := log.all.String()
		if strings.Contains(got, "hunter2") || strings.Contains(got, "zebra") || !strings.Contains(got, "a handler panicked") || !strings.Contains(got, "errorlog_test.go") {
			t.Errorf("HTTP/2 %v: %s", two, got)
		}
	}
	var log logged
	slog.NewLogLogger(quiet{slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})}, slog.LevelDebug).Print("http: TLS handshake error from 192.0.2.1:1: EOF")
	if got := log.all.String(); !strings.Contains(got, "level=DEBUG") || !strings.Contains(got, "handshake error from 192.0.2.1:1: EOF") {
		t.Errorf("%s", got)
	}
}
