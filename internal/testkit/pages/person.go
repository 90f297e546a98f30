package pages

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// Person is somebody with a browser that runs no scripts: it keeps cookies, says where
// its forms come from, and follows no redirect.
type Person struct {
	*Server
	Name string // its address is world.Email(Name), its password world.Password
	User policy.Principal
	HTTP *http.Client
}

// Person makes somebody with an organisation of its own, who is signed in.
func (s *Server) Person(name string) *Person {
	s.t.Helper()
	p := s.Stranger(name)
	p.SignIn()
	return p
}

// Stranger is a Person who has not signed in yet.
func (s *Server) Stranger(name string) *Person {
	s.t.Helper()
	user, _ := s.SignUp(name)
	s.Exec(`UPDATE users SET email_verified = 1 WHERE id = ?`, user.ID)
	return s.browser(name, user)
}

// Member makes somebody who is signed in to the organisation of another.
func (s *Server) Member(of *Person, name string, role policy.Role) *Person {
	s.t.Helper()
	p := s.Stranger(name)
	s.must(of.Client().Invite(s.t.Context(), world.Email(name), string(role)))
	own := p.Client()
	_, err := own.AcceptInvitation(s.t.Context(), client.ValueOf(s.Mail.Token(world.Invited, world.Email(name))))
	s.must(err)
	_, err = own.SwitchOrg(s.t.Context(), of.User.Org) // logins lead there from now on
	s.must(err)
	p.User = s.SignedIn(p.User.ID, of.User.Org)
	p.SignIn()
	return p
}

// OtherBrowser is the same person at a browser that is not signed in, at this node.
func (s *Server) OtherBrowser(p *Person) *Person { return s.browser(p.Name, p.User) }

func (s *Server) browser(name string, user policy.Principal) *Person {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	s.must(err)
	return &Person{Server: s, Name: name, User: user, HTTP: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// At is the same browser at another node, which sees the same cookies.
func (p *Person) At(node *Server) *Person {
	there := *p
	there.Server = node
	return &there
}

// SignIn fills in the form of a login.
func (p *Person) SignIn() {
	p.t.Helper()
	status, _, body := p.Post("/login", url.Values{"email": {world.Email(p.Name)}, "password": {world.Password}})
	if status != http.StatusSeeOther {
		p.t.Fatalf("sign in as %s: %d\n%s", p.Name, status, body)
	}
}

// Client is one of the API with a new login of the person.
func (p *Person) Client() *client.Client {
	p.t.Helper()
	return p.ClientOf(p.LogIn(world.Email(p.Name), world.Password))
}

// ClientOf is one of the API with a token or a key; an empty one is nobody's.
func (s *Server) ClientOf(token string) *client.Client {
	s.t.Helper()
	opts := []client.Option{client.WithPatience(0)}
	if token != "" {
		opts = append(opts, client.WithToken(token))
	}
	c, err := client.New(s.URL, opts...)
	s.must(err)
	return c
}

// Get opens a page.
func (p *Person) Get(path string) (status int, body string) {
	p.t.Helper()
	status, _, body = p.Do(http.MethodGet, path, nil, nil)
	return status, body
}

// Post sends a form as a page of the server does. The location is where it leads to.
func (p *Person) Post(path string, form url.Values) (status int, location, body string) {
	p.t.Helper()
	status, h, body := p.Do(http.MethodPost, path, form, map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": p.URL, "Referer": p.URL + path})
	return status, h.Get("Location"), body
}

// Do sends a request with headers of the test's.
func (p *Person) Do(method, path string, form url.Values, headers map[string]string) (status int, h http.Header, body string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.URL+path, strings.NewReader(form.Encode()))
	p.must(err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	res, err := p.HTTP.Do(r)
	p.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	p.must(err)
	return res.StatusCode, res.Header, string(text)
}

// Cookie is what the browser has that keeps it signed in, or nothing.
func (p *Person) Cookie() *http.Cookie {
	p.t.Helper()
	here, err := url.Parse(p.URL)
	p.must(err)
	public, err := url.Parse(p.public)
	p.must(err)
	for _, c := range p.HTTP.Jar.Cookies(here) {
		if c.Name == "oneclaw-"+public.Port() {
			return c
		}
	}
	return nil
}

// Plant puts a value in the place of the cookie that keeps the browser signed in.
func (p *Person) Plant(value string) {
	p.t.Helper()
	here, err := url.Parse(p.URL)
	p.must(err)
	public, err := url.Parse(p.public)
	p.must(err)
	p.HTTP.Jar.SetCookies(here, []*http.Cookie{{Name: "oneclaw-" + public.Port(), Value: value, Path: "/"}})
}

func (s *Server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
