package netguard_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/netguard"
)

// get returns the status and body of a GET, or the error.
func get(ctx context.Context, c *http.Client, url string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	res, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func TestClient(t *testing.T) {
	var reached bool
	var cookie string
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		reached = true
		cookie = r.Header.Get("Cookie")
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		_, _ = io.WriteString(w, "served")
	})
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 101)) })
	mux.HandleFunc("/whole", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 100)) })
	mux.HandleFunc("/again", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/inside", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.2:1/", http.StatusFound)
	})
	mux.HandleFunc("/never", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	plain, encrypted := httptest.NewServer(mux), httptest.NewTLSServer(mux)
	defer plain.Close()
	defer encrypted.Close()
	roots := x509.NewCertPool()
	roots.AddCert(encrypted.Certificate())

	// The environment's proxy must not be asked.
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")

	closed := netguard.New(netguard.Config{RootCAs: roots}).Client(netguard.Options{})
	open := netguard.New(netguard.Config{RootCAs: roots, Allow: allow(t, "127.0.0.1")})
	once := open.Client(netguard.Options{MaxBody: 100})

	for _, url := range []string{plain.URL, encrypted.URL} {
		if _, _, err := get(t.Context(), closed, url); !errors.Is(err, netguard.ErrRefused) || reached {
			t.Errorf("a guard that allows nothing: %v, reached %v", err, reached)
		}
	}
	for _, url := range []string{plain.URL, encrypted.URL} {
		reached = false
		for range 2 {
			if status, text, err := get(t.Context(), once, url); err != nil || status != 200 || text != "served" || !reached {
				t.Errorf("an allowed address: %d %q %v", status, text, err)
			}
		}
		if cookie != "" {
			t.Error("a cookie was kept")
		}
	}
	if _, text, err := get(t.Context(), once, plain.URL+"/whole"); err != nil || len(text) != 100 {
		t.Errorf("a body as long as may be: %d %v", len(text), err)
	}
	if _, text, err := get(t.Context(), once, plain.URL+"/long"); !errors.Is(err, netguard.ErrTooLarge) || len(text) > 100 {
		t.Errorf("a body that is too long: %d %v", len(text), err)
	}
	if status, _, err := get(t.Context(), once, plain.URL+"/again"); err != nil || status != http.StatusFound {
		t.Errorf("a redirect that was not asked for: %d %v", status, err)
	}
	follow := open.Client(netguard.Options{Redirects: 2})
	if status, text, err := get(t.Context(), follow, plain.URL+"/again"); err != nil || status != 200 || text != "served" {
		t.Errorf("a redirect that was asked for: %d %v", status, err)
	}
	if _, _, err := get(t.Context(), follow, plain.URL+"/round"); err == nil {
		t.Error("a redirect without end has one")
	}
	if _, _, err := get(t.Context(), follow, plain.URL+"/inside"); !errors.Is(err, netguard.ErrRefused) {
		t.Errorf("a redirect to what is not allowed: %v", err)
	}
	strangers := netguard.New(netguard.Config{Allow: allow(t, "127.0.0.1")}).Client(netguard.Options{})
	if _, _, err := get(t.Context(), strangers, encrypted.URL); err == nil {
		t.Error("a certificate that nobody vouches for is taken")
	} else if ce := (*tls.CertificateVerificationError)(nil); !errors.As(err, &ce) {
		t.Errorf("error %v", err)
	}
	hasty := open.Client(netguard.Options{Timeout: 50e6})
	if _, _, err := get(t.Context(), hasty, plain.URL+"/never"); err == nil {
		t.Error("an answer that never comes was waited for")
	}
}

func TestHTTPByNameNeedsAnAllowedAddress(t *testing.T) {
	t.Parallel()
	n := &names{lists: map[string][][]string{"a.test": {{"8.8.8.8"}}, "b.test": {{"127.0.0.1"}}}}
	d := &dialled{}
	g := netguard.New(netguard.Config{Allow: allow(t, "127.0.0.1"), Resolver: n, Connect: d.connect})
	if _, _, err := get(t.Context(), g.Client(netguard.Options{}), "http://a.test/"); !errors.Is(err, netguard.ErrRefused) || len(d.to) > 0 {
		t.Errorf("plain http to a public name: %v %v", err, d.to)
	}
	// The pipe that it gets is closed, so the request fails, but it was let go.
	if _, _, err := get(t.Context(), g.Client(netguard.Options{}), "http://b.test/"); errors.Is(err, netguard.ErrRefused) || len(d.to) == 0 {
		t.Errorf("plain http to an allowed address: %v %v", err, d.to)
	}
}
