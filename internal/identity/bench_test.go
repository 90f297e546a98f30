package identity_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// bench is a server with one agent.
func bench(b *testing.B) (w *world.World, key, token string) {
	b.Helper()
	w = world.Open(b)
	ada, _ := w.SignUp("ada")
	_, key = w.NewAgent(ada, agent.Agent{})
	return w, key, w.Exchange(key)
}

func BenchmarkAuthenticateToken(b *testing.B) {
	w, _, token := bench(b)
	now := w.Clock.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Identity.Authenticate(b.Context(), token, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthenticateKey(b *testing.B) {
	w, key, _ := bench(b)
	now := w.Clock.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Identity.Authenticate(b.Context(), key, now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAuthenticateAfterAChange is the first use of a known token after the
// epoch has moved.
func BenchmarkAuthenticateAfterAChange(b *testing.B) {
	w, _, token := bench(b)
	now := w.Clock.Now()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		if err := w.DB.Revoke(b.Context(), audit.SystemOrg, "00000000-0000-4000-8000-000000000002", now, now, nil); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := w.Identity.Authenticate(b.Context(), token, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	w, key, _ := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Agents.AgentToken(b.Context(), w.Anon(policy.Login), key, ""); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExchangeAndUse adds the new token's first request.
func BenchmarkExchangeAndUse(b *testing.B) {
	w, key, _ := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		t, err := w.Agents.AgentToken(b.Context(), w.Anon(policy.Login), key, "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Identity.Authenticate(b.Context(), string(t.Access.Reveal()), w.Clock.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLogin(b *testing.B) {
	w, _, _ := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Accounts.Login(b.Context(), w.Anon(policy.Login), "ada@example.com", secret.FromString(world.Password)); err != nil {
			b.Fatal(err)
		}
	}
}
