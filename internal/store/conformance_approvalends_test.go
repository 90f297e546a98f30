package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// given is an approval of a request that an owner decided.
type given struct {
	approval.Request
	grant vault.Grant
	boss  string // an owner who stays
}

// edit changes the policy of the approval.
func (f *fixture) edit(t *testing.T, g *given, conditions string) {
	t.Helper()
	was := g.grant
	g.grant.Conditions, g.grant.Revision = []byte(conditions), was.Revision+1
	must(t, f.UpdateGrant(t.Context(), f.org, was, g.grant, false, f.event()))
}

// An approval counts for as long as all that it rests on, and no longer; what comes
// back brings no approval back.
func testApprovalEnds(t *testing.T, f *fixture) {
	const terms = `{"require_approval":{"valid_seconds":3600,"max_uses":3}}`
	alter := func(t *testing.T, g *given, change func(*agent.Agent)) {
		_, err := f.ChangeAgent(t.Context(), f.org, g.Principal, func(a *agent.Agent) error { change(a); return nil }, false, f.event())
		must(t, err)
	}
	role := func(t *testing.T, g *given, r policy.Role) {
		_, err := f.ChangeRole(t.Context(), f.org, g.boss, g.DecidedBy, r, anybody, f.event())
		must(t, err)
	}
	for what, end := range map[string]func(t *testing.T, g *given){
		"its policy is tightened":          func(t *testing.T, g *given) { f.edit(t, g, `{"require_approval":{"max_uses":1}}`) },
		"its policy is loosened":           func(t *testing.T, g *given) { f.edit(t, g, `{"require_approval":{"max_uses":9}}`) },
		"its policy comes back":            func(t *testing.T, g *given) { f.edit(t, g, `{"require_approval":true}`); f.edit(t, g, terms) },
		"its policy is edited to the same": func(t *testing.T, g *given) { f.edit(t, g, terms) },
		"its policy is made again": func(t *testing.T, g *given) {
			must(t, f.RemoveGrant(t.Context(), f.org, g.Vault, g.grant.ID, f.event()))
			g.grant.ID = ids.New()
			must(t, f.AddGrant(t.Context(), f.org, g.grant, f.event()))
		},
		"its decider is demoted": func(t *testing.T, g *given) { role(t, g, policy.RoleMember) },
		"its decider is back":    func(t *testing.T, g *given) { role(t, g, policy.RoleMember); role(t, g, policy.RoleOwner) },
		"its decider is removed": func(t *testing.T, g *given) {
			must(t, f.RemoveMember(t.Context(), org.Removal{Org: f.org, User: g.DecidedBy, Actor: g.boss, At: moment}, anybody, f.event()))
		},
		"its decider is removed and invited again": func(t *testing.T, g *given) {
			must(t, f.RemoveMember(t.Context(), org.Removal{Org: f.org, User: g.DecidedBy, Actor: g.boss, At: moment}, anybody, f.event()))
			i := f.invitation(t, g.boss, g.DecidedBy+"@again.example.com", policy.RoleOwner)
			must(t, f.Join(t.Context(), i, g.DecidedBy, moment.Add(time.Second), f.event()))
		},
		"its decider is deleted": func(t *testing.T, g *given) {
			must(t, f.RemoveUser(t.Context(), account.Erasure{User: g.DecidedBy, At: moment, Note: func(string) *audit.Event { return f.event() }}, f.event()))
		},
		"its decider's password is changed": func(t *testing.T, g *given) {
			must(t, f.SetPassword(t.Context(), f.org, g.DecidedBy, "none", "other", account.Kept{At: moment}, f.event()))
		},
		"its requester's key is rotated": func(t *testing.T, g *given) { alter(t, g, func(a *agent.Agent) { a.TokenGen++ }) },
		"its requester is stopped":       func(t *testing.T, g *given) { alter(t, g, func(a *agent.Agent) { a.Active = false }) },
		"its requester is bound elsewhere and back": func(t *testing.T, g *given) {
			alter(t, g, func(a *agent.Agent) { a.VaultIDs = []string{ids.New()} })
			alter(t, g, func(a *agent.Agent) { a.VaultIDs = nil })
		},
		"its requester is capped to other paths and back": func(t *testing.T, g *given) {
			alter(t, g, func(a *agent.Agent) { a.Scopes = []string{"a/c"} })
			alter(t, g, func(a *agent.Agent) { a.Scopes = []string{"a/*"} })
		},
		"it is withdrawn": func(t *testing.T, g *given) {
			r := g.Request
			r.WithdrawnBy, r.WithdrawnAt = g.DecidedBy, moment
			must(t, f.WithdrawApproval(t.Context(), r, f.event()))
		},
	} {
		t.Run(what, func(t *testing.T) {
			v := f.addVault(t, ids.New())
			g := &given{Request: f.approve(t, f.request(t, v.ID, "a/b"), f.anOwner(t)), boss: f.owner(t)}
			all, err := f.Grants(t.Context(), v.ID)
			must(t, err)
			g.grant = all[0]
			must(t, f.AppendApproved(t.Context(), f.resting(g.ID)))
			end(t, g)
			if ids := f.live(t, g.Use, moment); len(ids) != 0 {
				t.Errorf("live are %q", ids)
			}
			want(t, "a use", f.AppendApproved(t.Context(), f.resting(g.ID)), "approval_used")
			r, err := f.Approval(t.Context(), approval.Seen{Org: f.org, All: true}, g.ID)
			must(t, err)
			status := r.At(moment)
			if status != approval.Ended && status != approval.Withdrawn {
				t.Errorf("it is %s", status)
			}
			for s, shown := range map[approval.Status]bool{approval.Approved: false, approval.Pending: false, status: true} {
				all, err := f.Approvals(t.Context(), approval.Seen{Org: f.org, All: true}, s, moment, 100, 0)
				must(t, err)
				if slices.ContainsFunc(all, func(r approval.Request) bool { return r.ID == g.ID }) != shown {
					t.Errorf("listed as %s: %v", s, !shown)
				}
			}
		})
	}
}

