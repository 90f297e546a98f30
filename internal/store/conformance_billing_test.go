package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// found makes the fixture's organisation real, with one user who owns it.
func (f *fixture) found(t *testing.T) {
	t.Helper()
	id := ids.New()
	must(t, f.AddUser(t.Context(), identity.Account{
		User: identity.User{ID: id, Email: id + "@example.com", AuthMethod: "password", HomeOrg: f.org, CreatedAt: moment},
		Org:  f.org, Role: policy.RoleOwner, TokenGen: 1,
	}, "org", nil, nil))
}

func (f *fixture) account(t *testing.T) billing.Account {
	t.Helper()
	a, err := f.BillingAccount(t.Context(), f.org, "2026-03", moment)
	must(t, err)
	return a
}

func testUsage(t *testing.T, f *fixture) {
	other := ids.New()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			err := f.AddUsage(t.Context(), []billing.Count{{Org: f.org, Month: "2026-03", Total: 3, Paid: 1, Cost: 700}, {Org: other, Month: "2026-03", Total: 1, Paid: 0, Cost: 0}}, []billing.Event{
				{ID: ids.NewSorted(), Org: f.org, PrincipalKind: policy.KindAgent, PrincipalID: other, Method: "GET", Endpoint: "/v1/x", Status: 200, Price: 700, At: moment},
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := f.Usage(t.Context(), f.org, "2026-03")
	must(t, err)
	if got != (billing.Usage{Total: 60, Paid: 20, Cost: 14_000}) {
		t.Errorf("usage is %+v", got)
	}
	if got, err = f.Usage(t.Context(), f.org, "2026-04"); err != nil || got != (billing.Usage{}) {
		t.Errorf("another month is %+v, %v", got, err)
	}
	if a := f.account(t); a.Used != 60 || a.Owed != 14_000 || a.Tier != "" || a.Overage != billing.ByCredits {
		t.Errorf("the account is %+v", a)
	}
	events, err := f.UsageEvents(t.Context(), f.org, 7)
	must(t, err)
	if len(events) != 7 || events[0].ID <= events[6].ID || events[0].Price != 700 || !events[0].At.Equal(moment) || events[0].Endpoint != "/v1/x" {
		t.Errorf("events are %+v", events)
	}
	var many []billing.Event
	for range billing.MaxHistory + 50 {
		many = append(many, billing.Event{ID: ids.NewSorted(), Org: f.org, At: moment})
	}
	must(t, f.AddUsage(t.Context(), []billing.Count{{Org: f.org, Month: "2026-03", Total: 1, Paid: 0, Cost: 0}}, many))
	if events, err = f.UsageEvents(t.Context(), f.org, 1000); err != nil || len(events) > billing.MaxHistory+1 || events[0].ID != many[len(many)-1].ID {
		t.Errorf("%d events are kept, %v", len(events), err)
	}
}

func testLedger(t *testing.T, f *fixture) {
	f.found(t)
	grant := func(cents int64, reference string, expires time.Time) error {
		_, err := f.AddCredits(t.Context(), billing.Entry{
			ID: ids.NewSorted(), Org: f.org, Type: billing.Granted, Amount: cents, Reference: reference, At: moment,
		}, expires, f.event())
		return err
	}
	// Grants, debts and settlements at once: every row's balance follows from the one before.
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			if err := grant(int64(10+i), "", moment.Add(time.Hour*time.Duration(i+1))); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := f.AddUsage(t.Context(), []billing.Count{{Org: f.org, Month: "2026-03", Total: 1, Paid: 1, Cost: 25_000}}, nil); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := f.Settle(t.Context(), f.org, moment); err != nil && !fault.Is(err, fault.NotFound) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	must(t, f.Settle(t.Context(), f.org, moment))
	rows, err := f.Ledger(t.Context(), f.org, 1000, 0)
	must(t, err)
	slices.Reverse(rows)
	var balance, spent int64
	for i, e := range rows {
		if balance += e.Amount; e.Balance != balance || balance < 0 {
			t.Errorf("row %d takes the balance to %d, and says %d", i, balance, e.Balance)
		}
		if e.Type == billing.Spent {
			spent -= e.Amount
		}
	}
	if a := f.account(t); spent != 30 || a.Credits != 186-30 || a.Credits != balance || a.Owed != 0 || a.Unsettled {
		t.Errorf("spent %d, the ledger says %d, the account is %+v", spent, balance, a)
	}
	// A debt beyond what there is waits for the next credits.
	must(t, f.AddUsage(t.Context(), []billing.Count{{Org: f.org, Month: "2026-03", Total: 1, Paid: 1, Cost: 157 * billing.MicrosPerCent}}, nil))
	must(t, f.Settle(t.Context(), f.org, moment))
	if a := f.account(t); a.Credits != 0 || a.Owed != billing.MicrosPerCent || a.Micros() >= 0 {
		t.Errorf("with a debt: %+v", a)
	}
	must(t, grant(5, "", moment.Add(time.Hour)))
	must(t, f.Settle(t.Context(), f.org, moment))
	if a := f.account(t); a.Credits != 4 || a.Owed != 0 {
		t.Errorf("after the debt: %+v", a)
	}
	// What has ended is booked out, once.
	for range 3 {
		must(t, f.Settle(t.Context(), f.org, moment.Add(time.Hour)))
	}
	rows, err = f.Ledger(t.Context(), f.org, 1, 0)
	must(t, err)
	if e := rows[0]; e.Type != billing.Expired || e.Amount != -4 || e.Balance != 0 {
		t.Errorf("the last row is %+v", e)
	}
	// A payment is credited once, whoever tells of it.
	won := make([]error, 16)
	for i := range won {
		wg.Go(func() { won[i] = grant(7, "payment-1", moment.Add(time.Hour)) })
	}
	wg.Wait()
	credited := 0
	for _, err := range won {
		if err == nil {
			credited++
		} else if !fault.Is(err, fault.Conflict) {
			t.Errorf("another got %v", err)
		}
	}
	if a := f.account(t); credited != 1 || a.Credits != 7 {
		t.Errorf("%d credits of one payment: %+v", credited, a)
	}
	want(t, "credits of nobody", func() error {
		_, err := f.AddCredits(t.Context(), billing.Entry{ID: ids.New(), Org: ids.New(), Amount: 1, At: moment}, moment.Add(time.Hour), f.event())
		return err
	}(), "org_not_found")
}

func testTiers(t *testing.T, f *fixture) {
	f.found(t)
	was, _ := f.Epoch()
	n, sponsored := int64(5), true
	must(t, f.SetTier(t.Context(), f.org, billing.Free, moment.Add(time.Hour), f.event()))
	must(t, f.SetLimits(t.Context(), f.org, &n, &sponsored, f.event()))
	must(t, f.SetOverage(t.Context(), f.org, billing.ByX402, f.event()))
	if now, _ := f.Epoch(); now < was+3 {
		t.Errorf("the epoch went from %d to %d", was, now)
	}
	a := f.account(t)
	if a.Tier != billing.Free || !a.TierEnds.Equal(moment.Add(time.Hour)) || a.Override == nil || *a.Override != 5 || !a.Sponsored || a.Overage != billing.ByX402 {
		t.Errorf("the account is %+v", a)
	}
	if c := a.Caps(moment); c.Tier != billing.Free || c.Requests != 5 || c.Vaults != 3 {
		t.Errorf("caps are %+v", c)
	}
	if c := a.Caps(moment.Add(time.Hour)); c.Tier != billing.Enterprise || c.Vaults != billing.Unlimited {
		t.Errorf("after the end caps are %+v", c)
	}
	must(t, f.SetLimits(t.Context(), f.org, nil, nil, f.event()))
	if a = f.account(t); a.Override != nil || !a.Sponsored {
		t.Errorf("the account is %+v", a)
	}
	want(t, "a tier of nobody", f.SetTier(t.Context(), ids.New(), billing.Pro, moment, f.event()), "org_not_found")

	must(t, f.PutSettings(t.Context(), f.org, []billing.Setting{{Name: billing.DefaultTier, Value: "pro", By: "x", At: moment}}, 1, f.event()))
	want(t, "a setting too many", f.PutSettings(t.Context(), f.org, []billing.Setting{{Name: "b", Value: "x", At: moment}}, 1, f.event()), "too_many_settings")
	all, err := f.Settings(t.Context())
	must(t, err)
	if len(all) != 1 || all[0] != (billing.Setting{Name: billing.DefaultTier, Value: "pro", By: "x", At: moment}) {
		t.Errorf("settings are %+v", all)
	}
	a = f.account(t)
	if c := a.Caps(moment.Add(time.Hour)); c.Tier != billing.Pro {
		t.Errorf("after the end caps are %+v", c)
	}
	must(t, f.DropSetting(t.Context(), f.org, billing.DefaultTier, f.event()))
	want(t, "a setting that is gone", f.DropSetting(t.Context(), f.org, billing.DefaultTier, f.event()), "setting_not_found")
}

// The last free places go to as many as there are, when many take them at once.
func testCaps(t *testing.T, f *fixture) {
	f.found(t)
	must(t, f.SetTier(t.Context(), f.org, billing.Free, time.Now().Add(time.Hour), f.event()))
	race := func(what string, n, room int, add func(i int) error) {
		t.Helper()
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = add(i) })
		}
		wg.Wait()
		got := 0
		for _, err := range errs {
			switch {
			case err == nil:
				got++
			case fault.CodeOf(err) != "resource_limit_exceeded" || !fault.Is(err, fault.Denied):
				t.Errorf("%s: %v", what, err)
			}
		}
		if got != room {
			t.Errorf("%d of %s were made, want %d", got, what, room)
		}
	}
	first := f.newVault("first")
	must(t, f.AddVault(t.Context(), first, f.event()))
	race("vaults", 16, 2, func(i int) error { return f.AddVault(t.Context(), f.newVault(fmt.Sprint("v", i)), f.event()) })
	must(t, f.AddVault(t.Context(), f.newVault("__own"), nil)) // the server's own is none of theirs
	race("agents", 16, 2, func(int) error {
		return f.AddAgent(t.Context(), agent.Agent{State: identity.State{ID: ids.New(), Org: f.org, Active: true}, CreatedAt: moment}, f.event())
	})
	put := func(path string, n uint64) error {
		v := version(first.ID, path, n)
		return f.PutVersion(t.Context(), f.org, v, f.event())
	}
	for i := range 45 {
		must(t, put(fmt.Sprint("p/", i), 1))
	}
	race("secrets", 40, 5, func(i int) error { return put(fmt.Sprint("q/", i), 1) })
	must(t, put("p/0", 2)) // not one more
	want(t, "a version out of turn", put("p/1", 5), "stale_version")
	_, err := f.SetDeleted(t.Context(), first.ID, "p/0", moment, f.event())
	must(t, err)
	_, err = f.SetDeleted(t.Context(), first.ID, "p/1", moment, f.event())
	must(t, err)
	race("revivals and a restore", 8, 2, func(i int) error {
		if i == 0 {
			return put("p/0", 3)
		}
		if i == 1 {
			_, err := f.SetDeleted(t.Context(), first.ID, "p/1", time.Time{}, f.event())
			return err
		}
		return put(fmt.Sprint("r/", i), 1)
	})
	r, err := f.Resources(t.Context(), f.org)
	must(t, err)
	if r != (billing.Resources{Vaults: 3, Secrets: 50, Agents: 2, Members: 1}) {
		t.Errorf("there are %+v", r)
	}
	must(t, f.SetTier(t.Context(), f.org, billing.Enterprise, time.Now().Add(time.Hour), f.event()))
	race("vaults without a limit", 8, 8, func(i int) error { return f.AddVault(t.Context(), f.newVault(fmt.Sprint("w", i)), f.event()) })
}

