package checkout_test

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
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

const (
	stripeKey     = "sk_test_canary5544332211"
	webhookSecret = "whsec_canary9988776655"
	nowhere       = "http://127.0.0.1:1" // nobody listens there
)

type object = map[string]any

// prices are those of the Stripe account. Business is not sold by the year.
func prices() map[checkout.Plan]string {
	return map[checkout.Plan]string{
		{Tier: billing.Pro, Period: checkout.Monthly}: "price_pro_m", {Tier: billing.Pro, Period: checkout.Yearly}: "price_pro_y",
		{Tier: billing.Business, Period: checkout.Monthly}: "price_biz_m", {Tier: billing.Business, Period: checkout.Yearly}: "",
	}
}

// till is a server that takes money through Stripe.
type till struct {
	*world.World
	t   *testing.T
	ada policy.Principal
}

// open makes one whose Stripe is at an address, and whose default tier is the free one.
func open(t *testing.T, address string, change ...func(*checkout.Config)) *till {
	t.Helper()
	w := world.Open(t, func(s *world.Setup) {
		s.Stripe = func(c *checkout.Config) {
			c.Key, c.WebhookSecret, c.Prices, c.URL = secret.FromString(stripeKey), secret.FromString(webhookSecret), prices(), address
			for _, f := range change {
				f(c)
			}
		}
	})
	o := &till{World: w, t: t, ada: w.Owner("ada")}
	boss := w.Boss("boss")
	_, err := w.Billing.PutSetting(t.Context(), w.Call(boss, policy.UpdateSettings), billing.DefaultTier, "free")
	o.must(err)
	t.Cleanup(func() {
		if strings.Contains(w.Log.String(), "canary") {
			t.Error("the log has a secret")
		}
	})
	return o
}

func (o *till) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// event is a webhook's body.
func event(id, kind string, created int64, of any) []byte {
	text, err := json.Marshal(object{"id": id, "object": "event", "api_version": "2020-08-27", "created": created, "type": kind, "data": object{"object": of}})
	if err != nil {
		panic(err)
	}
	return text
}

func signed(body []byte, key string, at time.Time) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: key, Timestamp: at}).Header
}

// deliver sends an event as Stripe does, and returns its call too.
func (o *till) deliver(body []byte) (*call.Call, error) {
	c := o.Call(policy.Principal{}, policy.BillingEvent)
	return c, o.Checkout.Receive(o.t.Context(), c, body, signed(body, webhookSecret, time.Now()))
}

// delivered sends one that must be taken.
func (o *till) delivered(id, kind string, created int64, of any) {
	o.t.Helper()
	if _, err := o.deliver(event(id, kind, created, of)); err != nil {
		o.t.Errorf("%s: %v", id, err)
	}
}

// topUp is a checkout session in which 25 dollars were paid.
func topUp(org, id string, change ...func(object)) object {
	s := object{
		"id": id, "object": "checkout.session", "mode": "payment", "payment_status": "paid", "amount_total": 2500, "currency": "usd",
		"client_reference_id": org, "customer": "cus_1", "metadata": object{"oneclaw_org": org, "oneclaw_kind": "topup"},
	}
	for _, f := range change {
		f(s)
	}
	return s
}

// subscription is one whose period ends in some time.
func (o *till) subscription(id, price, status string, end time.Duration) object {
	return object{
		"id": id, "object": "subscription", "status": status, "customer": "cus_1", "metadata": object{"oneclaw_org": o.ada.Org},
		"items": object{"data": []object{{"current_period_end": o.Clock.Now().Add(end).Unix(), "price": object{"id": price}}}},
	}
}

func (o *till) cents() int64 {
	o.t.Helper()
	b, err := o.Billing.Balance(o.t.Context(), o.Call(o.ada, policy.ReadBilling))
	o.must(err)
	return b.Cents
}

// stands is ada's subscription: tier, interval, status.
func (o *till) stands() string {
	o.t.Helper()
	s, err := o.Billing.Subscription(o.t.Context(), o.Call(o.ada, policy.ReadBilling))
	o.must(err)
	return strings.Join(strings.Fields(fmt.Sprint(s.Caps.Tier, " ", s.Interval, " ", s.Status)), " ")
}

// recorder stands where stripe-mock can't: what was asked is seen, and it can be away.
type recorder struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []url.Values
	answer func(w http.ResponseWriter)
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		text, _ := io.ReadAll(req.Body)
		form, _ := url.ParseQuery(string(text))
		form.Set("path", req.URL.Path)
		r.mu.Lock()
		r.asked = append(r.asked, form)
		answer := r.answer
		r.mu.Unlock()
		if answer != nil {
			answer(w)
			return
		}
		_, _ = io.WriteString(w, `{"id":"cs_1","object":"checkout.session","url":"https://checkout.stripe.com/x"}`)
	}))
	t.Cleanup(r.Close)
	return r
}

// last is what was asked last.
func (r *recorder) last() url.Values {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[len(r.asked)-1]
}

func (r *recorder) says(status int, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}
