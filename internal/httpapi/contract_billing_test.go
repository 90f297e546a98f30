package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// tier puts a human's organisation on a tier.
func (s *session) tier(boss *human, tier string) {
	s.t.Helper()
	s.do("PUT", "/v1/admin/orgs/"+s.ada.org+"/billing-tier", boss.token, object{"tier": tier}).want(200)
}

// limit sets how many requests a month are free.
func (s *session) limit(boss *human, n any) {
	s.t.Helper()
	s.do("PUT", "/v1/admin/orgs/"+s.ada.org+"/limits", boss.token, object{"free_tier_override": n}).want(200)
}

// credit gives ada's organisation credits.
func (s *session) credit(boss *human, cents, days int) {
	s.t.Helper()
	s.do("POST", "/v1/admin/orgs/"+s.ada.org+"/credits", boss.token, object{"amount_cents": cents, "expires_in_days": days, "description": "hello"}).want(201)
}

// month is current_month of the caller's usage.
func (s *session) month(token string) object {
	s.t.Helper()
	o := s.do("GET", "/v1/billing/usage", token, nil).want(200).json()
	m, _ := o["current_month"].(object)
	return m
}

func TestAServerStartsOnTheUnlimitedTier(t *testing.T) {
	s := openSession(t)
	r := s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(200)
	for k := range r.header {
		if strings.Contains(k, "Quota") || strings.Contains(k, "Ratelimit") || strings.Contains(k, "Credit") || strings.Contains(k, "Overage") {
			t.Errorf("an unlimited answer has the header %s", k)
		}
	}
	usage := s.do("GET", "/v1/billing/usage", s.worker.token, nil).want(200).json()
	fields(t, "usage", usage, "billing_tier", "free_tier_limit", "current_month")
	fields(t, "current_month", usage["current_month"].(object), "total_requests", "paid_requests", "free_requests", "total_cost_usd")
	if usage["billing_tier"] != "enterprise" || usage["free_tier_limit"] != nil {
		t.Errorf("a new organisation: %v", usage)
	}
	sub := s.do("GET", "/v1/billing/subscription", s.ada.token, nil).want(200).json()
	fields(t, "subscription", sub, "tier", "interval", "period_end", "status", "credit_balance_cents", "credit_balance_usd", "overage_method", "usage")
	used := fields(t, "usage", sub["usage"].(object), "requests", "secrets", "agents", "vaults", "team_members", "intent_transactions", "shares")
	for kind, want := range map[string]string{"secrets": "1", "agents": "1", "vaults": "1", "team_members": "1", "intent_transactions": "0", "shares": "1"} {
		o := fields(t, kind, used[kind].(object), "used", "limit")
		if fmt.Sprint(o["used"]) != want || o["limit"] != nil {
			t.Errorf("%s: %v, want %s of no limit", kind, o, want)
		}
	}
	if sub["tier"] != "enterprise" || sub["status"] != "active" || sub["credit_balance_usd"] != "0.00" || sub["overage_method"] != "credits" {
		t.Errorf("a new subscription: %v", sub)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	s := openSession(t)
	s.ada.ipRule(object{"rule_type": "deny", "cidr": "203.0.113.0/24"})
	kept := from("203.0.113.9:1")
	total := func() int64 {
		n, err := s.month(s.ada.token)["total_requests"].(json.Number).Int64()
		if err != nil {
			s.t.Fatal(err)
		}
		return n
	}
	for what, c := range map[string]struct {
		ask  func()
		more int64
	}{
		"a read":             {func() { s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(200) }, 1},
		"a refused read":     {func() { s.do("GET", secretAt(s.vault, "c"), s.worker.token, nil).want(403) }, 1},
		"a bad body":         {func() { s.do("POST", "/v1/vaults", s.ada.token, "{").want(400) }, 1},
		"billing":            {func() { s.do("GET", "/v1/billing/history", s.ada.token, nil).want(200) }, 0},
		"health":             {func() { s.do("GET", "/v1/health", s.ada.token, nil).want(200) }, 0},
		"a public route":     {func() { s.do("GET", "/v1/chains", s.ada.token, nil).want(200) }, 0},
		"no route":           {func() { s.do("GET", "/v1/nope", s.ada.token, nil).want(404) }, 0},
		"a stranger":         {func() { s.do("GET", "/v1/vaults", "", nil).want(401) }, 0},
		"a bad token":        {func() { s.do("GET", "/v1/vaults", s.worker.token+"x", nil).want(401) }, 0},
		"an unknown key":     {func() { s.do("GET", "/v1/vaults", "ocv_"+strings.Repeat("x", 43), nil).want(401) }, 0},
		"a kept out address": {func() { s.do("GET", "/v1/vaults", s.ada.token, nil, kept).want(403, "address_not_allowed") }, 0},
		"a kept out agent": {func() {
			s.do("GET", secretAt(s.vault, "a/b"), s.worker.key, nil, kept).want(403, "address_not_allowed")
		}, 0},
		"a kept out body":      {func() { s.do("POST", "/v1/vaults", s.ada.token, "{", kept).want(403, "address_not_allowed") }, 0},
		"another organisation": {func() { s.do("GET", "/v1/vaults", s.signup("stranger").token, nil).want(200) }, 0},
	} {
		s.run(what, func(t *testing.T) {
			before := total()
			c.ask()
			if got := total() - before; got != c.more {
				t.Errorf("it counts %d, want %d", got, c.more)
			}
		})
	}
	s.run("many at once, and the next process", func(t *testing.T) {
		before := total()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil)
				}
			})
		}
		for range 20 {
			if err := s.Billing.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		wg.Wait()
		if got := total() - before; got != 400 {
			t.Errorf("400 parallel requests count %d", got)
		}
		// Another process that starts on the same database goes on counting.
		again := s.OtherNode().Billing
		if _, err := again.Admit(t.Context(), s.ada.org, s.Clock.Now(), false); err != nil {
			t.Fatal(err)
		}
		if err := again.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := total() - before; got != 401 {
			t.Errorf("with the next process %d, want 401", got)
		}
	})
	s.run("a month begins at zero", func(t *testing.T) {
		s.Clock.Forward(31 * 24 * time.Hour)
		s.ada.token = s.ada.login()
		if got := total(); got != 0 {
			t.Errorf("a new month begins with %d", got)
		}
		s.do("GET", "/v1/vaults", s.ada.token, nil).want(200)
		if got := total(); got != 1 {
			t.Errorf("after one request of the new month: %d", got)
		}
	})
}

