package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

func testSpendToken(t *testing.T, f *fixture) {
	var wg sync.WaitGroup
	var won, refused atomic.Int64
	for range 100 {
		wg.Go(func() {
			switch err := f.SpendToken(t.Context(), "a", moment.Add(time.Hour), moment); {
			case err == nil:
				won.Add(1)
			case fault.Is(err, fault.Conflict):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || refused.Load() != 99 {
		t.Errorf("spent %d times, refused %d times", won.Load(), refused.Load())
	}
	must(t, f.SpendToken(t.Context(), "b", moment.Add(3*time.Hour), moment.Add(time.Hour)))
	want(t, "a token that has not ended", f.SpendToken(t.Context(), "a", moment.Add(time.Hour), moment.Add(time.Hour)), "token_spent")
	must(t, f.SpendToken(t.Context(), "c", moment.Add(week+3*time.Hour), moment.Add(week+2*time.Hour)))
	must(t, f.SpendToken(t.Context(), "a", moment.Add(week+3*time.Hour), moment.Add(week+2*time.Hour))) // forgotten
}

func testLinks(t *testing.T, f *fixture) {
	link := account.Link{Issuer: "https://idp", Subject: "1", CreatedAt: moment}
	missing := func(l account.Link) {
		t.Helper()
		if _, err := f.AccountByLink(t.Context(), l.Issuer, l.Subject); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s at %s is somebody: %v", l.Subject, l.Issuer, err)
		}
	}
	is := func(l account.Link, user string) {
		t.Helper()
		if a, err := f.AccountByLink(t.Context(), l.Issuer, l.Subject); err != nil || a.ID != user {
			t.Errorf("%s is %s, %v; want %s", l.Subject, a.ID, err, user)
		}
	}
	missing(link)
	link.User = addUser(t, f)
	must(t, f.LinkAccount(t.Context(), f.org, link, f.event()))
	is(link, link.User)
	missing(account.Link{Issuer: "https://idp/", Subject: "1"})
	missing(account.Link{Issuer: "https://IDP", Subject: "1"})
	missing(account.Link{Issuer: "https://idp", Subject: "2"})

	second := &fixture{DB: f.DB, org: ids.New()}
	stolen := link
	stolen.User = addUser(t, second)
	ev := second.event()
	want(t, "a link of another's", second.LinkAccount(t.Context(), second.org, stolen, ev), "identity_linked")
	if ev.Committed {
		t.Error("the event of a refused link is in the log")
	}
	is(link, link.User)

	again := link
	again.Subject = "another"
	want(t, "a second identity at the issuer", f.LinkAccount(t.Context(), f.org, again, f.event()), "identity_linked")
	missing(again)
	elsewhere := again
	elsewhere.Issuer = "https://another-idp"
	must(t, f.LinkAccount(t.Context(), f.org, elsewhere, f.event()))
	is(elsewhere, link.User)
	for issuer, linked := range map[string]bool{link.Issuer: true, elsewhere.Issuer: true, "https://IDP": false} {
		if got, err := f.LinkedAt(t.Context(), issuer, link.User); err != nil || got != linked {
			t.Errorf("linked at %s: %v, %v", issuer, got, err)
		}
	}

	third := &fixture{DB: f.DB, org: ids.New()}
	add := func(f *fixture, email string, l account.Link) error {
		return f.AddLinkedUser(t.Context(), identity.Account{
			User: identity.User{ID: l.User, Email: email, AuthMethod: "oidc", HomeOrg: f.org, CreatedAt: moment, EmailVerified: true},
			Org:  f.org, Role: policy.RoleOwner,
		}, "org", l, f.event())
	}
	fresh := account.Link{Issuer: "https://idp", Subject: "3", User: ids.New(), CreatedAt: moment}
	want(t, "a mail that is taken", add(third, link.User+"@example.com", fresh), "email_taken")
	missing(fresh) // with the account the link went too
	taken := fresh
	taken.Subject = "1"
	want(t, "a link that is taken", add(third, "new@example.com", taken), "identity_linked")
	must(t, add(third, "new@example.com", fresh))
	is(fresh, fresh.User)
}

func testAgentsOfClients(t *testing.T, f *fixture) {
	add := func(f *fixture, issuer, client, method string, active bool) string {
		id := ids.New()
		must(t, f.AddAgent(t.Context(), agent.Agent{
			State: identity.State{ID: id, Org: f.org, Creator: ids.New(), Active: active},
			Name:  "agent", AuthMethod: method, OIDCIssuer: issuer, OIDCClientID: client, CreatedAt: moment,
		}, f.event()))
		return id
	}
	other := &fixture{DB: f.DB, org: ids.New()}
	ended := add(f, "https://idp", "ci", agent.MethodOIDC, false)
	live := add(other, "https://idp", "ci", agent.MethodOIDC, true)
	add(f, "https://idp", "CI", agent.MethodOIDC, true)
	add(f, "https://idp/", "ci", agent.MethodOIDC, true)
	add(f, "https://idp", "ci", agent.MethodMTLS, true)
	add(f, "https://idp", "", agent.MethodOIDC, true)
	add(f, "", "", agent.MethodAPIKey, true)
	got, err := f.AgentsOfClients(t.Context(), "https://idp", [3]string{"", "ci", ""}, 10)
	if err != nil || len(got) != 2 || got[0].ID != live || got[1].ID != ended || got[0].Org != other.org || got[1].OIDCClientID != "ci" {
		t.Errorf("found %+v, %v", got, err)
	}
	if got, err = f.AgentsOfClients(t.Context(), "https://idp", [3]string{"ci", "CI", "x"}, 2); err != nil || len(got) != 2 {
		t.Errorf("found %d, %v", len(got), err)
	}
	if got, err = f.AgentsOfClients(t.Context(), "https://idp", [3]string{}, 10); err != nil || len(got) != 0 {
		t.Errorf("no client found %d, %v", len(got), err)
	}
	if a, err := f.AgentByID(t.Context(), live); err != nil || a.Org != other.org || a.OIDCIssuer != "https://idp" {
		t.Errorf("found %+v, %v", a, err)
	}
	if _, err := f.AgentByID(t.Context(), ids.New()); !fault.Is(err, fault.NotFound) {
		t.Errorf("an agent that is none: %v", err)
	}
}

// week is how long past its end a row is kept, in case the clock is wrong.
const week = 7 * 24 * time.Hour
