package store_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
)

// asker is an agent of the organisation that works.
func (f *fixture) asker(t *testing.T) string {
	t.Helper()
	id := ids.New()
	must(t, f.AddAgent(t.Context(), agent.Agent{
		State: identity.State{ID: id, Org: f.org, Creator: ids.New(), Active: true, TokenGen: 4},
		Name:  "asker " + id, AuthMethod: agent.MethodMTLS, CreatedAt: moment,
	}, f.event()))
	return id
}

func (f *fixture) lacks(vaultID, path, agentID string) wanted.Request {
	return wanted.Request{
		ID: ids.New(), Org: f.org, Vault: vaultID, Path: path, Agent: agentID, Reason: "to charge cards", Service: "stripe", Host: "pay.example.com",
		Status: wanted.Waiting, CreatedAt: moment, ExpiresAt: moment.Add(time.Hour),
	}
}

func (f *fixture) asks(t *testing.T, r wanted.Request) wanted.Request {
	t.Helper()
	got, err := f.AskSecret(t.Context(), r, f.event())
	must(t, err)
	return got
}

func (f *fixture) wantedAt(t *testing.T, id string) wanted.Request {
	t.Helper()
	r, err := f.SecretRequest(t.Context(), wanted.Seen{Org: f.org}, id)
	must(t, err)
	return r
}

// those are the ids of requests.
func those(list []wanted.Request) (out []string) {
	for i := range list {
		out = append(out, list[i].ID)
	}
	return out
}

func declined(r wanted.Request, by string) wanted.Request {
	r.Status, r.DecidedBy, r.DecidedAt, r.Answer = wanted.Declined, by, moment.Add(time.Minute), "ask Ben"
	return r
}

func testWanted(t *testing.T, f *fixture) {
	v := f.addVault(t, "main")
	bot, other := f.asker(t), f.asker(t)
	asked := f.lacks(v.ID, "a/b", bot)
	stored := f.asks(t, asked)
	full := asked
	full.VaultName, full.AgentName = "main", "asker "+bot
	if read := f.wantedAt(t, asked.ID); stored != full || read != full {
		t.Errorf("stored %+v, read %+v, want %+v", stored, read, full)
	}
	if got, err := f.SecretRequestByID(t.Context(), asked.ID); err != nil || got != full {
		t.Errorf("by the link: %+v, %v", got, err)
	}
	// The same agent about the same path: the one that waits, whatever else it says. All others are new.
	twin := f.lacks(v.ID, "a/b", bot)
	twin.Reason, twin.Service = "another reason", ""
	if got := f.asks(t, twin); got != full {
		t.Errorf("asked again: %+v", got)
	}
	for what, r := range map[string]wanted.Request{"another path": f.lacks(v.ID, "a/B", bot), "another agent": f.lacks(v.ID, "a/b", other), "another vault": f.lacks(f.addVault(t, "other").ID, "a/b", bot)} {
		if got := f.asks(t, r); got.ID != r.ID {
			t.Errorf("%s: it is given that of before", what)
		}
	}
	_, err := f.AskSecret(t.Context(), f.lacks(ids.New(), "a/b", bot), f.event())
	want(t, "a vault that is not there", err, "vault_not_found")
	for what, seen := range map[string]wanted.Seen{"another organisation": {Org: ids.New()}, "another agent": {Org: f.org, Agent: other}, "the agent in another organisation": {Org: ids.New(), Agent: bot}} {
		_, err := f.SecretRequest(t.Context(), seen, asked.ID)
		want(t, what, err, "secret_request_not_found")
	}
	_, err = f.SecretRequestByID(t.Context(), ids.New())
	want(t, "nobody's link", err, "secret_request_not_found")

	// Over in time, and then asked for again: a request of its own.
	late := f.lacks(v.ID, "a/b", bot)
	late.CreatedAt, late.ExpiresAt = full.ExpiresAt, full.ExpiresAt.Add(time.Hour)
	if got := f.asks(t, late); got.ID != late.ID {
		t.Error("one whose time is over is given again")
	}
	must(t, f.SweepSecretRequests(t.Context(), full.ExpiresAt))
	f.wantedAt(t, asked.ID) // ends with the second, and not before it
	must(t, f.SweepSecretRequests(t.Context(), full.ExpiresAt.Add(time.Second)))
	_, err = f.SecretRequestByID(t.Context(), asked.ID)
	want(t, "one that was swept", err, "secret_request_not_found")
	f.wantedAt(t, late.ID)
}

