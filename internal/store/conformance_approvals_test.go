package store_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
)

// request is an agent's, under a policy that asks for approvals.
func (f *fixture) request(t *testing.T, vaultID, path string) approval.Request {
	t.Helper()
	g := f.grant(vaultID)
	g.Pattern, g.Conditions, g.PrincipalID = "**", []byte(`{"require_approval":{"valid_seconds":3600,"max_uses":3}}`), ids.New()
	must(t, f.AddAgent(t.Context(), agent.Agent{
		State: identity.State{ID: g.PrincipalID, Org: f.org, Creator: ids.New(), Active: true, TokenGen: 4},
		Name:  "agent", AuthMethod: agent.MethodMTLS, CreatedAt: moment,
	}, f.event()))
	must(t, f.AddGrant(t.Context(), f.org, g, f.event()))
	return approval.Request{
		ID: ids.New(), Policy: policy.Version{ID: g.ID, Revision: 1}, Reason: "to deploy", Status: approval.Pending,
		Use: approval.Use{
			Org: f.org, Vault: vaultID, Path: path, Operation: approval.Read, Kind: policy.KindAgent,
			Principal: g.PrincipalID, Human: "22222222-2222-4222-8222-222222222222",
		},
		ValidFor: time.Hour, MaxUses: 3, CreatedAt: moment, ExpiresAt: moment.Add(approval.PendingFor),
	}
}

// approve stores r and its approval.
func (f *fixture) approve(t *testing.T, r approval.Request, by string) approval.Request {
	t.Helper()
	r, err := f.AskApproval(t.Context(), r, f.event())
	must(t, err)
	r = approved(r, by)
	must(t, f.DecideApproval(t.Context(), r, f.event()))
	return r
}

// owner is the organisation's first owner.
func (f *fixture) owner(t *testing.T) (id string) {
	t.Helper()
	all, err := f.Members(t.Context(), f.org)
	must(t, err)
	if len(all) == 0 {
		return addUser(t, f)
	}
	return all[0].ID
}

// anOwner is another owner of the organisation.
func (f *fixture) anOwner(t *testing.T) (id string) {
	t.Helper()
	return f.joiner(t, f.owner(t), policy.RoleOwner)
}

// approved is r once somebody has approved it.
func approved(r approval.Request, by string) approval.Request {
	r.Status, r.UsesLeft, r.DecidedBy, r.DecidedAt, r.ExpiresAt = approval.Approved, r.MaxUses, by, moment.Add(time.Minute), moment.Add(r.ValidFor)
	return r
}

// resting is the event of a use of the approval.
func (f *fixture) resting(id string) *audit.Event {
	ev := f.event()
	ev.Details.Approval = id
	return ev
}

// live returns the ids of the approvals for the use.
func (f *fixture) live(t *testing.T, u approval.Use, now time.Time) (ids []string) {
	t.Helper()
	all, err := f.LiveApprovals(t.Context(), u, now)
	must(t, err)
	for _, g := range all {
		ids = append(ids, g.ID)
	}
	return ids
}

