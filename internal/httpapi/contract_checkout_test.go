package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/stripemock"
)

const (
	stripeKey     = "sk_test_canary5544332211"
	webhookSecret = "whsec_canary9988776655"
)

// prices are those of the Stripe account.
var prices = map[checkout.Plan]string{
	{Tier: billing.Pro, Period: checkout.Monthly}: "price_pro_m", {Tier: billing.Pro, Period: checkout.Yearly}: "price_pro_y",
	{Tier: billing.Business, Period: checkout.Monthly}: "price_biz_m",
}

// stripeAt sets up Stripe with its API at an address.
func stripeAt(url string, change ...func(*checkout.Config)) func(*setup) {
	return func(s *setup) {
		s.Stripe = func(c *checkout.Config) {
			c.Key, c.WebhookSecret, c.Prices, c.URL = secret.FromString(stripeKey), secret.FromString(webhookSecret), prices, url
			for _, f := range change {
				f(c)
			}
		}
	}
}

// event is a webhook's body.
func stripeEvent(t *testing.T, id, kind string, created int64, o object) []byte {
	t.Helper()
	return encode(t, object{"id": id, "object": "event", "api_version": "2020-08-27", "created": created, "type": kind, "data": object{"object": o}})
}

// deliver sends an event as Stripe does.
func (w *world) deliver(body []byte) reply {
	w.t.Helper()
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: webhookSecret})
	return w.do("POST", "/v1/billing/webhooks", "", body, header("Stripe-Signature", signed.Header))
}

// topUp is a checkout session that was paid.
func topUp(org, id string, change ...func(object)) object {
	o := object{
		"id": id, "object": "checkout.session", "mode": "payment", "payment_status": "paid", "amount_total": 2500, "currency": "usd",
		"client_reference_id": org, "customer": "cus_1", "metadata": object{"oneclaw_org": org, "oneclaw_kind": "topup"},
	}
	for _, f := range change {
		f(o)
	}
	return o
}

// subscription is one of a price that ends in days.
func (s *session) subscription(id, price, status string, days int) object {
	return object{
		"id": id, "object": "subscription", "status": status, "customer": "cus_1", "metadata": object{"oneclaw_org": s.ada.org},
		"items": object{"data": []object{{"current_period_end": s.Clock.Now().AddDate(0, 0, days).Unix(), "price": object{"id": price}}}},
	}
}

// cents is the balance of ada's organisation.
func (s *session) cents() string {
	s.t.Helper()
	return fmt.Sprint(s.do("GET", "/v1/billing/credits/balance", s.ada.token, nil).want(200).json()["balance_cents"])
}

// sub is ada's subscription: tier, interval, status.
func (s *session) sub() string {
	s.t.Helper()
	o := s.do("GET", "/v1/billing/subscription", s.ada.token, nil).want(200).json()
	return fmt.Sprint(o["tier"], " ", o["interval"], " ", o["status"])
}