func TestTheHistoryNamesRoutesNotPaths(t *testing.T) {
	s := openSession(t)
	s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(200)
	s.do("GET", secretAt(s.vault, "a/none"), s.worker.token, nil).want(404)
	s.do("GET", secretAt(s.vault, "z"), s.worker.token, nil).want(403)
	events := s.do("GET", "/v1/billing/history?limit=3", s.ada.token, nil).want(200).list("events")
	if len(events) != 3 {
		t.Fatalf("history has %v", events)
	}
	for i, status := range []string{"403", "404", "200"} {
		e := fields(t, "event", events[i], "id", "principal_type", "principal_id", "method", "endpoint", "status_code", "price_usd", "is_paid", "created_at")
		if fmt.Sprint(e["status_code"]) != status || e["endpoint"] != "/v1/vaults/{vault_id}/secrets/{path}" || e["principal_id"] != s.worker.id ||
			e["principal_type"] != "agent" || e["method"] != "GET" || e["price_usd"] != "0.00" || e["is_paid"] != false {
			t.Errorf("event %d: %v", i, e)
		}
	}
	for range 300 {
		s.do("GET", "/v1/vaults", s.worker.token, nil).want(200)
		if err := s.Billing.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.do("GET", "/v1/billing/history?limit=100000", s.ada.token, nil).want(200).list("events"); len(got) != 200 {
		t.Errorf("history keeps %d", len(got))
	}
	if got := s.do("GET", "/v1/billing/history", s.ada.token, nil).want(200).list("events"); len(got) != 50 {
		t.Errorf("history gives %d", len(got))
	}
	rows := 0
	s.Each(`SELECT COUNT(*) FROM billing_events`, func(scan func(...any) error) error { return scan(&rows) })
	if rows > 250 {
		t.Errorf("%d rows are kept", rows)
	}
	if other := s.signup("bob"); len(s.do("GET", "/v1/billing/history", other.token, nil).want(200).list("events")) > 1 {
		t.Error("another organisation sees the history")
	}
}

func TestTheMonthsLimit(t *testing.T) {
	s := openSession(t)
	boss := s.boss()
	s.tier(boss, "free")
	used, err := s.month(s.ada.token)["total_requests"].(json.Number).Int64()
	if err != nil {
		t.Fatal(err)
	}
	s.limit(boss, used+10)
	for i := range int64(10) {
		r := s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(200)
		percent := (used + i + 1) * 100 / (used + 10)
		for name, want := range map[string]string{
			"X-RateLimit-Requests-Used": itoa(int(used + i + 1)), "X-RateLimit-Requests-Limit": itoa(int(used + 10)),
			"X-RateLimit-Requests-Percent": itoa(int(percent)), "X-Overage-Method": "credits", "X-Credit-Balance-Cents": "0",
		} {
			if got := r.header.Get(name); got != want {
				t.Errorf("request %d: %s is %q, want %q", i, name, got, want)
			}
		}
		if got := r.header.Get("X-Quota-Warning"); (percent >= 80) != (got != "") || (percent >= 100) != (got == "exceeded") {
			t.Errorf("at %d percent the warning is %q", percent, got)
		}
	}
	events := s.during(func() {
		r := s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(402, "quota_exhausted")
		if r.json()["type"] != "payment_required" {
			t.Errorf("the refusal has the type %v", r.json()["type"])
		}
	})
	if len(events) != 1 || events[0].action != "secret.read" || events[0].detail("outcome") != "failed" || events[0].detail("reason") != "quota_exhausted" {
		t.Errorf("the refusal left %v", events)
	}
	// What takes rights away, tells of money and runs the server goes on.
	s.do("GET", "/v1/billing/subscription", s.worker.token, nil).want(200)
	s.do("DELETE", "/v1/vaults/"+s.vault+"/policies/"+s.policy, s.ada.token, nil).want(204)
	s.do("DELETE", "/v1/agents/"+s.worker.id, s.ada.token, nil).want(204)
	s.do("GET", "/v1/vaults", s.ada.token, nil).want(402)
	s.do("GET", "/v1/vaults", boss.token, nil).want(200) // another organisation
	s.do("DELETE", "/v1/auth/token", s.ada.token, nil).want(204)
	s.ada.token = s.ada.login()
	// A sponsored organisation goes on, and so does one in the next month.
	sponsored := func(is bool) {
		s.do("PUT", "/v1/admin/orgs/"+s.ada.org+"/limits", boss.token, object{"free_tier_override": 1, "is_sponsored": is}).want(200)
	}
	sponsored(true)
	s.do("GET", "/v1/vaults", s.ada.token, nil).want(200)
	sponsored(false)
	s.do("GET", "/v1/vaults", s.ada.token, nil).want(402)
	s.Clock.Forward(31 * 24 * time.Hour)
	s.ada.token = s.ada.login()
	s.do("GET", "/v1/vaults", s.ada.token, nil).want(200)
	s.do("GET", "/v1/vaults", s.ada.token, nil).want(402)
}

// Of many requests for the last free ones of a month, so many pass as there are.
func TestTheLimitIsExactUnderLoad(t *testing.T) {
	s := openSession(t)
	boss := s.boss()
	s.tier(boss, "free")
	used, err := s.month(s.ada.token)["total_requests"].(json.Number).Int64()
	if err != nil {
		t.Fatal(err)
	}
	s.limit(boss, used+37)
	s.credit(boss, 1, 10) // pays for ten more
	passed := s.storm(200)
	if passed != 47 {
		t.Errorf("%d requests passed, want 37 free and 10 paid", passed)
	}
	if m := s.month(s.ada.token); m["paid_requests"] != json.Number("10") || m["total_cost_usd"] != "0.01" || m["free_requests"] != json.Number(itoa(int(used+37))) {
		t.Errorf("the month is %v", m)
	}
	s.do("PATCH", "/v1/billing/overage-method", s.ada.token, object{"method": "x402"}).want(200)
	s.credit(boss, 100, 10)
	if passed := s.storm(20); passed != 0 {
		t.Errorf("%d requests were paid for from credits that are not to be used", passed)
	}
	s.do("PATCH", "/v1/billing/overage-method", s.ada.token, object{"overage_method": "credits"}).want(200)
	if passed := s.storm(20); passed != 20 {
		t.Errorf("%d of 20 requests were paid for", passed)
	}
}

// storm reads n times at once, and returns how many were served.
func (s *session) storm(n int) int {
	s.t.Helper()
	var wg sync.WaitGroup
	status := make([]int, n)
	for i := range status {
		wg.Go(func() { status[i] = s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).status })
	}
	wg.Wait()
	passed := 0
	for _, st := range status {
		switch st {
		case http.StatusOK:
			passed++
		case http.StatusPaymentRequired:
		default:
			s.t.Errorf("a request got %d", st)
		}
	}
	return passed
}