func testWantedLists(t *testing.T, f *fixture) {
	v := f.addVault(t, "main")
	bot, other := f.asker(t), f.asker(t)
	at := func(n int, agentID, path string) wanted.Request {
		r := f.lacks(v.ID, path, agentID)
		r.CreatedAt, r.ExpiresAt = moment.Add(time.Duration(n)*time.Second), moment.Add(time.Duration(n)*time.Second+time.Hour)
		return f.asks(t, r)
	}
	waits, gone, no, taken, theirs := at(1, bot, "waits"), at(-3600, bot, "gone"), at(2, bot, "no"), at(3, bot, "taken"), at(4, other, "theirs")
	must(t, f.EndSecretRequest(t.Context(), declined(no, "ada"), f.event()))
	taken.Status, taken.DecidedAt = wanted.Withdrawn, moment.Add(5*time.Second)
	must(t, f.EndSecretRequest(t.Context(), taken, f.event()))
	stopped := f.asker(t)
	ended := at(5, stopped, "ended")
	_, err := f.ChangeAgent(t.Context(), f.org, stopped, func(a *agent.Agent) error { a.TokenGen++; return nil }, false, f.event())
	must(t, err)
	now := moment.Add(10 * time.Second)
	for _, c := range []struct {
		what   string
		seen   wanted.Seen
		status wanted.Status
		limit  int
		after  int
		want   []string
	}{
		{"all, the newest first", wanted.Seen{Org: f.org}, "", 10, 0, []string{ended.ID, theirs.ID, taken.ID, no.ID, waits.ID, gone.ID}},
		{"a page", wanted.Seen{Org: f.org}, "", 2, 1, []string{theirs.ID, taken.ID}},
		{"those that wait", wanted.Seen{Org: f.org}, wanted.Waiting, 10, 0, []string{theirs.ID, waits.ID}},
		{"those that wait of an agent", wanted.Seen{Org: f.org, Agent: bot}, wanted.Waiting, 10, 0, []string{waits.ID}},
		{"of an agent", wanted.Seen{Org: f.org, Agent: bot}, "", 10, 0, []string{taken.ID, no.ID, waits.ID, gone.ID}},
		{"a page of an agent", wanted.Seen{Org: f.org, Agent: bot}, "", 1, 3, []string{gone.ID}},
		{"those whose time is over", wanted.Seen{Org: f.org}, wanted.Expired, 10, 0, []string{gone.ID}},
		{"of an agent, too", wanted.Seen{Org: f.org, Agent: bot}, wanted.Expired, 10, 0, []string{gone.ID}},
		{"those that ended", wanted.Seen{Org: f.org}, wanted.Ended, 10, 0, []string{ended.ID}},
		{"those that ended of an agent", wanted.Seen{Org: f.org, Agent: stopped}, wanted.Ended, 10, 0, []string{ended.ID}},
		{"none that ended of another", wanted.Seen{Org: f.org, Agent: bot}, wanted.Ended, 10, 0, nil},
		{"those declined", wanted.Seen{Org: f.org}, wanted.Declined, 10, 0, []string{no.ID}},
		{"those withdrawn of an agent", wanted.Seen{Org: f.org, Agent: bot}, wanted.Withdrawn, 10, 0, []string{taken.ID}},
		{"none filled", wanted.Seen{Org: f.org}, wanted.Filled, 10, 0, nil},
		{"of another organisation", wanted.Seen{Org: ids.New()}, "", 10, 0, nil},
		{"of the agent in another organisation", wanted.Seen{Org: ids.New(), Agent: bot}, "", 10, 0, nil},
	} {
		list, err := f.SecretRequests(t.Context(), c.seen, c.status, now, c.limit, c.after)
		if got := those(list); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.what, got, err, c.want)
		}
		for i := range list {
			if c.status != "" && list[i].At(now) != c.status {
				t.Errorf("%s: one is %s", c.what, list[i].At(now))
			}
		}
	}
}

