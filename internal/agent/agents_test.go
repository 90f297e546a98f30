package agent_test

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// vault stores a vault of org without its key: only its id matters here.
func addVault(t testing.TB, w *world.World, org string) string {
	t.Helper()
	v := vault.Vault{ID: ids.New(), Org: org, Name: ids.New(), CreatedByKind: policy.KindUser, CreatedAt: w.Clock.Now()}
	if err := w.DB.AddVault(t.Context(), v, nil); err != nil {
		t.Fatal(err)
	}
	return v.ID
}

func member(org string) policy.Principal {
	return policy.Principal{Kind: policy.KindUser, ID: ids.New(), Org: org, Role: policy.RoleMember}
}

func TestANewAgent(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	mine := addVault(t, w, ada.Org)
	draft := agent.Agent{
		Name: " builder ", Description: "builds",
		State: identity.State{VaultIDs: []string{strings.ToUpper(mine)}, Scopes: []string{"prod/**", "vault:read"}, TokenTTL: 90},
		Guardrails: intents.Guardrails{
			ToAllowlist: []string{"0x" + strings.Repeat("aB", 20)}, MaxValueETH: "0.5", DailyLimitETH: "12", AllowedChains: []string{"base"},
		},
		ShroudConfig: []byte(`{"pii_policy":"block"}`),
	}
	a, key := w.NewAgent(ada, draft)
	if !strings.HasPrefix(key, "ocv_") || len(key) != 47 || a.KeyPrefix != key[:12] {
		t.Errorf("key of %d characters, prefix %q", len(key), a.KeyPrefix)
	}
	if a.Name != "builder" || a.AuthMethod != "api_key" || !a.Active || a.VaultIDs[0] != mine {
		t.Errorf("agent %+v", a)
	}
	stored, err := w.Agents.Agent(t.Context(), w.Call(ada, policy.ReadAgent), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Guardrails.MaxValueETH != "0.5" || stored.Guardrails.DailyLimitETH != "12" || stored.Guardrails.ToAllowlist[0] != draft.Guardrails.ToAllowlist[0] ||
		stored.Guardrails.AllowedChains[0] != "base" || stored.TokenTTL != 90 || !slices.Equal(stored.Scopes, draft.Scopes) ||
		string(stored.ShroudConfig) != `{"pii_policy":"block"}` || stored.Creator != ada.ID || !stored.CreatedAt.Equal(a.CreatedAt) {
		t.Errorf("stored %+v", stored)
	}
	who := w.Who(key)
	if who.Kind != policy.KindAgent || who.ID != a.ID || who.Org != ada.Org || who.Creator != ada.ID || !slices.Equal(who.Vaults, []string{mine}) {
		t.Errorf("principal %+v", who)
	}
	self, err := w.Agents.AgentSelf(t.Context(), w.Call(who, policy.ReadAgentSelf))
	if err != nil || self.ID != a.ID {
		t.Errorf("self: %v", err)
	}
	rows, err := w.DB.Events(t.Context(), ada.Org, audit.Query{ResourceID: a.ID, Limit: 9})
	if err != nil || len(rows) != 1 || rows[0].Action != "agent.register" || strings.Contains(string(rows[0].DetailsJSON), "ocv_") {
		t.Errorf("events %v %v", rows, err)
	}
}

func TestIdentityKeysBelongTogether(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	a, _ := w.NewAgent(ada, agent.Agent{})
	check := func(a agent.Agent) {
		t.Helper()
		decode := func(text string, size int) []byte {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil || len(b) != size {
				t.Fatalf("%d bytes, %v; want %d", len(b), err, size)
			}
			return b
		}
		private := func(kind string) []byte {
			v, err := w.DB.VaultNamed(t.Context(), ada.Org, vault.AgentKeys)
			if err != nil {
				t.Fatal(err)
			}
			s, err := w.Vault.Reveal(t.Context(), w.Call(ada, policy.ReadSecret), v.ID, w.Path("agents/"+a.ID+"/"+kind+"/private_key"))
			if err != nil {
				t.Fatal(err)
			}
			return decode(string(s.Value.Reveal()), 32)
		}
		pub := ed25519.NewKeyFromSeed(private("ssh")).Public().(ed25519.PublicKey)
		if !pub.Equal(ed25519.PublicKey(decode(a.SSHPublicKey, 32))) {
			t.Error("the Ed25519 halves do not fit")
		}
		curve, err := ecdh.P256().NewPrivateKey(private("ecdh"))
		if err != nil || !slices.Equal(curve.PublicKey().Bytes(), decode(a.ECDHPublicKey, 65)) {
			t.Errorf("the P-256 halves do not fit: %v", err)
		}
	}
	check(a)
	b, err := w.Agents.RotateAgentIdentityKeys(t.Context(), w.Call(ada, policy.RotateAgentIdentityKeys), a.ID)
	if err != nil || b.SSHPublicKey == a.SSHPublicKey || b.ECDHPublicKey == a.ECDHPublicKey {
		t.Fatalf("rotate: %v", err)
	}
	check(b)
	away := w.OtherNode(func(s *world.Setup) {
		s.Agents = func(c *agent.Config) { c.Safe = noSafe{} }
	})
	_, _, err = away.Agents.CreateAgent(t.Context(), w.Call(ada, policy.RegisterAgent), agent.Agent{Name: "x"})
	world.WantKind(t, "without the safe", err, fault.Unavailable)
	if all, err := w.Agents.Agents(t.Context(), w.Call(ada, policy.ListAgents)); err != nil || len(all) != 1 {
		t.Errorf("%d agents, %v", len(all), err)
	}
}

// noSafe is a place for keys that is away.
type noSafe struct{}

func (noSafe) SealAgentKeys(context.Context, *call.Call, map[string]secret.Bytes, func(any) error) error {
	return world.ErrDown
}

func TestAgentsThatCanNotBe(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	bob, _ := w.SignUp("bob")
	theirs := addVault(t, w, bob.Org)
	many := func(n int, s string) []string { return slices.Repeat([]string{s}, n) }
	for code, draft := range map[string]agent.Agent{
		"invalid_name":                    {Name: " "},
		"invalid_description":             {Name: "x", Description: strings.Repeat("x", 5000)},
		"invalid_auth_method":             {Name: "x", AuthMethod: "password"},
		"missing_client_cert_fingerprint": {Name: "x", AuthMethod: "mtls"},
		"invalid_client_cert_fingerprint": {Name: "x", AuthMethod: "mtls", CertFingerprint: "beef"},
		"missing_oidc_fields":             {Name: "x", AuthMethod: "oidc_client_credentials", OIDCIssuer: "https://issuer.test"},
		"invalid_oidc_issuer":             {Name: "x", AuthMethod: "oidc_client_credentials", OIDCIssuer: "issuer", OIDCClientID: "x"},
		"unknown_vault":                   {Name: "x", State: identity.State{VaultIDs: []string{theirs}}},
		"invalid_vault_ids":               {Name: "x", State: identity.State{VaultIDs: []string{"main"}}},
		"invalid_scope":                   {Name: "x", State: identity.State{Scopes: []string{"a b"}}},
		"expires_in_the_past":             {Name: "x", State: identity.State{ExpiresAt: w.Clock.Now()}},
		"invalid_token_ttl_seconds":       {Name: "x", State: identity.State{TokenTTL: -1}},
		"invalid_tx_to_allowlist":         {Name: "x", Guardrails: intents.Guardrails{ToAllowlist: []string{"0x12"}}},
		"invalid_tx_allowed_chains":       {Name: "x", Guardrails: intents.Guardrails{AllowedChains: many(101, "base")}},
		"invalid_tx_max_value_eth":        {Name: "x", Guardrails: intents.Guardrails{MaxValueETH: "-1"}},
		"invalid_tx_daily_limit_eth":      {Name: "x", Guardrails: intents.Guardrails{DailyLimitETH: "1e3"}},
		"invalid_shroud_config":           {Name: "x", ShroudConfig: []byte(`{"pii_policy":"maybe"}`)},
	} {
		_, key, err := w.Agents.CreateAgent(t.Context(), w.Call(ada, policy.RegisterAgent), draft)
		world.WantCode(t, code, err, code)
		world.WantKind(t, code, err, fault.Invalid)
		if key.Len() != 0 {
			t.Errorf("%s: a key came out", code)
		}
	}
	if all, err := w.Agents.Agents(t.Context(), w.Call(ada, policy.ListAgents)); err != nil || len(all) != 0 {
		t.Errorf("%d agents, %v", len(all), err)
	}
}

func TestOtherMethodsHaveNoKey(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	print := strings.Repeat("AB:", 31) + "AB"
	for _, draft := range []agent.Agent{
		{AuthMethod: "mtls", CertFingerprint: print},
		{AuthMethod: "oidc_client_credentials", OIDCIssuer: "https://issuer.test", OIDCClientID: "ci"},
	} {
		a, key := w.NewAgent(ada, draft)
		if key != "" || a.KeyPrefix != "" {
			t.Errorf("%s has a key", a.AuthMethod)
		}
		if a.AuthMethod == "mtls" && a.CertFingerprint != strings.Repeat("ab", 32) {
			t.Errorf("fingerprint %q", a.CertFingerprint)
		}
		_, err := w.Agents.RotateAgentKey(t.Context(), w.Call(ada, policy.RotateAgentKey), a.ID, false)
		world.WantCode(t, "rotate", err, "no_api_key")
	}
}

func TestPatches(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	home := addVault(t, w, ada.Org)
	address := "0x" + strings.Repeat("ab", 20)
	start := agent.Agent{
		Name: "builder", Description: "builds",
		Guardrails:   intents.Guardrails{ToAllowlist: []string{address}, AllowedChains: []string{"base"}, MaxValueETH: "1", DailyLimitETH: "2"},
		ShroudConfig: []byte(`{"pii_policy":"block"}`),
		State: identity.State{
			VaultIDs: []string{home}, Scopes: []string{"prod/**"}, TokenTTL: 90, ExpiresAt: w.Clock.Now().Add(time.Hour), Intents: true,
		},
	}
	none := patch.Value([]string{})
	for name, test := range map[string]struct {
		patch agent.Patch
		code  string
		ok    func(a agent.Agent) bool
	}{
		"nothing changes nothing": {ok: func(a agent.Agent) bool {
			return a.Name == "builder" && len(a.VaultIDs) == 1 && a.TokenTTL == 90 && a.Intents && a.Guardrails.MaxValueETH == "1"
		}},
		"a name":                     {patch: agent.Patch{Name: patch.Value("tester")}, ok: func(a agent.Agent) bool { return a.Name == "tester" }},
		"null for a name keeps it":   {patch: agent.Patch{Name: patch.Null[string]()}, ok: func(a agent.Agent) bool { return a.Name == "builder" }},
		"an empty name":              {patch: agent.Patch{Name: patch.Value("")}, code: "invalid_name"},
		"null for a flag keeps it":   {patch: agent.Patch{Intents: patch.Null[bool]()}, ok: func(a agent.Agent) bool { return a.Intents }},
		"a flag":                     {patch: agent.Patch{Intents: patch.Value(false)}, ok: func(a agent.Agent) bool { return !a.Intents }},
		"null clears the expiry":     {patch: agent.Patch{ExpiresAt: patch.Null[time.Time]()}, ok: func(a agent.Agent) bool { return a.ExpiresAt.IsZero() }},
		"an expiry in the past":      {patch: agent.Patch{ExpiresAt: patch.Value(w.Clock.Now())}, code: "expires_in_the_past"},
		"null clears the lifetime":   {patch: agent.Patch{TokenTTL: patch.Null[int64]()}, ok: func(a agent.Agent) bool { return a.TokenTTL == 0 }},
		"a lifetime of nothing":      {patch: agent.Patch{TokenTTL: patch.Value[int64](0)}, code: "invalid_token_ttl_seconds"},
		"null clears the cap":        {patch: agent.Patch{Guardrails: intents.Patch{MaxValueETH: patch.Null[string]()}}, ok: func(a agent.Agent) bool { return a.Guardrails.MaxValueETH == "" && a.Guardrails.DailyLimitETH == "2" }},
		"null clears the day's cap":  {patch: agent.Patch{Guardrails: intents.Patch{DailyLimitETH: patch.Null[string]()}}, ok: func(a agent.Agent) bool { return a.Guardrails.DailyLimitETH == "" && a.Guardrails.MaxValueETH == "1" }},
		"null clears shroud_config":  {patch: agent.Patch{ShroudConfig: patch.Null[shroud.Config]()}, ok: func(a agent.Agent) bool { return a.ShroudConfig == nil }},
		"no scopes":                  {patch: agent.Patch{Scopes: none}, code: "would_lift_restriction"},
		"no vaults":                  {patch: agent.Patch{VaultIDs: none}, code: "would_lift_restriction"},
		"no addresses":               {patch: agent.Patch{Guardrails: intents.Patch{ToAllowlist: none}}, code: "would_lift_restriction"},
		"no chains":                  {patch: agent.Patch{Guardrails: intents.Patch{AllowedChains: none}}, code: "would_lift_restriction"},
		"null lifts the scopes":      {patch: agent.Patch{Scopes: patch.Null[[]string]()}, ok: func(a agent.Agent) bool { return len(a.Scopes) == 0 && len(a.VaultIDs) == 1 }},
		"null lifts the binding":     {patch: agent.Patch{VaultIDs: patch.Null[[]string]()}, ok: func(a agent.Agent) bool { return len(a.VaultIDs) == 0 && len(a.Scopes) == 1 }},
		"null lifts the addresses":   {patch: agent.Patch{Guardrails: intents.Patch{ToAllowlist: patch.Null[[]string]()}}, ok: func(a agent.Agent) bool { return len(a.Guardrails.ToAllowlist) == 0 }},
		"null lifts the chains":      {patch: agent.Patch{Guardrails: intents.Patch{AllowedChains: patch.Null[[]string]()}}, ok: func(a agent.Agent) bool { return len(a.Guardrails.AllowedChains) == 0 }},
		"a vault that is not there":  {patch: agent.Patch{VaultIDs: patch.Value([]string{ids.New()})}, code: "unknown_vault"},
		"a bad one leaves all alone": {patch: agent.Patch{Name: patch.Value("tester"), Guardrails: intents.Patch{MaxValueETH: patch.Value("x")}}, code: "invalid_tx_max_value_eth"},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := w.NewAgent(ada, start)
			got, err := w.Agents.UpdateAgent(t.Context(), w.Call(ada, policy.UpdateAgent), a.ID, test.patch)
			stored, readErr := w.Agents.Agent(t.Context(), w.Call(ada, policy.ReadAgent), a.ID)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if test.code != "" {
				world.WantCode(t, "update", err, test.code)
				if stored.Name != "builder" || len(stored.VaultIDs) != 1 || len(stored.Scopes) != 1 || len(stored.Guardrails.ToAllowlist) != 1 || len(stored.Guardrails.AllowedChains) != 1 {
					t.Errorf("a refused patch changed something: %+v", stored)
				}
				return
			}
			if err != nil || !test.ok(got) || !test.ok(stored) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	t.Run("an empty list where none was is fine", func(t *testing.T) {
		a, _ := w.NewAgent(ada, agent.Agent{})
		if _, err := w.Agents.UpdateAgent(t.Context(), w.Call(ada, policy.UpdateAgent), a.ID, agent.Patch{Scopes: none, VaultIDs: none}); err != nil {
			t.Error(err)
		}
	})
	t.Run("two at once both happen", func(t *testing.T) {
		a, _ := w.NewAgent(ada, agent.Agent{})
		var wait sync.WaitGroup
		for _, p := range []agent.Patch{{Name: patch.Value("tester")}, {Description: patch.Value("tests")}, {Shroud: patch.Value(true)}} {
			wait.Go(func() {
				if _, err := w.Agents.UpdateAgent(t.Context(), w.Call(ada, policy.UpdateAgent), a.ID, p); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		got, err := w.Agents.Agent(t.Context(), w.Call(ada, policy.ReadAgent), a.ID)
		if err != nil || got.Name != "tester" || got.Description != "tests" || !got.Shroud {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestWhoMayDoWhatToAnAgent(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	bob, _ := w.SignUp("bob")
	carol, dave := member(ada.Org), member(ada.Org)
	admin := policy.Principal{Kind: policy.KindUser, ID: ids.New(), Org: ada.Org, Role: policy.RoleAdmin}
	a, key := w.NewAgent(carol, agent.Agent{})
	_, otherKey := w.NewAgent(carol, agent.Agent{})
	self, other := w.Who(key), w.Who(otherKey)
	ctx := t.Context()
	ops := map[policy.Action]func(c *call.Call, id string) error{
		policy.ReadAgent: func(c *call.Call, id string) error { _, err := w.Agents.Agent(ctx, c, id); return err },
		policy.UpdateAgent: func(c *call.Call, id string) error {
			_, err := w.Agents.UpdateAgent(ctx, c, id, agent.Patch{})
			return err
		},
		policy.RotateAgentIdentityKeys: func(c *call.Call, id string) error {
			_, err := w.Agents.RotateAgentIdentityKeys(ctx, c, id)
			return err
		},
		policy.IssueAgentToken: func(c *call.Call, id string) error { _, err := w.Agents.IssueAgentToken(ctx, c, id); return err },
		policy.RotateAgentKey:  func(c *call.Call, id string) error { _, err := w.Agents.RotateAgentKey(ctx, c, id, false); return err },
		policy.DeactivateAgent: func(c *call.Call, id string) error { return w.Agents.DeactivateAgent(ctx, c, id, false) },
	}
	for action, do := range ops {
		for name, id := range map[string]string{"another organisation's user": a.ID, "an id that is nobody's": ids.New()} {
			who := bob
			if id != a.ID {
				who = ada
			}
			world.WantKind(t, string(action)+" by "+name, do(w.Call(who, action), id), fault.NotFound)
		}
		world.WantKind(t, string(action)+" by a member who did not make it", do(w.Call(dave, action), a.ID), fault.NotFound)
		world.WantKind(t, string(action)+" by another agent", do(w.Call(other, action), a.ID), fault.Denied)
		world.WantKind(t, string(action)+" by an agent to nobody", do(w.Call(other, action), ids.New()), fault.Denied)
		err := do(w.Call(self, action), a.ID)
		if action == policy.ReadAgent || action == policy.RotateAgentKey {
			if err != nil {
				t.Errorf("%s by the agent itself: %v", action, err)
			}
		} else {
			world.WantKind(t, string(action)+" by the agent itself", err, fault.Denied)
		}
		for name, who := range map[string]policy.Principal{"its maker": carol, "an admin": admin, "the owner": ada} {
			mine, _ := w.NewAgent(carol, agent.Agent{})
			c := w.Call(who, action)
			if err := do(c, mine.ID); err != nil {
				t.Errorf("%s by %s: %v", action, name, err)
			}
			if action != policy.ReadAgent && (!c.Event.Committed || c.Event.ResourceID != mine.ID || c.Event.Details.Outcome != "success") {
				t.Errorf("%s by %s: event %+v", action, name, c.Event)
			}
		}
	}
	for name, test := range map[string]struct {
		who  policy.Principal
		some bool
	}{"the owner": {ada, true}, "an admin": {admin, true}, "its maker": {carol, true}, "another member": {dave, false}, "a stranger": {bob, false}} {
		all, err := w.Agents.Agents(ctx, w.Call(test.who, policy.ListAgents))
		if err != nil || (len(all) > 0) != test.some {
			t.Errorf("%s lists %d agents, %v", name, len(all), err)
		}
	}
	_, err := w.Agents.Agents(ctx, w.Call(self, policy.ListAgents))
	world.WantKind(t, "an agent lists agents", err, fault.Denied)
	_, _, err = w.Agents.CreateAgent(ctx, w.Call(self, policy.RegisterAgent), agent.Agent{Name: "x"})
	world.WantKind(t, "an agent makes an agent", err, fault.Denied)
	_, err = w.Agents.AgentSelf(ctx, w.Call(ada, policy.ReadAgentSelf))
	world.WantKind(t, "a user asks for itself as an agent", err, fault.Denied)
}