func TestTheLedger(t *testing.T) {
	s := openSession(t)
	boss := s.boss()
	s.tier(boss, "free")
	s.limit(boss, 0)
	s.credit(boss, 3, 20)
	s.credit(boss, 50, 80)
	s.credit(boss, 100, 300)
	b := s.do("GET", "/v1/billing/credits/balance", s.worker.token, nil).want(200).json()
	fields(t, "balance", b, "balance_cents", "balance_usd", "expiring_within_90_days", "expiring_within_30d_cents")
	soon := fields(t, "expiring", b["expiring_within_90_days"].(object), "amount_cents", "earliest_expiry")
	if fmt.Sprintln(b["balance_cents"], b["balance_usd"], soon["amount_cents"], b["expiring_within_30d_cents"]) != "153 1.53 53 3\n" ||
		soon["earliest_expiry"] != s.Clock.Now().UTC().AddDate(0, 0, 20).Format(time.RFC3339Nano) {
		t.Errorf("balance %v", b)
	}
	r := s.do("GET", "/v1/vaults", s.worker.token, nil).want(200)
	if r.header.Get("X-Credit-Balance-Cents") != "152" || r.header.Get("X-Credit-Expiring-Soon") != "true" || r.header.Get("X-Quota-Warning") != "exceeded" {
		t.Errorf("headers %v", r.header)
	}
	for range 14 { // 15 in all: a cent and a half
		s.do("GET", "/v1/vaults", s.worker.token, nil).want(200)
	}
	ledger := func(query string) []object {
		r := s.do("GET", "/v1/billing/credits/transactions"+query, s.ada.token, nil).want(200)
		fields(t, "ledger", r.json(), "transactions", "page", "limit")
		return r.list("transactions")
	}
	want := func(rows []object, texts ...string) {
		t.Helper()
		var got []string
		for _, o := range rows {
			fields(t, "entry", o, "id", "type", "amount_cents", "balance_after_cents", "description", "created_at")
			got = append(got, fmt.Sprint(o["type"], " ", o["amount_cents"], " ", o["balance_after_cents"]))
		}
		if !slices.Equal(got, texts) {
			t.Errorf("the ledger has %v, want %v", got, texts)
		}
	}
	want(ledger(""), "usage -1 152", "grant 100 153", "grant 50 53", "grant 3 3")
	want(ledger("?page=2&limit=3"), "grant 3 3")
	want(ledger("?limit=2&offset=1"), "grant 100 153", "grant 50 53")
	if m := s.month(s.ada.token); m["total_cost_usd"] != "0.015" {
		t.Errorf("the month is %v", m)
	}
	// What ends first is spent first, and what is left of it goes.
	s.Clock.Forward(20 * 24 * time.Hour)
	s.ada.token, boss.token = s.ada.login(), boss.login()
	want(ledger(""), "expiry -2 150", "usage -1 152", "grant 100 153", "grant 50 53", "grant 3 3")
	if got := s.do("GET", "/v1/billing/credits/balance", s.ada.token, nil).want(200).json()["balance_cents"]; got != json.Number("150") {
		t.Errorf("after an expiry the balance is %v", got)
	}
	if got := s.do("GET", "/v1/vaults", s.ada.token, nil).want(200).header.Get("X-Credit-Expiring-Soon"); got != "" {
		t.Errorf("credits of two months end soon: %q", got)
	}
	for _, bad := range []object{{"amount_cents": 0}, {"amount_cents": -1}, {"amount_cents": 10_000_001}, {"amount_cents": 1, "expires_in_days": 4000}, {"amount_cents": 1, "description": "a\nb"}} {
		s.do("POST", "/v1/admin/orgs/"+s.ada.org+"/credits", boss.token, bad).want(400)
	}
	// No route changes or removes a row, and another organisation sees none.
	if rows := s.do("GET", "/v1/billing/credits/transactions", boss.token, nil).want(200).list("transactions"); len(rows) != 0 {
		t.Errorf("another organisation sees %v", rows)
	}
}

