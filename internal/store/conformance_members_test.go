package store_test

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

func anybody(org.Member, org.Member) error { return nil }

func (f *fixture) invitation(t *testing.T, by, email string, role policy.Role) org.Invitation {
	t.Helper()
	i := org.Invitation{
		ID: ids.New(), Org: f.org, Email: email, Role: role, TokenHash: ids.New(), InvitedBy: by,
		CreatedAt: moment, ExpiresAt: moment.Add(time.Hour),
	}
	must(t, f.AddInvitation(t.Context(), i, func(org.Member) error { return nil }, f.event()))
	return i
}

// joiner is a user of another organisation who joined f's.
func (f *fixture) joiner(t *testing.T, owner string, role policy.Role) string {
	t.Helper()
	elsewhere := &fixture{DB: f.DB, org: ids.New()}
	user := addUser(t, elsewhere)
	i := f.invitation(t, owner, user+"@example.com", role)
	must(t, f.Join(t.Context(), i, user, moment.Add(time.Second), f.event()))
	return user
}

func (f *fixture) count(t *testing.T, role policy.Role) (n int) {
	t.Helper()
	all, err := f.Members(t.Context(), f.org)
	must(t, err)
	for _, m := range all {
		if m.Role == role {
			n++
		}
	}
	return n
}