func TestCheckoutPages(t *testing.T) {
	s := openSession(t, stripeAt(stripemock.Start(t)))
	for what, c := range map[string]struct {
		path string
		body any
		code string // empty: a page
	}{
		"a tier for a month":         {"subscribe", object{"tier": "pro", "interval": "monthly"}, ""},
		"a tier for a year":          {"subscribe", object{"tier": "pro", "interval": "yearly", "trial": true}, ""},
		"a tier, as it comes":        {"subscribe", object{"tier": "business", "more": 1}, ""},
		"a tier that has no price":   {"subscribe", object{"tier": "business", "interval": "yearly"}, "plan_not_sold"},
		"the free tier":              {"subscribe", object{"tier": "free", "interval": "monthly"}, "invalid_plan"},
		"another interval":           {"subscribe", object{"tier": "pro", "interval": "weekly"}, "invalid_plan"},
		"no tier":                    {"subscribe", nil, "invalid_plan"},
		"5 dollars":                  {"credits/topup", object{"amount_usd": 5}, ""},
		"1000 dollars":               {"credits/topup", object{"amount_usd": 1000}, ""},
		"cents":                      {"credits/topup", object{"amount_usd": 19.99}, ""},
		"less than 5 dollars":        {"credits/topup", object{"amount_usd": 4.99}, "invalid_amount_usd"},
		"more than 1000 dollars":     {"credits/topup", object{"amount_usd": 1000.01}, "invalid_amount_usd"},
		"parts of a cent":            {"credits/topup", object{"amount_usd": 5.001}, "invalid_amount_usd"},
		"no amount":                  {"credits/topup", nil, "invalid_amount_usd"},
		"a debt":                     {"credits/topup", object{"amount_usd": -5}, "invalid_amount_usd"},
		"an amount as text":          {"credits/topup", object{"amount_usd": "5"}, "invalid_request"},
		"an amount beyond all words": {"credits/topup", `{"amount_usd":1e308}`, "invalid_amount_usd"},
	} {
		r := s.do("POST", "/v1/billing/"+c.path, s.ada.token, c.body)
		r.what += " with " + what
		if c.code != "" {
			r.want(400, c.code)
			continue
		}
		if u, err := url.Parse(r.want(200).str("checkout_url")); err != nil || u.Scheme != "https" {
			t.Errorf("%s: %s", what, r.body)
		}
		fields(t, what, r.json(), "checkout_url")
	}
	s.do("POST", "/v1/billing/portal", s.ada.token, nil).want(409, "nothing_paid_yet")
	s.deliver(stripeEvent(t, "evt_1", "checkout.session.completed", 1, topUp(s.ada.org, "cs_1"))).want(200)
	r := s.do("POST", "/v1/billing/portal", s.ada.token, nil).want(200)
	r.str("portal_url")
	fields(t, "portal", r.json(), "portal_url")
	bob := s.signup("bob")
	s.do("POST", "/v1/billing/portal", bob.token, nil).want(409, "nothing_paid_yet")
	for _, path := range []string{"subscribe", "credits/topup", "portal"} {
		s.do("POST", "/v1/billing/"+path, s.worker.token, object{"tier": "pro", "amount_usd": 5}).want(403)
		s.do("POST", "/v1/billing/"+path, "", nil).want(401)
	}
}

// fakeStripe keeps what it was asked. It stands where stripe-mock can't: what was
// asked is seen, and it can be away.
type fakeStripe struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []url.Values
	status int
}

func newStripe(t *testing.T) *fakeStripe {
	t.Helper()
	f := &fakeStripe{status: 200}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(text))
		f.mu.Lock()
		defer f.mu.Unlock()
		f.asked = append(f.asked, form)
		w.WriteHeader(f.status)
		if f.status != 200 {
			fmt.Fprintf(w, `{"error":{"type":"invalid_request_error","code":"api_key_expired","message":"Expired API Key provided: %s"}}`, stripeKey)
			return
		}
		_, _ = io.WriteString(w, `{"id":"cs_1","object":"checkout.session","url":"https://checkout.stripe.com/x"}`)
	}))
	t.Cleanup(f.Close)
	return f
}