// Of many answers one counts, and of a fill either all is stored or nothing.
func testWantedOnce(t *testing.T, f *fixture) {
	v := f.addVault(t, "main")
	ada := f.owner(t)
	bot := f.asker(t)
	fill := func(r wanted.Request, change ...func(*wanted.Filling)) error {
		tip := uint64(0)
		if at, err := f.Tip(t.Context(), v.ID, r.Path); err == nil {
			tip = at.Version
		}
		put := version(v.ID, r.Path, tip+1)
		filling := wanted.Filling{
			ID: r.ID, Org: f.org, By: ada, At: moment.Add(time.Minute), Row: ids.New(), Bindings: []binding.Binding{{Hosts: []string{"pay.example.com"}, In: "bearer"}},
		}
		for _, c := range change {
			c(&filling)
		}
		return f.FillSecretRequest(t.Context(), &filling, &put, f.event())
	}
	bound := func(path string) int {
		b, err := f.Bindings(t.Context(), v.ID, path)
		must(t, err)
		return len(b.List)
	}
	nothing := func(what, path string) {
		t.Helper()
		if tip, err := f.Tip(t.Context(), v.ID, path); err == nil && tip.Version > 0 || bound(path) != 0 {
			t.Errorf("%s: it left version %d and %d bindings, %v", what, tip.Version, bound(path), err)
		}
	}

	one := f.asks(t, f.lacks(v.ID, "one", bot))
	must(t, fill(one))
	if got := f.wantedAt(t, one.ID); got.Status != wanted.Filled || got.DecidedBy != ada || !got.DecidedAt.Equal(moment.Add(time.Minute)) || got.Version != 1 || bound("one") != 1 {
		t.Errorf("filled: %+v, with %d bindings", got, bound("one"))
	}
	want(t, "filled again", fill(one, func(g *wanted.Filling) { g.NewVersion = true }), "secret_request_over")
	want(t, "declined then", f.EndSecretRequest(t.Context(), declined(one, ada), f.event()), "secret_request_over")
	again := f.asks(t, f.lacks(v.ID, "one", bot))
	want(t, "over what is there", fill(again), "secret_exists")
	if f.wantedAt(t, again.ID).Status != wanted.Waiting || bound("one") != 1 {
		t.Error("a fill that was refused answered the request, or bound the secret")
	}
	must(t, fill(again, func(g *wanted.Filling) {
		g.NewVersion = true
		g.Bindings = []binding.Binding{{Hosts: []string{"b.example.com"}, In: "bearer"}}
	}))
	if got := f.wantedAt(t, again.ID); got.Version != 2 || bound("one") != 2 {
		t.Errorf("with a new version: %+v and %d bindings", got, bound("one"))
	}

	no := f.asks(t, f.lacks(v.ID, "no", bot))
	must(t, f.EndSecretRequest(t.Context(), declined(no, ada), f.event()))
	if got := f.wantedAt(t, no.ID); got.Status != wanted.Declined || got.Answer != "ask Ben" || got.DecidedBy != ada {
		t.Errorf("declined: %+v", got)
	}
	want(t, "declined twice", f.EndSecretRequest(t.Context(), declined(no, ada), f.event()), "secret_request_over")
	want(t, "filled after", fill(no), "secret_request_over")
	nothing("a fill after a decline", "no")
	soon := f.lacks(v.ID, "no", bot)
	soon.CreatedAt = moment.Add(time.Minute + time.Second)
	_, err := f.AskSecret(t.Context(), soon, f.event())
	want(t, "asked again soon", err, "secret_request_paused")
	soon.Agent = f.asker(t)
	f.asks(t, soon) // of another agent nobody said no

	late := f.asks(t, f.lacks(v.ID, "late", bot))
	want(t, "filled when its time is over", fill(late, func(g *wanted.Filling) { g.At = late.ExpiresAt }), "secret_request_over")
	nothing("a fill that was late", "late")
	gone, ben := f.asks(t, f.lacks(v.ID, "erased", bot)), f.anOwner(t)
	must(t, f.RemoveUser(t.Context(), account.Erasure{User: ben, At: moment, Note: func(string) *audit.Event { return f.event() }}, f.event()))
	if err := fill(gone, func(g *wanted.Filling) { g.By = ben }); err == nil {
		t.Error("somebody whose account is erased filled it")
	}
	nothing("a fill of somebody who is erased", "erased")

	for range 5 {
		path := ids.New()
		r := f.asks(t, f.lacks(v.ID, path, f.asker(t)))
		var heard, filled atomic.Int64
		var all sync.WaitGroup
		for i := range 9 {
			all.Go(func() {
				var err error
				switch i % 3 {
				case 0:
					if err = fill(r); err == nil {
						filled.Add(1)
					}
				case 1:
					err = f.EndSecretRequest(t.Context(), declined(r, ada), f.event())
				default:
					taken := r
					taken.Status, taken.DecidedAt = wanted.Withdrawn, moment.Add(time.Minute)
					err = f.EndSecretRequest(t.Context(), taken, f.event())
				}
				if err == nil {
					heard.Add(1)
				} else if code := fault.CodeOf(err); code != "secret_request_over" && code != "secret_exists" && code != "stale_version" {
					t.Errorf("an answer beside others: %v", err)
				}
			})
		}
		all.Wait()
		if heard.Load() != 1 {
			t.Errorf("%d answers were heard", heard.Load())
		}
		if status := f.wantedAt(t, r.ID).Status; (status == wanted.Filled) != (filled.Load() == 1) || bound(path) != int(filled.Load()) {
			t.Errorf("%d filled it, it is %s, and there are %d bindings", filled.Load(), status, bound(path))
		}
	}
}