func testChains(t *testing.T, f *fixture) {
	all, err := f.EVMChains(t.Context())
	must(t, err)
	if len(all) < 7 || all[0].Name != "ethereum" || all[0].ChainID != 1 || !all[0].Enabled || all[0].Testnet || all[0].RPCURL != "" {
		t.Fatalf("chains are %+v", all)
	}
	c := intents.Chain{ID: ids.New(), Name: "mine", DisplayName: "Mine", ChainID: 7, RPCURL: "https://a.example", WSURL: "wss://a.example",
		ExplorerURL: "https://b.example", NativeCurrency: "X", Testnet: true, CreatedAt: moment, UpdatedAt: moment}
	must(t, f.AddChain(t.Context(), f.org, c, 100, f.event()))
	if all, err = f.EVMChains(t.Context()); err != nil || !slices.Contains(all, c) {
		t.Errorf("%v, %+v", err, all)
	}
	twin := c
	twin.ID, twin.ChainID = ids.New(), 8
	want(t, "a taken name", f.AddChain(t.Context(), f.org, twin, 100, f.event()), "chain_taken")
	twin.Name, twin.ChainID = "other", 7
	want(t, "a taken number", f.AddChain(t.Context(), f.org, twin, 100, f.event()), "chain_taken")
	twin.ChainID = 9
	want(t, "one too many", f.AddChain(t.Context(), f.org, twin, len(all), f.event()), "too_many_chains")
	_, err = f.ChangeChain(t.Context(), f.org, c.ID, func(c *intents.Chain) error { c.Name = "base"; return nil }, f.event())
	want(t, "a change to a taken name", err, "chain_taken")
	got, err := f.ChangeChain(t.Context(), f.org, c.ID, func(c *intents.Chain) error { c.Enabled, c.WSURL = true, ""; return nil }, f.event())
	must(t, err)
	if !got.Enabled || got.WSURL != "" || got.Name != "mine" {
		t.Errorf("changed %+v", got)
	}
	must(t, f.RemoveChain(t.Context(), f.org, c.ID, f.event()))
	want(t, "a chain that is gone", f.RemoveChain(t.Context(), f.org, c.ID, f.event()), "chain_not_found")
	_, err = f.ChangeChain(t.Context(), f.org, c.ID, func(*intents.Chain) error { return nil }, f.event())
	want(t, "a change of a chain that is gone", err, "chain_not_found")
}
