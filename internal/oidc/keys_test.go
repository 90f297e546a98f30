package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/oneclaw-dev/oneclaw/internal/oidc"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/idp"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// silent is an issuer that never answers, until it is told to let go.
type silent struct {
	mu    sync.Mutex
	asked map[string]int
	came  chan string
	stop  chan struct{}
}

func newSilent() *silent {
	return &silent{asked: map[string]int{}, came: make(chan string, 1000), stop: make(chan struct{})}
}

func (s *silent) Do(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked[r.URL.Host]++
	s.mu.Unlock()
	s.came <- r.URL.Host
	select {
	case <-s.stop:
	case <-r.Context().Done():
	}
	return nil, errors.New("no answer")
}

func token(t testing.TB, issuer string) string {
	t.Helper()
	return idp.SignWith(t, jwt.SigningMethodHS256, []byte("x"), "k", idp.Claims{"iss": issuer, "exp": now.Add(time.Hour).Unix()})
}

// ask verifies a token of an issuer in the background and reports the error.
func ask(t testing.TB, v *oidc.Verifier, key any, tenant, issuer string) <-chan error {
	t.Helper()
	text := idp.SignWith(t, jwt.SigningMethodEdDSA, key, "k", idp.Claims{"iss": issuer, "exp": now.Add(time.Hour).Unix()})
	out := make(chan error, 1)
	go func() {
		_, err := v.Verify(context.WithoutCancel(t.Context()), tenant, issuer, text, now)
		out <- err
	}()
	return out
}

func TestOneTenantsSilentIssuersDoNotKeepOthersWaiting(t *testing.T) {
	s := newSilent()
	v := oidc.New(s)
	key := idp.Key(t, jwt.SigningMethodEdDSA)
	var waiting []<-chan error
	for i := range 2 {
		waiting = append(waiting, ask(t, v, key, "a", fmt.Sprintf("https://a%d.test", i)))
		<-s.came
	}
	// A third is refused at once: nobody is asked.
	if err := <-ask(t, v, key, "a", "https://a9.test"); !errors.Is(err, oidc.Unreachable) {
		t.Errorf("a tenant's third issuer: %v", err)
	}
	// Others have room, until all of it is taken.
	for i := range 30 {
		waiting = append(waiting, ask(t, v, key, fmt.Sprint("t", i), fmt.Sprintf("https://t%d.test", i)))
		<-s.came
	}
	if err := <-ask(t, v, key, "z", "https://z.test"); !errors.Is(err, oidc.Unreachable) {
		t.Errorf("the 33rd issuer: %v", err)
	}
	close(s.stop)
	for _, w := range waiting {
		if err := <-w; !errors.Is(err, oidc.Unreachable) {
			t.Errorf("a silent issuer: %v", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) != 32 || s.asked["a9.test"]+s.asked["z.test"] != 0 {
		t.Errorf("asked %v", s.asked)
	}
}

func TestOneQuestionForAllThatWait(t *testing.T) {
	s := newSilent()
	v := oidc.New(s)
	key := idp.Key(t, jwt.SigningMethodEdDSA)
	var waiting []<-chan error
	for range 200 { // of which 64 wait and the others are refused at once
		waiting = append(waiting, ask(t, v, key, "a", "https://a.test"))
	}
	<-s.came
	for range 136 {
		i := first(waiting)
		waiting = append(waiting[:i], waiting[i+1:]...)
	}
	close(s.stop)
	for _, w := range waiting {
		if err := <-w; !errors.Is(err, oidc.Unreachable) {
			t.Errorf("a silent issuer: %v", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked["a.test"] != 1 {
		t.Errorf("asked %v", s.asked)
	}
}

// first waits for one of the answers and returns which it was.
func first(list []<-chan error) int {
	for {
		for i, c := range list {
			select {
			case err := <-c:
				_ = err // which one came is what is asked
				return i
			default:
			}
		}
		time.Sleep(time.Millisecond)
	}
}

func TestARequestThatGoesAwayDoesNotTakeTheAnswerFromOthers(t *testing.T) {
	f := idp.NewForge(t)
	v := oidc.New(http.DefaultClient)
	gone, leave := context.WithCancel(t.Context())
	leave()
	signed := f.Sign("first", idp.Claims{"iss": f.Issuer, "exp": now.Add(time.Hour).Unix(), "sub": "1"})
	_, _ = v.Verify(gone, "a", f.Issuer, signed, now) // it may get the answer or not
	if c, err := v.Verify(t.Context(), "a", f.Issuer, signed, now); err != nil || c.Subject != "1" {
		t.Errorf("the next request: %v", err)
	}
	if n := f.Asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestAKeyThatIsTakenBackIsRefused(t *testing.T) {
	f := idp.NewForge(t)
	f.Add("second", jwt.SigningMethodES256)
	v := oidc.New(http.DefaultClient)
	signed := f.Sign("first", idp.Claims{"iss": f.Issuer, "exp": now.Add(24 * time.Hour).Unix()})
	other := f.Sign("second", idp.Claims{"iss": f.Issuer, "exp": now.Add(24 * time.Hour).Unix()})
	verify := func(text string, at time.Time) error {
		_, err := v.Verify(t.Context(), "a", f.Issuer, text, at)
		return err
	}
	if err := verify(signed, now); err != nil {
		t.Fatal(err)
	}
	f.Remove("first")
	if err := verify(signed, now.Add(time.Hour)); !errors.Is(err, oidc.UnknownKey) {
		t.Errorf("after an hour: %v", err)
	}
	if err := verify(other, now.Add(time.Hour)); err != nil {
		t.Errorf("the key that stayed: %v", err)
	}
}

func FuzzPeek(f *testing.F) {
	for _, s := range []string{"", "a.b.c", token(f, "https://a.test"), "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJFZERTQSJ9.e30.AA"} {
		f.Add(s)
	}
	nobody := newSilent()
	nobody.came = make(chan string, 1<<20)
	close(nobody.stop)
	v := oidc.New(nobody)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := oidc.Peek(text)
		if err == nil && c.Expires.IsZero() {
			t.Error("a token without an end was read")
		}
		var reason oidc.Reason
		if err != nil && !errors.As(err, &reason) {
			t.Errorf("error %v", err)
		}
		// Nothing is good whose issuer was never reached.
		if _, err := v.Verify(t.Context(), "a", "https://nobody.test", text, now); err == nil {
			t.Error("a token was taken")
		}
		_ = oidc.SignedPart(text)
	})
}
