package childproxy_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

const foreign = "another-s3cr3t-0123456789"

// openForeign is a run that has one secret of two. What the service gets of the other is counted.
func openForeign(t *testing.T) (s *stage, r *run, leaks *atomic.Int64) {
	s, leaks = openStage(t), new(atomic.Int64)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}}, client.Binding{Hosts: []string{"api.test"}, In: "basic"}, client.Binding{Hosts: []string{"body.test"}, In: "body:/own"})
	both := []string{"api.test", "body.test"}
	s.keep("other", foreign, client.Binding{Hosts: both, In: "header:X-Two"}, client.Binding{Hosts: both, In: "query:a"}, client.Binding{Hosts: both, In: "body:/a"}, client.Binding{Hosts: both, In: "basic"})
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, password, _ := r.BasicAuth()
		if query, _ := url.QueryUnescape(r.URL.RawQuery); strings.Contains(fmt.Sprint(r.Header, query, string(b), password), foreign) {
			leaks.Add(1)
		}
		_, _ = io.WriteString(w, "ok")
	})
	return s, s.start(map[string]string{"TOKEN": "k"}, byToken), leaks
}

// escapes writes each letter as it is or escaped, as chance has it.
func escapes(r *rand.Rand, text, format string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		switch n := r.IntN(4); {
		case n == 0:
			_, _ = fmt.Fprintf(&out, format, c)
		case n == 1:
			out.WriteString(strings.ReplaceAll(fmt.Sprintf(format, c), fmt.Sprintf("%02x", c), fmt.Sprintf("%02X", c)))
		case n == 2 && c == '/' && format[0] == '\\':
			out.WriteString(`\/`)
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// A program of the run writes references to another secret in every place, escaped in every way that
// the place decodes. None is filled.
func TestAProgramUsesNoSecretOfAnotherRun(t *testing.T) {
	s, run, leaks := openForeign(t)
	token := run.vars["TOKEN"]
	chance := rand.New(rand.NewPCG(3, 67))
	const inJSON, inForm = `\u00%02x`, `%%%02x`
	send := func(target, kind, body string, headers ...string) (int, string) {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
		must(t, err)
		q.Header.Set("Authorization", "Bearer "+token)
		if strings.Contains(target, "body.test") {
			q.Header.Del("Authorization")
		}
		if kind != "" {
			q.Header.Set("Content-Type", kind)
		}
		for i := 0; i < len(headers); i += 2 {
			q.Header.Set(headers[i], headers[i+1])
		}
		res, err := run.client().Do(q)
		text := bodyOf(t, res, err)
		return res.StatusCode, text
	}
	const form = "application/x-www-form-urlencoded"
	for i := range 60 {
		ref := []string{"{{secret:other}}", "oneclaw://" + s.vault + "/other", "oneclaw://main/other"}[i%3]
		json, escaped := escapes(chance, ref, inJSON), escapes(chance, ref, inForm)
		for name, c := range map[string]struct{ target, kind, body, header, value string }{
			"JSON":              {target: "https://api.test/", kind: "application/json", body: `{"a":"` + json + `"}`},
			"JSON of a binding": {target: "https://body.test/", kind: "application/vnd.x+json", body: `{"own":"` + token + `","a":"` + json + `"}`},
			"a form":            {target: "https://api.test/", kind: form, body: "b=1&a=" + escaped},
			"form of a binding": {target: "https://body.test/", kind: form, body: "own=" + token + "&a=" + escaped},
			"the query":         {target: "https://api.test/?b=1&a=" + escaped},
			"a header":          {target: "https://api.test/", header: "X-Two", value: ref},
		} {
			var set []string
			if c.header != "" {
				set = []string{c.header, c.value}
			}
			status, text := send(c.target, c.kind, c.body, set...)
			if status != http.StatusBadRequest || !strings.Contains(text, "reference_in_request") {
				t.Fatalf("%s %s %s: %d %s", name, c.target, c.body, status, text)
			}
		}
		// What no reader decodes is sent as it is, or refused.
		for _, pair := range []string{"user:" + ref, ref + ":" + token, token + ":" + ref, ref} {
			_, _ = send("https://api.test/", "", "", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
		}
		_, _ = send("https://api.test/", "", "", "X-Two", escaped)
	}
	if n := leaks.Load(); n > 0 {
		t.Errorf("the service got the other secret %d times", n)
	}
	// A reference of the run's own is a use that the program did not ask for by its placeholder.
	if status, text := send("https://body.test/", "application/json", `{"a":"`+token+`","own":"{{\u0073ecret:k}}"}`); status != http.StatusBadRequest {
		t.Errorf("got %d %s", status, text)
	}
}

// One reading decides whether a body has a reference: an escaped one is filled like one in the clear.
func TestAnEscapedReferenceIsReadLikeAnother(t *testing.T) {
	s, _, leaks := openForeign(t)
	for i, c := range [][2]string{
		{"application/json", `{"a":"{{\u0073ecret:other}}"}`}, {"application/json", `{"a":"one\u0063law:\/\/main\/other"}`},
		{"application/x-www-form-urlencoded", "a={{s%65cret:other}}"}, {"application/x-www-form-urlencoded", "a=one%63law://main/other"},
	} {
		got, err := s.agent.OpenStream(t.Context(), client.HTTPStream{Method: "POST", URL: "https://api.test/", Headers: [][2]string{{"Content-Type", c[0]}}, VaultID: s.vault}, io.NopCloser(strings.NewReader(c[1])))
		must(t, err)
		_ = got.Body.Close()
		sent, err := s.agent.SendRequest(t.Context(), client.HTTPRequest{Method: "POST", URL: "https://api.test/", Headers: map[string]string{"Content-Type": c[0]}, VaultID: s.vault, Body: fmt.Appendf(nil, "%q", c[1])})
		must(t, err)
		if n := leaks.Load(); n != int64(2*i+2) || sent.Status != http.StatusOK {
			t.Errorf("%s: the service got the secret %d times", c[1], n)
		}
	}
	// A body that is no JSON and has no reference passes byte for byte.
	got, err := s.agent.OpenStream(t.Context(), client.HTTPStream{Method: "POST", URL: "https://api.test/", VaultID: s.vault,
		Headers: [][2]string{{"Content-Type", "application/json"}, {"X-Two", "{{secret:other}}"}}}, io.NopCloser(strings.NewReader(`{"a":"\u00`)))
	must(t, err)
	_ = got.Body.Close()
}