func TestWhatStripeIsAsked(t *testing.T) {
	f := newStripe(t)
	s := openSession(t, stripeAt(f.URL))
	ask := func(path string, body object) url.Values {
		t.Helper()
		s.do("POST", "/v1/billing/"+path, s.ada.token, body).want(200)
		return f.asked[len(f.asked)-1]
	}
	want := func(form url.Values, pairs ...string) {
		t.Helper()
		for i := 0; i < len(pairs); i += 2 {
			if form.Get(pairs[i]) != pairs[i+1] {
				t.Errorf("%s is %q, want %q", pairs[i], form.Get(pairs[i]), pairs[i+1])
			}
		}
	}
	want(ask("subscribe", object{"tier": "pro", "interval": "yearly", "trial": true}), "mode", "subscription", "line_items[0][price]", "price_pro_y",
		"client_reference_id", s.ada.org, "metadata[oneclaw_org]", s.ada.org, "subscription_data[metadata][oneclaw_org]", s.ada.org,
		"subscription_data[trial_period_days]", "14", "customer", "", "success_url", "https://vault.test/")
	want(ask("credits/topup", object{"amount_usd": 19.99}), "mode", "payment", "line_items[0][price_data][unit_amount]", "1999",
		"line_items[0][price_data][currency]", "usd", "client_reference_id", s.ada.org, "metadata[oneclaw_kind]", "topup", "customer_creation", "always")
	s.deliver(stripeEvent(t, "evt_1", "customer.subscription.created", 10, s.subscription("sub_1", "price_pro_m", "active", 30))).want(200)
	want(ask("credits/topup", object{"amount_usd": 5}), "customer", "cus_1", "customer_creation", "")
	s.do("POST", "/v1/billing/subscribe", s.ada.token, object{"tier": "business"}).want(409, "already_subscribed")
	s.deliver(stripeEvent(t, "evt_2", "customer.subscription.deleted", 20, s.subscription("sub_1", "price_pro_m", "canceled", 30))).want(200)
	want(ask("subscribe", object{"tier": "pro", "trial": true}), "subscription_data[trial_period_days]", "", "customer", "cus_1") // one trial
	f.status = 401
	s.do("POST", "/v1/billing/credits/topup", s.ada.token, object{"amount_usd": 5}).want(503, "payments_unavailable")
	f.Close()
	s.do("POST", "/v1/billing/portal", s.ada.token, nil).want(503, "payments_unavailable")
	for _, canary := range []string{stripeKey, webhookSecret, "canary"} {
		if strings.Contains(s.Log.String(), canary) {
			t.Errorf("the log shows %s", canary)
		}
	}
}

func TestWebhooksThatStripeDidNotSign(t *testing.T) {
	s := openSession(t, stripeAt("http://127.0.0.1:1"))
	body := stripeEvent(t, "evt_1", "checkout.session.completed", 1, topUp(s.ada.org, "cs_1"))
	sign := func(key string, at time.Time) string {
		return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: key, Timestamp: at}).Header
	}
	good := sign(webhookSecret, time.Now())
	for name, signature := range map[string]string{
		"no signature": "", "garbage": "x", "another secret": sign("whsec_other", time.Now()), "an empty secret": sign("", time.Now()),
		"too old": sign(webhookSecret, time.Now().Add(-6*time.Minute)), "another scheme": strings.Replace(good, "v1=", "v0=", 1),
		"another time": strings.Replace(good, "t=", "t=1", 1), "a part of it": good[:len(good)-2],
	} {
		r := s.do("POST", "/v1/billing/webhooks", "", body, header("Stripe-Signature", signature))
		r.what += " with " + name
		r.want(400, "invalid_signature")
	}
	s.do("POST", "/v1/billing/webhooks", "", append(body, ' '), header("Stripe-Signature", good)).want(400, "invalid_signature")
	s.do("POST", "/v1/billing/webhooks", "", nil, header("Stripe-Signature", good)).want(400)
	s.do("POST", "/v1/billing/webhooks", "", strings.Repeat("x", 65<<10), header("Stripe-Signature", good)).want(413)
	if s.cents() != "0" {
		t.Error("credited")
	}
	s.do("POST", "/v1/billing/webhooks", "", body, header("Stripe-Signature", good)).want(200)
	if s.cents() != "2500" {
		t.Error("not credited")
	}
	for _, unset := range []string{"", " ", "\t"} {
		w := openSession(t, stripeAt("http://127.0.0.1:1", func(c *checkout.Config) { c.WebhookSecret = secret.FromString(unset) }))
		body = stripeEvent(t, "evt_1", "checkout.session.completed", 1, topUp(w.ada.org, "cs_1"))
		w.do("POST", "/v1/billing/webhooks", "", body, header("Stripe-Signature", sign(unset, time.Now()))).want(400, "invalid_signature")
		if w.cents() != "0" {
			t.Error("credited on a webhook without a secret")
		}
	}
}

