package signedcall_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/signedcall"
)

var at = seal.Ref{Org: "org", Vault: "webhook", Path: "hook", Version: 1}

// caller makes calls that may go to this machine, and a sealed secret for them.
func caller(t *testing.T) (*signedcall.Caller, seal.Box) {
	t.Helper()
	keys, err := soft.Open(t.Context(), soft.Config{Dir: filepath.Join(t.TempDir(), "keys")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	allowed, err := netguard.ParseAllow("127.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	out := netguard.New(netguard.Config{Allow: allowed}).Client(netguard.Options{})
	c := &signedcall.Caller{Sealer: seal.New(keys), Keys: keys, Sender: out, Now: time.Now}
	key, box, err := c.NewSecret(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	key.Wipe()
	return c, box
}

func TestAFailedCallDoesNotTellItsAddress(t *testing.T) {
	c, box := caller(t)
	s := httptest.NewServer(http.NotFoundHandler())
	host := strings.TrimPrefix(s.URL, "http://")
	s.Close()
	out, err := c.Post(t.Context(), signedcall.Target{URL: s.URL + "/T0KEN-path?key=T0KEN-query", At: at, Box: box}, "id", []byte("{}"))
	if err == nil || strings.Contains(err.Error(), "T0KEN") || !strings.Contains(err.Error(), host) || out.Error != signedcall.NotConnected {
		t.Errorf("%v: %v", out, err)
	}
	late, stop := context.WithCancel(t.Context())
	stop()
	if _, err := c.Post(late, signedcall.Target{URL: s.URL + "/T0KEN", At: at, Box: box}, "id", nil); err == nil || strings.Contains(err.Error(), "T0KEN") {
		t.Errorf("a call that was ended: %v", err)
	}
}

// What a receiver sends is in no error: errors are logged.
func TestAFailedCallDoesNotTellWhatTheReceiverSent(t *testing.T) {
	c, box := caller(t)
	for _, answer := range []string{"T0KEN words\r\n\r\n", "HTTP/1.1 T0KEN\r\n\r\n", "HTTP/1.1 200 OK\r\nT0KEN\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: T0KEN\r\n\r\n"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = conn.Write([]byte(answer))
			_ = conn.Close()
		}))
		out, err := c.Post(t.Context(), signedcall.Target{URL: s.URL, At: at, Box: box}, "id", []byte("{}"))
		if err == nil || strings.Contains(err.Error(), "T0KEN") || out.Error != signedcall.NotConnected {
			t.Errorf("%q: %v: %v", answer, out, err)
		}
		s.Close()
	}
}

// A receiver may close a connection after an answer without saying so, and at the same
// moment the next call begins on it: it is made again.
func TestACallOnAConnectionThatTheReceiverClosedIsMadeAgain(t *testing.T) {
	c, box := caller(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	calls := make(chan string, 10)
	go func() {
		for first := true; ; first = false {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			for n := 0; ; n++ {
				r, err := http.ReadRequest(in)
				if err != nil {
					break
				}
				calls <- r.Header.Get("X-Oneclaw-Delivery") + r.Header.Get("X-Idempotency-Key")
				if first && n == 1 {
					break // closed with the second call unanswered
				}
				_, _ = r.Body.Read(make([]byte, 16))
				_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	to := signedcall.Target{URL: "http://" + l.Addr().String() + "/", At: at, Box: box}
	for _, id := range []string{"one", "two"} {
		if out, err := c.Post(t.Context(), to, id, []byte("{}")); err != nil || !out.OK() {
			t.Fatalf("%s: %v: %v", id, out, err)
		}
	}
	for _, want := range []string{"one", "two", "two"} {
		if got := <-calls; got != want {
			t.Errorf("called with %q instead of %q", got, want)
		}
	}
}

func TestASecretThatDoesNotOpenIsLost(t *testing.T) {
	c, box := caller(t)
	box.Ciphertext[len(box.Ciphertext)-1] ^= 1
	out, err := c.Post(t.Context(), signedcall.Target{URL: "http://127.0.0.1:1/", At: at, Box: box}, "id", nil)
	if err == nil || out.Error != signedcall.KeyLost {
		t.Errorf("%v: %v", out, err)
	}
}
