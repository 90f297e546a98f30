package checkout_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/stripemock"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func (o *till) subscribe(who policy.Principal, tier billing.Tier, period string, trial bool) (string, error) {
	return o.Checkout.Subscribe(o.t.Context(), o.Call(who, policy.UpdateBilling), checkout.Plan{Tier: tier, Period: period}, trial)
}

func (o *till) topUp(who policy.Principal, dollars float64) (string, error) {
	return o.Checkout.TopUp(o.t.Context(), o.Call(who, policy.UpdateBilling), dollars)
}

func (o *till) portal(who policy.Principal) (string, error) {
	return o.Checkout.Portal(o.t.Context(), o.Call(who, policy.UpdateBilling))
}

// Stripe's own stand-in checks that what is asked is what Stripe takes.
func TestStripeTakesWhatIsAsked(t *testing.T) {
	o := open(t, stripemock.Start(t))
	page := func(what, url string, err error) {
		t.Helper()
		if err != nil || len(url) < 9 || url[:8] != "https://" {
			t.Errorf("%s: got %q, %v", what, url, err)
		}
	}
	url, err := o.subscribe(o.ada, billing.Pro, checkout.Monthly, true)
	page("a tier for a month", url, err)
	url, err = o.subscribe(o.ada, billing.Pro, checkout.Yearly, false)
	page("a tier for a year", url, err)
	url, err = o.topUp(o.ada, 19.99)
	page("credits", url, err)
	o.delivered("evt_1", "checkout.session.completed", 1, topUp(o.ada.Org, "cs_1"))
	url, err = o.portal(o.ada)
	page("the portal", url, err)
}

func TestWhatIsSold(t *testing.T) {
	o := open(t, newRecorder(t).URL)
	for name, tc := range map[string]struct {
		tier   billing.Tier
		period string
		code   string
	}{
		"pro by the month": {billing.Pro, "monthly", ""}, "pro by the year": {billing.Pro, "yearly", ""}, "business by the month": {billing.Business, "monthly", ""},
		"business by the year": {billing.Business, "yearly", "plan_not_sold"}, "the free tier": {billing.Free, "monthly", "invalid_plan"},
		"the largest": {billing.Enterprise, "monthly", "invalid_plan"}, "no tier": {"", "monthly", "invalid_plan"}, "by the week": {billing.Pro, "weekly", "invalid_plan"},
		"by nothing": {billing.Pro, "", "invalid_plan"},
	} {
		_, err := o.subscribe(o.ada, tc.tier, tc.period, false)
		world.WantCode(t, name, err, tc.code)
	}
	for dollars, code := range map[float64]string{
		5: "", 1000: "", 19.99: "", 5.01: "", 999.99: "", 4.99: "invalid_amount_usd", 1000.01: "invalid_amount_usd", 5.001: "invalid_amount_usd", 0: "invalid_amount_usd",
		-5: "invalid_amount_usd", math.Inf(1): "invalid_amount_usd", math.Inf(-1): "invalid_amount_usd", math.NaN(): "invalid_amount_usd", 1e308: "invalid_amount_usd",
		math.Nextafter(5, 0): "invalid_amount_usd", math.Nextafter(1000, 2000): "invalid_amount_usd", math.Nextafter(19.99, 20): "invalid_amount_usd",
	} {
		_, err := o.topUp(o.ada, dollars)
		world.WantCode(t, "credits for "+strconv.FormatFloat(dollars, 'g', -1, 64), err, code)
	}
}

// Every amount that may be paid is asked for to the cent.
func TestAmountsAreAskedForToTheCent(t *testing.T) {
	r := newRecorder(t)
	o := open(t, r.URL)
	for _, cents := range []int64{500, 501, 529, 557, 1001, 1999, 2997, 10_007, 33_333, 57_899, 99_999, 100_000} {
		dollars, err := strconv.ParseFloat(billing.Cents(cents), 64)
		o.must(err)
		_, err = o.topUp(o.ada, dollars)
		o.must(err)
		if got := r.last().Get("line_items[0][price_data][unit_amount]"); got != strconv.FormatInt(cents, 10) {
			t.Errorf("%s dollars are %s cents", billing.Cents(cents), got)
		}
	}
}