func TestTheOwnerChoosesTheOverageMethod(t *testing.T) {
	s := openSession(t)
	bob := s.signup("bob")
	bob.moves(s.ada, "member")
	for name, c := range map[string]struct {
		token  string
		body   any
		status int
	}{
		"an agent": {s.worker.token, object{"method": "x402"}, 403}, "a member": {bob.token, object{"method": "x402"}, 403},
		"another word": {s.ada.token, object{"method": "cash"}, 400}, "no word": {s.ada.token, object{}, 400},
		"the owner": {s.ada.token, object{"method": "x402"}, 200}, "the docs' word": {s.ada.token, object{"overage_method": "credits"}, 200},
	} {
		if r := s.do("PATCH", "/v1/billing/overage-method", c.token, c.body); r.status != c.status {
			t.Errorf("%s: got %d, want %d: %s", name, r.status, c.status, r.body)
		}
	}
}

func TestCapsOfATier(t *testing.T) {
	s := openSession(t)
	boss := s.boss()
	s.tier(boss, "free")
	limit := func(r reply, begins string) {
		t.Helper()
		r.want(403, "resource_limit_exceeded")
		if o := r.json(); o["type"] != "resource_limit_exceeded" || !strings.HasPrefix(o["detail"].(string), begins) {
			t.Errorf("%s: %s, want a detail that begins with %q", r.what, r.body, begins)
		}
	}
	s.ada.vaultNamed("two")
	spare := s.ada.vaultNamed("three")
	events := s.during(func() {
		limit(s.do("POST", "/v1/vaults", s.worker.token, object{"name": "four"}), "Vault limit reached (3/3 on free tier).")
	})
	if len(events) != 1 || events[0].detail("reason") != "resource_limit_exceeded" || events[0].detail("outcome") != "denied" {
		t.Errorf("the refusal left %v", events)
	}
	s.do("DELETE", "/v1/vaults/"+spare, s.ada.token, nil).want(204)
	s.ada.vaultNamed("four")

	second := s.ada.agent(nil)
	limit(s.do("POST", "/v1/agents", s.ada.token, object{"name": "x"}), "Agent limit reached (2/2 on free tier).")
	s.do("DELETE", "/v1/agents/"+second.id, s.ada.token, nil).want(204)
	s.ada.agent(nil)

	for i := range 49 {
		s.ada.put(s.vault, fmt.Sprintf("n/%d", i), "x")
	}
	const full = "Secret limit reached (50/50 on free tier)."
	limit(s.do("PUT", secretAt(s.vault, "one-more"), s.ada.token, object{"value": "x"}), full)
	s.ada.put(s.vault, "a/b", "another version") // not one more
	s.do("DELETE", secretAt(s.vault, "n/0"), s.ada.token, nil).want(204)
	s.ada.put(s.vault, "one-more", "x")
	limit(s.do("POST", "/v1/vaults/"+s.vault+"/secret-restore/n/0", s.ada.token, nil), full)
	limit(s.do("PUT", secretAt(s.vault, "n/0"), s.ada.token, object{"value": "x"}), full)
	s.do("GET", secretAt(s.vault, "n/0"), s.ada.token, nil).want(410)
	s.do("DELETE", "/v1/vaults/"+s.vault+"/secret-versions/n/1", s.ada.token, nil).want(204)
	s.do("POST", "/v1/vaults/"+s.vault+"/secret-restore/n/0", s.ada.token, nil).want(200)
	limit(s.do("PUT", secretAt(s.vault, "n/1"), s.ada.token, object{"value": "x"}), full)
	s.tier(boss, "enterprise")
	s.ada.put(s.vault, "n/1", "x")
	s.ada.vaultNamed("five")
	s.ada.agent(nil)

	// A tier ends by itself, for requests and for what there may be at the same moment.
	s.do("PUT", "/v1/admin/orgs/"+s.ada.org+"/billing-tier", boss.token, object{"tier": "free", "duration_days": 1}).want(200)
	limit(s.do("POST", "/v1/vaults", s.ada.token, object{"name": "six"}), "Vault limit reached")
	if got := s.do("GET", "/v1/billing/usage", s.ada.token, nil).want(200).json()["billing_tier"]; got != "free" {
		t.Errorf("tier %v", got)
	}
	s.Clock.Forward(24 * time.Hour)
	s.ada.token = s.ada.login()
	if got := s.do("GET", "/v1/billing/usage", s.ada.token, nil).want(200).json()["billing_tier"]; got != "enterprise" {
		t.Errorf("after its end the tier is %v", got)
	}
	s.ada.vaultNamed("six")
	s.ada.agent(nil)
	s.ada.put(s.vault, "n/2nd", "x")
}

