package x402_test

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

func TestTermsFollowTheSettings(t *testing.T) {
	o := open(t)
	want := x402.Terms{PayTo: payTo, Network: base, Scheme: "exact", Asset: usdBase, Facilitator: o.f.URL, Price: 1000}
	if o.terms != want {
		t.Errorf("got %+v, want %+v", o.terms, want)
	}
	for _, step := range []struct {
		name, value string
		on          bool
	}{
		{"x402.network", "base", false}, // no dollar is known there
		{"x402.asset", usdBase, true}, {"x402.pay_to", "", false}, {"x402.pay_to", payTo, true}, {"x402.facilitator_url", "", false},
		{"x402.facilitator_url", o.f.URL, true}, {billing.RequestPrice, "0", false}, {billing.RequestPrice, "0.000001", true},
	} {
		o.set(step.name, step.value)
		got, err := o.Payments.Terms(t.Context())
		if err != nil || got.On() != step.on {
			t.Errorf("with %s = %q they are %+v, %v", step.name, step.value, got, err)
		}
	}
	if (&x402.Terms{}).On() {
		t.Error("terms that nobody set are on")
	}
}

func TestWhatIsAskedFor(t *testing.T) {
	o := open(t)
	c := o.terms.Challenge("https://vault.test/v1/x", math.MaxInt64, "why")
	if c.Version != 1 || c.Error != "why" || len(c.Accepts) != 1 {
		t.Fatalf("got %+v", c)
	}
	want := x402.Requirement{
		Scheme: "exact", Network: base, MaxAmountRequired: strconv.FormatInt(math.MaxInt64, 10), Resource: "https://vault.test/v1/x", PayTo: payTo,
		MaxTimeoutSeconds: 60, Asset: usdBase, Description: c.Description, MimeType: "application/json",
	}
	if c.Accepts[0] != want || c.Accepts[0] != o.terms.Require("https://vault.test/v1/x", math.MaxInt64) {
		t.Errorf("got %+v, want %+v", c.Accepts[0], want)
	}
	// The facilitator is asked the same both times, with the payment as it was read.
	o.pays("a payment with more than is read", "GET /v1/secrets/name", transfer(1, func(p, _ object) { p["more"] = "x" }), "", both)
	if len(o.f.bodies) != 2 || o.f.bodies[0] != o.f.bodies[1] {
		t.Fatalf("it was asked %v", o.f.bodies)
	}
	var asked struct {
		Payment      object `json:"paymentPayload"`
		Requirements object `json:"paymentRequirements"`
	}
	if err := json.Unmarshal([]byte(o.f.bodies[0]), &asked); err != nil {
		t.Fatal(err)
	}
	extra, _ := asked.Requirements["extra"].(object)
	if asked.Payment["more"] != nil || asked.Requirements["maxAmountRequired"] != "1000" || extra["name"] != "USD Coin" || extra["version"] != "2" || strings.Contains(o.f.bodies[0], "secrets/name") {
		t.Errorf("it was asked %s", o.f.bodies[0])
	}
}

func TestPaymentsThatAreNone(t *testing.T) {
	o := open(t)
	deep := func(n int) string {
		return `{"x402Version":1,"scheme":"exact","network":"` + base + `","payload":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	for name, header := range map[string]string{
		"nothing": "", "blanks": "  ", "no JSON": "x", "half of it": transfer(1)[:40], "a list": "[]", "base64 of nothing": encoded(""), "a number": "1",
		"base64 that is cut": encoded(transfer(1))[:21], "too long": `{"x":"` + strings.Repeat("a", 16<<10) + `"}`, "no payload": `{"x402Version":1,"scheme":"exact","network":"` + base + `"}`,
		"a payload that is null": `{"x402Version":1,"scheme":"exact","network":"` + base + `","payload":null}`,
		"a key twice":            strings.Replace(transfer(1), `"nonce"`, `"nonce":"0x0","nonce"`, 1), "nested deep": deep(40), "a list as payload": deep(1),
		"an empty text as payload": strings.Replace(deep(0), `"payload":`, `"payload":" "`, 1),
		"no sender":                transfer(1, func(_, a object) { a["from"] = "0x1" }), "a short nonce": transfer(1, func(_, a object) { a["nonce"] = "0x01" }),
		"a value that is no number": transfer(1, func(_, a object) { a["value"] = "1e9" }), "more digits than a value has": transfer(1, func(_, a object) { a["value"] = strings.Repeat("9", 79) }),
	} {
		o.pays(name, "GET /a", header, "payment_unreadable", "")
	}
	now := o.Clock.Now().Unix()
	for name, header := range map[string]string{
		"another version": transfer(1, func(p, _ object) { p["x402Version"] = 2 }), "another scheme": transfer(1, func(p, _ object) { p["scheme"] = "upto" }),
		"another network": transfer(1, func(p, _ object) { p["network"] = "base" }), "to somebody else": transfer(1, func(_, a object) { a["to"] = from }),
		"too little": transfer(1, func(_, a object) { a["value"] = "999" }), "a debt": transfer(1, func(_, a object) { a["value"] = "-1000" }),
		"that has ended": transfer(1, func(_, a object) { a["validBefore"] = strconv.FormatInt(now, 10) }),
	} {
		o.pays(name, "GET /a", header, "payment_mismatch", "")
	}
	for i, header := range []string{
		transfer(10, func(_, a object) { a["value"] = "1000" }), transfer(11, func(_, a object) { a["value"] = strings.Repeat("9", 78) }),
		transfer(12, func(_, a object) { a["validBefore"] = strconv.FormatInt(now+1, 10) }), transfer(13, func(_, a object) { a["to"] = "0x" + strings.ToUpper(payTo[2:]) }),
		encoded(transfer(14)), strings.TrimRight(encoded(transfer(15)), "="), strings.NewReplacer("+", "-", "/", "_").Replace(encoded(transfer(16))), "  " + transfer(17) + " ",
	} {
		o.pays("good payment "+strconv.Itoa(i), "GET /a", header, "", both)
	}
}

// A payload that is no transfer is known by all of it, in one spelling.
func TestOtherPayloads(t *testing.T) {
	o := open(t)
	of := func(payload string) string {
		return `{"x402Version":1,"scheme":"exact","network":"` + base + `","payload":` + payload + `}`
	}
	o.pays("a text", "GET /a", of(`"0xABCD"`), "", both)
	o.pays("the text in small letters", "GET /a", of(`" 0xabcd "`), "payment_used", "")
	o.pays("a text that is no number", "GET /a", of(`"tx-ABCD"`), "", both)
	o.pays("that in small letters, which is another", "GET /a", of(`"tx-abcd"`), "", both)
	o.pays("an object", "GET /a", of(`{"a":1,"b":"x"}`), "", both)
	o.pays("its keys in another order", "GET /a", of(`{ "b":"\u0078", "a":1 }`), "payment_used", "")
	o.set("x402.network", "eip155:84532")
	var err error
	if o.terms, err = o.Payments.Terms(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.pays("the same on another network", "GET /a", strings.Replace(of(`"0xABCD"`), base, "eip155:84532", 1), "", both)
	world.WantCode(t, "and there again", func() error {
		_, err := o.pay("GET /a", strings.Replace(of(`"0xABCD"`), base, "eip155:84532", 1))
		return err
	}(), "payment_used")
}
