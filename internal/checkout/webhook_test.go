package checkout_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestOnlyWhatStripeSignedIsTaken(t *testing.T) {
	o := open(t, nowhere)
	body := event("evt_1", "checkout.session.completed", 1, topUp(o.ada.Org, "cs_1"))
	good := signed(body, webhookSecret, time.Now())
	receive := func(body []byte, signature string) error {
		return o.Checkout.Receive(t.Context(), o.Call(policy.Principal{}, policy.BillingEvent), body, signature)
	}
	for name, signature := range map[string]string{
		"no signature": "", "garbage": "x", "another secret": signed(body, "whsec_other", time.Now()), "an empty secret": signed(body, "", time.Now()),
		"too old": signed(body, webhookSecret, time.Now().Add(-6*time.Minute)), "another scheme": strings.Replace(good, "v1=", "v0=", 1),
		"another time": strings.Replace(good, "t=", "t=1", 1), "a part of it": good[:len(good)-2], "no time": good[strings.Index(good, "v1="):],
	} {
		world.WantCode(t, name, receive(body, signature), "invalid_signature")
	}
	world.WantCode(t, "another body", receive(append([]byte{' '}, body...), good), "invalid_signature")
	world.WantCode(t, "no body", receive(nil, good), "invalid_signature")
	if o.cents() != 0 {
		t.Error("it was credited")
	}
	world.WantCode(t, "the right one among others", receive(body, good+",v1="+strings.Repeat("0", 64)), "")
	if o.cents() != 2500 {
		t.Error("it was not credited")
	}
	for _, unset := range []string{"", " ", "\t\n"} {
		o := open(t, nowhere, func(c *checkout.Config) { c.WebhookSecret = secret.FromString(unset) })
		body := event("evt_1", "checkout.session.completed", 1, topUp(o.ada.Org, "cs_1"))
		err := o.Checkout.Receive(t.Context(), o.Call(policy.Principal{}, policy.BillingEvent), body, signed(body, unset, time.Now()))
		world.WantCode(t, "without a secret to check with", err, "invalid_signature")
		if o.cents() != 0 {
			t.Errorf("credited on the secret %q", unset)
		}
	}
}

func TestEventsThatCanNotBeRead(t *testing.T) {
	o := open(t, nowhere)
	for name, body := range map[string][]byte{
		"no id":                   event("", "checkout.session.completed", 1, topUp(o.ada.Org, "cs_1")),
		"an id of 256":            event(strings.Repeat("e", 256), "checkout.session.completed", 1, topUp(o.ada.Org, "cs_1")),
		"a session of numbers":    event("evt_1", "checkout.session.completed", 1, object{"id": 7}),
		"a sum that is text":      event("evt_1", "checkout.session.completed", 1, topUp(o.ada.Org, "cs_1", func(s object) { s["amount_total"] = "2500" })),
		"a part of a cent":        event("evt_1", "checkout.session.completed", 1, topUp(o.ada.Org, "cs_1", func(s object) { s["amount_total"] = 2500.5 })),
		"a subscription of words": event("evt_1", "customer.subscription.created", 1, object{"id": "sub_1", "items": "none"}),
	} {
		_, err := o.deliver(body)
		world.WantCode(t, name, err, "invalid_event")
	}
	for _, kind := range []string{"invoice.paid", "charge.refunded", "", "checkout.session.expired"} {
		o.delivered("evt_"+kind, kind, 1, topUp(o.ada.Org, "cs_"+kind))
	}
	if o.cents() != 0 {
		t.Error("something was credited")
	}
}

func TestATopUpIsCreditedOnce(t *testing.T) {
	o := open(t, nowhere)
	body := event("evt_1", "checkout.session.completed", 1, topUp(o.ada.Org, "cs_1"))
	got := world.Count(world.AtOnce(12, func(int) error { _, err := o.deliver(body); return err }))
	if got[""] != 12 {
		t.Errorf("got %v: what was done before is no error", got)
	}
	o.delivered("evt_2", "checkout.session.async_payment_succeeded", 2, topUp(o.ada.Org, "cs_1")) // the same session
	all, err := o.Billing.Transactions(t.Context(), o.Call(o.ada, policy.ReadBilling), 10, 0)
	if err != nil || len(all) != 1 || all[0].Type != billing.ToppedUp || all[0].Amount != 2500 || all[0].Balance != 2500 {
		t.Errorf("the ledger has %+v, %v", all, err)
	}
	if e := o.Last(o.ada.Org); e.Action != string(policy.BillingEvent) || e.ResourceID != o.ada.Org || e.Detail("outcome") != audit.Success {
		t.Errorf("the log has %+v %s", e.Event, e.DetailsJSON)
	}
	o.delivered("evt_3", "checkout.session.completed", 3, topUp(o.ada.Org, "cs_2", func(s object) { s["amount_total"] = 1 }))
	if got := o.cents(); got != 2501 {
		t.Errorf("%d cents", got)
	}
	o.Clock.Forward(365*24*time.Hour - time.Microsecond)
	if got := o.cents(); got != 2501 {
		t.Errorf("before a year is over: %d cents", got)
	}
	o.Clock.Forward(time.Microsecond)
	if got := o.cents(); got != 0 {
		t.Errorf("after a year: %d cents", got)
	}
}

