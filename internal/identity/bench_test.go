package identity_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// bench is a server with one agent.
func bench(b *testing.B) (s *identity.Service, db *store.DB, key, token string) {
	b.Helper()
	db, err := store.Open(b.Context(), store.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	keys, err := soft.Open(b.Context(), soft.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	s, err = identity.New(b.Context(), identity.Config{
		Store: db, Keys: keys, Safe: &safe{values: map[string]string{}}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Issuer: issuer, Audience: audience, Signup: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	j, err := s.Signup(b.Context(), anonymous(), "ada@example.com", secret.FromString(password), "")
	if err != nil {
		b.Fatal(err)
	}
	ada, err := s.Authenticate(b.Context(), string(j.Token.Access.Reveal()), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	c := anonymous()
	c.Who, c.Event.Org = ada, ada.Org
	_, k, err := s.CreateAgent(b.Context(), c, identity.Agent{Name: "worker"})
	if err != nil {
		b.Fatal(err)
	}
	t, err := s.AgentToken(b.Context(), anonymous(), string(k.Reveal()), "")
	if err != nil {
		b.Fatal(err)
	}
	return s, db, string(k.Reveal()), string(t.Access.Reveal())
}

func anonymous() *call.Call {
	now := time.Now()
	return &call.Call{Now: now, Event: &audit.Event{ID: "00000000-0000-4000-8000-000000000001", Org: audit.SystemOrg, At: now}}
}

func BenchmarkAuthenticateToken(b *testing.B) {
	s, _, _, token := bench(b)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Authenticate(b.Context(), token, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthenticateKey(b *testing.B) {
	s, _, key, _ := bench(b)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Authenticate(b.Context(), key, now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAuthenticateAfterAChange is the first use of a known token after the
// epoch has moved.
func BenchmarkAuthenticateAfterAChange(b *testing.B) {
	s, db, _, token := bench(b)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		if err := db.Revoke(b.Context(), audit.SystemOrg, "00000000-0000-4000-8000-000000000002", now, now, nil); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := s.Authenticate(b.Context(), token, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	s, _, key, _ := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.AgentToken(b.Context(), anonymous(), key, ""); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExchangeAndUse adds the new token's first request.
func BenchmarkExchangeAndUse(b *testing.B) {
	s, _, key, _ := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		t, err := s.AgentToken(b.Context(), anonymous(), key, "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Authenticate(b.Context(), string(t.Access.Reveal()), time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLogin(b *testing.B) {
	s, _, _, _ := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Login(b.Context(), anonymous(), "ada@example.com", secret.FromString(password)); err != nil {
			b.Fatal(err)
		}
	}
}