func testInvitations(t *testing.T, f *fixture) {
	owner := addUser(t, f)
	i := f.invitation(t, owner, "zoe@example.com", policy.RoleAdmin)
	want(t, "twice", f.AddInvitation(t.Context(), i, func(org.Member) error { return nil }, f.event()), "already_invited")
	want(t, "a member", f.Invited(t.Context(), f.org, owner+"@example.com", moment), "already_member")
	got, err := f.Invitation(t.Context(), f.org, i.ID)
	must(t, err)
	if got != i {
		t.Errorf("got %+v, want %+v", got, i)
	}
	if _, err := f.Invitation(t.Context(), ids.New(), i.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("another organisation finds it: %v", err)
	}
	_, err = f.InvitationByToken(t.Context(), i.TokenHash, i.ExpiresAt)
	want(t, "expired", err, "invitation_not_found")
	must(t, f.RenewInvitation(t.Context(), i, "other", i.ExpiresAt.Add(time.Hour), f.event()))
	want(t, "renewed meanwhile", f.RenewInvitation(t.Context(), i, "third", i.ExpiresAt, f.event()), "invitation_not_found")
	want(t, "the old token", f.Join(t.Context(), i, owner, moment, f.event()), "invitation_not_found")
	for who, c := range map[string]struct {
		email string
		at    time.Time
		want  bool
	}{
		"invited":             {"zoe@example.com", moment, true},
		"no longer":           {"zoe@example.com", moment.Add(2 * time.Hour), false},
		"not at all":          {"zo@example.com", moment, false},
		"a pattern of others": {"%@example.com", moment, false},
	} {
		if is, err := f.Awaited(t.Context(), c.email, c.at); is != c.want || err != nil {
			t.Errorf("%s: awaited %v, %v", who, is, err)
		}
	}
	// An expired one is in nobody's way.
	late := i
	late.ID, late.TokenHash, late.CreatedAt, late.ExpiresAt = ids.New(), "late", moment.Add(24*time.Hour), moment.Add(48*time.Hour)
	must(t, f.AddInvitation(t.Context(), late, func(org.Member) error { return nil }, f.event()))

	user := addUser(t, &fixture{DB: f.DB, org: ids.New()})
	var all sync.WaitGroup
	errs := make([]error, 16)
	for n := range errs {
		all.Go(func() { errs[n] = f.Join(t.Context(), late, user, late.CreatedAt, f.event()) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		}
	}
	if orgs, err := f.Orgs(t.Context(), user); err != nil || won != 1 || len(orgs) != 2 {
		t.Errorf("%d joined, organisations %v, %v", won, orgs, err)
	}
}

func testRoles(t *testing.T, f *fixture) {
	ann := addUser(t, f)
	_, err := f.ChangeRole(t.Context(), f.org, ann, ann, policy.RoleMember, anybody, f.event())
	want(t, "the last owner", err, "last_owner")
	want(t, "the last owner", f.RemoveMember(t.Context(), org.Removal{Org: f.org, User: ann, Actor: ann}, anybody, f.event()), "last_owner")
	_, err = f.ChangeRole(t.Context(), f.org, ann, ids.New(), policy.RoleMember, anybody, f.event())
	want(t, "nobody", err, "member_not_found")
	// Of owners who all step down at once, one stays.
	owners := []string{ann}
	for range 7 {
		owners = append(owners, f.joiner(t, ann, policy.RoleOwner))
	}
	var all sync.WaitGroup
	for n, id := range owners {
		all.Go(func() {
			if n%2 == 0 {
				_ = f.RemoveMember(t.Context(), org.Removal{Org: f.org, User: id, Actor: id, At: moment}, anybody, f.event())
				return
			}
			_, _ = f.ChangeRole(t.Context(), f.org, id, id, policy.RoleMember, anybody, f.event())
		})
	}
	all.Wait()
	if n := f.count(t, policy.RoleOwner); n != 1 {
		t.Errorf("%d owners are left", n)
	}
}

func testRemoval(t *testing.T, f *fixture) {
	ann := addUser(t, f)
	bob := f.joiner(t, ann, policy.RoleMember)
	v := f.newVault("bobs")
	v.CreatedBy = bob
	must(t, f.AddVault(t.Context(), v, f.event()))
	agent := agent.Agent{
		State: identity.State{ID: ids.New(), Org: f.org, Creator: bob, Active: true},
		Name:  "bobs", AuthMethod: agent.MethodMTLS, CreatedAt: moment,
	}
	must(t, f.AddAgent(t.Context(), agent, f.event()))
	key := identity.UserKey{ID: ids.New(), Org: f.org, User: bob, Name: "k", Hash: ids.New(), CreatedAt: moment}
	must(t, f.AddKey(t.Context(), key, f.event()))
	g := f.grant(v.ID)
	g.PrincipalKind, g.PrincipalID = policy.KindUser, bob
	must(t, f.AddGrant(t.Context(), f.org, g, f.event()))
	was, _ := f.Epoch()
	must(t, f.RemoveMember(t.Context(), org.Removal{Org: f.org, User: bob, Actor: ann, At: moment, OwnOrg: ids.New()}, anybody, f.event()))
	if is, _ := f.Epoch(); is == was {
		t.Error("the epoch did not move")
	}
	a, err := f.AgentState(t.Context(), agent.ID)
	must(t, err)
	k, err := f.Key(t.Context(), key.ID)
	must(t, err)
	grants, err := f.Grants(t.Context(), v.ID)
	must(t, err)
	left, err := f.Vault(t.Context(), v.ID)
	must(t, err)
	if a.Active || a.Creator != ann || a.TokenGen == agent.TokenGen || k.RevokedAt.IsZero() || len(grants) != 0 || left.CreatorLeft == 0 || left.CreatedBy != bob {
		t.Errorf("agent %+v, key %+v, policies %v, vault %+v", a, k, grants, left)
	}
	// Bob has an organisation of his own: no other is made for him, and he logs in there.
	orgs, err := f.Orgs(t.Context(), bob)
	must(t, err)
	account, err := f.AccountByEmail(t.Context(), bob+"@example.com")
	must(t, err)
	if len(orgs) != 1 || account.Org != orgs[0].Org || account.Role != policy.RoleOwner {
		t.Errorf("organisations %v, account %+v", orgs, account)
	}
	// A removed member that is nowhere else gets an organisation of its own, or is in none.
	for _, own := range []string{ids.New(), ""} {
		i := f.invitation(t, ann, ids.New()+"@example.com", policy.RoleMember)
		zoe := identity.Account{
			User: identity.User{ID: ids.New(), Email: i.Email, AuthMethod: "password", HomeOrg: f.org, CreatedAt: moment},
			Org:  f.org, Role: i.Role, PasswordHash: "none",
		}
		must(t, f.AddInvitedUser(t.Context(), zoe, i, f.event()))
		must(t, f.RemoveMember(t.Context(), org.Removal{Org: f.org, User: zoe.ID, Actor: ann, At: moment, OwnOrg: own}, anybody, f.event()))
		if got, err := f.AccountByEmail(t.Context(), i.Email); err != nil || got.Org != own {
			t.Errorf("with %q: %+v, %v", own, got, err)
		}
	}
}

func testIPRules(t *testing.T, f *fixture) {
	rule := func(cidr string) iprule.Rule {
		return iprule.Rule{
			ID: ids.New(), Org: f.org, Type: "deny", Network: netip.MustParsePrefix(cidr), Label: "l", AppliesTo: "all",
			CreatedBy: ids.New(), CreatedAt: moment,
		}
	}
	seen := 0
	look := func(will []iprule.Rule) error { seen = len(will); return nil }
	refuse := func([]iprule.Rule) error { return fault.New(fault.Conflict, "no", "") }
	a, b := rule("10.0.0.0/8"), rule("2001:db8::/32")
	want(t, "a refused rule", f.AddIPRule(t.Context(), a, refuse, f.event()), "no")
	must(t, f.AddIPRule(t.Context(), a, look, f.event()))
	must(t, f.AddIPRule(t.Context(), b, look, f.event()))
	if seen != 2 {
		t.Errorf("the check saw %d rules", seen)
	}
	twin := rule("10.0.0.0/8")
	want(t, "a rule twice", f.AddIPRule(t.Context(), twin, look, f.event()), "ip_rule_exists")
	want(t, "a refused removal", f.RemoveIPRule(t.Context(), f.org, a.ID, refuse, f.event()), "no")
	want(t, "another's rule", (&fixture{DB: f.DB, org: ids.New()}).RemoveIPRule(t.Context(), ids.New(), a.ID, look, nil), "ip_rule_not_found")
	was, _ := f.Epoch()
	must(t, f.RemoveIPRule(t.Context(), f.org, a.ID, look, f.event()))
	if is, _ := f.Epoch(); is == was || seen != 1 {
		t.Errorf("epoch %d then %d, %d rules", was, is, seen)
	}
	left, err := f.IPRules(t.Context(), f.org)
	must(t, err)
	if len(left) != 1 || left[0] != b {
		t.Errorf("left %+v, want %+v", left, b)
	}
}
