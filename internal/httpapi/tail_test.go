package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// following is a reader of the log as it grows.
type following struct {
	t     *testing.T
	lines *bufio.Scanner
}

type tailed struct {
	Action  string `json:"action"`
	ActorID string `json:"actor_id"`
}

func follow(t *testing.T, srv *httptest.Server, token, query string) (*following, *http.Response) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/v1/audit/tail"+query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	f := &following{t, bufio.NewScanner(res.Body)}
	if res.StatusCode == http.StatusOK && (!f.lines.Scan() || !strings.HasPrefix(f.lines.Text(), ":")) {
		t.Fatalf("the stream begins with %q", f.lines.Text())
	}
	return f, res
}

// next is the next event; false: the stream ended.
func (f *following) next() (e tailed, ok bool) {
	f.t.Helper()
	for f.lines.Scan() {
		if text, ok := strings.CutPrefix(f.lines.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				f.t.Fatal(err)
			}
			return e, true
		}
	}
	return e, false
}

// until reads on to an event with an action, and returns what came before it.
func (f *following) until(action string) (before []tailed) {
	f.t.Helper()
	for {
		e, ok := f.next()
		if !ok {
			f.t.Fatalf("the stream ended before %s: %v", action, f.lines.Err())
		}
		if e.Action == action {
			return before
		}
		before = append(before, e)
	}
}

func TestATailTellsWhatHappensAndNoMoreThanTheLogDoes(t *testing.T) {
	w := open(t)
	srv := httptest.NewServer(w.API)
	t.Cleanup(srv.Close)
	ada := w.signup("ada")
	bob := ada.member("bob", "member")
	all, _ := follow(t, srv, ada.token, "")
	own, _ := follow(t, srv, bob.token, "")
	made, _ := follow(t, srv, ada.token, "?action=vault.create")
	stranger, _ := follow(t, srv, w.signup("eve").token, "")
	w.do("POST", "/v1/vaults", ada.token, object{"name": "hers"}).want(201)
	all.until("vault.create")
	w.do("GET", "/v1/vaults", bob.token, nil).want(200)
	for _, e := range own.until("vault.list") {
		if e.ActorID != bob.id {
			t.Errorf("a member is told of %+v", e)
		}
	}
	if before := made.until("vault.create"); len(before) > 0 {
		t.Errorf("the filter lets through %+v", before)
	}
	w.do("GET", "/v1/auth/me", ada.token, nil).want(200)
	srv.CloseClientConnections()
	for e, ok := stranger.next(); ok; e, ok = stranger.next() {
		if e.ActorID == ada.id || e.ActorID == bob.id {
			t.Errorf("another organisation is told of %+v", e)
		}
	}
}

func TestATailEndsWithTheRightToTheLog(t *testing.T) {
	for name, end := range map[string]func(w *world, ada, bob *human){
		"logout":  func(w *world, _, bob *human) { w.do("DELETE", "/v1/auth/token", bob.token, nil).want(204) },
		"removed": func(w *world, ada, bob *human) { w.do("DELETE", "/v1/org/members/"+bob.id, ada.token, nil).want(204) },
		"leaving": func(w *world, _, _ *human) { w.API.Leave() },
		"expired": func(w *world, _, _ *human) { w.Clock.Forward(16 * time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			srv := httptest.NewServer(w.API)
			t.Cleanup(srv.Close)
			ada := w.signup("ada")
			bob := ada.member("bob", "admin")
			f, _ := follow(t, srv, bob.token, "")
			end(w, ada, bob)
			for ok := true; ok; {
				_, ok = f.next()
			}
			if err := f.lines.Err(); err != nil {
				t.Errorf("it did not end by itself: %v", err)
			}
		})
	}
}

// A token and a key that have expired are told nothing any more, whoever they are of.
func TestATailEndsWithItsCredential(t *testing.T) {
	for name, credential := range map[string]func(w *world, ada *human) string{
		"a token of an agent": func(w *world, ada *human) string {
			made := w.do("POST", "/v1/agents", ada.token, object{"name": "worker", "token_ttl_seconds": 60}).want(201)
			return w.do("POST", "/v1/auth/agent-token", "", object{"api_key": made.str("api_key")}).want(200).str("access_token")
		},
		"a key of a person": func(w *world, ada *human) string {
			return w.do("POST", "/v1/auth/api-keys", ada.login(), object{"name": "short", "expires_at": w.Clock.Now().Add(time.Minute)}).want(201).str("api_key")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			srv := httptest.NewServer(w.API)
			t.Cleanup(srv.Close)
			f, _ := follow(t, srv, credential(w, w.signup("ada")), "")
			w.Clock.Forward(61 * time.Second)
			for ok := true; ok; {
				_, ok = f.next()
			}
			if err := f.lines.Err(); err != nil {
				t.Errorf("it did not end by itself: %v", err)
			}
		})
	}
}

func TestATailRefusesWhatItDoesNotKnow(t *testing.T) {
	w := open(t)
	srv := httptest.NewServer(w.API)
	t.Cleanup(srv.Close)
	ada := w.signup("ada")
	for _, query := range []string{"?from=2026-01-01", "?action=no.such", "?action=secret.read&action=secret.read", "?outcome=good", "?vault_id=x", "?path=" + strings.Repeat("a", 513)} {
		if _, res := follow(t, srv, ada.token, query); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", query, res.StatusCode)
		}
	}
	if r := w.do("HEAD", "/v1/audit/tail", ada.token, nil); r.status != http.StatusOK || len(r.body) > 0 {
		t.Errorf("HEAD: %d %q", r.status, r.body)
	}
	if _, res := follow(t, srv, "no", ""); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", res.StatusCode)
	}
}