func testApprovals(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	all := approval.Seen{Org: f.org, All: true}
	asked := f.request(t, v.ID, "a/b")
	stored, err := f.AskApproval(t.Context(), asked, f.event())
	must(t, err)
	read, err := f.Approval(t.Context(), all, asked.ID)
	must(t, err)
	if stored != asked || read != asked {
		t.Errorf("stored %+v, read %+v, want %+v", stored, read, asked)
	}
	twin := asked
	twin.ID = ids.New()
	if found, err := f.AskApproval(t.Context(), twin, f.event()); err != nil || found != asked {
		t.Errorf("asked again: %+v, %v", found, err)
	}
	reasoned := f.request(t, v.ID, "a/reasoned")
	reasoned.Reason = ""
	_, err = f.AskApproval(t.Context(), reasoned, f.event())
	must(t, err)
	for _, reason := range []string{"", "deploy 7", "another"} { // the first that is given stays
		again := reasoned
		again.ID, again.Reason = ids.New(), reason
		want := reasoned
		if reason != "" {
			want.Reason = "deploy 7"
		}
		found, err := f.AskApproval(t.Context(), again, f.event())
		must(t, err)
		read, err := f.Approval(t.Context(), all, reasoned.ID)
		must(t, err)
		if found != want || read != want {
			t.Errorf("asked again with the reason %q: %+v, stored %+v", reason, found, read)
		}
	}
	must(t, f.WithdrawApproval(t.Context(), reasoned, f.event()))
	lost := asked
	lost.ID, lost.Vault = ids.New(), ids.New()
	if _, err := f.AskApproval(t.Context(), lost, f.event()); err == nil {
		t.Error("a request for a vault that is not there was stored")
	}
	if ids := f.live(t, asked.Use, moment); len(ids) != 0 {
		t.Error("one that is undecided is live")
	}

	given := asked
	given.Status, given.UsesLeft, given.DecidedBy, given.DecidedAt = approval.Approved, 3, f.owner(t), moment.Add(time.Minute)
	given.DecisionReason, given.ExpiresAt = "fine", moment.Add(time.Hour)
	must(t, f.DecideApproval(t.Context(), given, f.event()))
	want(t, "a second decision", f.DecideApproval(t.Context(), given, f.event()), "approval_decided")
	if read, err = f.Approval(t.Context(), all, asked.ID); err != nil || read != given {
		t.Errorf("read %+v, %v, want %+v", read, err, given)
	}
	if ids := f.live(t, asked.Use, moment); !slices.Equal(ids, []string{asked.ID}) {
		t.Errorf("live are %q", ids)
	}
	for what, change := range map[string]func(*approval.Use){
		"another path":         func(u *approval.Use) { u.Path = "a/c" },
		"another operation":    func(u *approval.Use) { u.Operation = approval.Write },
		"another agent":        func(u *approval.Use) { u.Principal = ids.New() },
		"another kind":         func(u *approval.Use) { u.Kind = policy.KindUser },
		"another vault":        func(u *approval.Use) { u.Vault = ids.New() },
		"another organisation": func(u *approval.Use) { u.Org = ids.New() },
	} {
		u := asked.Use
		change(&u)
		if ids := f.live(t, u, moment); len(ids) != 0 {
			t.Errorf("%s has %q", what, ids)
		}
	}
	if ids := f.live(t, asked.Use, moment.Add(time.Hour)); len(ids) != 0 {
		t.Error("one whose time is over is live")
	}
	must(t, f.SweepApprovals(t.Context(), moment.Add(2*time.Hour)))
	_, err = f.Approval(t.Context(), all, asked.ID)
	want(t, "one that was swept", err, "approval_not_found")
}

func testApprovalSight(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	r := f.request(t, v.ID, "a/b")
	_, err := f.AskApproval(t.Context(), r, f.event())
	must(t, err)
	for what, c := range map[string]struct {
		who  approval.Seen
		sees bool
	}{
		"a manager":                   {approval.Seen{Org: f.org, All: true, Kind: policy.KindUser, ID: ids.New()}, true},
		"the requester":               {approval.Seen{Org: f.org, Kind: policy.KindAgent, ID: r.Principal}, true},
		"its human":                   {approval.Seen{Org: f.org, Kind: policy.KindUser, ID: r.Human}, true},
		"the vault's creator":         {approval.Seen{Org: f.org, Kind: policy.KindUser, ID: v.CreatedBy}, true},
		"another member":              {approval.Seen{Org: f.org, Kind: policy.KindUser, ID: ids.New()}, false},
		"another agent":               {approval.Seen{Org: f.org, Kind: policy.KindAgent, ID: ids.New()}, false},
		"an agent of the human's id":  {approval.Seen{Org: f.org, Kind: policy.KindAgent, ID: r.Human}, false},
		"a user of the agent's id":    {approval.Seen{Org: f.org, Kind: policy.KindUser, ID: r.Principal}, false},
		"another organisation's boss": {approval.Seen{Org: ids.New(), All: true, Kind: policy.KindUser, ID: v.CreatedBy}, false},
	} {
		_, err := f.Approval(t.Context(), c.who, r.ID)
		list, err2 := f.Approvals(t.Context(), c.who, approval.Pending, moment, 10, 0)
		must(t, err2)
		if (err == nil) != c.sees || (len(list) == 1) != c.sees {
			t.Errorf("%s: %v, %d listed", what, err, len(list))
		}
	}
	late := approval.Seen{Org: f.org, All: true}
	for status, n := range map[approval.Status]int{approval.Pending: 0, approval.Expired: 1, approval.Denied: 0, "": 1} {
		list, err := f.Approvals(t.Context(), late, status, moment.Add(approval.PendingFor), 10, 0)
		if err != nil || len(list) != n {
			t.Errorf("%q: %d, %v, want %d", status, len(list), err, n)
		}
	}
}

