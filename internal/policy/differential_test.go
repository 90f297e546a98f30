package policy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// FuzzDecide builds a situation from the input, and asks Decide and the
// reference. They must agree to the last field.
func FuzzDecide(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		f.Add(randomBytes(r))
	}
	f.Fuzz(func(t *testing.T, data []byte) { differ(t, data) })
}

// TestDecideAgreesWithTheReference is the fuzz target on a fixed stream, so that
// every plain test run compares many situations. It also checks that the stream
// reaches every reason, for otherwise agreement would say little.
func TestDecideAgreesWithTheReference(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	reached := map[policy.Reason]int{}
	for range 130_000 {
		d := differ(t, randomBytes(r))
		if d.Allow && d.PolicyID != "" {
			d.Reason = "policy:"
		}
		reached[d.Reason]++
	}
	for _, want := range append(constants[policy.Reason](t, "reason.go"), "beyond_bounds") {
		if reached[want] < 5 {
			t.Errorf("%s was reached %d times: the generator is too weak", want, reached[want])
		}
	}
}

func randomBytes(r *rand.Rand) []byte {
	b := make([]byte, 220)
	for i := range b {
		b[i] = byte(r.UintN(256))
	}
	return b
}

func differ(t *testing.T, data []byte) policy.Decision {
	t.Helper()
	s := situationFrom(data)
	var compiled []policy.Policy
	for _, row := range s.rows {
		compiled = append(compiled, row.compile(t))
	}
	s.r.Policies = policy.NewSet(compiled)
	got := policy.Decide(s.p, s.a, s.r, s.at)
	want := refDecide(s.p, s.a, s.r, s.rows, s.at)
	if got != want {
		t.Fatalf("got %+v\nwant %+v\nprincipal %+v\naction %s\nvault %+v agent %+v path %q type %q\nat %+v\nrows %+v",
			got, want, s.p, s.a, s.r.Vault, s.r.Agent, s.r.Path, s.r.SecretType, s.at, s.rows)
	}
	// A listing shows exactly the paths that may be described.
	if s.r.Vault != nil && s.r.Vault.ID != "" && !s.r.Path.IsZero() && s.r.Org == s.p.Org {
		r := s.r
		r.Agent, r.Constraint = nil, nil // a constraint is of one use, not of a listing
		describe := refDecide(s.p, policy.DescribeSecret, r, s.rows, s.at)
		view := s.r.Policies.View(s.p, s.r.Vault, s.at)
		path := s.r.Path.String()
		if view.Sees(path) != describe.Allow {
			t.Fatalf("view says %v, describe %+v\n%+v", view.Sees(path), describe, s)
		}
		if describe.Allow && len(path) < len(view.Prefix()) || describe.Allow && path[:len(view.Prefix())] != view.Prefix() {
			t.Fatalf("%q is in the view but does not begin with %q", path, view.Prefix())
		}
		if view.Whole() && !view.Sees("any/path/at-all") {
			t.Fatalf("a whole view misses a path\n%+v", s)
		}
	}
	return got
}

type situation struct {
	p    policy.Principal
	a    policy.Action
	r    policy.Resource
	rows []refPolicy
	at   policy.Moment
}

// source turns bytes into choices; when they run out every choice is the first.
type source struct{ data []byte }

func (s *source) n(limit int) int {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b) % limit
}

func pick[T any](s *source, from ...T) T { return from[s.n(len(from))] }

