package mint_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/broker/mint"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

var good = mint.Grant{ClientID: "id", ClientSecret: secret.FromString("client-secret")}

func open(t *testing.T, say http.HandlerFunc) (*mint.Mint, mint.From) {
	srv := httptest.NewServer(say)
	t.Cleanup(srv.Close)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return mint.New(srv.Client(), func() time.Time { return now }), mint.From{URL: srv.URL}
}

// What differs in one part of its key is another token.
func TestTokensAreKeptByTheWholeKey(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	m, from := open(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":"token-%04d","expires_in":100}`, n.Add(1))
	})
	base := mint.Key{Org: "o", Vault: "v", Path: "p", Version: 1, Binding: "b"}
	keys := []mint.Key{base, base, base, base, base, base}
	keys[1].Org, keys[2].Vault, keys[3].Path, keys[4].Version, keys[5].Binding = "O", "V", "P", 2, "B"
	for range 2 {
		for i, k := range keys {
			got, _, err := m.Token(t.Context(), k, from, &good, nil)
			if want := fmt.Sprintf("token-%04d", i+1); err != nil || string(got.Token.Reveal()) != want {
				t.Errorf("key %d: %q, %v", i, got.Token.Reveal(), err)
			}
			got.Wipe() // a copy: the kept one stays
		}
	}
	stale := secret.FromString("token-9999")
	m.Drop(base, stale)
	if got, waited, err := m.Token(t.Context(), base, from, &good, nil); err != nil || waited || string(got.Token.Reveal()) != "token-0001" {
		t.Errorf("another's refusal dropped the token: %q %v", got.Token.Reveal(), err)
	}
	m.Drop(base, secret.FromString("token-0001"))
	if got, waited, err := m.Token(t.Context(), base, from, &good, nil); err != nil || !waited || string(got.Token.Reveal()) != "token-0007" {
		t.Errorf("after it was dropped: %q %v", got.Token.Reveal(), err)
	}
}

// Who hangs up leaves the others their answer, also when it is good for none but them.
func TestWhoAskedFirstMayHangUp(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	came, say := make(chan struct{}), make(chan struct{})
	m, from := open(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			close(came)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		<-say
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"token-for-all","expires_in":0}`)
	})
	ctx, hangUp := context.WithCancel(t.Context())
	var first, rest sync.WaitGroup
	first.Go(func() {
		g := mint.Grant{ClientID: "id", ClientSecret: secret.FromString("client-secret")}
		if _, _, err := m.Token(ctx, mint.Key{}, from, &g, nil); !errors.Is(err, mint.ErrNone) {
			t.Errorf("who hung up: %v", err)
		}
		g.Wipe()
	})
	<-came
	asking := make(chan struct{}, 20)
	for range 20 {
		rest.Go(func() {
			asking <- struct{}{}
			got, waited, err := m.Token(t.Context(), mint.Key{}, from, &good, nil)
			if err != nil || !waited || string(got.Token.Reveal()) != "token-for-all" {
				t.Errorf("%q, %v", got.Token.Reveal(), err)
			}
		})
	}
	for range 20 {
		<-asking
	}
	hangUp()
	first.Wait()
	close(say)
	rest.Wait()
}

func TestWhatIsAGrant(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		`{"client_id":"a","client_secret":"b"}`: true, `{"client_id":"a","refresh_token":"b"}`: true, `{"client_id":"a","client_secret":"b","refresh_token":"c","type":"authorized_user","n":1}`: true,
		`{"client_id":"a"}`: false, `{"client_secret":"b"}`: false, `{"client_id":1,"client_secret":"b"}`: false, `{"client_id":"a","client_secret":"b\n"}`: false, `{"client_id":"ä","client_secret":"b"}`: false,
		`["client_id"]`: false, `text`: false, ``: false, `{"client_id":"a","client_secret":"b"}{}`: false, `{"client_id":"a","client_id":"c","client_secret":"b"}`: false,
	} {
		if _, ok := mint.ReadGrant([]byte(value)); ok != want {
			t.Errorf("%s: %v", value, ok)
		}
	}
}
