package httpapi_test

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"
)

// Nobody learns from an answer whether an address has an account: not from the
// status, the headers or the body, and not when attempts have to wait.
func TestKnownAndUnknownAddressesAreAnsweredAlike(t *testing.T) {
	for name, ask := range map[string]func(email string) (path string, body object){
		"a wrong password": func(email string) (string, object) {
			return "/v1/auth/token", object{"email": email, "password": "Wrong-8-Good-Words"}
		},
		"a forgotten password": func(email string) (string, object) {
			return "/v1/auth/forgot-password", object{"email": email}
		},
		"an enrolment": func(email string) (string, object) {
			return "/v1/agents/enroll", object{"name": "a", "human_email": email}
		},
	} {
		t.Run(name, func(t *testing.T) {
			answers := map[string][]reply{}
			for _, email := range []string{"ada@example.com", "nobody@example.com"} {
				w := open(t) // each in a world of its own, so that both are the first
				w.signup("ada").secondFactor()
				for range 8 { // more than are free
					path, body := ask(email)
					answers[email] = append(answers[email], w.do("POST", path, "", body))
				}
				w.Accounts.Wait()
				w.Clock.Forward(time.Hour)
			}
			for i, known := range answers["ada@example.com"] {
				unknown := answers["nobody@example.com"][i]
				if known.status != unknown.status || string(known.body) != string(unknown.body) || !reflect.DeepEqual(plain(known.header), plain(unknown.header)) {
					t.Errorf("answer %d: a known address got %d %v %s,\nan unknown one %d %v %s", i, known.status, known.header, known.body, unknown.status, unknown.header, unknown.body)
				}
			}
			if name == "a wrong password" && answers["ada@example.com"][7].status != 429 {
				t.Errorf("the eighth attempt got %d", answers["ada@example.com"][7].status)
			}
		})
	}
}

// plain leaves out what differs between any two answers.
func plain(h http.Header) map[string][]string {
	out := maps.Clone(map[string][]string(h))
	for _, name := range slices.Collect(maps.Keys(out)) {
		if name == "Date" || name == "X-Request-Id" {
			delete(out, name)
		}
	}
	return out
}
