package policy_test

import (
	"fmt"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// benchmarkDecide has 50 policies for the caller and 2,000 for others.
func benchmarkDecide(b *testing.B, pattern, asked string, p policy.Principal, wantAllow bool) {
	var rows []policy.Spec
	for i := range 50 {
		rows = append(rows, grant(fmt.Sprintf(pattern, i), "read", named(fmt.Sprintf("p%d", i))))
	}
	for i := range 2000 {
		rows = append(rows, grant("**", "read", named(fmt.Sprintf("q%d", i)), to("agent", fmt.Sprintf("other%d", i))))
	}
	r := policy.Resource{Org: "acme", Vault: carolsVault(), Path: path(b, asked), Policies: set(b, rows...), SecretType: "api_key"}
	b.ReportAllocs()
	for b.Loop() {
		if policy.Decide(p, policy.ReadSecret, r, noon).Allow != wantAllow {
			b.Fatal("wrong decision")
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	b.Run("last of 50 subtrees", func(b *testing.B) {
		benchmarkDecide(b, "services/app-%d/**", "services/app-49/db/password", agent(), true)
	})
	b.Run("last of 50 starred", func(b *testing.B) {
		benchmarkDecide(b, "services/*/app-%d/**", "services/eu/app-49/db/password", agent(), true)
	})
	b.Run("none of 50", func(b *testing.B) {
		benchmarkDecide(b, "services/app-%d/**", "billing/db", agent(), false)
	})
	b.Run("capped by two scopes", func(b *testing.B) {
		benchmarkDecide(b, "services/app-%d/**", "services/app-49/db", agent("vault:read", "dev/**", "services/**"), true)
	})
}

func BenchmarkView(b *testing.B) {
	s := set(b, grant("services/app-1/**", "read"), grant("shared/*", "read"))
	b.ReportAllocs()
	for b.Loop() {
		view := s.View(agent(), carolsVault(), noon)
		for range 1000 {
			view.Sees("services/app-1/db/password")
		}
	}
}
