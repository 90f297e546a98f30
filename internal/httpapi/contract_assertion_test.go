package httpapi_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/idp"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// subject is what GitHub puts into its tokens.
const subject = "repo:acme/app:ref:refs/heads/main"

// worker registers an agent that authenticates with tokens of the issuer.
func (h *human) worker(f *idp.Forge, client string, more object) (id string) {
	h.t.Helper()
	draft := object{"name": "ci", "auth_method": "oidc_client_credentials", "oidc_issuer": f.Issuer, "oidc_client_id": client}
	for k, v := range more {
		draft[k] = v
	}
	r := h.do("POST", "/v1/agents", h.token, draft).want(201)
	if _, has := r.json()["api_key"]; has {
		h.t.Error("an agent with an issuer has a key")
	}
	return r.str("agent", "id")
}

// asserts are the claims of a workload's token that is good at the world's time.
func (w *world) asserts(f *idp.Forge, change idp.Claims) idp.Claims {
	now := w.Clock.Now()
	c := idp.Claims{"iss": f.Issuer, "sub": subject, "aud": audience, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	for k, v := range change {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func (w *world) exchangeAll(body any, change ...func(*http.Request)) reply {
	w.t.Helper()
	return w.do("POST", "/v1/auth/agent-token", "", body, change...)
}

// form sends fields as OAuth clients do.
func (w *world) form(fields url.Values) reply {
	w.t.Helper()
	return w.exchangeAll(fields.Encode(), header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"))
}

func TestAnAgentsIssuerGetsItsToken(t *testing.T) {
	f := idp.NewForge(t)
	w := open(t, trusting(f.Issuer, client))
	ada := w.signup("ada")
	v := ada.vaultNamed("main")
	id := ada.worker(f, subject, object{"vault_ids": []string{v}, "token_ttl_seconds": 300})
	token := f.Sign("first", w.asserts(f, nil))
	const (
		bearer   = "urn:ietf:params:oauth:grant-type:jwt-bearer"
		exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
		typeJWT  = "urn:ietf:params:oauth:token-type:jwt"
		asserted = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	)
	full := append([]string{"agent_id", "vault_ids"}, tokenFields...)
	for name, form := range map[string]url.Values{
		"by itself":                    {"jwt": {token}},
		"by itself, with the agent":    {"token": {token}, "agent_id": {id}},
		"an agent in capitals":         {"token": {token}, "agent_id": {strings.ToUpper(id)}},
		"an assertion":                 {"grant_type": {bearer}, "assertion": {token}},
		"an assertion with the agent":  {"grant_type": {bearer}, "assertion": {token}, "client_id": {id}},
		"a client id that is no agent": {"grant_type": {bearer}, "assertion": {token}, "client_id": {"ci"}},
		"a client assertion":           {"grant_type": {"client_credentials"}, "client_assertion_type": {asserted}, "client_assertion": {token}},
		"an exchange":                  {"grant_type": {exchange}, "subject_token": {token}, "subject_token_type": {typeJWT}, "agent_id": {id}},
		"fields that are empty":        {"grant_type": {""}, "jwt": {token}, "api_key": {""}, "scope": {"a b"}, "audience": {"x"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			inJSON := object{}
			for k, list := range form {
				if list[0] != "" {
					inJSON[k] = list[0]
				}
			}
			for how, r := range map[string]reply{"a form": w.form(form), "JSON": w.exchangeAll(inJSON)} {
				r.want(200)
				want := full
				if form.Get("grant_type") == exchange {
					want = append([]string{"issued_token_type"}, full...)
				}
				o := fields(t, how, r.json(), want...)
				number(t, o, "expires_in", 300)
				if o["agent_id"] != id || o["vault_ids"].([]any)[0] != v {
					t.Errorf("%s: %v", how, o)
				}
				if self := w.do("GET", "/v1/agents/me", r.str("access_token"), nil).want(200); self.str("id") != id {
					t.Errorf("%s: the token is another agent's", how)
				}
			}
			strict := w.exchangeAll(inJSON, header("User-Agent", "OpenAPI-Generator/1.0.0/go")).want(200)
			fields(t, "for the Go client", strict.json(), tokenFields...)
		})
	}
	// curl -d says that JSON is a form.
	w.exchangeAll(object{"jwt": token}, header("Content-Type", "application/x-www-form-urlencoded")).want(200)
	// No other operation takes forms.
	w.do("POST", "/v1/auth/api-key-token", "", "api_key=x", header("Content-Type", "application/x-www-form-urlencoded")).want(400, "invalid_json")

	for name, c := range map[string]struct {
		form url.Values
		code string
	}{
		"nothing":                    {url.Values{"agent_id": {id}}, "invalid_request"},
		"a key and a token":          {url.Values{"api_key": {"ocv_x"}, "jwt": {token}}, "several_credentials"},
		"two tokens":                 {url.Values{"token": {token}, "jwt": {token}}, "several_credentials"},
		"two agents":                 {url.Values{"jwt": {token}, "agent_id": {id}, "client_id": {v}}, "several_credentials"},
		"another grant":              {url.Values{"jwt": {token}, "grant_type": {"password"}}, "unsupported_grant_type"},
		"an assertion in its stead":  {url.Values{"assertion": {token}, "grant_type": {exchange}}, "unsupported_grant_type"},
		"another type of token":      {url.Values{"subject_token": {token}, "grant_type": {exchange}, "subject_token_type": {"urn:ietf:params:oauth:token-type:saml2"}}, "unsupported_token_type"},
		"another type of assertion":  {url.Values{"client_assertion": {token}, "client_assertion_type": {"x"}}, "unsupported_token_type"},
		"another type that is asked": {url.Values{"jwt": {token}, "requested_token_type": {"urn:ietf:params:oauth:token-type:refresh_token"}}, "unsupported_token_type"},
		"a field twice":              {url.Values{"jwt": {token, token}}, "invalid_form"},
	} {
		t.Run(name, func(t *testing.T) { w.in(t).form(c.form).want(400, c.code) })
	}
	for name, raw := range map[string]string{
		"no escapes": "jwt=%zz", "a semicolon": "jwt=a;token=b", "many fields": strings.Repeat("a=b&", 40), "no UTF-8": "jwt=%ff",
	} {
		if r := w.exchangeAll(raw, header("Content-Type", "application/x-www-form-urlencoded")); r.status != 400 {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	if log := w.Log.String(); strings.Contains(log, "request failed") { // what callers do wrong is no failure of the server
		t.Errorf("the log: %s", log)
	}
}

func TestTokensThatAreNotAnAgentsAreRefusedAlike(t *testing.T) {
	f, other := idp.NewForge(t), idp.NewForge(t)
	w := open(t, trusting(f.Issuer, client), rest.OneByOne)
	ada := w.signup("ada")
	id := ada.worker(f, subject, nil)
	keyed := ada.agent(nil).id
	ended := ada.worker(f, "ended", nil)
	w.do("DELETE", "/v1/agents/"+ended, ada.token, nil).want(204)
	now := w.Clock.Now()
	sign := func(change idp.Claims) string { return f.Sign("first", w.asserts(f, change)) }
	parts := strings.Split(sign(nil), ".")
	want := w.exchangeAll(object{"jwt": "x"}).want(401, "unauthenticated")
	for name, c := range map[string]struct {
		token, agent, reason string
		seen                 bool // by the agent's organisation
	}{
		"another issuer":             {other.Sign("first", w.asserts(other, nil)), id, "wrong_issuer", true},
		"another issuer, no agent":   {other.Sign("first", w.asserts(other, nil)), "", "unknown_agent", false},
		"another's key":              {other.Sign("first", w.asserts(f, nil)), id, "bad_signature", true},
		"another audience":           {sign(idp.Claims{"aud": "x"}), id, "wrong_audience", true},
		"no audience":                {sign(idp.Claims{"aud": nil}), id, "wrong_audience", true},
		"another subject":            {sign(idp.Claims{"sub": subject + "x"}), id, "wrong_client", true},
		"another subject, no agent":  {sign(idp.Claims{"sub": subject + "x"}), "", "unknown_agent", false},
		"a subject in capitals":      {sign(idp.Claims{"sub": strings.ToUpper(subject)}), "", "unknown_agent", false},
		"no subject":                 {sign(idp.Claims{"sub": nil}), "", "unknown_agent", false},
		"a subject with a NUL":       {sign(idp.Claims{"sub": subject + "\x00"}), "", "unknown_agent", false},
		"an agent that is none":      {sign(nil), "00000000-0000-4000-8000-000000000000", "unknown_agent", false},
		"an id that is none":         {sign(nil), "x", "unknown_agent", false},
		"an agent with a key":        {sign(nil), keyed, "wrong_auth_method", true},
		"an agent that is no more":   {sign(idp.Claims{"sub": "ended"}), ended, "agent_inactive", true},
		"... found by its client":    {sign(idp.Claims{"sub": "ended"}), "", "agent_inactive", true},
		"an ended token":             {sign(idp.Claims{"exp": now.Add(-time.Minute).Unix()}), id, "token_expired", true},
		"no end":                     {sign(idp.Claims{"exp": nil}), id, "token_malformed", false},
		"a token of two days":        {sign(idp.Claims{"exp": now.Add(48 * time.Hour).Unix()}), id, "token_lives_too_long", true},
		"... that is nearly over":    {sign(idp.Claims{"iat": now.Add(-48 * time.Hour).Unix(), "nbf": nil}), id, "token_lives_too_long", true},
		"... that hides its start":   {sign(idp.Claims{"iat": nil, "exp": now.Add(48 * time.Hour).Unix()}), id, "token_lives_too_long", true},
		"a token not good yet":       {sign(idp.Claims{"nbf": now.Add(time.Minute).Unix()}), id, "token_not_yet_valid", true},
		"an unknown key":             {idp.SignWith(t, jwt.SigningMethodRS256, idp.Key(t, jwt.SigningMethodRS256), "x", w.asserts(f, nil)), id, "unknown_signing_key", true},
		"the public key as a secret": {idp.SignWith(t, jwt.SigningMethodHS256, f.PEM("first"), "first", w.asserts(f, nil)), id, "token_algorithm", false},
		"a token that is too long":   {parts[0] + "." + strings.Repeat("A", 17<<10) + "." + parts[2], id, "token_malformed", false},
		"one of our own":             {ada.token, id, "wrong_issuer", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			body := object{"jwt": c.token}
			if c.agent != "" {
				body["agent_id"] = c.agent
			}
			events := w.during(func() {
				if r := w.exchangeAll(body).want(401, "unauthenticated"); !bytes.Equal(r.body, want.body) {
					t.Errorf("it can be told from others: %s", r.body)
				}
			})
			if len(events) != 1 || events[0].action != "auth.failure" || events[0].detail("reason") != c.reason {
				t.Fatalf("the log says %v", events)
			}
			if (events[0].org == ada.org) != c.seen {
				t.Errorf("the event lies in the log of %s", events[0].org)
			}
		})
	}
	for name, change := range map[string]idp.Claims{
		"the authorised party": {"sub": "service-account-1", "azp": subject},
		"a client id":          {"sub": "service-account-1", "client_id": subject},
		"several audiences":    {"aud": []string{"x", audience}},
	} {
		if r := w.exchangeAll(object{"jwt": sign(change)}); r.status != 200 {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

func TestAClientThatTwoOrganisationsNameMustSayWhichAgent(t *testing.T) {
	f := idp.NewForge(t)
	w := open(t, trusting(f.Issuer, client))
	ada, eve := w.signup("ada"), w.signup("eve")
	hers := ada.worker(f, subject, nil)
	token := f.Sign("first", w.asserts(f, nil))
	if got := w.exchangeAll(object{"jwt": token}).want(200).str("agent_id"); got != hers {
		t.Error("another agent's token")
	}
	evil := eve.worker(f, subject, nil)
	w.exchangeAll(object{"jwt": token}).want(401)
	if got := w.exchangeAll(object{"jwt": token, "agent_id": hers}).want(200).str("agent_id"); got != hers {
		t.Error("another agent's token")
	}
	if got := w.exchangeAll(object{"jwt": token, "agent_id": evil}).want(200).str("agent_id"); got != evil {
		t.Error("another agent's token")
	}
	// Not even when hers is gone may what was meant for it go to the other's.
	w.do("DELETE", "/v1/agents/"+hers, ada.token, nil).want(204)
	w.exchangeAll(object{"jwt": token}).want(401)

	// Within one organisation the live one is meant.
	const again = "repo:acme/other"
	old := ada.worker(f, again, nil)
	w.do("DELETE", "/v1/agents/"+old, ada.token, nil).want(204)
	live := ada.worker(f, again, nil)
	token = f.Sign("first", w.asserts(f, idp.Claims{"sub": again}))
	if got := w.exchangeAll(object{"jwt": token}).want(200).str("agent_id"); got != live {
		t.Error("another agent's token")
	}
	ada.worker(f, again, nil)
	w.exchangeAll(object{"jwt": token}).want(401)
}

func TestIssuersThatAreNoneAreRefused(t *testing.T) {
	f := idp.NewForge(t)
	w := open(t, trusting(f.Issuer, client))
	ada := w.signup("ada")
	for _, issuer := range []string{
		"http://idp.example.com@127.0.0.1/", "http://10.0.0.1/", "https://10.0.0.1/", "https://[::1]/", "https://169.254.169.254/",
		"http://8.8.8.8/", "https://idp.example.com/?x", "https://idp.example.com/#x", "ftp://idp.example.com", "idp.example.com", "https://",
	} {
		ada.do("POST", "/v1/agents", ada.token, object{
			"name": "x", "auth_method": "oidc_client_credentials", "oidc_issuer": issuer, "oidc_client_id": "x",
		}).want(400, "invalid_oidc_issuer")
	}
	// A public name that turns out to be private is not called, nor is one that
	// was stored before the operator took an address back.
	id := ada.worker(f, "x", nil)
	w.Exec(`UPDATE agents SET oidc_issuer = 'https://localhost:1' WHERE id = ?`, id)
	token := f.Sign("first", w.asserts(f, idp.Claims{"iss": "https://localhost:1", "sub": "x"}))
	w.exchangeAll(object{"jwt": token}).want(401)
}

func TestAHostileIssuerCostsLittle(t *testing.T) {
	for name, h := range map[string]func(f *idp.Forge) http.HandlerFunc{
		"an answer without end": func(*idp.Forge) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				for chunk := bytes.Repeat([]byte(" "), 64<<10); r.Context().Err() == nil; {
					if _, err := w.Write(chunk); err != nil {
						return
					}
				}
			}
		},
		"a redirect": func(f *idp.Forge) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, f.Issuer, http.StatusFound) }
		},
		"another's document": func(*idp.Forge) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, `{"issuer":"https://accounts.google.com","jwks_uri":"https://www.googleapis.com/oauth2/v3/certs"}`)
			}
		},
		"keys inside": func(f *idp.Forge) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"http://127.0.0.2:1/keys"}`, f.Issuer)
			}
		},
		"no JSON": func(*idp.Forge) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<html>`) }
		},
		"too many keys": func(f *idp.Forge) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/keys" {
					fmt.Fprintf(w, `{"keys":[{}%s]}`, strings.Repeat(",{}", 200))
					return
				}
				fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"%s/keys"}`, f.Issuer, f.Issuer)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := idp.NewForge(t)
			w := open(t, trusting("https://idp.invalid", client), rest.OneByOne)
			ada := w.signup("ada")
			ada.worker(f, subject, nil)
			f.Answer(h(f))
			token := f.Sign("first", w.asserts(f, nil))
			events := w.during(func() {
				if n := at100(func(int) bool { return w.exchangeAll(object{"jwt": token}).status == 401 }); n != 100 {
					t.Errorf("%d of 100 were refused", n)
				}
			})
			if asked := f.Asked.Load(); asked > 2 {
				t.Errorf("it was asked %d times", asked)
			}
			if len(events) != 100 || events[0].detail("reason") != "issuer_unreachable" || events[0].org != ada.org {
				t.Errorf("%d events, the first %v", len(events), events[0])
			}
			f.Answer(nil)
			w.Clock.Forward(10 * time.Second)
			w.exchangeAll(object{"jwt": token}).want(200)
		})
	}
}
