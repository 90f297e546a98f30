package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// grants is a secret with a grant in one of its fields.
func grants(t *testing.T, field, grant string) string {
	t.Helper()
	text, err := json.Marshal(map[string]string{field: grant, "other": "0ther-field-of-it"})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A grant may be a text of a secret that is JSON: it goes to its issuer, the token to the host, and no answer shows
// anything of the secret.
func TestAGrantInAFieldIsUsed(t *testing.T) {
	k := openTokens(t)
	k.keep("all", grants(t, "crm", refreshValue), k.bound())
	k.up.say = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		_, _ = io.WriteString(w, strings.Join([]string{r.Header.Get("Authorization"), refreshFirst, clientSecret, "0ther-field-of-it"}, " "))
	}
	for range 2 {
		got := k.ask("all#crm").want(200)
		if k.sent() != "Bearer "+minted(1) {
			t.Errorf("the host got %q", k.sent())
		}
		for _, hidden := range []string{"acc3ss", "r3fresh", "cl1ent", "0ther"} {
			if strings.Contains(string(got.body), hidden) {
				t.Errorf("the answer has %s: %s", hidden, got.body)
			}
		}
	}
	if a := k.from.call(0); k.from.calls() != 1 || a.form.Get("grant_type") != "refresh_token" || a.form.Get("refresh_token") != refreshFirst || a.user != "service+id" && a.user != "service id" || a.password == "" {
		t.Errorf("the issuer was asked %d times, with %+v", k.from.calls(), a)
	}
	if len(k.versions("all")) != 1 {
		t.Errorf("there are %d versions", len(k.versions("all")))
	}
	for _, e := range k.Events(k.ada.org) {
		for _, hidden := range []string{"acc3ss", "r3fresh", "cl1ent", "0ther"} {
			if strings.Contains(string(e.DetailsJSON), hidden) {
				t.Errorf("the log has %s", e.DetailsJSON)
			}
		}
	}
	sent := k.up.calls()
	k.ask("all#other").want(409, "value_not_usable") // a text that is no grant
	k.ask("all#none").want(409, "field_not_found")
	k.ask("all").want(409, "value_not_usable")
	k.keep("deep", `{"crm":`+refreshValue+`}`, k.bound()) // an object is no text
	k.ask("deep#crm").want(409, "field_not_found")
	if k.up.calls() != sent || k.from.calls() != 1 {
		t.Errorf("%d requests were sent, and the issuer was asked %d times", k.up.calls()-sent, k.from.calls())
	}
}

// An issuer that replaces refresh tokens would use up one in a field, which is not stored: the request fails, nothing is
// sent, and what was used up is not sent again until there is another version.
func TestAGrantInAFieldThatItsIssuerReplacesIsRefused(t *testing.T) {
	k := openTokens(t)
	k.keep("all", grants(t, "crm", refreshValue), k.bound())
	r := k.rotates(refreshFirst)
	for range 3 {
		k.ask("all#crm").want(422, "refresh_token_rotated")
	}
	r.counts(t, 1, 0)
	if k.up.calls() != 0 || len(k.versions("all")) != 1 {
		t.Errorf("%d requests were sent, and there are %d versions", k.up.calls(), len(k.versions("all")))
	}
	if got := k.do("GET", secretAt(k.vault, "all"), k.ada.token, nil).want(200); got.str("value") != grants(t, "crm", refreshValue) {
		t.Errorf("the secret is %s", got.body)
	}
	// The other field of a version that a person stored then is another grant.
	r.is("r3fresh-token-two")
	k.ada.put(k.vault, "all", grants(t, "crm", strings.Replace(refreshValue, refreshFirst, "r3fresh-token-two", 1)))
	k.ask("all#crm").want(422, "refresh_token_rotated")
	r.counts(t, 2, 0)
	if text := fmt.Sprint(k.Log.String()); strings.Contains(text, "r3fresh") {
		t.Errorf("the server's log has %s", text)
	}
}