// A request that waits takes the policy as it is at the decision, and ends with the
// policy and with the credentials of who asked.
func testRequestEnds(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	boss := f.anOwner(t)
	ask := func(path string) given {
		r := f.request(t, v.ID, path)
		r, err := f.AskApproval(t.Context(), r, f.event())
		must(t, err)
		all, err := f.Grants(t.Context(), v.ID)
		must(t, err)
		i := slices.IndexFunc(all, func(g vault.Grant) bool { return g.ID == r.Policy.ID })
		return given{Request: r, grant: all[i]}
	}
	decide := func(r approval.Request) error { return f.DecideApproval(t.Context(), approved(r, boss), f.event()) }

	edited := ask("edited")
	f.edit(t, &edited, `{"require_approval":{"max_uses":2}}`)
	want(t, "the terms of before", decide(edited.Request), "approval_ended")
	terms, now, err := f.ApprovalPolicy(t.Context(), edited.Policy.ID)
	if err != nil || now.Revision != 2 || terms.MaxUses != 2 {
		t.Fatalf("terms %+v of %+v, %v", terms, now, err)
	}
	edited.Policy, edited.MaxUses = now, 2
	must(t, decide(edited.Request))
	if ids := f.live(t, edited.Use, moment); len(ids) != 1 {
		t.Errorf("live are %q", ids)
	}

	open := ask("open")
	f.edit(t, &open, `{}`)
	_, _, err = f.ApprovalPolicy(t.Context(), open.Policy.ID)
	want(t, "a policy that asks no more", err, "policy_not_found")
	gone := ask("gone")
	must(t, f.RemoveGrant(t.Context(), f.org, v.ID, gone.grant.ID, f.event()))
	want(t, "a policy that is gone", decide(gone.Request), "approval_ended")

	rotated := ask("rotated")
	_, err = f.ChangeAgent(t.Context(), f.org, rotated.Principal, func(a *agent.Agent) error { a.TokenGen++; return nil }, false, f.event())
	must(t, err)
	want(t, "an old key's request", decide(rotated.Request), "approval_ended")
	again := rotated.Request
	again.ID = ids.New()
	if r, err := f.AskApproval(t.Context(), again, f.event()); err != nil || r.ID != again.ID {
		t.Errorf("the new key found %s, %v", r.ID, err)
	}

	left := ask("left")
	member := f.joiner(t, boss, policy.RoleMember)
	want(t, "somebody who may not", f.DecideApproval(t.Context(), approved(left.Request, member), f.event()), "access_denied")
}

