package childproxy_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

// spelled is an address as a caller writes it, and the host that it is, as bindings write that; none: it is no address.
type spelled struct{ text, host string }

var spellings = []func(r *rand.Rand, host string) spelled{
	func(_ *rand.Rand, h string) spelled { return spelled{h, h} },
	func(_ *rand.Rand, h string) spelled { return spelled{strings.ToUpper(h), h} },
	func(_ *rand.Rand, h string) spelled { return spelled{withPort(h), h} },
	func(_ *rand.Rand, h string) spelled { return spelled{"x" + h, "x" + h} },
	func(_ *rand.Rand, h string) spelled { return spelled{"a." + h, "a." + h} },
	func(_ *rand.Rand, h string) spelled { return spelled{"evil.test@" + h, ""} },
	func(_ *rand.Rand, h string) spelled { return spelled{h + "@evil.test", ""} },
	func(_ *rand.Rand, h string) spelled { return spelled{strings.Replace(h, "e", "\u0435", 1), ""} },
	func(_ *rand.Rand, h string) spelled { return spelled{h + ".evil.test", h + ".evil.test"} },
	func(_ *rand.Rand, h string) spelled {
		name, port, ok := strings.Cut(h, ":")
		if name += "."; ok {
			name += ":" + port
		}
		return spelled{name, h}
	},
}

func withPort(host string) string {
	if strings.Contains(host, ":") {
		return host
	}
	return host + ":443"
}

// allows reads bindings naively.
func allows(list []client.Binding, host, method, path string) bool {
	return slices.ContainsFunc(list, func(b client.Binding) bool {
		at := slices.ContainsFunc(b.Hosts, func(h string) bool {
			below, ok := strings.CutPrefix(h, "*")
			return h == host || ok && strings.HasSuffix(host, below)
		})
		under := len(b.Paths) == 0 || slices.ContainsFunc(b.Paths, func(p string) bool {
			return p == path || strings.HasSuffix(p, "/**") && strings.HasPrefix(path+"/", strings.TrimSuffix(p, "**"))
		})
		return at && under && (len(b.Methods) == 0 || slices.Contains(b.Methods, method))
	})
}

// TestTheHostsThatGetASecretAreThoseOfItsBindings, whichever way it is used, however hosts are written, wherever they
// redirect to, and whatever their names lead to.
func TestTheHostsThatGetASecretAreThoseOfItsBindings(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden)
	r := rand.New(rand.NewPCG(41, 43)) // in this goroutine, and in lookups under the network's lock
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	hosts := []string{"a.test", "b.test", "a.test:8443", "x.a.test"}
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		if to := r.Header.Get("X-Redirect"); to != "" {
			http.Redirect(w, r, "https://"+to+"/v1/x", http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, "ok "+r.Header.Get("Authorization"))
	})
	got := 0
	for round := range 12 {
		flips := round%2 == 1
		lookups := rand.New(rand.NewPCG(uint64(round), 47))
		s.net.mu.Lock()
		s.net.finds = func() []netip.Addr {
			good, bad := netip.MustParseAddr("93.184.215.14"), netip.MustParseAddr("169.254.169.254")
			switch n := lookups.IntN(4); {
			case !flips || n == 0:
				return []netip.Addr{good}
			case n == 1:
				return []netip.Addr{good, bad}
			default:
				return []netip.Addr{bad}
			}
		}
		s.net.mu.Unlock()
		var list []client.Binding
		for range 1 + r.IntN(2) {
			b := client.Binding{Hosts: []string{pick(hosts...)}}
			if r.IntN(3) == 0 {
				b.Hosts = append(b.Hosts, "*.a.test")
			}
			if r.IntN(3) == 0 {
				b.Methods = []string{pick("GET", "POST")}
			}
			if r.IntN(3) == 0 {
				b.Paths = []string{pick("/v1/**", "/v1/x")}
			}
			list = append(list, b)
		}
		s.bind("k", list...)
		ways := s.ways(s.start(map[string]string{"TOKEN": "k"}, byToken))
		for range 16 {
			at := spellings[r.IntN(len(spellings))](r, pick(hosts...))
			method, path, redirect := pick("GET", "POST"), pick("/v1/x", "/v1/y", "/v2"), pick("", "b.test", "evil.test")
			for name, ask := range ways {
				if name == "proxy" && strings.Contains(at.text, "@") {
					continue // a program takes the user out by itself
				}
				s.site.seen()
				refused := ask(method, "https://"+at.text+path, redirect)
				want := allows(list, at.host, method, path)
				var reached []string
				for _, q := range s.site.seen() {
					for _, values := range q.Header {
						if strings.Contains(fmt.Sprint(values), hidden) {
							reached = append(reached, strings.TrimSuffix(strings.ToLower(q.Host), ":443"))
						}
					}
				}
				what := fmt.Sprintf("%s: %s %s%s to %q bound to %+v", name, method, at.text, path, redirect, list)
				switch {
				case len(reached) > 1 || len(reached) == 1 && (!want || unDotted(reached[0]) != at.host):
					t.Errorf("%s: %q got the secret", what, reached)
				case len(reached) == 0 && want && !(flips && refused):
					t.Errorf("%s: nobody got the secret", what)
				}
				got += len(reached)
			}
		}
	}
	if got < 60 {
		t.Errorf("the secret was sent %d times in all", got)
	}
	for _, at := range s.net.dialed {
		if at.IsPrivate() || at.IsLinkLocalUnicast() {
			t.Errorf("the server called %s", at)
		}
	}
}

func unDotted(host string) string {
	return strings.TrimSuffix(strings.Replace(host, ".:", ":", 1), ".")
}

// ways are those of using the secret of a run: each asks an address that may redirect, and says whether it was
// refused for where the name leads.
func (s *stage) ways(r *run) map[string]func(method, address, redirect string) (refused bool) {
	const reference = "Bearer {{secret:k}}"
	var failed *client.Error
	code := func(err error) bool { return errors.As(err, &failed) && failed.Code == "destination_refused" }
	return map[string]func(string, string, string) bool{
		"http-request": func(method, address, redirect string) bool {
			head := map[string]string{"Authorization": reference, "X-Redirect": redirect}
			_, err := s.agent.SendRequest(s.t.Context(), client.HTTPRequest{Method: method, URL: address, Headers: head})
			return code(err)
		},
		"http-stream": func(method, address, redirect string) bool {
			head := client.HTTPStream{Method: method, URL: address, Headers: [][2]string{{"Authorization", reference}, {"X-Redirect", redirect}}}
			a, err := s.agent.OpenStream(s.t.Context(), head, http.NoBody)
			if err != nil {
				return code(err)
			}
			_, _ = io.Copy(io.Discard, a.Body)
			_ = a.Body.Close()
			return false
		},
		"proxy": func(method, address, redirect string) bool {
			q, err := http.NewRequestWithContext(s.t.Context(), method, address, http.NoBody)
			if err != nil {
				return false
			}
			q.Header.Set("Authorization", "Bearer "+r.vars["TOKEN"])
			q.Header.Set("X-Redirect", redirect)
			c := r.client()
			res, err := c.Do(q)
			if err != nil {
				return false
			}
			b, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			c.CloseIdleConnections()
			return res.StatusCode == http.StatusForbidden && strings.Contains(string(b), "not public")
		},
	}
}
