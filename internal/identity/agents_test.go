package identity_test

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// vault stores a vault of org without its key: only its id matters here.
func (w *world) vault(org string) string {
	w.t.Helper()
	v := vault.Vault{ID: uuid.NewString(), Org: org, Name: uuid.NewString(), CreatedByKind: policy.KindUser, CreatedAt: w.clock.now()}
	if err := w.db.AddVault(w.t.Context(), v, nil); err != nil {
		w.t.Fatal(err)
	}
	return v.ID
}

func member(org string) policy.Principal {
	return policy.Principal{Kind: policy.KindUser, ID: uuid.NewString(), Org: org, Role: policy.RoleMember}
}

func TestANewAgent(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	mine := w.vault(ada.Org)
	draft := identity.Agent{
		Name: " builder ", Description: "builds",
		Standing:    identity.Standing{VaultIDs: []string{strings.ToUpper(mine)}, Scopes: []string{"prod/**", "vault:read"}, TokenTTL: 90},
		ToAllowlist: []string{"0x" + strings.Repeat("aB", 20)}, MaxValueETH: "0.5", DailyLimitETH: "12", AllowedChains: []string{"base"},
		ShroudConfig: []byte(`{"pii_policy":"block"}`),
	}
	a, key := w.agent(ada, draft)
	if !strings.HasPrefix(key, "ocv_") || len(key) != 47 || a.KeyPrefix != key[:12] {
		t.Errorf("key of %d characters, prefix %q", len(key), a.KeyPrefix)
	}
	if a.Name != "builder" || a.AuthMethod != "api_key" || !a.Active || a.VaultIDs[0] != mine {
		t.Errorf("agent %+v", a)
	}
	stored, err := w.Agent(t.Context(), w.call(ada, policy.ReadAgent), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if stored.MaxValueETH != "0.5" || stored.DailyLimitETH != "12" || stored.ToAllowlist[0] != draft.ToAllowlist[0] ||
		stored.AllowedChains[0] != "base" || stored.TokenTTL != 90 || !slices.Equal(stored.Scopes, draft.Scopes) ||
		string(stored.ShroudConfig) != `{"pii_policy":"block"}` || stored.Creator != ada.ID || !stored.CreatedAt.Equal(a.CreatedAt) {
		t.Errorf("stored %+v", stored)
	}
	who := w.who(key)
	if who.Kind != policy.KindAgent || who.ID != a.ID || who.Org != ada.Org || who.Creator != ada.ID || !slices.Equal(who.Vaults, []string{mine}) {
		t.Errorf("principal %+v", who)
	}
	self, err := w.AgentSelf(t.Context(), w.call(who, policy.ReadAgentSelf))
	if err != nil || self.ID != a.ID {
		t.Errorf("self: %v", err)
	}
	rows, err := w.db.Events(t.Context(), ada.Org, audit.Query{ResourceID: a.ID, Limit: 9})
	if err != nil || len(rows) != 1 || rows[0].Action != "agent.register" || strings.Contains(string(rows[0].DetailsJSON), "ocv_") {
		t.Errorf("events %v %v", rows, err)
	}
}

func TestIdentityKeysBelongTogether(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	a, _ := w.agent(ada, identity.Agent{})
	check := func(a identity.Agent) {
		t.Helper()
		decode := func(text string, size int) []byte {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil || len(b) != size {
				t.Fatalf("%d bytes, %v; want %d", len(b), err, size)
			}
			return b
		}
		private := func(kind string) []byte {
			return decode(w.safe.values[ada.Org+" agents/"+a.ID+"/"+kind+"/private_key"], 32)
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
	b, err := w.RotateAgentIdentityKeys(t.Context(), w.call(ada, policy.RotateAgentIdentityKeys), a.ID)
	if err != nil || b.SSHPublicKey == a.SSHPublicKey || b.ECDHPublicKey == a.ECDHPublicKey {
		t.Fatalf("rotate: %v", err)
	}
	check(b)
	w.safe.err = errDown
	_, _, err = w.CreateAgent(t.Context(), w.call(ada, policy.RegisterAgent), identity.Agent{Name: "x"})
	wantKind(t, "without the safe", err, fault.Unavailable)
	if all, err := w.Agents(t.Context(), w.call(ada, policy.ListAgents)); err != nil || len(all) != 1 {
		t.Errorf("%d agents, %v", len(all), err)
	}
}

func TestAgentsThatCanNotBe(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	_, bob := w.signup("bob@example.com")
	theirs := w.vault(bob.Org)
	many := func(n int, s string) []string { return slices.Repeat([]string{s}, n) }
	for code, draft := range map[string]identity.Agent{
		"invalid_name":                    {Name: " "},
		"invalid_description":             {Name: "x", Description: strings.Repeat("x", 5000)},
		"invalid_auth_method":             {Name: "x", AuthMethod: "password"},
		"missing_client_cert_fingerprint": {Name: "x", AuthMethod: "mtls"},
		"invalid_client_cert_fingerprint": {Name: "x", AuthMethod: "mtls", CertFingerprint: "beef"},
		"missing_oidc_fields":             {Name: "x", AuthMethod: "oidc_client_credentials", OIDCIssuer: "https://issuer.test"},
		"invalid_oidc_issuer":             {Name: "x", AuthMethod: "oidc_client_credentials", OIDCIssuer: "issuer", OIDCClientID: "x"},
		"unknown_vault":                   {Name: "x", Standing: identity.Standing{VaultIDs: []string{theirs}}},
		"invalid_vault_ids":               {Name: "x", Standing: identity.Standing{VaultIDs: []string{"main"}}},
		"invalid_scope":                   {Name: "x", Standing: identity.Standing{Scopes: []string{"a b"}}},
		"expires_in_the_past":             {Name: "x", Standing: identity.Standing{ExpiresAt: w.clock.now()}},
		"invalid_token_ttl_seconds":       {Name: "x", Standing: identity.Standing{TokenTTL: -1}},
		"invalid_tx_to_allowlist":         {Name: "x", ToAllowlist: []string{"0x12"}},
		"invalid_tx_allowed_chains":       {Name: "x", AllowedChains: many(101, "base")},
		"invalid_tx_max_value_eth":        {Name: "x", MaxValueETH: "-1"},
		"invalid_tx_daily_limit_eth":      {Name: "x", DailyLimitETH: "1e3"},
		"invalid_shroud_config":           {Name: "x", ShroudConfig: []byte(`{"pii_policy":"maybe"}`)},
	} {
		_, key, err := w.CreateAgent(t.Context(), w.call(ada, policy.RegisterAgent), draft)
		wantCode(t, code, err, code)
		wantKind(t, code, err, fault.Invalid)
		if key.Len() != 0 {
			t.Errorf("%s: a key came out", code)
		}
	}
	if all, err := w.Agents(t.Context(), w.call(ada, policy.ListAgents)); err != nil || len(all) != 0 {
		t.Errorf("%d agents, %v", len(all), err)
	}
}

func TestOtherMethodsHaveNoKey(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	print := strings.Repeat("AB:", 31) + "AB"
	for _, draft := range []identity.Agent{
		{AuthMethod: "mtls", CertFingerprint: print},
		{AuthMethod: "oidc_client_credentials", OIDCIssuer: "https://issuer.test", OIDCClientID: "ci"},
	} {
		a, key := w.agent(ada, draft)
		if key != "" || a.KeyPrefix != "" {
			t.Errorf("%s has a key", a.AuthMethod)
		}
		if a.AuthMethod == "mtls" && a.CertFingerprint != strings.Repeat("ab", 32) {
			t.Errorf("fingerprint %q", a.CertFingerprint)
		}
		_, err := w.RotateAgentKey(t.Context(), w.call(ada, policy.RotateAgentKey), a.ID, false)
		wantCode(t, "rotate", err, "no_api_key")
	}
}

func TestPatches(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	home := w.vault(ada.Org)
	address := "0x" + strings.Repeat("ab", 20)
	start := identity.Agent{
		Name: "builder", Description: "builds", ToAllowlist: []string{address}, AllowedChains: []string{"base"}, MaxValueETH: "1",
		DailyLimitETH: "2", ShroudConfig: []byte(`{"pii_policy":"block"}`),
		Standing: identity.Standing{
			VaultIDs: []string{home}, Scopes: []string{"prod/**"}, TokenTTL: 90, ExpiresAt: w.clock.now().Add(time.Hour), Intents: true,
		},
	}
	none := identity.Value([]string{})
	for name, test := range map[string]struct {
		patch identity.AgentPatch
		code  string
		ok    func(a identity.Agent) bool
	}{
		"nothing changes nothing": {ok: func(a identity.Agent) bool {
			return a.Name == "builder" && len(a.VaultIDs) == 1 && a.TokenTTL == 90 && a.Intents && a.MaxValueETH == "1"
		}},
		"a name":                     {patch: identity.AgentPatch{Name: identity.Value("tester")}, ok: func(a identity.Agent) bool { return a.Name == "tester" }},
		"null for a name keeps it":   {patch: identity.AgentPatch{Name: identity.Null[string]()}, ok: func(a identity.Agent) bool { return a.Name == "builder" }},
		"an empty name":              {patch: identity.AgentPatch{Name: identity.Value("")}, code: "invalid_name"},
		"null for a flag keeps it":   {patch: identity.AgentPatch{Intents: identity.Null[bool]()}, ok: func(a identity.Agent) bool { return a.Intents }},
		"a flag":                     {patch: identity.AgentPatch{Intents: identity.Value(false)}, ok: func(a identity.Agent) bool { return !a.Intents }},
		"null clears the expiry":     {patch: identity.AgentPatch{ExpiresAt: identity.Null[time.Time]()}, ok: func(a identity.Agent) bool { return a.ExpiresAt.IsZero() }},
		"an expiry in the past":      {patch: identity.AgentPatch{ExpiresAt: identity.Value(w.clock.now())}, code: "expires_in_the_past"},
		"null clears the lifetime":   {patch: identity.AgentPatch{TokenTTL: identity.Null[int64]()}, ok: func(a identity.Agent) bool { return a.TokenTTL == 0 }},
		"a lifetime of nothing":      {patch: identity.AgentPatch{TokenTTL: identity.Value[int64](0)}, code: "invalid_token_ttl_seconds"},
		"null clears the cap":        {patch: identity.AgentPatch{MaxValueETH: identity.Null[string]()}, ok: func(a identity.Agent) bool { return a.MaxValueETH == "" && a.DailyLimitETH == "2" }},
		"null clears the day's cap":  {patch: identity.AgentPatch{DailyLimETH: identity.Null[string]()}, ok: func(a identity.Agent) bool { return a.DailyLimitETH == "" && a.MaxValueETH == "1" }},
		"null clears shroud_config":  {patch: identity.AgentPatch{ShroudConfig: identity.Null[[]byte]()}, ok: func(a identity.Agent) bool { return a.ShroudConfig == nil }},
		"no scopes":                  {patch: identity.AgentPatch{Scopes: none}, code: "would_lift_restriction"},
		"no vaults":                  {patch: identity.AgentPatch{VaultIDs: none}, code: "would_lift_restriction"},
		"no addresses":               {patch: identity.AgentPatch{ToAllowlist: none}, code: "would_lift_restriction"},
		"no chains":                  {patch: identity.AgentPatch{AllowedChains: none}, code: "would_lift_restriction"},
		"null lifts the scopes":      {patch: identity.AgentPatch{Scopes: identity.Null[[]string]()}, ok: func(a identity.Agent) bool { return len(a.Scopes) == 0 && len(a.VaultIDs) == 1 }},
		"null lifts the binding":     {patch: identity.AgentPatch{VaultIDs: identity.Null[[]string]()}, ok: func(a identity.Agent) bool { return len(a.VaultIDs) == 0 && len(a.Scopes) == 1 }},
		"null lifts the addresses":   {patch: identity.AgentPatch{ToAllowlist: identity.Null[[]string]()}, ok: func(a identity.Agent) bool { return len(a.ToAllowlist) == 0 }},
		"null lifts the chains":      {patch: identity.AgentPatch{AllowedChains: identity.Null[[]string]()}, ok: func(a identity.Agent) bool { return len(a.AllowedChains) == 0 }},
		"a vault that is not there":  {patch: identity.AgentPatch{VaultIDs: identity.Value([]string{uuid.NewString()})}, code: "unknown_vault"},
		"a bad one leaves all alone": {patch: identity.AgentPatch{Name: identity.Value("tester"), MaxValueETH: identity.Value("x")}, code: "invalid_tx_max_value_eth"},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := w.agent(ada, start)
			got, err := w.UpdateAgent(t.Context(), w.call(ada, policy.UpdateAgent), a.ID, test.patch)
			stored, readErr := w.Agent(t.Context(), w.call(ada, policy.ReadAgent), a.ID)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if test.code != "" {
				wantCode(t, "update", err, test.code)
				if stored.Name != "builder" || len(stored.VaultIDs) != 1 || len(stored.Scopes) != 1 || len(stored.ToAllowlist) != 1 || len(stored.AllowedChains) != 1 {
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
		a, _ := w.agent(ada, identity.Agent{})
		if _, err := w.UpdateAgent(t.Context(), w.call(ada, policy.UpdateAgent), a.ID, identity.AgentPatch{Scopes: none, VaultIDs: none}); err != nil {
			t.Error(err)
		}
	})
	t.Run("two at once both happen", func(t *testing.T) {
		a, _ := w.agent(ada, identity.Agent{})
		var wait sync.WaitGroup
		for _, p := range []identity.AgentPatch{{Name: identity.Value("tester")}, {Description: identity.Value("tests")}, {Shroud: identity.Value(true)}} {
			wait.Go(func() {
				if _, err := w.UpdateAgent(t.Context(), w.call(ada, policy.UpdateAgent), a.ID, p); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		got, err := w.Agent(t.Context(), w.call(ada, policy.ReadAgent), a.ID)
		if err != nil || got.Name != "tester" || got.Description != "tests" || !got.Shroud {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestWhoMayDoWhatToAnAgent(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	_, bob := w.signup("bob@example.com")
	carol, dave := member(ada.Org), member(ada.Org)
	admin := policy.Principal{Kind: policy.KindUser, ID: uuid.NewString(), Org: ada.Org, Role: policy.RoleAdmin}
	a, key := w.agent(carol, identity.Agent{})
	_, otherKey := w.agent(carol, identity.Agent{})
	self, other := w.who(key), w.who(otherKey)
	ctx := t.Context()
	ops := map[policy.Action]func(c *call.Call, id string) error{
		policy.ReadAgent: func(c *call.Call, id string) error { _, err := w.Agent(ctx, c, id); return err },
		policy.UpdateAgent: func(c *call.Call, id string) error {
			_, err := w.UpdateAgent(ctx, c, id, identity.AgentPatch{})
			return err
		},
		policy.RotateAgentIdentityKeys: func(c *call.Call, id string) error { _, err := w.RotateAgentIdentityKeys(ctx, c, id); return err },
		policy.IssueAgentToken:         func(c *call.Call, id string) error { _, err := w.IssueAgentToken(ctx, c, id); return err },
		policy.RotateAgentKey:          func(c *call.Call, id string) error { _, err := w.RotateAgentKey(ctx, c, id, false); return err },
		policy.DeactivateAgent:         func(c *call.Call, id string) error { return w.DeactivateAgent(ctx, c, id, false) },
	}
	for action, do := range ops {
		for name, id := range map[string]string{"another organisation's user": a.ID, "an id that is nobody's": uuid.NewString()} {
			who := bob
			if id != a.ID {
				who = ada
			}
			wantKind(t, string(action)+" by "+name, do(w.call(who, action), id), fault.NotFound)
		}
		wantKind(t, string(action)+" by a member who did not make it", do(w.call(dave, action), a.ID), fault.NotFound)
		wantKind(t, string(action)+" by another agent", do(w.call(other, action), a.ID), fault.Denied)
		wantKind(t, string(action)+" by an agent to nobody", do(w.call(other, action), uuid.NewString()), fault.Denied)
		err := do(w.call(self, action), a.ID)
		if action == policy.ReadAgent || action == policy.RotateAgentKey {
			if err != nil {
				t.Errorf("%s by the agent itself: %v", action, err)
			}
		} else {
			wantKind(t, string(action)+" by the agent itself", err, fault.Denied)
		}
		for name, who := range map[string]policy.Principal{"its maker": carol, "an admin": admin, "the owner": ada} {
			mine, _ := w.agent(carol, identity.Agent{})
			c := w.call(who, action)
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
		all, err := w.Agents(ctx, w.call(test.who, policy.ListAgents))
		if err != nil || (len(all) > 0) != test.some {
			t.Errorf("%s lists %d agents, %v", name, len(all), err)
		}
	}
	_, err := w.Agents(ctx, w.call(self, policy.ListAgents))
	wantKind(t, "an agent lists agents", err, fault.Denied)
	_, _, err = w.CreateAgent(ctx, w.call(self, policy.RegisterAgent), identity.Agent{Name: "x"})
	wantKind(t, "an agent makes an agent", err, fault.Denied)
	_, err = w.AgentSelf(ctx, w.call(ada, policy.ReadAgentSelf))
	wantKind(t, "a user asks for itself as an agent", err, fault.Denied)
}

func TestTimesOfUseAreWrittenInTheBackground(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	a, key := w.agent(ada, identity.Agent{})
	jwt := w.exchange(key)
	run := func() identity.Agent {
		t.Helper()
		if err := w.FlushUse(t.Context()); err != nil {
			t.Fatal(err)
		}
		a, err := w.Agent(t.Context(), w.call(ada, policy.ReadAgent), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := w.clock.now()
	if got := run().LastActiveAt; !got.Equal(first) {
		t.Errorf("last active at %v, want the exchange's time", got)
	}
	w.clock.forward(30 * time.Second)
	w.who(jwt)
	if got := run().LastActiveAt; !got.Equal(first) {
		t.Errorf("written again after half a minute: %v", got)
	}
	w.clock.forward(31 * time.Second)
	if got := run().LastActiveAt; !got.Equal(first.Add(30 * time.Second)) {
		t.Errorf("last active at %v, want the last use's time", got)
	}
	epoch, _ := w.db.Epoch()
	k, user, err := w.CreateKey(t.Context(), w.call(ada, policy.CreateAPIKey), identity.KeyDraft{Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	w.who(string(user.Reveal()))
	run()
	keys, err := w.APIKeys(t.Context(), w.call(ada, policy.ListAPIKeys))
	if err != nil || len(keys) != 1 || keys[0].ID != k.ID || !keys[0].LastUsedAt.Equal(w.clock.now()) {
		t.Errorf("keys %+v, %v", keys, err)
	}
	if after, _ := w.db.Epoch(); after != epoch {
		t.Error("noting a use emptied the caches")
	}
}
