package agent_test

import (
	"slices"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
)

// usual is an active agent with a key, changed by f.
func usual(f func(a *agent.Agent)) *agent.Agent {
	a := agent.Agent{AuthMethod: agent.MethodAPIKey, KeyHash: "key"}
	a.Active = true
	if f != nil {
		f(&a)
	}
	return &a
}

func pinned(cert string, active bool) func(a *agent.Agent) {
	return func(a *agent.Agent) {
		a.AuthMethod, a.KeyHash, a.CertFingerprint, a.Active = agent.MethodMTLS, "", cert, active
	}
}

func client(id string) func(a *agent.Agent) {
	return func(a *agent.Agent) {
		a.AuthMethod, a.KeyHash, a.OIDCIssuer, a.OIDCClientID = agent.MethodOIDC, "", "https://idp", id
	}
}

func TestWhatAChangeOfAnAgentIs(t *testing.T) {
	t.Parallel()
	stopped := func(a *agent.Agent) { a.Active, a.KeyHash, a.TokenGen = false, "", a.TokenGen+1 }
	for name, c := range map[string]struct {
		was, is                 func(a *agent.Agent)
		starts, gives, endsMade bool
	}{
		"a new name":                   {nil, func(a *agent.Agent) { a.Name = "x" }, false, false, false},
		"another key":                  {nil, func(a *agent.Agent) { a.KeyHash = "other" }, false, true, true},
		"it stops":                     {nil, stopped, false, true, true},
		"it stops and keeps its pin":   {pinned("c", true), pinned("c", false), false, false, true},
		"it is stopped again":          {pinned("c", false), func(a *agent.Agent) { pinned("c", false)(a); a.TokenGen++ }, false, false, true},
		"it stays stopped":             {pinned("c", false), func(a *agent.Agent) { pinned("c", false)(a); a.Name = "x" }, false, false, false},
		"it starts":                    {stopped, func(a *agent.Agent) { a.KeyHash = "" }, true, false, false},
		"it starts with a certificate": {pinned("c", false), pinned("c", true), true, true, false},
		"another certificate":          {pinned("c", true), pinned("d", true), false, true, true},
		"another client":               {client("a"), client("b"), false, true, true},
		"a certificate beside a key":   {nil, func(a *agent.Agent) { a.CertFingerprint = "c" }, false, false, false},
	} {
		change := agent.Change{Was: usual(c.was), Is: usual(c.is)}
		if change.Starts() != c.starts || change.GivesKey() != c.gives || change.EndsMade() != c.endsMade {
			t.Errorf("%s: starts %v, gives a key %v, ends what was made %v", name, change.Starts(), change.GivesKey(), change.EndsMade())
		}
	}
}

func TestWhatAChangeTakes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	bound := func(a *agent.Agent) { a.VaultIDs = []string{"v"} }
	for name, c := range map[string]struct {
		was, is           func(a *agent.Agent)
		approvals, shares string // of vaults v and w at paths a and b
	}{
		"nothing":                       {nil, nil, "none", "none"},
		"what it is bound to":           {nil, bound, "w/a w/b", "w/a w/b"},
		"what its scopes leave":         {nil, func(a *agent.Agent) { a.Scopes = []string{"a"} }, "v/b w/b", "v/b w/b"},
		"nothing by loosening":          {bound, nil, "", ""},
		"approvals where it hides keys": {nil, func(a *agent.Agent) { a.Intents = true }, "v/a v/b w/a w/b", "none"},
		"all approvals and some shares": {nil, func(a *agent.Agent) { a.Intents = true; bound(a) }, "v/a v/b w/a w/b", "w/a w/b"},
		"nothing where it shows keys":   {func(a *agent.Agent) { a.Intents = true }, nil, "none", "none"},
		"everything after its end":      {func(a *agent.Agent) { a.ExpiresAt = now }, nil, "v/a v/b w/a w/b", "v/a v/b w/a w/b"},
		"nothing before its end":        {func(a *agent.Agent) { a.ExpiresAt = now.Add(1) }, nil, "none", "none"},
	} {
		approvals, shares := agent.Change{Was: usual(c.was), Is: usual(c.is)}.Takes(now)
		for what, got := range map[string]struct {
			at   agent.Places
			want string
		}{"approvals": {approvals, c.approvals}, "shares": {shares, c.shares}} {
			if text := places(got.at); text != got.want {
				t.Errorf("%s: %s at %q, want %q", name, what, text, got.want)
			}
		}
	}
}

func places(at agent.Places) string {
	if at == nil {
		return "none"
	}
	text := ""
	for _, vault := range []string{"v", "w"} {
		for _, path := range []string{"a", "b"} {
			if at(vault, path) {
				text += " " + vault + "/" + path
			}
		}
	}
	if text != "" {
		text = text[1:]
	}
	return text
}

func TestWhatIsLeftOfBindings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		had, seen, left []string
		stops           bool
	}{
		"all":  {[]string{"v", "w"}, []string{"w", "v", "x"}, []string{"v", "w"}, false},
		"some": {[]string{"v", "w"}, []string{"w"}, []string{"w"}, false},
		"none": {[]string{"v", "w"}, []string{"x"}, nil, true},
	} {
		if left, stops := agent.Unbind(c.had, c.seen); !slices.Equal(left, c.left) || stops != c.stops {
			t.Errorf("%s: %v, %v", name, left, stops)
		}
	}
}

func TestWhoLosesAKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method       string
		key, active  bool
		loses, stops bool
	}{
		"an agent with a key":                    {agent.MethodAPIKey, true, true, true, false},
		"one with a key that is stopped":         {agent.MethodAPIKey, true, false, true, false},
		"one that has no key any more":           {agent.MethodAPIKey, false, true, false, false},
		"one with a certificate":                 {agent.MethodMTLS, false, true, true, true},
		"one with a client":                      {agent.MethodOIDC, false, true, true, true},
		"one with a certificate that is stopped": {agent.MethodMTLS, false, false, false, true},
	} {
		if loses, stops := agent.LosesKey(c.method, c.key, c.active); loses != c.loses || loses && stops != c.stops {
			t.Errorf("%s: loses %v, stops %v", name, loses, stops)
		}
	}
	if !agent.GaveItself("agent:a/1") || agent.GaveItself("session:s") || agent.GaveItself("key:agent:") || agent.GaveItself("") {
		t.Error("who gave the key is not told by the credential")
	}
}