// A use that is not recorded is not counted, and one that is not counted is not
// recorded, in whatever statement.
func testSpendApproval(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	f.put(t, v.ID, "a/b", 1)
	limited := version(v.ID, "limited", 1)
	limited.MaxAccess = 100
	must(t, f.PutVersion(t.Context(), f.org, limited, f.event()))
	left := func(id string) int {
		r, err := f.Approval(t.Context(), approval.Seen{Org: f.org, All: true}, id)
		must(t, err)
		return r.UsesLeft
	}
	for what, use := range map[string]func(ev *audit.Event) error{
		"a read": func(ev *audit.Event) error { return f.AppendApproved(t.Context(), ev) },
		"a limited read": func(ev *audit.Event) error {
			return f.Spend(t.Context(), v.ID, "limited", 1, ev)
		},
		"a write": func(ev *audit.Event) error {
			tip, err := f.Tip(t.Context(), v.ID, "a/b")
			must(t, err)
			return f.PutVersion(t.Context(), f.org, version(v.ID, "a/b", tip.Version+1), ev)
		},
		"a deletion": func(ev *audit.Event) error {
			_, err := f.SetDeleted(t.Context(), v.ID, "a/b", moment, ev)
			if err == nil {
				_, err = f.SetDeleted(t.Context(), v.ID, "a/b", time.Time{}, f.event())
			}
			return err
		},
	} {
		r := f.request(t, v.ID, "x/"+ids.New())
		r.MaxUses = 2
		r = f.approve(t, r, f.owner(t))
		for n := 1; n >= 0; n-- {
			if err := use(f.resting(r.ID)); err != nil || left(r.ID) != n {
				t.Errorf("%s: %v, %d left, want %d", what, err, left(r.ID), n)
			}
		}
		ev := f.resting(r.ID)
		want(t, what+" too many", use(ev), "approval_used")
		if ev.Committed {
			t.Errorf("%s was recorded without a use", what)
		}
	}
	r := f.approve(t, f.request(t, v.ID, "stale"), f.owner(t))
	want(t, "a stale write", f.PutVersion(t.Context(), f.org, version(v.ID, "a/b", 99), f.resting(r.ID)), "stale_version")
	_, err := f.SetDeleted(t.Context(), v.ID, "a/b", time.Time{}, f.resting(r.ID))
	want(t, "a restoration of what is there", err, "secret_not_found")
	if left(r.ID) != 3 {
		t.Errorf("what failed was counted: %d left", left(r.ID))
	}
	late := f.resting(r.ID)
	late.At = moment.Add(time.Hour)
	want(t, "a late use", f.AppendApproved(t.Context(), late), "approval_used")

	// Many at once, with writes that need no approval between them.
	var done atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if f.AppendApproved(t.Context(), f.resting(r.ID)) == nil {
				done.Add(1)
			}
		})
		wg.Go(func() {
			if err := f.Append(t.Context(), f.event()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if done.Load() != 3 || left(r.ID) != 0 {
		t.Errorf("%d uses of 3, %d left", done.Load(), left(r.ID))
	}
}

func testNotices(t *testing.T, f *fixture) {
	v := f.newVault("v")
	boss, maker := addUser(t, f), ids.New()
	v.CreatedBy = maker
	must(t, f.AddVault(t.Context(), v, f.event()))
	r := f.request(t, v.ID, "a/b")
	_, err := f.AskApproval(t.Context(), r, f.event())
	must(t, err)
	if _, _, found, err := f.ClaimNotice(t.Context(), moment.Add(-time.Second), moment); err != nil || found {
		t.Errorf("a call was due before its request: %v", err)
	}
	var claimed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, attempts, found, err := f.ClaimNotice(t.Context(), moment, moment.Add(time.Minute))
			if err != nil {
				t.Error(err)
			}
			if found {
				claimed.Add(1)
				if got != r || attempts != 1 {
					t.Errorf("claimed %+v, attempt %d", got, attempts)
				}
			}
		})
	}
	wg.Wait()
	if claimed.Load() != 1 {
		t.Errorf("%d claimed one notice", claimed.Load())
	}
	_, attempts, found, err := f.ClaimNotice(t.Context(), moment.Add(time.Minute), moment.Add(2*time.Minute))
	if err != nil || !found || attempts != 2 {
		t.Errorf("after the lease: %v, attempt %d, %v", found, attempts, err)
	}
	must(t, f.NoticeDue(t.Context(), r.ID, 1, time.Time{})) // of a lease that is over
	must(t, f.NoticeDue(t.Context(), r.ID, 2, moment.Add(time.Hour)))
	if _, attempts, found, err = f.ClaimNotice(t.Context(), moment.Add(time.Hour), moment.Add(2*time.Hour)); err != nil || !found || attempts != 3 {
		t.Errorf("when it is due again: %v, attempt %d, %v", found, attempts, err)
	}
	must(t, f.NoticeDue(t.Context(), r.ID, 3, time.Time{}))
	if _, _, found, err = f.ClaimNotice(t.Context(), moment.Add(24*time.Hour), moment.Add(25*time.Hour)); err != nil || found {
		t.Errorf("a notice that is out is due again: %v", err)
	}

	told, err := f.Deciders(t.Context(), f.org, v.ID, "", 10)
	if err != nil || len(told) != 1 || told[0] != boss+"@example.com" {
		t.Errorf("told %v, %v", told, err)
	}
	if told, err = f.Deciders(t.Context(), f.org, v.ID, boss, 10); err != nil || len(told) != 0 {
		t.Errorf("told %v, %v", told, err)
	}
}

