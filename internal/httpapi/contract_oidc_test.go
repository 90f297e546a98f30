package httpapi_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/oidc"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/idp"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

const client = "oneclaw-client"

// trusting lets humans log in through the provider, and agents through any on
// this machine.
func trusting(issuer, client string) func(*setup) {
	return func(s *setup) {
		allow, err := netguard.ParseAllow("127.0.0.1")
		if err != nil {
			panic(err)
		}
		guard := netguard.New(netguard.Config{Allow: allow})
		humans(s, func(c *account.Config) {
			c.LoginKeys = oidc.New(guard.Client(netguard.Options{}))
			c.Logins = []account.LoginProvider{{Issuer: issuer, ClientID: client}}
		})
		s.Agents = func(c *agent.Config) {
			c.Issuers = oidc.New(guard.Client(netguard.Options{}))
			c.Audiences, c.CheckURL = []string{audience}, guard.CheckURL
		}
	}
}

// says are the claims of an ID token that is good at the world's time.
func (w *world) says(f *idp.Forge, change idp.Claims) idp.Claims {
	now := w.Clock.Now()
	c := idp.Claims{
		"iss": f.Issuer, "sub": "1001", "aud": client, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"email": "eve@example.com", "email_verified": true, "name": "Eve",
	}
	for k, v := range change {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func (w *world) google(token string, nonce any) reply {
	w.t.Helper()
	body := object{"id_token": token}
	if nonce != nil {
		body["nonce"] = nonce
	}
	return w.do("POST", "/v1/auth/google", "", body)
}

func TestLoginThroughARealProvider(t *testing.T) {
	p := idp.Start(t)
	w := open(t, trusting(p.Issuer, p.ClientID))
	w.Clock.Forward(time.Since(w.Clock.Now())) // the provider has a real clock

	first := p.IDToken(t, idp.First, "n-1")
	w.google(first, "n-2").want(401, "unauthenticated")
	r := w.google(first, "n-1").want(200)
	fields(t, "TokenResponse", r.json(), tokenFields...)
	me := w.do("GET", "/v1/auth/me", r.str("access_token"), nil).want(200)
	o := me.json()
	if o["email"] != idp.FirstEmail || o["email_verified"] != true || o["auth_method"] != "oidc" || o["role"] != "owner" {
		t.Errorf("the new account is %v", o)
	}
	w.google(first, "n-1").want(401, "unauthenticated") // a token logs in once

	again := w.google(p.IDToken(t, idp.First, "n-3"), nil).want(200)
	if id := w.do("GET", "/v1/auth/me", again.str("access_token"), nil).want(200).str("id"); id != me.str("id") {
		t.Error("the second login is another account")
	}
	other := w.google(p.IDToken(t, idp.Second, "n-4"), "n-4").want(200)
	if id := w.do("GET", "/v1/auth/me", other.str("access_token"), nil).want(200).str("id"); id == me.str("id") {
		t.Error("another user got the same account")
	}
	// Nobody knows a password for it.
	w.do("POST", "/v1/auth/token", "", object{"email": idp.FirstEmail, "password": password}).want(401)
	w.do("POST", "/v1/auth/token", "", object{"email": idp.FirstEmail, "password": ""}).want(401)
}

func TestLoginWithoutAProvider(t *testing.T) {
	w := open(t)
	w.google("x", nil).want(400, "oidc_not_configured")
	w.do("POST", "/v1/auth/google", "", object{}).want(400)
	w.do("POST", "/v1/auth/google", "", object{"id_token": ""}).want(400)
}

func TestIDTokensThatAreNotGoodAreRefused(t *testing.T) {
	f, elsewhere := idp.NewForge(t), idp.NewForge(t)
	f.Add("ec", jwt.SigningMethodES256)
	f.Add("ed", jwt.SigningMethodEdDSA)
	w := open(t, trusting(f.Issuer, client), rest.OneByOne)
	now := w.Clock.Now()
	sign := func(change idp.Claims) string { return f.Sign("first", w.says(f, change)) }
	parts := strings.Split(sign(nil), ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	ownKey := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"AAAA"}}`))
	twice := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + f.Issuer + `","iss":"` + f.Issuer + `"}`))
	for name, c := range map[string]struct{ token, nonce, reason string }{
		"another issuer":             {token: elsewhere.Sign("first", w.says(elsewhere, nil)), reason: "wrong_issuer"},
		"an issuer spelt otherwise":  {token: sign(idp.Claims{"iss": f.Issuer + "/"}), reason: "wrong_issuer"},
		"another's key":              {token: elsewhere.Sign("first", w.says(f, nil)), reason: "bad_signature"},
		"another audience":           {token: sign(idp.Claims{"aud": "x"}), reason: "wrong_audience"},
		"no audience":                {token: sign(idp.Claims{"aud": nil}), reason: "wrong_audience"},
		"two audiences and no party": {token: sign(idp.Claims{"aud": []string{client, "x"}}), reason: "wrong_audience"},
		"another party":              {token: sign(idp.Claims{"azp": "x"}), reason: "wrong_audience"},
		"another party of two":       {token: sign(idp.Claims{"aud": []string{client, "x"}, "azp": "x"}), reason: "wrong_audience"},
		"no algorithm":               {token: unsigned + "." + parts[1] + ".", reason: "token_algorithm"},
		"the public key as a secret": {token: idp.SignWith(t, jwt.SigningMethodHS256, f.PEM("first"), "first", w.says(f, nil)), reason: "token_algorithm"},
		"a key in the token":         {token: ownKey + "." + parts[1] + "." + parts[2], reason: "unknown_signing_key"},
		"an unknown key":             {token: idp.SignWith(t, jwt.SigningMethodRS256, idp.Key(t, jwt.SigningMethodRS256), "x", w.says(f, nil)), reason: "unknown_signing_key"},
		"no key id among several":    {token: idp.SignWith(t, jwt.SigningMethodRS256, idp.Key(t, jwt.SigningMethodRS256), "", w.says(f, nil)), reason: "unknown_signing_key"},
		"another key of that id":     {token: idp.SignWith(t, jwt.SigningMethodRS256, idp.Key(t, jwt.SigningMethodRS256), "first", w.says(f, nil)), reason: "bad_signature"},
		"another algorithm's key":    {token: idp.SignWith(t, jwt.SigningMethodES256, idp.Key(t, jwt.SigningMethodES256), "first", w.says(f, nil)), reason: "bad_signature"},
		"an altered claim":           {token: parts[0] + "." + strings.Split(sign(idp.Claims{"sub": "1"}), ".")[1] + "." + parts[2], reason: "bad_signature"},
		"an ended token":             {token: sign(idp.Claims{"exp": now.Add(-31 * time.Second).Unix()}), reason: "token_expired"},
		"no end":                     {token: sign(idp.Claims{"exp": nil}), reason: "token_malformed"},
		"an end in a string":         {token: sign(idp.Claims{"exp": fmt.Sprint(now.Add(time.Hour).Unix())}), reason: "token_malformed"},
		"an end out of time":         {token: sign(idp.Claims{"exp": 1e300}), reason: "token_malformed"},
		"an end in a thousand years": {token: sign(idp.Claims{"exp": now.AddDate(1000, 0, 0).Unix()}), reason: "token_lives_too_long"},
		"a token of the future":      {token: sign(idp.Claims{"iat": now.Add(time.Minute).Unix()}), reason: "token_not_yet_valid"},
		"a token not good yet":       {token: sign(idp.Claims{"nbf": now.Add(time.Minute).Unix()}), reason: "token_not_yet_valid"},
		"no time of issue":           {token: sign(idp.Claims{"iat": nil}), reason: "subject_missing"},
		"another nonce":              {token: sign(idp.Claims{"nonce": "a"}), nonce: "b", reason: "wrong_nonce"},
		"no nonce where one is due":  {token: sign(nil), nonce: "b", reason: "wrong_nonce"},
		"no mail":                    {token: sign(idp.Claims{"email": nil}), reason: "email_not_verified_by_provider"},
		"a mail nobody verified":     {token: sign(idp.Claims{"email_verified": false}), reason: "email_not_verified_by_provider"},
		"verified in a string":       {token: sign(idp.Claims{"email_verified": "true"}), reason: "email_not_verified_by_provider"},
		"verified as a number":       {token: sign(idp.Claims{"email_verified": 1}), reason: "email_not_verified_by_provider"},
		"verified not said":          {token: sign(idp.Claims{"email_verified": nil}), reason: "email_not_verified_by_provider"},
		"a mail that is none":        {token: sign(idp.Claims{"email": "eve@example.com\r\nBcc: x@example.com"}), reason: "email_not_verified_by_provider"},
		"no subject":                 {token: sign(idp.Claims{"sub": nil}), reason: "subject_missing"},
		"a subject with a NUL":       {token: sign(idp.Claims{"sub": "a\x00b"}), reason: "subject_missing"},
		"a claim twice":              {token: parts[0] + "." + twice + "." + parts[2], reason: "token_malformed"},
		"a broken line":              {token: parts[0] + "." + parts[1] + "\n." + parts[2], reason: "token_malformed"},
		"no token":                   {token: "x", reason: "token_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			var nonce any
			if c.nonce != "" {
				nonce = c.nonce
			}
			events := w.during(func() { w.google(c.token, nonce).want(401, "unauthenticated") })
			if len(events) != 1 || events[0].action != "auth.failure" || events[0].detail("reason") != c.reason {
				t.Errorf("the log says %v", events)
			}
		})
	}
	for name, token := range map[string]string{
		"an RSA key":                 sign(nil),
		"an EC key":                  f.Sign("ec", w.says(f, nil)),
		"an Ed25519 key":             f.Sign("ed", w.says(f, nil)),
		"audiences and a party":      sign(idp.Claims{"aud": []string{"x", client}, "azp": client}),
		"a nonce nobody asked for":   sign(idp.Claims{"nonce": "a"}),
		"a clock a little off":       sign(idp.Claims{"exp": now.Add(-20 * time.Second).Unix(), "iat": now.Add(-time.Minute).Unix()}),
		"a name that is no good":     sign(idp.Claims{"sub": "7", "email": "mallory@example.com", "name": "\x00" + strings.Repeat("x", 300)}),
		"a name that is no text":     sign(idp.Claims{"jti": "8", "name": 5}),
		"a mail in another spelling": sign(idp.Claims{"jti": "9", "email": "EVE@Example.com"}),
	} {
		if r := w.google(token, nil); r.status != 200 {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

func TestAnIDTokenLogsInOnce(t *testing.T) {
	f := idp.NewForge(t)
	f.Add("ec", jwt.SigningMethodES256)
	w := open(t, trusting(f.Issuer, client))
	token := f.Sign("ec", w.says(f, nil))
	if n := at100(func(int) bool { return w.google(token, nil).status == 200 }); n != 1 {
		t.Errorf("one token logged in %d times", n)
	}
	// An ECDSA signature has a twin that is as good; it is the same token.
	head, signature, _ := cutLast(token)
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		t.Fatal(err)
	}
	w.google(head+"."+base64.RawURLEncoding.EncodeToString(twin(raw)), nil).want(401)
	// Base64 that does not fill its last character has twins too, in which bits
	// that nobody reads are set.
	for size := range 3 { // of which two leave bits over
		once := f.Sign("ec", w.says(f, idp.Claims{"jti": strings.Repeat("x", 1+size)}))
		w.google(once, nil).want(200)
		parts := strings.Split(once, ".")
		for i := range parts[:2] {
			others := slices.Clone(parts)
			others[i] = looseTwin(parts[i])
			if others[i] != parts[i] {
				w.google(strings.Join(others, "."), nil).want(401)
			}
		}
	}

	// Many tokens of somebody new make one account.
	tokens := make([]string, 100)
	for i := range tokens {
		tokens[i] = f.Sign("first", w.says(f, idp.Claims{"sub": "new", "email": "new@example.com", "jti": fmt.Sprint(i)}))
	}
	if n := at100(func(i int) bool { return w.google(tokens[i], nil).status == 200 }); n != 100 {
		t.Errorf("%d of 100 tokens logged in", n)
	}
	rows := 0
	w.Each(`SELECT COUNT(*) FROM users WHERE email = 'new@example.com'`, func(scan func(...any) error) error { return scan(&rows) })
	if rows != 1 {
		t.Errorf("%d accounts", rows)
	}
	w.Clock.Forward(8 * 24 * time.Hour) // rows stay a week beyond their end
	w.google(f.Sign("first", w.says(f, idp.Claims{"jti": "last"})), nil).want(200)
	w.Each(`SELECT COUNT(*) FROM spent_tokens`, func(scan func(...any) error) error { return scan(&rows) })
	if rows != 1 {
		t.Errorf("%d tokens are kept that have ended, or none", rows)
	}
}

// looseTwin sets the lowest bit of the last character of base64, which stands for
// nothing unless the length is a multiple of four.
func looseTwin(text string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(text) - 1
	if len(text)%4 == 0 {
		return text
	}
	return text[:last] + string(letters[strings.IndexByte(letters, text[last])|1])
}

// at100 runs f in 100 goroutines at once and counts how often it was true.
func at100(f func(int) bool) int {
	var wg sync.WaitGroup
	start, good := make(chan struct{}), make(chan bool, 100)
	for i := range 100 {
		wg.Go(func() {
			<-start
			good <- f(i)
		})
	}
	close(start)
	wg.Wait()
	close(good)
	n := 0
	for ok := range good {
		if ok {
			n++
		}
	}
	return n
}

func TestAccountsOfTheSameMail(t *testing.T) {
	f := idp.NewForge(t)
	w := open(t, trusting(f.Issuer, client))
	ada := w.signup("ada")
	token := func(change idp.Claims) string {
		return f.Sign("first", w.says(f, idp.Claims{"sub": "ada-there", "email": ada.email, "jti": fmt.Sprint(change)}))
	}
	// Somebody may have made the account before the address's owner came.
	w.google(token(nil), nil).want(403, "account_not_linked")
	w.Exec(`UPDATE users SET email_verified = 1 WHERE id = ?`, ada.id)
	r := w.google(token(idp.Claims{"n": 1}), nil).want(200)
	if id := w.do("GET", "/v1/auth/me", r.str("access_token"), nil).want(200).str("id"); id != ada.id {
		t.Error("the confirmed account was not linked")
	}
	// From there on the subject counts, whatever the mail.
	moved := f.Sign("first", w.says(f, idp.Claims{"sub": "ada-there", "email": "elsewhere@example.com"}))
	r = w.google(moved, nil).want(200)
	if me := w.do("GET", "/v1/auth/me", r.str("access_token"), nil).want(200); me.str("id") != ada.id || me.str("email") != ada.email {
		t.Error("the subject is somebody else with another mail")
	}
	// The password still works.
	ada.login()
	// Somebody who is given the address later has another subject: nobody's account.
	next := f.Sign("first", w.says(f, idp.Claims{"sub": "next-there", "email": ada.email}))
	w.google(next, nil).want(403, "account_of_other_identity")

	closed := open(t, trusting(f.Issuer, client), noSignup)
	closed.google(f.Sign("first", closed.says(f, nil)), nil).want(403, "signup_closed")
	boss := closed.firstOwner()
	closed.do("POST", "/v1/org/invite", boss.token, object{"email": "eve@example.com"}).want(200)
	closed.google(f.Sign("first", closed.says(f, idp.Claims{"sub": "2", "email": "x@example.com"})), nil).want(403, "signup_closed")
	closed.google(f.Sign("first", closed.says(f, idp.Claims{"jti": "2"})), nil).want(200)
	// The invitation's time is the time for this.
	closed.do("POST", "/v1/org/invite", boss.token, object{"email": "late@example.com"}).want(200)
	closed.Clock.Forward(8 * 24 * time.Hour)
	closed.google(f.Sign("first", closed.says(f, idp.Claims{"sub": "3", "email": "late@example.com"})), nil).want(403, "signup_closed")
}

// Letters that fold into ASCII make two addresses of one: a provider may vouch for
// the one, and an account of the other must not open.
func TestAddressesThatOnlyLookAlikeAreRefused(t *testing.T) {
	f := idp.NewForge(t)
	w := open(t, trusting(f.Issuer, client))
	victim := w.signup("kiki")
	w.Exec(`UPDATE users SET email_verified = 1 WHERE id = ?`, victim.id)
	for name, spelling := range map[string]string{
		"KELVIN SIGN": "\u212Aiki@example.com", "DOTTED I": "k\u0130ki@example.com", "LONG S": "kiki@example.com\u017f",
		"NO-BREAK SPACE": "\u00a0kiki@example.com",
	} {
		for path, body := range map[string]object{
			"/v1/auth/signup":   {"email": spelling, "password": password},
			"/v1/agents/enroll": {"name": "x", "human_email": spelling},
			"/v1/org/invite":    {"email": spelling},
		} {
			r := w.do("POST", path, victim.token, body)
			r.what += " with " + name
			r.want(400, "invalid_email")
		}
		w.do("POST", "/v1/auth/token", "", object{"email": spelling, "password": password}).want(401)
		w.google(f.Sign("first", w.says(f, idp.Claims{"sub": name, "email": spelling})), nil).want(401)
	}
}

func TestAProviderLoginPassesTheSecondFactor(t *testing.T) {
	f := idp.NewForge(t)
	w := open(t, trusting(f.Issuer, client))
	w.google(f.Sign("first", w.says(f, nil)), nil).want(200)
	w.Exec(`UPDATE users SET totp = 1 WHERE email = 'eve@example.com'`)
	o := w.google(f.Sign("first", w.says(f, idp.Claims{"jti": "2"})), nil).want(200).json()
	if o["access_token"] != "" || o["mfa_required"] != true || o["mfa_token"] == "" {
		t.Errorf("a second factor was not asked for: %v", slices.Sorted(maps.Keys(o)))
	}
}

func TestKeysOfAProviderThatChangeAndAProviderThatIsAway(t *testing.T) {
	f := idp.NewForge(t)
	w := open(t, trusting(f.Issuer, client))
	n := 0
	login := func(key string) reply {
		n++
		return w.google(f.Sign(key, w.says(f, idp.Claims{"jti": fmt.Sprint(n)})), nil)
	}
	f.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	login("first").want(503, "identity_provider_unavailable")
	f.Answer(nil)
	login("first").want(503, "identity_provider_unavailable") // it was asked a moment ago
	w.Clock.Forward(10 * time.Second)
	login("first").want(200)
	asked := f.Asked.Load()

	// Unknown keys make one question in ten seconds.
	f.Add("second", jwt.SigningMethodES256)
	if n := at100(func(i int) bool {
		return w.google(idp.SignWith(t, jwt.SigningMethodEdDSA, idp.Key(t, jwt.SigningMethodEdDSA), fmt.Sprint("x", i), w.says(f, nil)), nil).status == 401
	}); n != 100 {
		t.Errorf("%d of 100 unknown keys were refused", n)
	}
	if got := f.Asked.Load(); got != asked {
		t.Errorf("the provider was asked %d times in the same moment", got-asked)
	}
	w.Clock.Forward(10 * time.Second)
	login("second").want(200)
	if got := f.Asked.Load(); got != asked+1 {
		t.Errorf("the provider was asked %d times for a new key", got-asked)
	}
	// While it is away its keys are good for an hour, and no longer.
	f.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	w.Clock.Forward(50 * time.Minute)
	login("second").want(200)
	w.Clock.Forward(10 * time.Minute)
	login("second").want(503, "identity_provider_unavailable")
}

func cutLast(token string) (head, signature string, ok bool) {
	i := strings.LastIndexByte(token, '.')
	return token[:i], token[i+1:], i > 0
}

// twin is the other signature of the same message: s and the order less s.
func twin(raw []byte) []byte {
	out := slices.Clone(raw)
	s := new(big.Int).SetBytes(raw[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(out[32:])
	return out
}