// situationFrom draws from small vocabularies, so that names meet often.
func situationFrom(data []byte) situation {
	s := &source{data}
	var x situation
	x.p = policy.Principal{
		Kind:          pick(s, policy.KindUser, policy.KindAgent, policy.KindUser, policy.KindAgent, policy.KindAgent, policy.KindAnonymous, policy.PrincipalKind("")),
		ID:            pick(s, "p1", "p1", "p1", "p1", "p2", "p1", "p1", ""),
		Org:           pick(s, "o1", "o1", "o1", "o1", "o1", "o1", "o2", ""),
		Role:          pick(s, policy.RoleMember, policy.RoleAdmin, policy.RoleOwner, policy.RoleMember, policy.Role("")),
		IntentsAPI:    pick(s, false, true),
		NoReveal:      pick(s, false, false, true),
		Frozen:        pick(s, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, true),
		PlatformAdmin: pick(s, false, false, true),
	}
	x.p.Router = x.p.Kind == policy.KindAgent && pick(s, false, false, false, false, false, false, true)
	x.p.Vaults = pick(s, nil, nil, nil, []string{"v1"}, []string{"v2"}, []string{"v2", "v1"})
	for range pick(s, 0, 0, 0, 0, 1, 2, 3) {
		x.p.Scopes = append(x.p.Scopes, pick(s, "vault:read", "vault.write", "tx:sign", "secrets:*", "*", "**", "secret:write", "audit:read", "audit.write", "share:write", "org:write", "members:*", "agent:read", "x:read", "vault:read:all",
			"a/**", "*/b", "a", "**/c", "a//b", "", "a:b/c", "a**", "**b/a"))
	}
	actions := append(policy.Actions(), slices.Repeat([]policy.Action{policy.ReadSecret}, 30)...)
	actions = append(actions,
		policy.WriteSecret, policy.ReadSecretVersion, policy.ReadSecretVersion, policy.AuthFailure)
	x.a = actions[s.n(len(actions))]
	x.r.Org = pick(s, "o1", "o1", "o1", "o1", "o1", "o1", "o1", "o1", "o2", "")
	if s.n(12) != 1 {
		x.r.Vault = &policy.Vault{
			ID:            pick(s, "v1", "v1", "v1", "v1", "v1", "v1", "v1", "v2", ""),
			Org:           pick(s, "o1", "o1", "o1", "o1", "o1", "o1", "o2"),
			CreatedBy:     pick(s, "p2", "p3", "p1", "p2"),
			CreatedByKind: pick(s, policy.KindUser, policy.KindAgent),
			CreatorHuman:  pick(s, "p3", "", "p1"),
		}
	}
	if s.n(12) != 1 {
		x.r.Agent = &policy.Agent{
			ID: pick(s, "p1", "p2"), Org: pick(s, "o1", "o1", "o1", "o1", "o1", "o2"), Creator: pick(s, "p1", "p2"),
		}
	}
	if s.n(12) != 1 {
		x.r.Path = somePath(s)
	}
	x.r.SecretType = pick(s, "generic", "private_key", "ssh_key", "")
	x.r.Approved = policy.Version{ID: pick(s, "", "pol0", "pol0", "pol1", "pol2"), Revision: pick(s, int64(1), 1, 1, 2)}
	x.at = someMoment(s)
	if s.n(3) != 1 {
		x.p.Person = x.at.Now.Add(pick(s, -time.Minute, -time.Minute, 0, -10*time.Minute, time.Minute))
		x.p.Key, x.p.Device = pick(s, "", "", "", "k1"), pick(s, false, false, false, true)
	}
	for i := range s.n(7) {
		x.rows = append(x.rows, someRow(s, fmt.Sprintf("pol%d", i)))
	}
	if x.r.Vault != nil && s.n(5) == 1 {
		x.r.Vault.Reserved, x.r.Vault.Closed = true, s.n(4) == 1
		if own := pick(s, "", "agents/p1/a", "agents/p1", "agents/p2/a", "agents/p11/a"); own != "" && !x.r.Path.IsZero() {
			x.r.Path, _ = secretpath.Parse(own)
		}
	}
	if s.n(8) == 1 {
		x.r.Constraint = bounds{pick(s, "p1", "p2"), pick(s, 0, 12)}
	}
	return x
}

func somePath(s *source) secretpath.Path {
	text := pick(s, "a", "b", "ab")
	for range s.n(4) {
		text += "/" + pick(s, "a", "b", "c", "ab", "a-b")
	}
	p, err := secretpath.Parse(text)
	if err != nil {
		panic(err)
	}
	return p
}

func someMoment(s *source) policy.Moment {
	ip := pick(s, "10.0.0.7", "10.1.0.1", "::ffff:10.0.0.7", "2001:db8::1", "fe80::1%eth0", "")
	at := policy.Moment{Now: time.Date(2026, pick(s, time.January, time.July), 10, s.n(24), s.n(60), pick(s, 0, 59), 0, time.UTC)}
	if ip != "" {
		at.IP = netip.MustParseAddr(ip)
	}
	return at
}

func someRow(s *source, id string) refPolicy {
	row := refPolicy{
		id: id, vault: pick(s, "v1", "v1", "v1", "v1", "v2"),
		kind: pick(s, policy.KindAgent, policy.KindUser), principal: pick(s, "p1", "p1", "p1", "p2"),
		words: pick(s, []string{"read"}, []string{"read"}, []string{"write"}, []string{"delete"}, []string{"read", "write"}, []string{"use"}),
	}
	row.pattern = pick(s, "**", "a", "b", "ab", "*", "a*", "*b")
	for range s.n(4) {
		row.pattern += "/" + pick(s, "**", "*", "a", "b", "c", "a*b", "*-*")
	}
	if s.n(4) == 1 {
		row.nets = pick(s, []string{"10.0.0.0/16"}, []string{"::ffff:10.0.0.0/112"}, []string{"192.0.2.1", "2001:db8::/32"},
			[]string{"::/0"}, []string{"0.0.0.0/0"}, []string{"fe80::/10"}, []string{"::ffff:10.0.0.7"})
	}
	if s.n(4) == 1 {
		row.after = fmt.Sprintf("%02d:%02d", s.n(24), pick(s, 0, 30, 59))
		row.before = fmt.Sprintf("%02d:%02d", s.n(24), pick(s, 15, 45))
		row.zone = pick(s, "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati")
	}
	if s.n(3) == 1 {
		row.expires = time.Date(2026, pick(s, time.January, time.July), 10, s.n(24), s.n(60), 0, 0, time.UTC)
	}
	row.revision = pick(s, int64(1), 1, 1, 2)
	row.approval = pick(s, "", "", "", "true", "false", `{"max_uses":3}`, "null")
	return row
}

func (row refPolicy) compile(t *testing.T) policy.Policy {
	t.Helper()
	conditions := map[string]any{}
	if row.nets != nil {
		conditions["ip_allowlist"] = row.nets
	}
	if row.after != "" {
		conditions["time_window"] = map[string]string{"after": row.after, "before": row.before, "timezone": row.zone}
	}
	if row.approval != "" {
		conditions["require_approval"] = json.RawMessage(row.approval)
	}
	raw, err := json.Marshal(conditions)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.CompilePolicy(policy.Spec{
		ID: row.id, Vault: row.vault, Pattern: row.pattern, PrincipalKind: row.kind, PrincipalID: row.principal,
		Permissions: row.words, Conditions: raw, ExpiresAt: row.expires, Revision: row.revision,
	})
	if err != nil {
		t.Fatalf("%+v: %v", row, err)
	}
	return p
}
