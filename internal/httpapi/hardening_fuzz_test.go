package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/httpapi"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Whatever a body is, the answer is no 5xx, and an error does not repeat it.
func FuzzBody(f *testing.F) {
	routes := []struct{ method, target string }{
		{"PUT", "/v1/vaults/VAULT/secrets/fuzz"}, {"POST", "/v1/vaults"}, {"POST", "/v1/vaults/VAULT/policies"},
		{"PUT", "/v1/vaults/VAULT/policies/POLICY"}, {"PATCH", "/v1/agents/AGENT"}, {"POST", "/v1/auth/api-keys"},
		{"POST", "/v1/auth/agent-token"}, {"PATCH", "/v1/auth/me"},
	}
	s := openSession(f)
	i := 0
	for _, body := range badBodies {
		f.Add(uint8(i), []byte(body[:min(len(body), 4096)]))
		i++
	}
	for _, value := range badValues {
		f.Add(uint8(i), []byte(`{"name":`+value[:min(len(value), 4096)]+`,"value":`+value[:min(len(value), 4096)]+`}`))
		i++
	}
	for _, body := range s.goodBodies() {
		f.Add(uint8(i), encode(f, body))
		i++
	}
	ids := strings.NewReplacer("VAULT", s.vault, "POLICY", s.policy, "AGENT", s.worker.id)
	f.Fuzz(func(t *testing.T, route uint8, body []byte) {
		w := s.in(t)
		to := routes[int(route)%len(routes)]
		r := w.do(to.method, ids.Replace(to.target), s.ada.token, body)
		if r.status >= 500 {
			t.Fatalf("%d: %s", r.status, r.body)
		}
		if r.status < 400 {
			return
		}
		r.problem()
		if strings.Contains(strings.ToLower(string(body)), strings.ToLower(canary)) && strings.Contains(strings.ToLower(string(r.body)), strings.ToLower(canary)) {
			t.Errorf("the error repeats what was sent: %s", r.body)
		}
	})
}

// Whatever a path is, the answer is no 5xx and no redirect, and a secret comes
// back under its own name only.
func FuzzPath(f *testing.F) {
	s := openSession(f)
	known := []string{"a/b", "a", "A/b"}
	for _, p := range known {
		s.ada.put(s.vault, p, "value of "+p)
	}
	for _, p := range badPaths {
		f.Add("/v1/vaults/" + s.vault + "/secrets/" + p)
	}
	for _, p := range []string{"/", "/v1", "/v1/", "/v1/vaults/", "//v1/vaults", "/v1/vaults/" + s.vault, "/v1/vaults/" + s.vault + "/secrets/a%2Fb", "/v1/%76aults", "/v1/vaults/../vaults", "*", "/v1/agents/me/", "/v1/vaults?x=1;y=2", "/v1/auth/me#x"} {
		f.Add(p)
	}
	prefix := "/v1/vaults/" + s.vault + "/secrets/"
	f.Fuzz(func(t *testing.T, target string) {
		w := s.in(t)
		r := w.do("GET", target, s.ada.token, nil)
		if r.status >= 300 && r.status < 400 || r.status >= 500 {
			t.Fatalf("%q: got %d: %s", target, r.status, r.body)
		}
		raw, ok := strings.CutPrefix(target, prefix)
		if r.status != http.StatusOK || !ok {
			return
		}
		raw, _, _ = strings.Cut(raw, "?")
		name, err := url.PathUnescape(raw)
		if got := r.str("path"); err != nil || got != name || !slices.Contains(known, got) || r.str("value") != valueOf(got) {
			t.Errorf("%q gave %s", target, r.body)
		}
	})
}

func valueOf(path string) string { return "value of " + path }

// Whatever a cursor is, a listing goes on after what it stands for or is refused.
func FuzzCursor(f *testing.F) {
	s := openSession(f)
	for _, c := range []string{"", "!", "YQ", "YQ==", "YS9i", "Li4", "AA", "_w", base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("a", 512)))} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		after, err := httpapi.ParseCursor(cursor)
		r := s.in(t).do("GET", "/v1/vaults/"+s.vault+"/secrets?limit=1&cursor="+url.QueryEscape(cursor), s.ada.token, nil)
		if err != nil {
			r.want(400)
			return
		}
		if len(after) > secretpath.MaxBytes {
			t.Errorf("%q stands for %q", cursor, after)
		}
		if base64.RawURLEncoding.EncodeToString([]byte(after)) != cursor {
			t.Errorf("%q is a second spelling of %q", cursor, after)
		}
		if len(cursor) > 1024 { // longer than any that was given out
			return
		}
		for _, m := range r.want(200).list("secrets") {
			if m["path"].(string) <= after {
				t.Errorf("after %q comes %v", after, m["path"])
			}
		}
	})
}