func testWebhooks(t *testing.T, f *fixture) {
	_, err := f.Webhook(t.Context(), f.org)
	want(t, "none", err, "webhook_not_found")
	want(t, "removing none", f.RemoveWebhook(t.Context(), f.org, f.event()), "webhook_not_found")
	for _, url := range []string{"https://example.com/a", "https://example.com/b"} {
		w := approval.Webhook{
			ID: ids.New(), Org: f.org, URL: url, CreatedBy: ids.New(), CreatedAt: moment,
			Box: seal.Box{WrappedDEK: []byte{1, 0, 255}, Ciphertext: []byte(url)},
		}
		must(t, f.SetWebhook(t.Context(), w, f.event()))
		got, err := f.Webhook(t.Context(), f.org)
		must(t, err)
		if got.ID != w.ID || got.URL != url || string(got.Box.Ciphertext) != url || string(got.Box.WrappedDEK) != "\x01\x00\xff" || !got.CreatedAt.Equal(moment) {
			t.Errorf("stored %+v, read %+v", w, got)
		}
	}
	_, err = f.Webhook(t.Context(), ids.New())
	want(t, "another's", err, "webhook_not_found")
	must(t, f.RemoveWebhook(t.Context(), f.org, f.event()))
	_, err = f.Webhook(t.Context(), f.org)
	want(t, "removed", err, "webhook_not_found")
}