// A requester that was denied waits before it asks for the same again, longer each
// time, and nobody asks without end.
func testPause(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	boss := f.anOwner(t)
	r := f.request(t, v.ID, "a/b")
	now := moment
	ask := func(change func(*approval.Request)) error {
		next := r
		next.ID, next.CreatedAt, next.ExpiresAt = ids.New(), now, now.Add(approval.PendingFor)
		change(&next)
		stored, err := f.AskApproval(t.Context(), next, f.event())
		if err == nil && stored.ID == next.ID {
			next.Status, next.DecidedBy, next.DecidedAt = approval.Denied, boss, now
			must(t, f.DecideApproval(t.Context(), next, f.event()))
		}
		return err
	}
	same := func(*approval.Request) {}
	for n, pause := range []time.Duration{10 * time.Minute, 20 * time.Minute, 40 * time.Minute} {
		must(t, ask(same))
		now = now.Add(pause - time.Second)
		err := ask(same)
		want(t, fmt.Sprint("denial ", n), err, "approval_paused")
		if e, _ := err.(*fault.Error); e.RetryAfter != time.Second { //nolint:errorlint // the store returns it bare
			t.Errorf("wait %v more", e.RetryAfter)
		}
		now = now.Add(time.Second)
	}
	must(t, ask(same))
	for what, change := range map[string]func(*approval.Request){
		"another path":      func(r *approval.Request) { r.Path = "a/c" },
		"another operation": func(r *approval.Request) { r.Operation = approval.Write },
	} {
		if err := ask(change); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	now = now.Add(25 * time.Hour)
	must(t, ask(same)) // what is long ago counts no more

	other := f.request(t, v.ID, "many")
	for i := range approval.MaxAsked + 1 {
		next := other
		next.ID, next.Path = ids.New(), fmt.Sprint("many/", i)
		_, err := f.AskApproval(t.Context(), next, f.event())
		if i == approval.MaxAsked {
			want(t, "one too many in an hour", err, "too_many_approvals")
			continue
		}
		must(t, err)
		next.WithdrawnBy, next.WithdrawnAt = next.Principal, moment
		must(t, f.WithdrawApproval(t.Context(), next, f.event()))
	}
}

// Whatever happens at once, an approval is used as often as it says at most, and
// not after it was withdrawn or its policy edited.
func testApprovalRaces(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	for i, end := range []func(ctx context.Context, r approval.Request, g vault.Grant) error{
		func(ctx context.Context, r approval.Request, _ vault.Grant) error {
			r.WithdrawnBy, r.WithdrawnAt = r.DecidedBy, moment
			return f.WithdrawApproval(ctx, r, f.event())
		},
		func(ctx context.Context, _ approval.Request, g vault.Grant) error {
			next := g
			next.Conditions = []byte(`{"require_approval":{"max_uses":1}}`)
			return f.UpdateGrant(ctx, f.org, g, next, false, f.event())
		},
	} {
		r := f.request(t, v.ID, fmt.Sprint("use/", i))
		all, err := f.Grants(t.Context(), v.ID)
		must(t, err)
		g := all[slices.IndexFunc(all, func(g vault.Grant) bool { return g.ID == r.Policy.ID })]
		r.MaxUses = 1000
		r = f.approve(t, r, f.owner(t))
		var ended atomic.Bool
		var wg sync.WaitGroup
		for n := range 16 {
			wg.Go(func() {
				for range 10 {
					late := ended.Load()
					if err := f.AppendApproved(t.Context(), f.resting(r.ID)); err == nil && late {
						t.Error("it was used after its end")
					}
				}
			})
			if n == 8 {
				wg.Go(func() {
					if err := end(t.Context(), r, g); err != nil {
						t.Error(err)
					}
					ended.Store(true)
				})
			}
		}
		wg.Wait()
		want(t, "a use", f.AppendApproved(t.Context(), f.resting(r.ID)), "approval_used")
	}

	// One of a decision and a withdrawal at once is heard; a withdrawal may follow an
	// approval.
	for i := range 10 {
		r, err := f.AskApproval(t.Context(), f.request(t, v.ID, fmt.Sprint("decide/", i)), f.event())
		must(t, err)
		var heard, taken atomic.Int64
		var wg sync.WaitGroup
		for range 3 {
			boss := f.anOwner(t)
			wg.Go(func() {
				if err := f.DecideApproval(t.Context(), approved(r, boss), f.event()); err == nil {
					heard.Add(1)
				} else if fault.CodeOf(err) != "approval_decided" {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			back := r
			back.WithdrawnBy, back.WithdrawnAt = r.Principal, moment
			if err := f.WithdrawApproval(t.Context(), back, f.event()); err == nil {
				taken.Add(1)
			} else {
				t.Error(err)
			}
		})
		wg.Wait()
		if heard.Load() > 1 || taken.Load() != 1 {
			t.Errorf("%d decisions, %d withdrawals", heard.Load(), taken.Load())
		}
		if ids := f.live(t, r.Use, moment); len(ids) != 0 {
			t.Error("it is live after its withdrawal")
		}
	}
}

// Mails of one organisation go out in rounds: at first at once, then with more and
// more between them, whatever is asked.
func testMails(t *testing.T, f *fixture) {
	v := f.addVault(t, "v")
	ask := func(at time.Time) string {
		r := f.request(t, v.ID, "a/"+ids.New())
		r.CreatedAt = at
		r, err := f.AskApproval(t.Context(), r, f.event())
		must(t, err)
		return r.ID
	}
	ids := func(rs []approval.Request) (out []string) {
		for _, r := range rs {
			out = append(out, r.ID)
		}
		slices.Sort(out)
		return out
	}
	three := []string{ask(moment), ask(moment), ask(moment)}
	slices.Sort(three)
	lease := moment.Add(time.Minute)
	var claimed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			due, _, err := f.ClaimMails(t.Context(), moment, lease)
			if err != nil || len(due) != 0 && !slices.Equal(ids(due), three) {
				t.Errorf("claimed %v, %v", ids(due), err)
			}
			if len(due) > 0 {
				claimed.Add(1)
			}
		})
	}
	wg.Wait()
	if claimed.Load() != 1 {
		t.Fatalf("%d claimed the same mails", claimed.Load())
	}
	must(t, f.MailsOut(t.Context(), three[:2], lease))
	if due, _, err := f.ClaimMails(t.Context(), lease, lease.Add(time.Minute)); err != nil || !slices.Equal(ids(due), three[2:]) {
		t.Errorf("what is not out after the lease: %v, %v", ids(due), err)
	}
	must(t, f.MailsOut(t.Context(), three, lease)) // of a lease that is over
	must(t, f.MailsOut(t.Context(), three, lease.Add(time.Minute)))

	rounds := 2
	for at := lease; at.Before(moment.Add(time.Hour)); at = at.Add(10 * time.Second) {
		asked := ask(at)
		due, _, err := f.ClaimMails(t.Context(), at, at.Add(time.Hour))
		must(t, err)
		if len(due) == 0 {
			continue
		}
		rounds++
		if !slices.Contains(ids(due), asked) {
			t.Error("a round left out what had just been asked")
		}
		must(t, f.MailsOut(t.Context(), ids(due), at.Add(time.Hour)))
	}
	if rounds > 12 {
		t.Errorf("%d rounds of mails in an hour", rounds)
	}
}