// A request ends with what its agent had then, also where that comes back.
func testWantedEnds(t *testing.T, f *fixture) {
	v := f.addVault(t, "main")
	alter := func(t *testing.T, id string, change func(*agent.Agent)) {
		_, err := f.ChangeAgent(t.Context(), f.org, id, func(a *agent.Agent) error { change(a); return nil }, false, f.event())
		must(t, err)
	}
	for what, end := range map[string]func(t *testing.T, bot string){
		"stopped": func(t *testing.T, bot string) { alter(t, bot, func(a *agent.Agent) { a.Active = false }) },
		"stopped, and on again": func(t *testing.T, bot string) {
			alter(t, bot, func(a *agent.Agent) { a.Active = false })
			alter(t, bot, func(a *agent.Agent) { a.Active = true })
		},
		"with another key": func(t *testing.T, bot string) { alter(t, bot, func(a *agent.Agent) { a.TokenGen++ }) },
		"bound elsewhere and back": func(t *testing.T, bot string) {
			alter(t, bot, func(a *agent.Agent) { a.VaultIDs = []string{ids.New()} })
			alter(t, bot, func(a *agent.Agent) { a.VaultIDs = nil })
		},
		"capped to other paths and back": func(t *testing.T, bot string) {
			alter(t, bot, func(a *agent.Agent) { a.Scopes = []string{"b/*"} })
			alter(t, bot, func(a *agent.Agent) { a.Scopes = nil })
		},
	} {
		t.Run(what, func(t *testing.T) {
			bot := f.asker(t)
			r := f.asks(t, f.lacks(v.ID, "a/"+ids.New(), bot))
			beside := f.asks(t, f.lacks(v.ID, r.Path, f.asker(t)))
			end(t, bot)
			if got := f.wantedAt(t, r.ID); got.At(moment) != wanted.Ended {
				t.Errorf("it is %s", got.At(moment))
			}
			if got := f.wantedAt(t, beside.ID); got.At(moment) != wanted.Waiting {
				t.Errorf("that of another agent is %s", got.At(moment))
			}
			put := version(v.ID, r.Path, 1)
			want(t, "a fill", f.FillSecretRequest(t.Context(), &wanted.Filling{ID: r.ID, Org: f.org, By: f.owner(t), At: moment, Row: ids.New()}, &put, f.event()), "secret_request_over")
			want(t, "a decline", f.EndSecretRequest(t.Context(), declined(r, f.owner(t)), f.event()), "secret_request_over")
		})
	}
	t.Run("its vault is deleted", func(t *testing.T) {
		v := f.addVault(t, "goes")
		r := f.asks(t, f.lacks(v.ID, "a", f.asker(t)))
		must(t, f.RemoveVault(t.Context(), v, f.event()))
		_, err := f.SecretRequestByID(t.Context(), r.ID)
		want(t, "its request", err, "secret_request_not_found")
	})
}

