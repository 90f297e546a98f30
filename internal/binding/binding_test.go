package binding_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
)

func always(*binding.Binding) bool { return true }

func allowed(t *testing.T, b binding.Binding, method, address string) bool {
	t.Helper()
	list, err := binding.Check([]binding.Binding{b})
	if err != nil {
		t.Fatalf("%+v: %v", b, err)
	}
	to, _, err := binding.ParseTarget(method, address)
	return err == nil && binding.Allows(list, &to, always) != nil
}

// The caller picks the destination: every spelling that some program reads in another way is
// no address, and every other one is compared as it is sent.
func TestWhoeverPicksTheDestination(t *testing.T) {
	stripe := binding.Binding{Hosts: []string{"api.stripe.com"}, Paths: []string{"/v1/**"}}
	for address, want := range map[string]bool{
		"https://api.stripe.com/v1/charges":            true,
		"https://API.stripe.com/v1/charges":            true,
		"https://api.stripe.com./v1/charges":           true,
		"https://api.stripe.com:443/v1":                true,
		"https://api.stripe.com/v1/a%20b?x=%2F..":      true,
		"https://api.stripe.com/v1/%7Euser":            true,
		"http://api.stripe.com/v1/charges":             false, // another port
		"http://api.stripe.com:443/v1/charges":         true,  // netguard speaks http to what the operator allowed alone
		"https://api.stripe.com:8443/v1/charges":       false,
		"https://api.stripe.com:0443/v1":               false,
		"https://api.stripe.com:/v1":                   false,
		"https://api.stripe.com@evil.example/v1/a":     false,
		"https://evil.example@api.stripe.com/v1/a":     false,
		"https://user:pw@api.stripe.com/v1/a":          false,
		"https://api.stripe.com%2eevil.example/v1/a":   false,
		"https://api.stripe.com.evil.example/v1/a":     false,
		"https://evil.example/v1/a#@api.stripe.com/v1": false,
		"https://api.stripe.com\\@evil.example/v1":     false,
		"https://evil.example\\.api.stripe.com/v1":     false,
		"https://xapi.stripe.com/v1/a":                 false,
		"https://api.stripe.com:443:80/v1":             false,
		"https://api.strıpe.com/v1":                    false,
		"https://аpi.stripe.com/v1":                    false,
		"https://api.stripe.com\t/v1":                  false,
		"https:api.stripe.com/v1":                      false,
		"//api.stripe.com/v1":                          false,
		"ftp://api.stripe.com/v1":                      false,
		"https:///v1":                                  false,
		"https://[::ffff:1.2.3.4]/v1":                  false,
		"https://api.stripe.com/v2/charges":            false,
		"https://api.stripe.com/v1/../v2/charges":      false,
		"https://api.stripe.com/v1/%2e%2e/v2":          false,
		"https://api.stripe.com/v1/..%2fv2":            false,
		"https://api.stripe.com/v1/..%5cv2":            false,
		"https://api.stripe.com/v1/..;/v2":             false,
		"https://api.stripe.com/v1//v2":                false,
		"https://api.stripe.com//v1/a":                 false,
		"https://api.stripe.com/v1/%00":                false,
		"https://api.stripe.com/v1/%0d%0aHost:%20evil": false,
		"https://api.stripe.com/v1/%zz":                false,
		"https://api.stripe.com/%76%31/charges":        true,  // the same, escaped for nothing
		"https://api.stripe.com/v1%2Fcharges":          false, // a segment of its own to some servers
		"https://api.stripe.com/v1/a%2Fb":              true,
	} {
		if got := allowed(t, stripe, "GET", address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	one := binding.Binding{Hosts: []string{"a.example"}, Paths: []string{"/v1/*"}}
	if allowed(t, one, "GET", "https://a.example/v1/a%2Fadmin") {
		t.Error("an escaped slash goes round the end of a pattern")
	}
}

func TestHostsOfABinding(t *testing.T) {
	for _, c := range []struct {
		host, address string
		want          bool
	}{
		{"*.amazonaws.com", "https://s3.eu-west-1.amazonaws.com/b", true},
		{"*.amazonaws.com", "https://amazonaws.com/b", false},
		{"*.amazonaws.com", "https://xamazonaws.com/b", false},
		{"*.amazonaws.com", "https://amazonaws.com.evil.example/b", false},
		{"127.0.0.1:9001", "http://127.0.0.1:9001/", true},
		{"127.0.0.1:9001", "http://127.1:9001/", false},
		{"127.0.0.1:9001", "http://0x7f.0.0.1:9001/", false},
		{"127.0.0.1:9001", "http://2130706433:9001/", false},
		{"127.0.0.1:9001", "http://localhost:9001/", false},
		{"127.0.0.1:9001", "http://[::ffff:127.0.0.1]:9001/", true}, // the same address
		{"[::1]:9001", "http://[::1]:9001/", true},
		{"[::1]:9001", "http://[0:0:0:0:0:0:0:1]:9001/", true},
		{"[::1]:9001", "http://[::1%25lo]:9001/", false},
	} {
		if got := allowed(t, binding.Binding{Hosts: []string{c.host}}, "GET", c.address); got != c.want {
			t.Errorf("%s for %s: %v", c.host, c.address, got)
		}
	}
}

func TestWhatIsNoBinding(t *testing.T) {
	host := []string{"a.example"}
	for name, b := range map[string]binding.Binding{
		"no host": {}, "every host": {Hosts: []string{"*"}}, "a top-level domain": {Hosts: []string{"*.com"}}, "a registry": {Hosts: []string{"*.co.uk"}}, "one that nobody runs": {Hosts: []string{"*.local"}}, "an address below": {Hosts: []string{"*.1.2.3.4"}}, "a scheme": {Hosts: []string{"https://a.example"}},
		"a user": {Hosts: []string{"u@a.example"}}, "a path": {Hosts: []string{"a.example/x"}}, "port 0": {Hosts: []string{"a.example:0"}}, "a blank": {Hosts: []string{"a example"}},
		"TRACE": {Hosts: host, Methods: []string{"TRACE"}}, "CONNECT": {Hosts: host, Methods: []string{"CONNECT"}}, "an unknown method": {Hosts: host, Methods: []string{"FETCH"}},
		"no slash": {Hosts: host, Paths: []string{"v1"}}, "dots": {Hosts: host, Paths: []string{"/a/../b"}}, "stars in a name": {Hosts: host, Paths: []string{"/a**"}}, "a query": {Hosts: host, Paths: []string{"/a?b"}},
		"an unknown place": {Hosts: host, In: "cookie"}, "no name": {Hosts: host, In: "header:"}, "a header of the message": {Hosts: host, In: "header:Transfer-Encoding"}, "a pointer without a slash": {Hosts: host, In: "body:token"},
		"a user of no use": {Hosts: host, User: "x"}, "a colon in the user": {Hosts: host, In: "basic", User: "a:b"}, "a region that is none": {Hosts: host, In: "sigv4", Region: "us-east-1,*", Service: "s3"}, "no token_url": {Hosts: host, In: "oauth2"},
		"a token_url with a user": {Hosts: host, In: "oauth2", TokenURL: "https://a@b.example/"}, "a token_url with dots": {Hosts: host, In: "oauth2", TokenURL: "https://b.example/a/../t"},
		"a token_url of a file": {Hosts: host, In: "oauth2", TokenURL: "file:///etc/passwd"}, "a token_url with a fragment": {Hosts: host, In: "oauth2", TokenURL: "https://b.example/t#x"},
		"a token_url in other letters": {Hosts: host, In: "oauth2", TokenURL: "https://b\u00e4.example/t"}, "a token_url of no use": {Hosts: host, TokenURL: "https://b.example/t"},
		"a token_auth that is none": {Hosts: host, In: "oauth2", TokenURL: "https://b.example/t", TokenAuth: "jwt"}, "a token_auth of no use": {Hosts: host, TokenAuth: "body"},
	} {
		if _, err := binding.Check([]binding.Binding{b}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := binding.Check(make([]binding.Binding, binding.Most+1)); err == nil {
		t.Error("too many are taken")
	}
}

// The set of requests that a binding allows is that of a naive reading of it.
func TestBindingsAgreeWithANaiveReading(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	hosts := []string{"a.example", "b.example", "x.a.example", "a.example:8443", "127.0.0.1", "127.0.0.1:8443"}
	for range 20000 {
		b := binding.Binding{Hosts: []string{pick("a.example", "*.a.example", "a.example:8443", "127.0.0.1", "b.example")}}
		if r.IntN(2) == 0 {
			b.Methods = []string{pick("GET", "POST")}
		}
		for range r.IntN(3) {
			var segments []string
			for range 1 + r.IntN(3) {
				segments = append(segments, pick("v1", "v2", "*", "**", "a*", "*1"))
			}
			b.Paths = append(b.Paths, "/"+strings.Join(segments, "/"))
		}
		var path []string
		for range r.IntN(4) {
			path = append(path, pick("v1", "v2", "a", "ab1"))
		}
		host, method := pick(hosts...), pick("GET", "POST", "PUT", "HEAD")
		address := "https://" + host + "/" + strings.Join(path, "/")
		if got, want := allowed(t, b, method, address), naive(b, method, address); got != want {
			t.Fatalf("%+v for %s %s: %v, and read naively %v", b, method, address, got, want)
		}
	}
}

// naive reads a binding with expressions of regexp.
func naive(b binding.Binding, method, address string) bool {
	u, err := url.Parse(address)
	if method == "HEAD" && slices.Contains(b.Methods, "GET") {
		method = "GET"
	}
	if err != nil || len(b.Methods) > 0 && !slices.Contains(b.Methods, method) {
		return false
	}
	host := slices.ContainsFunc(b.Hosts, func(h string) bool {
		if below, ok := strings.CutPrefix(h, "*."); ok {
			return strings.HasSuffix(u.Host, "."+below)
		}
		return u.Host == h
	})
	if !host || len(b.Paths) == 0 {
		return host
	}
	return slices.ContainsFunc(b.Paths, func(p string) bool {
		expression := ""
		for s := range strings.SplitSeq(p[1:], "/") {
			if s == "**" {
				expression += "(/[^/]*)*"
			} else {
				expression += "/" + strings.ReplaceAll(regexp.QuoteMeta(s), `\*`, "[^/]*")
			}
		}
		return regexp.MustCompile("^" + expression + "$").MatchString(u.Path)
	})
}

func FuzzTargets(f *testing.F) {
	for _, s := range []string{"https://a.example/v1", "http://127.0.0.1:9001/a%2Fb?c=d", "https://a@b/c", "https://[::1]/", "https://a.example/%2e%2e/"} {
		f.Add("GET", s)
	}
	f.Fuzz(func(t *testing.T, method, address string) {
		to, u, err := binding.ParseTarget(method, address)
		if err != nil {
			return
		}
		again, _, err := binding.ParseTarget(to.Method, u.String())
		if err != nil || fmt.Sprint(again) != fmt.Sprint(to) {
			t.Errorf("%q is sent as %q, which is read as %+v and not as %+v (%v)", address, u, again, to, err)
		}
		if strings.Contains(u.Path, "..") && slices.Contains(strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' || r == '\\' }), "..") {
			t.Errorf("%q has dots", u.Path)
		}
	})
}
