package oidc_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/oidc"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/idp"
)

// leadsBack is where the provider of the tests may lead to.
const leadsBack = "http://127.0.0.1:1/login/from"

func TestAFlowEndsWithATokenForItsNonce(t *testing.T) {
	for name, p := range map[string]*idp.Provider{"public": idp.Start(t), "confidential": idp.StartConfidential(t)} {
		t.Run(name, func(t *testing.T) {
			f := &oidc.Flow{Client: http.DefaultClient, Issuer: p.Issuer, ClientID: p.ClientID, Secret: func() string { return p.Secret }, Now: time.Now}
			l, err := f.Begin(t.Context(), leadsBack, false)
			if err != nil {
				t.Fatal(err)
			}
			back := p.LogIn(t, l.URL, idp.First).Query()
			if back.Get("state") != l.State {
				t.Errorf("it came back with %v", back)
			}
			text, err := f.Finish(t.Context(), &l, leadsBack, back.Get("code"))
			if err != nil {
				t.Fatal(err)
			}
			claims, err := oidc.New(http.DefaultClient).Verify(t.Context(), "", p.Issuer, text, time.Now())
			if err != nil || claims.Nonce != l.Nonce || claims.Email != idp.FirstEmail {
				t.Errorf("claims %+v, %v", claims, err)
			}
			if _, err := f.Finish(t.Context(), &l, leadsBack, back.Get("code")); !errors.Is(err, oidc.Malformed) {
				t.Errorf("a code that was used: %v", err)
			}
			again, err := f.Begin(t.Context(), leadsBack, true)
			if err != nil {
				t.Fatal(err)
			}
			code := p.LogIn(t, again.URL, idp.First).Query().Get("code")
			if _, err := f.Finish(t.Context(), &l, leadsBack, code); !errors.Is(err, oidc.Malformed) {
				t.Errorf("a code of another login: %v", err)
			}
			wrong := &oidc.Flow{Client: http.DefaultClient, Issuer: p.Issuer, ClientID: p.ClientID, Secret: func() string { return "wrong" }, Now: time.Now}
			if _, err := wrong.Finish(t.Context(), &again, leadsBack, code); !errors.Is(err, oidc.Malformed) {
				t.Errorf("with another secret: %v", err)
			}
		})
	}
}

func TestAProviderThatSpeaksForAnotherOrIsAwayIsAskedSeldom(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write([]byte(`{"issuer":"https://other.example.com","authorization_endpoint":"https://other.example.com/a","token_endpoint":"https://other.example.com/t"}`))
	}))
	defer s.Close()
	now := time.Now()
	f := &oidc.Flow{Client: http.DefaultClient, Issuer: s.URL, ClientID: "c", Now: func() time.Time { return now }}
	for range 3 {
		if l, err := f.Begin(t.Context(), leadsBack, false); !errors.Is(err, oidc.Unreachable) {
			t.Errorf("it leads to %s, %v", l.URL, err)
		}
	}
	now = now.Add(11 * time.Second)
	_, err := f.Begin(t.Context(), leadsBack, false)
	if !errors.Is(err, oidc.Unreachable) || asked != 2 {
		t.Errorf("asked %d times, %v", asked, err)
	}
}

func TestAnAddressOfAProviderKeepsItsQuery(t *testing.T) {
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer":"` + s.URL + `","authorization_endpoint":"` + s.URL + `/a?tenant=1","token_endpoint":"` + s.URL + `/t"}`))
	}))
	defer s.Close()
	f := &oidc.Flow{Client: http.DefaultClient, Issuer: s.URL, ClientID: "c", Now: time.Now}
	l, err := f.Begin(t.Context(), leadsBack, true)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("tenant") != "1" || q.Get("client_id") != "c" || q.Get("redirect_uri") != leadsBack || q.Get("code_challenge_method") != "S256" || q.Get("prompt") != "login" {
		t.Errorf("the address is %s", l.URL)
	}
}