// An agent has so many that wait, and asks so often within the hour; what is over makes room for the first.
func testWantedBounds(t *testing.T, f *fixture) {
	v := f.addVault(t, "main")
	bot := f.asker(t)
	ask := func(at time.Time) (wanted.Request, error) {
		r := f.lacks(v.ID, ids.New(), bot)
		r.CreatedAt, r.ExpiresAt = at, at.Add(time.Hour)
		return f.AskSecret(t.Context(), r, f.event())
	}
	var won atomic.Int64
	var all sync.WaitGroup
	for range wanted.MaxWaiting + 10 {
		all.Go(func() {
			if _, err := ask(moment); err == nil {
				won.Add(1)
			} else if fault.CodeOf(err) != "too_many_secret_requests" {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != wanted.MaxWaiting {
		t.Errorf("%d wait, not %d", won.Load(), wanted.MaxWaiting)
	}
	asked := int(won.Load())
	for asked < wanted.MaxAsked {
		waiting, err := f.SecretRequests(t.Context(), wanted.Seen{Org: f.org, Agent: bot}, wanted.Waiting, moment, 1, 0)
		must(t, err)
		taken := waiting[0]
		taken.Status, taken.DecidedAt = wanted.Withdrawn, moment
		must(t, f.EndSecretRequest(t.Context(), taken, f.event()))
		_, err = ask(moment)
		must(t, err)
		asked++
	}
	waiting, err := f.SecretRequests(t.Context(), wanted.Seen{Org: f.org, Agent: bot}, wanted.Waiting, moment, 1, 0)
	must(t, err)
	waiting[0].Status, waiting[0].DecidedAt = wanted.Withdrawn, moment
	must(t, f.EndSecretRequest(t.Context(), waiting[0], f.event()))
	_, err = ask(moment)
	want(t, "more than an hour has", err, "too_many_secret_requests")
	if _, err := ask(moment.Add(wanted.AskedWithin)); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

// The mails of requests are one claimer's until its lease is over, and of those that are out none is due again.
func testWantedMails(t *testing.T, f *fixture) {
	v, bot := f.addVault(t, "main"), f.asker(t)
	var three []string
	for range 3 {
		three = append(three, f.asks(t, f.lacks(v.ID, ids.New(), bot)).ID)
	}
	slices.Sort(three)
	sorted := func(list []wanted.Request) []string {
		out := those(list)
		slices.Sort(out)
		return out
	}
	if due, _, err := f.ClaimSecretMails(t.Context(), moment.Add(-time.Second), moment); err != nil || len(due) != 0 {
		t.Errorf("due before they were asked for: %v, %v", those(due), err)
	}
	lease := moment.Add(time.Minute)
	var claimed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			due, _, err := f.ClaimSecretMails(t.Context(), moment, lease)
			if err != nil || len(due) != 0 && !slices.Equal(sorted(due), three) {
				t.Errorf("claimed %v, %v", those(due), err)
			}
			if len(due) > 0 {
				claimed.Add(1)
			}
		})
	}
	all.Wait()
	if claimed.Load() != 1 {
		t.Fatalf("%d claimed the same mails", claimed.Load())
	}
	must(t, f.SecretMailsOut(t.Context(), three[:2], lease))
	if due, _, err := f.ClaimSecretMails(t.Context(), lease, lease.Add(time.Minute)); err != nil || !slices.Equal(sorted(due), three[2:]) {
		t.Errorf("after the lease: %v, %v", those(due), err)
	}
	must(t, f.SecretMailsOut(t.Context(), three, lease.Add(time.Minute)))
	if due, found, err := f.ClaimSecretMails(t.Context(), lease.Add(time.Hour), lease.Add(2*time.Hour)); err != nil || found {
		t.Errorf("what is out is due again: %v, %v", those(due), err)
	}
	// One that is answered needs no mail.
	no := f.asks(t, f.lacks(v.ID, "no", bot))
	must(t, f.EndSecretRequest(t.Context(), declined(no, "ada"), f.event()))
	if _, found, err := f.ClaimSecretMails(t.Context(), lease.Add(time.Hour), lease.Add(2*time.Hour)); err != nil || found {
		t.Errorf("one that was declined is due: %v", err)
	}
}