func TestATopUpIsCreditedOnce(t *testing.T) {
	s := openSession(t, stripeAt("http://127.0.0.1:1"))
	body := stripeEvent(t, "evt_1", "checkout.session.completed", 1, topUp(s.ada.org, "cs_1"))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if r := s.deliver(body); r.status != 200 || string(r.body) != "{\"received\":true}\n" && string(r.body) != "{\"received\":true}" {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
	wg.Wait()
	// The same session by another event, as when the money comes later.
	s.deliver(stripeEvent(t, "evt_2", "checkout.session.async_payment_succeeded", 2, topUp(s.ada.org, "cs_1"))).want(200)
	if got := s.cents(); got != "2500" {
		t.Fatalf("%s cents", got)
	}
	all := s.do("GET", "/v1/billing/credits/transactions", s.ada.token, nil).want(200).list("transactions")
	if len(all) != 1 || all[0]["type"] != "topup" || fmt.Sprint(all[0]["amount_cents"]) != "2500" {
		t.Errorf("the ledger has %v", all)
	}
	for what, change := range map[string]func(object){
		"not paid yet":            func(o object) { o["payment_status"] = "unpaid" },
		"nothing to pay":          func(o object) { o["payment_status"] = "no_payment_required"; o["amount_total"] = 0 },
		"a subscription's":        func(o object) { o["mode"] = "subscription" },
		"another kind":            func(o object) { o["metadata"].(object)["oneclaw_kind"] = "tier" },
		"not ours":                func(o object) { delete(o, "metadata") },
		"of two organisations":    func(o object) { o["client_reference_id"] = s.vault },
		"of nobody":               func(o object) { o["client_reference_id"], o["metadata"].(object)["oneclaw_org"] = s.vault, s.vault },
		"of no organisation":      func(o object) { o["client_reference_id"], o["metadata"].(object)["oneclaw_org"] = "x", "x" },
		"in another currency":     func(o object) { o["currency"] = "jpy" },
		"less than nothing":       func(o object) { o["amount_total"] = -100 },
		"without an id":           func(o object) { o["id"] = "" },
		"with a client's own sum": func(o object) { o["payment_status"] = "unpaid"; o["metadata"].(object)["amount_usd"] = "1000" },
	} {
		s.deliver(stripeEvent(t, "evt_"+what, "checkout.session.completed", 3, topUp(s.ada.org, "cs_"+what, change))).want(200)
		if got := s.cents(); got != "2500" {
			t.Errorf("%s: %s cents", what, got)
		}
	}
	s.deliver(stripeEvent(t, "evt_bad", "checkout.session.completed", 3, object{"id": 7})).want(400, "invalid_event")
	s.deliver(stripeEvent(t, "evt_other", "invoice.paid", 3, object{"id": 7})).want(200)
	events := s.during(func() {
		s.deliver(stripeEvent(t, "evt_9", "checkout.session.completed", 9, topUp(s.ada.org, "cs_9"))).want(200)
	})
	if len(events) != 1 || events[0].org != s.ada.org || events[0].action != "billing.event" || events[0].detail("outcome") != "success" {
		t.Errorf("a top-up left %v", events)
	}
	if strings.Contains(s.Log.String(), "canary") {
		t.Error("the log shows a secret")
	}
}

func TestSubscriptionEvents(t *testing.T) {
	type ev struct {
		kind, price, status string
		days                int
		created             int64
	}
	const (
		created, updated, deleted = "customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted"
		free                      = "free <nil> active"
	)
	for name, c := range map[string]struct {
		events []ev
		want   string
	}{
		"a subscription begins":             {[]ev{{created, "price_pro_m", "active", 30, 10}}, "pro monthly active"},
		"a trial":                           {[]ev{{created, "price_pro_y", "trialing", 14, 10}}, "pro yearly trialing"},
		"not paid yet":                      {[]ev{{created, "price_pro_m", "incomplete", 30, 10}}, free},
		"paid then":                         {[]ev{{created, "price_pro_m", "incomplete", 30, 10}, {updated, "price_pro_m", "active", 30, 10}}, "pro monthly active"},
		"the same the other way round":      {[]ev{{updated, "price_pro_m", "active", 30, 10}, {created, "price_pro_m", "incomplete", 30, 10}}, "pro monthly active"},
		"another tier":                      {[]ev{{created, "price_pro_m", "active", 30, 10}, {updated, "price_biz_m", "active", 30, 20}}, "business monthly active"},
		"the same, late":                    {[]ev{{updated, "price_biz_m", "active", 30, 20}, {created, "price_pro_m", "active", 30, 10}}, "business monthly active"},
		"it ends":                           {[]ev{{created, "price_pro_m", "active", 30, 10}, {deleted, "price_pro_m", "canceled", 30, 20}}, free},
		"the end comes first":               {[]ev{{deleted, "price_pro_m", "canceled", 30, 20}, {created, "price_pro_m", "active", 30, 10}}, free},
		"an end is final":                   {[]ev{{deleted, "price_pro_m", "canceled", 30, 20}, {updated, "price_pro_m", "active", 30, 30}}, free},
		"a deleted one that says active":    {[]ev{{deleted, "price_pro_m", "active", 30, 20}}, free},
		"a renewal fails":                   {[]ev{{created, "price_pro_m", "active", 30, 10}, {updated, "price_pro_m", "past_due", 60, 20}}, "pro monthly past_due"},
		"nobody pays in the end":            {[]ev{{created, "price_pro_m", "active", 30, 10}, {updated, "price_pro_m", "unpaid", 60, 20}}, free},
		"a price that is not ours":          {[]ev{{created, "price_else", "active", 30, 10}}, free},
		"a status of a later API":           {[]ev{{created, "price_pro_m", "sleeping", 30, 10}}, free},
		"a period that is over":             {[]ev{{created, "price_pro_m", "active", -4, 10}}, free},
		"a period that has just ended":      {[]ev{{created, "price_pro_m", "active", -1, 10}}, "pro monthly active"},
		"first past due, then what was due": {[]ev{{updated, "price_pro_m", "past_due", 30, 20}, {updated, "price_pro_m", "active", 30, 30}}, "pro monthly active"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openSession(t, stripeAt("http://127.0.0.1:1"))
			s.do("PUT", "/v1/admin/settings/billing.default_tier", s.boss().token, object{"value": "free"}).want(200)
			for round := range 2 { // all of it again changes nothing
				for i, e := range c.events {
					s.deliver(stripeEvent(t, fmt.Sprint("evt_", i), e.kind, e.created, s.subscription("sub_1", e.price, e.status, e.days))).want(200)
				}
				if got := s.sub(); got != c.want {
					t.Errorf("round %d: %s, want %s", round, got, c.want)
				}
			}
		})
	}
}