func TestWhatIsNoTopUp(t *testing.T) {
	o := open(t, nowhere)
	meta := func(s object) object { return s["metadata"].(object) }
	for what, change := range map[string]func(object){
		"not paid yet":         func(s object) { s["payment_status"] = "unpaid" },
		"nothing to pay":       func(s object) { s["payment_status"] = "no_payment_required" },
		"nothing":              func(s object) { s["amount_total"] = 0 },
		"less than nothing":    func(s object) { s["amount_total"] = -100 },
		"a subscription's":     func(s object) { s["mode"] = "subscription" },
		"of a tier":            func(s object) { meta(s)["oneclaw_kind"] = "tier" },
		"not ours":             func(s object) { delete(s, "metadata") },
		"of two organisations": func(s object) { s["client_reference_id"] = uuid.NewString() },
		"of no organisation":   func(s object) { s["client_reference_id"], meta(s)["oneclaw_org"] = "x", "x" },
		"of the server": func(s object) {
			s["client_reference_id"], meta(s)["oneclaw_org"] = audit.SystemOrg, audit.SystemOrg
		},
		"in capitals": func(s object) {
			s["client_reference_id"], meta(s)["oneclaw_org"] = strings.ToUpper(o.ada.Org), strings.ToUpper(o.ada.Org)
		},
		"in yen":           func(s object) { s["currency"] = "jpy" },
		"in no currency":   func(s object) { delete(s, "currency") },
		"without an id":    func(s object) { s["id"] = "" },
		"with a long id":   func(s object) { s["id"] = strings.Repeat("c", 256) },
		"as a client says": func(s object) { s["payment_status"] = "unpaid"; meta(s)["amount_usd"] = "1000" },
	} {
		c, err := o.deliver(event("evt_"+what, "checkout.session.completed", 3, topUp(o.ada.Org, "cs_"+what, change)))
		if err != nil || c.Event.Committed || o.cents() != 0 {
			t.Errorf("%s: %v, committed: %v, %d cents", what, err, c.Event.Committed, o.cents())
		}
	}
	// Of an organisation that is gone: Stripe is told nothing, and the server's log has it.
	gone := uuid.NewString()
	for kind, of := range map[string]object{"checkout.session.completed": topUp(gone, "cs_gone"), "customer.subscription.created": o.subscription("sub_1", "price_pro_m", "active", time.Hour)} {
		of["metadata"].(object)["oneclaw_org"] = gone
		c, err := o.deliver(event("evt_"+kind, kind, 3, of))
		if err != nil || c.Event.Org != audit.SystemOrg {
			t.Errorf("%s: %v, for the log of %s", kind, err, c.Event.Org)
		}
	}
	if !strings.Contains(o.Log.String(), "org_not_found") {
		t.Error("nobody is told of a payment without an organisation")
	}
}

func TestCustomers(t *testing.T) {
	o := open(t, nowhere)
	known := func() string {
		t.Helper()
		c, err := o.DB.Customer(t.Context(), o.ada.Org, o.Clock.Now())
		o.must(err)
		return c.ID
	}
	for i, customer := range []any{nil, "", 7, object{}, object{"id": 7}, strings.Repeat("c", 256), []string{"cus_0"}} {
		o.delivered(fmt.Sprint("evt_", i), "checkout.session.completed", 1, topUp(o.ada.Org, fmt.Sprint("cs_", i), func(s object) { s["customer"] = customer }))
		if id := known(); id != "" {
			t.Errorf("%v is the customer %q", customer, id)
		}
	}
	if got := o.cents(); got != 7*2500 {
		t.Errorf("%d cents: who paid without a name has paid all the same", got)
	}
	for i, customer := range []any{object{"id": "cus_7"}, "cus_8"} { // the first one stays
		o.delivered(fmt.Sprint("evt_more_", i), "checkout.session.completed", 1, topUp(o.ada.Org, fmt.Sprint("cs_more_", i), func(s object) { s["customer"] = customer }))
		if id := known(); id != "cus_7" {
			t.Errorf("after %v the customer is %q", customer, id)
		}
	}
}