func TestWhatStripeIsAsked(t *testing.T) {
	r := newRecorder(t)
	o := open(t, r.URL)
	want := func(what string, err error, pairs map[string]string) {
		t.Helper()
		o.must(err)
		for name, value := range pairs {
			if got := r.last().Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", what, name, got, value)
			}
		}
	}
	_, err := o.subscribe(o.ada, billing.Pro, checkout.Yearly, true)
	want("a trial", err, map[string]string{
		"path": "/v1/checkout/sessions", "mode": "subscription", "line_items[0][price]": "price_pro_y", "line_items[0][quantity]": "1", "client_reference_id": o.ada.Org,
		"metadata[oneclaw_org]": o.ada.Org, "metadata[oneclaw_kind]": "tier", "subscription_data[metadata][oneclaw_org]": o.ada.Org,
		"subscription_data[trial_period_days]": "14", "customer": "", "success_url": world.PublicURL + "/", "cancel_url": world.PublicURL + "/",
	})
	_, err = o.subscribe(o.ada, billing.Pro, checkout.Yearly, false)
	want("no trial", err, map[string]string{"subscription_data[trial_period_days]": ""})
	_, err = o.topUp(o.ada, 20)
	want("credits", err, map[string]string{
		"mode": "payment", "line_items[0][price_data][currency]": "usd", "line_items[0][price_data][unit_amount]": "2000", "line_items[0][quantity]": "1",
		"client_reference_id": o.ada.Org, "metadata[oneclaw_kind]": "topup", "customer_creation": "always", "customer": "",
	})
	o.delivered("evt_1", "customer.subscription.created", 10, o.subscription("sub_1", "price_pro_m", "trialing", 14*24*time.Hour))
	_, err = o.topUp(o.ada, 20)
	want("of who is known", err, map[string]string{"customer": "cus_1", "customer_creation": ""})
	_, err = o.portal(o.ada)
	want("the portal", err, map[string]string{"path": "/v1/billing_portal/sessions", "customer": "cus_1", "return_url": world.PublicURL + "/"})
	_, err = o.subscribe(o.ada, billing.Business, checkout.Monthly, false)
	world.WantCode(t, "a second subscription", err, "already_subscribed")
	o.Clock.Forward(20 * 24 * time.Hour) // and nobody renewed it
	_, err = o.subscribe(o.ada, billing.Business, checkout.Monthly, true)
	want("a second trial", err, map[string]string{"subscription_data[trial_period_days]": "", "customer": "cus_1"})
}

func TestWhoMayPay(t *testing.T) {
	r := newRecorder(t)
	o := open(t, r.URL)
	o.delivered("evt_1", "checkout.session.completed", 1, topUp(o.ada.Org, "cs_1"))
	for name, who := range map[string]policy.Principal{
		"a member": o.Member(o.ada, "bob", policy.RoleMember), "an agent": o.Agent(o.ada), "a key that reads": o.ByKey(o.ada, "billing:read"), "a stranger": {},
	} {
		_, subscribe := o.subscribe(who, billing.Pro, checkout.Monthly, false)
		_, topUp := o.topUp(who, 5)
		_, portal := o.portal(who)
		for what, err := range map[string]error{"subscribe": subscribe, "top up": topUp, "the portal": portal} {
			if !fault.Is(err, fault.Denied) && !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
	if len(r.asked) != 0 {
		t.Errorf("Stripe was asked %v", r.asked)
	}
	_, err := o.topUp(o.Member(o.ada, "amy", policy.RoleAdmin), 5)
	world.WantCode(t, "an admin", err, "")
	_, err = o.portal(o.Owner("eve"))
	world.WantCode(t, "the portal of who never paid", err, "nothing_paid_yet")
}

func TestStripeIsAway(t *testing.T) {
	r := newRecorder(t)
	o := open(t, r.URL)
	o.delivered("evt_1", "checkout.session.completed", 1, topUp(o.ada.Org, "cs_1"))
	all := func(what string) {
		t.Helper()
		_, subscribe := o.subscribe(o.ada, billing.Pro, checkout.Monthly, false)
		_, topUp := o.topUp(o.ada, 5)
		_, portal := o.portal(o.ada)
		for step, err := range map[string]error{"subscribe": subscribe, "top up": topUp, "the portal": portal} {
			world.WantCode(t, what+", "+step, err, "payments_unavailable")
			if !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s, %s: %v", what, step, err)
			}
		}
	}
	r.says(401, `{"error":{"type":"invalid_request_error","code":"api_key_expired","message":"Expired API Key provided: `+stripeKey+`"}}`)
	all("the key expired")
	r.says(402, `{"error":{"type":"card_error","code":"`+stripeKey+` and more"}}`)
	all("an error with a secret as code")
	r.says(200, `{"id":"cs_1","url":"http://checkout.stripe.com/x"}`)
	all("a page without TLS")
	r.says(200, `{"id":"cs_1","url":"javascript:alert(1)"}`)
	all("a page that is a script")
	r.says(200, `{"id":"cs_1"}`)
	all("no page")
	r.says(200, `no JSON`)
	all("no answer that can be read")
}