func TestASubscriptionTakesNothingAway(t *testing.T) {
	s := openSession(t, stripeAt("http://127.0.0.1:1"))
	boss := s.boss()
	s.deliver(stripeEvent(t, "evt_1", "customer.subscription.created", 10, s.subscription("sub_1", "price_pro_m", "active", 30))).want(200)
	if got := s.sub(); got != "enterprise <nil> active" {
		t.Errorf("below the server's default: %s", got)
	}
	s.tier(boss, "free")
	if got := s.sub(); got != "pro monthly active" {
		t.Errorf("above what an admin set: %s", got)
	}
	s.deliver(stripeEvent(t, "evt_2", "customer.subscription.created", 10, s.subscription("sub_2", "price_biz_m", "active", 30))).want(200)
	if got := s.sub(); got != "business monthly active" {
		t.Errorf("of two subscriptions: %s", got)
	}
	// Renewals that do not come end it, some days after what was paid for.
	s.Clock.Forward(32 * 24 * time.Hour)
	s.ada.token = s.ada.login()
	if got := s.sub(); got != "business monthly active" {
		t.Errorf("in the days of grace: %s", got)
	}
	s.Clock.Forward(2 * 24 * time.Hour)
	s.ada.token = s.ada.login()
	if got := s.sub(); got != "free <nil> active" {
		t.Errorf("after them: %s", got)
	}
	// An event of one organisation changes nothing of another's subscription.
	bob := s.signup("bob")
	stolen := s.subscription("sub_2", "price_biz_m", "active", 90)
	stolen["metadata"] = object{"oneclaw_org": bob.org}
	s.deliver(stripeEvent(t, "evt_3", "customer.subscription.updated", 30, stolen)).want(200)
	var body struct{ Tier string }
	r := s.do("GET", "/v1/billing/subscription", bob.token, nil).want(200)
	if err := json.Unmarshal(r.body, &body); err != nil || body.Tier != "enterprise" || s.sub() != "free <nil> active" {
		t.Errorf("%s, and %s", r.body, s.sub())
	}
}
