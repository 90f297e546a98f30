package drive_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func credentials(name string) url.Values {
	return url.Values{"email": {world.Email(name)}, "password": {world.Password}}
}

// Somebody plants the cookie of their own login, or one that nobody has: the login of the
// victim has another, and the planted one opens nothing of the victim's.
func TestAPlantedCookieIsReplacedAtTheLogin(t *testing.T) {
	s := pages.Open(t)
	eve := s.Person("eve")
	for name, planted := range map[string]string{"known": eve.Cookie().Value, "unknown": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		t.Run(name, func(t *testing.T) {
			ann := s.Stranger("ann-" + name)
			ann.Plant(planted)
			ann.SignIn()
			if ann.Cookie().Value == planted {
				t.Fatal("the login took over the planted cookie")
			}
			thief := s.OtherBrowser(eve)
			thief.Plant(planted)
			if status, body := thief.Get("/"); status == http.StatusOK || strings.Contains(body, world.Email(ann.Name)) {
				t.Errorf("the planted cookie opens a page: %d", status)
			}
		})
	}
}

// Each login and each confirmation has a cookie of its own, and the one before is nobody's.
func TestAConfirmationReplacesTheCookie(t *testing.T) {
	s := pages.Open(t)
	ann := s.Person("ann")
	old := ann.Cookie().Value
	form := credentials("ann")
	form.Set("action", "/vaults")
	form.Set("to", "/vaults")
	if status, location, body := ann.Post("/confirm", form); status != http.StatusSeeOther || location != "/vaults" {
		t.Fatalf("confirm: %d %s\n%s", status, location, body)
	}
	thief := s.OtherBrowser(ann)
	thief.Plant(old)
	if status, _ := thief.Get("/"); status == http.StatusOK || ann.Cookie().Value == old {
		t.Errorf("the cookie of before the confirmation opens a page: %d", status)
	}
	if status, _ := ann.Get("/"); status != http.StatusOK {
		t.Errorf("the new one: %d", status)
	}
}

// Where a login and a confirmation lead to is a page of this server, whatever the address says.
func TestALoginLeadsNowhereElse(t *testing.T) {
	s := pages.Open(t)
	s.Stranger("ann")
	for _, to := range []string{
		"https://evil.example/", "//evil.example/", `/\evil.example/`, `\\evil.example`, "/\t/evil.example", "/\n/evil.example", "javascript:alert(1)",
		"http:/evil.example", "http:evil.example", "///evil.example", "/%09/evil.example/..//evil.example", "@evil.example", "", "vaults", "/..//evil.example", "/.//evil.example",
	} {
		form := credentials("ann")
		form.Set("to", to)
		p := s.OtherBrowser(&pages.Person{Name: "ann"})
		status, location, body := p.Post("/login", form)
		if status != http.StatusSeeOther || elsewhere(t, s, location) {
			t.Errorf("a login with to=%q: %d %q\n%.200s", to, status, location, body)
		}
		if status, h, _ := p.Do(http.MethodGet, "/login?"+url.Values{"to": {to}}.Encode(), nil, nil); status != http.StatusSeeOther || elsewhere(t, s, h.Get("Location")) {
			t.Errorf("signed in already, with to=%q: %d %q", to, status, h.Get("Location"))
		}
		for _, field := range []string{"to", "action"} {
			form := credentials("ann")
			form.Set("to", "/vaults")
			form.Set("action", "/vaults")
			form.Set("again", "yes")
			form.Set(field, to)
			if status, location, _ := p.Post("/confirm", form); status == http.StatusSeeOther && elsewhere(t, s, location) {
				t.Errorf("a confirmation with %s=%q: %d %q", field, to, status, location)
			}
		}
		if status, location, _ := p.Post("/language", url.Values{"language": {"de"}, "to": {to}}); status != http.StatusSeeOther || elsewhere(t, s, location) {
			t.Errorf("the language with to=%q: %d %q", to, status, location)
		}
	}
}

// elsewhere reports whether a browser that is told this location leaves the server.
func elsewhere(t *testing.T, s *pages.Server, location string) bool {
	t.Helper()
	base, err := url.Parse(s.URL + "/login")
	if err != nil {
		t.Fatal(err)
	}
	// A browser takes a backslash for a slash, and drops tabs and line ends.
	u, err := base.Parse(strings.NewReplacer(`\`, "/", "\t", "", "\n", "", "\r", "").Replace(location))
	return err != nil || u.Host != base.Host || u.Scheme != base.Scheme || strings.HasPrefix(u.Path, "//")
}

// Over https each cookie is for https and this host alone; scripts never see it. One that
// another host could set would let it log somebody in as somebody else.
func TestTheCookieIsForThisServerAlone(t *testing.T) {
	for public, want := range map[string][]string{
		"https://vault.example.com": {"__Host-oneclaw=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"},
		"http://127.0.0.1:8210":     {"oneclaw-8210=", "Path=/", "HttpOnly", "SameSite=Lax"},
	} {
		s := pages.OpenAs(t, public)
		p := s.Stranger("ann")
		_, h, _ := p.Do(http.MethodPost, "/login", credentials("ann"), nil)
		got := strings.Join(h.Values("Set-Cookie"), "\n")
		_, h, _ = p.Do(http.MethodPost, "/language", url.Values{"language": {"de"}}, nil)
		prefix, _, _ := strings.Cut(want[0], "oneclaw")
		for _, other := range h.Values("Set-Cookie") {
			if !strings.HasPrefix(other, prefix+"oneclaw-") || !strings.Contains(other, "Path=/;") || strings.Contains(other, "Secure") != (prefix != "") {
				t.Errorf("%s: another cookie is %q", public, other)
			}
		}
		if len(h.Values("Set-Cookie")) == 0 {
			t.Errorf("%s: no language was kept", public)
		}
		for _, part := range want {
			if !strings.Contains(got, part) {
				t.Errorf("%s: the cookie is %q, want %s in it", public, got, part)
			}
		}
		if strings.Contains(got, "Domain") || strings.HasPrefix(public, "http:") && strings.Contains(got, "Secure") {
			t.Errorf("%s: the cookie is %q", public, got)
		}
	}
}

// A wrong password, a name that nobody has and a token in the cookie open nothing, and
// tell nothing apart.
func TestTheLoginTellsNobodyWhoHasAnAccount(t *testing.T) {
	s := pages.Open(t)
	s.Stranger("ann")
	p := s.OtherBrowser(&pages.Person{Name: "ann"})
	bad := func(email string) string {
		status, _, body := p.Post("/login", url.Values{"email": {email}, "password": {"wrong-Password-1"}})
		if status != http.StatusUnauthorized {
			t.Errorf("%s: %d", email, status)
		}
		return strings.ReplaceAll(body, email, "EMAIL")
	}
	if a, b := bad(world.Email("ann")), bad(world.Email("bea")); a != b {
		t.Errorf("the answers differ:\n%s\n%s", a, b)
	}
	p.Plant(s.LogIn(world.Email("ann"), world.Password))
	if status, _ := p.Get("/"); status != http.StatusSeeOther {
		t.Errorf("a token of the API as the cookie: %d", status)
	}
}
