package idp

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oneclaw-dev/oneclaw/internal/oidc"
)

// Applications of every kind get ID tokens that a verifier takes, by either
// algorithm, and access tokens that userinfo answers.
func TestApplicationsLogIn(t *testing.T) {
	const secret = "s+1 %"
	for name, tc := range map[string]struct {
		app  application
		auth func(http.Header, url.Values)
	}{
		"public": {
			application{id: "app", algorithm: jose.RS256},
			func(_ http.Header, f url.Values) { f.Set("client_id", "app") },
		},
		"secret in the body": {
			application{id: "app", secret: secret, algorithm: jose.ES256},
			func(_ http.Header, f url.Values) { f.Set("client_id", "app"); f.Set("client_secret", secret) },
		},
		"secret in the header": {
			application{id: "app", secret: secret, algorithm: jose.RS256},
			func(h http.Header, _ url.Values) {
				(&http.Request{Header: h}).SetBasicAuth("app", url.QueryEscape(secret))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, tc.app)
			form := url.Values{
				"grant_type": {"authorization_code"}, "code": {p.code(t, Second, "n-1", "verifier")},
				"redirect_uri": {redirect}, "code_verifier": {"verifier"},
			}
			head := http.Header{}
			tc.auth(head, form)
			var out struct {
				Access string `json:"access_token"`
				ID     string `json:"id_token"`
				Type   string `json:"token_type"`
			}
			decode(t, do(t, http.DefaultClient, http.MethodPost, p.endpoints(t).Token, form, head), &out)
			c, err := oidc.New(http.DefaultClient).Verify(t.Context(), "test", p.Issuer, out.ID, time.Now())
			if err != nil || !c.For("app") || c.AuthorizedParty != "app" || c.Nonce != "n-1" || c.Subject != "id2" ||
				c.Email != SecondEmail || !c.EmailVerified || c.Authenticated.IsZero() {
				t.Errorf("%+v %v", c, err)
			}
			var about map[string]any
			decode(t, p.about(t, out.Type+" "+out.Access), &about)
			if about["sub"] != "id2" || about["email"] != SecondEmail {
				t.Errorf("userinfo: %v", about)
			}
		})
	}
}

func TestTheTokenEndpointRefuses(t *testing.T) {
	p := start(t, application{id: "app", secret: "s", algorithm: jose.RS256}, application{id: "other", algorithm: jose.RS256})
	good := url.Values{"client_id": {"app"}, "client_secret": {"s"}}
	with := func(key, value string) url.Values {
		v := url.Values{}
		for k, old := range good {
			v[k] = old
		}
		v.Set(key, value)
		return v
	}
	for name, tc := range map[string]struct {
		change url.Values
		status int
		want   string
	}{
		"a wrong secret":       {with("client_secret", "t"), 401, "invalid_client"},
		"no secret":            {url.Values{"client_id": {"app"}}, 401, "invalid_client"},
		"a stranger":           {with("client_id", "who"), 401, "invalid_client"},
		"another application":  {url.Values{"client_id": {"other"}}, 400, "invalid_grant"},
		"another address":      {with("redirect_uri", "http://localhost/"), 400, "invalid_grant"},
		"another verifier":     {with("code_verifier", "w"), 400, "invalid_grant"},
		"no verifier":          {with("code_verifier", ""), 400, "invalid_grant"},
		"another code":         {with("code", "c"), 400, "invalid_grant"},
		"a grant without name": {with("grant_type", ""), 400, "invalid_request"},
		"another grant":        {with("grant_type", "password"), 400, "unsupported_grant_type"},
	} {
		wantError(t, name, p.exchange(t, p.code(t, First, "n", "v"), "v", tc.change), tc.status, tc.want)
	}
	code := p.code(t, First, "n", "v")
	if r := p.exchange(t, code, "v", good); r.status != 200 {
		t.Fatalf("a good code: %d %s", r.status, r.body)
	}
	wantError(t, "a code that was used", p.exchange(t, code, "v", good), 400, "invalid_grant")
	wantError(t, "userinfo", p.about(t, "Bearer "+code), 401, "invalid_token")
}

func TestTheAuthorizationEndpointRefuses(t *testing.T) {
	p := Start(t)
	good := url.Values{
		"client_id": {p.ClientID}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"},
		"code_challenge_method": {"S256"}, "code_challenge": {"x"},
	}
	for key, tc := range map[string]struct{ value, want string }{
		"client_id":             {"who", ""},
		"redirect_uri":          {"http://localhost/elsewhere", ""},
		"response_type":         {"token", "unsupported_response_type"},
		"scope":                 {"email", "invalid_scope"},
		"code_challenge":        {"", "invalid_request"},
		"code_challenge_method": {"plain", "invalid_request"},
	} {
		q := url.Values{}
		for k, v := range good {
			q[k] = v
		}
		q.Set(key, tc.value)
		page, back := p.browse(t, http.MethodGet, p.endpoints(t).Authorize+"?"+q.Encode(), nil)
		switch {
		case tc.want == "" && (back != nil || page.status != 400):
			t.Errorf("%s: %d, sent back with %v", key, page.status, back)
		case tc.want != "" && (back.Get("error") != tc.want || back.Get("state") != "s" || back.Has("code")):
			t.Errorf("%s: sent back with %v", key, back)
		}
	}
	page, _ := p.browse(t, http.MethodGet, p.endpoints(t).Authorize+"?"+good.Encode(), nil)
	if r, back := p.browse(t, http.MethodPost, page.at.String(), url.Values{"username": {First}, "password": {"x"}}); r.status != 401 || back != nil {
		t.Errorf("a wrong password: %d, sent back with %v", r.status, back)
	}
	login := url.Values{"username": {First}, "password": {password}}
	if _, back := p.browse(t, http.MethodPost, page.at.String(), login); !back.Has("code") {
		t.Errorf("a login was sent back with %v", back)
	}
	if r, back := p.browse(t, http.MethodPost, page.at.String(), login); r.status != 400 || back != nil {
		t.Errorf("a login that was used: %d, sent back with %v", r.status, back)
	}
}

func wantError(t *testing.T, what string, r reply, status int, code string) {
	t.Helper()
	var out map[string]string
	if err := json.Unmarshal(r.body, &out); err != nil || r.status != status || out["error"] != code {
		t.Errorf("%s: %d %s, want %d %s", what, r.status, r.body, status, code)
	}
}

// about asks the userinfo endpoint.
func (p *Provider) about(t *testing.T, authorization string) reply {
	t.Helper()
	return do(t, http.DefaultClient, http.MethodGet, p.endpoints(t).Userinfo, nil, http.Header{"Authorization": {authorization}})
}
