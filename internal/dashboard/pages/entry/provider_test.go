package entry_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/idp"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

// surfer is a browser that nobody has signed in with.
type surfer struct {
	t *testing.T
	*http.Client
	url string
}

func surf(t *testing.T, s *pages.Server) *surfer {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &surfer{t, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, s.URL}
}

// open returns the status, where the answer leads, and the page.
func (s *surfer) open(address string) (status int, to, body string) {
	s.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = s.url + address
	}
	res, err := s.Get(address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Location"), string(text)
}

func TestAPersonLogsInWithAProviderAndProvesThereToBeHere(t *testing.T) {
	p := idp.Start(t)
	s := pages.OpenTrusting(t, p)
	b := surf(t, s)
	if _, _, body := b.open("/login?to=/settings"); !strings.Contains(body, `href="/login/with/0?to=%2Fsettings"`) || !strings.Contains(body, "the provider") {
		t.Fatalf("the form of a login\n%s", body)
	}
	_, to, _ := b.open("/login/with/0?to=/settings")
	back := p.LogIn(t, to, idp.First)
	status, to, body := b.open(back.String())
	if status != http.StatusSeeOther || to != "/settings" {
		t.Fatalf("back from the provider: %d %q\n%s", status, to, body)
	}
	if _, _, body := b.open(to); !strings.Contains(body, idp.FirstEmail) {
		t.Errorf("it is not signed in\n%s", body)
	}
	if status, _, _ := b.open(back.String()); status != http.StatusUnauthorized {
		t.Errorf("the answer of the provider once more: %d", status)
	}
	// Later it has to prove that it is still there, which the provider vouches for too.
	s.Clock.Forward(11 * time.Minute)
	res, err := b.PostForm(b.url+"/settings/keys", url.Values{"name": {"k"}, "days": {"90"}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || !strings.Contains(string(text), "/login/with/0?again=yes") {
		t.Fatalf("it is not asked who it is: %v\n%s", err, text)
	}
	_, to, _ = b.open("/login/with/0?again=yes&to=/settings/keys")
	if u, err := url.Parse(to); err != nil || u.Query().Get("prompt") != "login" || u.Query().Get("max_age") != "0" {
		t.Errorf("the provider is not told to ask: %s", to)
	}
}

func TestTheIconIsWhereBrowsersLookForIt(t *testing.T) {
	b := surf(t, pages.Open(t))
	status, to, _ := b.open("/favicon.ico")
	if status != http.StatusFound {
		t.Fatalf("%d %s", status, to)
	}
	if status, _, text := b.open(to); status != http.StatusOK || !strings.Contains(text, "<svg") {
		t.Errorf("%s: %d", to, status)
	}
}

func TestALoginWithAProviderIsOfTheBrowserThatBeganIt(t *testing.T) {
	p := idp.Start(t)
	s := pages.OpenTrusting(t, p)
	b, other := surf(t, s), surf(t, s)
	_, to, _ := b.open("/login/with/0")
	back := p.LogIn(t, to, idp.First)
	if status, _, body := other.open(back.String()); status != http.StatusUnauthorized || !strings.Contains(body, "not begun here") {
		t.Errorf("in another browser: %d\n%s", status, body)
	}
	_, to, _ = b.open("/login/with/0")
	for what, change := range map[string]func(q url.Values){
		"another state":    func(q url.Values) { q.Set("state", "x") },
		"another provider": func(q url.Values) { q.Set("iss", "https://other.example.com") },
		"no code":          func(q url.Values) { q.Del("code") },
		"a made-up code":   func(q url.Values) { q.Set("code", "x") },
	} {
		q := p.LogIn(t, to, idp.First).Query()
		change(q)
		if status, _, _ := b.open("/login/from?" + q.Encode()); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", what, status)
		}
		if _, to, _ := b.open("/"); !strings.HasPrefix(to, "/login") {
			t.Errorf("%s let it in", what)
		}
		_, to, _ = b.open("/login/with/0")
	}
	for _, path := range []string{"/login/with/1", "/login/with/-1", "/login/with/x"} {
		if status, _, _ := b.open(path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	if _, to, _ := b.open("/login/with/0?to=https://evil.example.com/"); !strings.HasPrefix(to, p.Issuer) {
		t.Errorf("leads to %s", to)
	}
	_, to, _ = b.open("/login/with/0?to=https://evil.example.com/")
	if status, to, _ := b.open(p.LogIn(t, to, idp.First).String()); status != http.StatusSeeOther || to != "/" {
		t.Errorf("after the login: %d to %q", status, to)
	}
}