func TestPaymentsAreOff(t *testing.T) {
	s := openSession(t)
	for _, path := range []string{"subscribe", "credits/topup", "portal"} {
		s.do("POST", "/v1/billing/"+path, s.ada.token, object{"tier": "pro", "interval": "monthly", "amount_usd": 5}).want(501, "payments_off")
		s.do("POST", "/v1/billing/"+path, s.worker.token, nil).want(403)
	}
	s.do("POST", "/v1/billing/webhooks", "", object{"type": "x"}).want(400, "invalid_signature")
	if log := s.Log.String(); strings.Contains(log, "request failed") { // what callers do wrong is no failure of the server
		t.Errorf("the log: %s", log)
	}
}

// The epoch tells every process of a change at once, or within a second.
func TestAnotherProcessTakesUpATier(t *testing.T) {
	s := openSession(t)
	boss := s.boss()
	other := s.OtherNode().Billing
	admit := func(want string) {
		t.Helper()
		_, err := other.Admit(context.Background(), s.ada.org, s.Clock.Now(), false)
		if got := fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	admit("<nil>")
	s.tier(boss, "free")
	s.limit(boss, 0)
	admit("quota_exhausted")
	s.credit(boss, 1, 10)
	admit("<nil>")
	s.do("PUT", "/v1/admin/settings/billing.request_price_usd", boss.token, object{"value": "1"}).want(200)
	admit("quota_exhausted")
	s.tier(boss, "enterprise")
	s.limit(boss, nil)
	admit("<nil>")
}
