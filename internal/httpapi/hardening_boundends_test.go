package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
)

const boundPath = "/secret-bindings/api-keys/pay"

// bindsAs appends a host to the bindings as clients do: the list is read, appended to and written.
func (u *unseeing) bindsAs(token, host string) reply {
	u.t.Helper()
	at := "/v1/vaults/" + u.vault + boundPath
	list := []any{}
	if have, ok := u.do("GET", at, token, nil).want(200).json()["bindings"].([]any); ok {
		list = have
	}
	return u.do("PUT", at, token, object{"bindings": append(list, object{"hosts": []string{host}, "in": "bearer"})}).want(200)
}

// bound lists the hosts with who set each.
func (u *unseeing) bound() (out string) {
	u.t.Helper()
	for _, b := range u.do("GET", "/v1/vaults/"+u.vault+boundPath, u.ada.token, nil).want(200).list("bindings") {
		out += fmt.Sprintf("%v %v\n", b["hosts"], b["set_by"])
	}
	return out
}

// Where a secret goes ends with the right of who said so, and nothing else of the list does.
func TestWhereASecretGoesEndsWithTheRightOfWhoSaidSo(t *testing.T) {
	for name, end := range map[string]func(u *unseeing, mia *human) reply{
		"a demotion": func(u *unseeing, mia *human) reply {
			return u.do("PATCH", "/v1/org/members/"+mia.id, u.ada.token, object{"role": "member"}).want(200)
		},
		"a removal": func(u *unseeing, mia *human) reply {
			return u.do("DELETE", "/v1/org/members/"+mia.id, u.ada.token, nil).want(204)
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := openUnseeing(t)
			u.keep("api-keys/pay", hiddenValue, object{"hosts": []string{"a.example"}, "in": "bearer"})
			mia := u.ada.member("mia", "admin")
			u.bindsAs(mia.token, u.up.host())
			u.bindsAs(u.ada.token, "c.example")
			asked := object{"method": "GET", "url": u.up.URL + "/", "headers": object{"Authorization": "Bearer {{secret:api-keys/pay}}"}}
			u.asks(asked).want(200)
			if got := end(u, mia).header.Get("X-Ended"); !strings.Contains(","+got+",", ",bindings=1,") {
				t.Errorf("what ended is %q", got)
			}
			u.asks(asked).want(403, "no_binding")
			if got, want := u.bound(), "[a.example] "+u.ada.id+"\n[c.example] "+u.ada.id+"\n"; got != want || u.up.calls() != 1 {
				t.Errorf("the secret is bound to\n%s%d requests were sent", got, u.up.calls())
			}
		})
	}
}

// A member sets bindings in a vault of its own with the right that it keeps.
func TestADemotedAdminsOwnVaultStaysBound(t *testing.T) {
	u := openUnseeing(t)
	mia := u.ada.member("mia", "admin")
	own := u.do("POST", "/v1/vaults", mia.token, object{"name": "own"}).want(201).str("id")
	at := "/v1/vaults/" + own + boundPath
	u.do("PUT", at, mia.token, object{"bindings": []object{{"hosts": []string{"a.example"}}}}).want(200)
	if got := u.do("PATCH", "/v1/org/members/"+mia.id, u.ada.token, object{"role": "member"}).want(200).header.Get("X-Ended"); strings.Contains(got, "bindings") {
		t.Errorf("what ended is %q", got)
	}
	if got := u.do("GET", at, mia.token, nil).want(200).list("bindings"); len(got) != 1 {
		t.Errorf("it is bound to %v", got)
	}
}

// What a stolen key bound ends with it, also where the owner wrote the list since; what the owner
// bound stays, also where the key wrote the list since.
func TestAnEntryOfAListEndsWithTheKeyThatMadeIt(t *testing.T) {
	u := openUnseeing(t)
	u.keep("api-keys/pay", hiddenValue, object{"hosts": []string{"a.example"}, "in": "bearer"})
	key := u.do("POST", "/v1/auth/api-keys", u.ada.token, object{"name": "k"}).want(201)
	u.bindsAs(key.str("api_key"), "evil.example")
	u.bindsAs(u.ada.token, "c.example")
	made := u.do("GET", "/v1/auth/api-keys/"+key.str("key", "id")+"/made", u.ada.token, nil).want(200)
	if n := strings.Count(string(made.body), `"binding"`); n != 1 {
		t.Errorf("the key made %s", made.body)
	}
	if got := u.do("DELETE", "/v1/auth/api-keys/"+key.str("key", "id"), u.ada.token, nil).want(204).header.Get("X-Ended"); got != "bindings=1" {
		t.Errorf("what ended is %q", got)
	}
	if got := u.bound(); strings.Contains(got, "evil") || strings.Count(got, u.ada.id) != 2 {
		t.Errorf("the secret is bound to\n%s", got)
	}
	// An entry that is changed is of who changed it.
	key = u.do("POST", "/v1/auth/api-keys", u.ada.token, object{"name": "k2"}).want(201)
	u.do("PUT", "/v1/vaults/"+u.vault+boundPath, key.str("api_key"), object{"bindings": []object{
		{"hosts": []string{"a.example", "evil.example"}, "in": "bearer", "set_by": u.ada.id}, {"hosts": []string{"c.example"}, "in": "bearer"},
	}}).want(200)
	u.do("DELETE", "/v1/auth/api-keys/"+key.str("key", "id"), u.ada.token, nil).want(204)
	if got, want := u.bound(), "[c.example] "+u.ada.id+"\n"; got != want {
		t.Errorf("the secret is bound to\n%s", got)
	}
}

// A list that a program of before wrote says who set it as a whole, and ends as a whole.
func TestAListOfBeforeEndsAsAWhole(t *testing.T) {
	u := openUnseeing(t)
	mia := u.ada.member("mia", "admin")
	u.keep("api-keys/pay", hiddenValue)
	u.bindsAs(mia.token, "a.example")
	u.bindsAs(mia.token, "b.example")
	if _, err := u.SQL.ExecContext(t.Context(), `DELETE FROM binding_setters`); err != nil {
		t.Fatal(err)
	}
	if got := u.bound(); strings.Count(got, mia.id) != 2 {
		t.Errorf("the secret is bound to\n%s", got)
	}
	u.bindsAs(u.ada.token, "c.example")
	u.do("DELETE", "/v1/org/members/"+mia.id, u.ada.token, nil).want(204)
	if got, want := u.bound(), "[c.example] "+u.ada.id+"\n"; got != want {
		t.Errorf("the secret is bound to\n%s", got)
	}
	u.keep("other", hiddenValue, object{"hosts": []string{"a.example"}})
	if _, err := u.SQL.ExecContext(t.Context(), `DELETE FROM binding_setters`); err != nil {
		t.Fatal(err)
	}
	key := u.do("POST", "/v1/auth/api-keys", u.ada.token, object{"name": "k"}).want(201)
	if _, err := u.SQL.ExecContext(t.Context(), `UPDATE secret_bindings SET made_with = 'key:`+key.str("key", "id")+`' WHERE path = 'other'`); err != nil {
		t.Fatal(err)
	}
	if got := u.do("DELETE", "/v1/auth/api-keys/"+key.str("key", "id"), u.ada.token, nil).want(204).header.Get("X-Ended"); got != "bindings=1" {
		t.Errorf("what ended is %q", got)
	}
}
