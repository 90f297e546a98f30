package x402_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

func TestAPaymentServesOneRequestOnce(t *testing.T) {
	o := open(t)
	r := o.pays("the first", "GET /a", transfer(1), "", both)
	var response object
	text, err := base64.StdEncoding.DecodeString(r.Response)
	if err != nil || json.Unmarshal(text, &response) != nil || response["success"] != true || response["network"] != base || response["payer"] != from || len(response["transaction"].(string)) != 66 {
		t.Errorf("the answer's header is %s, %v", text, err)
	}
	o.pays("the same again", "GET /a", transfer(1), "payment_used", "")
	o.pays("for another request", "GET /b", transfer(1), "payment_used", "")
	o.pays("encoded otherwise", "GET /a", encoded(transfer(1)), "payment_used", "")
	o.pays("with another signature", "GET /a", transfer(1, func(p, _ object) { p["payload"].(object)["signature"] = "0x00" }), "payment_used", "")
	letters := func(_, a object) { a["from"] = "0x" + strings.Repeat("ab", 20) }
	capitals := func(_, a object) {
		a["from"], a["nonce"] = "0x"+strings.Repeat("AB", 20), "0x"+strings.ToUpper(a["nonce"].(string)[2:])
	}
	o.pays("with letters in it", "GET /a", transfer(0xabcdef, letters), "", both)
	o.pays("with its letters in capitals", "GET /a", transfer(0xabcdef, capitals), "payment_used", "")
	o.pays("another payment", "GET /a", transfer(2), "", both)
	o.Clock.Forward(80 * 24 * time.Hour)
	o.pays("much later", "GET /a", transfer(1), "payment_used", "")
}

// What the facilitator finds no good takes no place in the database, and is not settled.
func TestWhatIsNotVerifiedIsNotSettled(t *testing.T) {
	o := open(t)
	for name, tc := range map[string]struct {
		verify func(http.ResponseWriter)
		code   string
	}{
		"no good":             {says(200, `{"isValid":false,"invalidReason":"insufficient_funds"}`), "payment_refused"},
		"refused with 400":    {says(400, `{"isValid":false}`), "payment_refused"},
		"no word of it":       {says(200, `{}`), "facilitator_unavailable"},
		"null":                {says(200, `{"isValid":null}`), "facilitator_unavailable"},
		"a word":              {says(200, `{"isValid":"true"}`), "facilitator_unavailable"},
		"no JSON":             {says(200, `true`), "facilitator_unavailable"},
		"nothing":             {says(200, ``), "facilitator_unavailable"},
		"good, with 500":      {says(500, `{"isValid":true}`), "facilitator_unavailable"},
		"good, with 429":      {says(429, `{"isValid":true}`), "facilitator_unavailable"},
		"too long":            {says(200, `{"isValid":true,"x":"`+strings.Repeat("a", 64<<10)+`"}`), "facilitator_unavailable"},
		"a connection's end":  {hangsUp, "facilitator_unavailable"},
		"a key that is twice": {says(200, `{"isValid":false,"isValid":true}`), "facilitator_unavailable"},
	} {
		o.f.answers(tc.verify, nil)
		_, err := o.pay("GET /a", transfer(1))
		world.WantCode(t, name, err, tc.code)
		if want := map[string]fault.Kind{"payment_refused": fault.PaymentRequired, "facilitator_unavailable": fault.Unavailable}[tc.code]; fault.KindOf(err) != want {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(o.f.calls(), "/settle") {
			t.Errorf("%s: it was settled", name)
		}
	}
	o.f.answers(nil, nil)
	o.pays("the same payment, when the facilitator is well", "GET /a", transfer(1), "", both)
}

func TestASettlementThatFails(t *testing.T) {
	o := open(t)
	for i, settle := range []func(http.ResponseWriter){says(200, `{"success":false,"errorReason":"x"}`), says(400, `{"success":false}`)} {
		o.f.answers(nil, settle)
		o.pays("a settlement that was refused", "GET /a", transfer(i), "payment_refused", both)
		o.f.answers(nil, nil)
		o.pays("the same payment again", "GET /a", transfer(i), "payment_used", "")
	}
	for i, settle := range []func(http.ResponseWriter){
		hangsUp, says(502, `{"success":true,"transaction":"0x1"}`), says(200, `{}`), says(200, `{"success":null}`), says(200, `{"success":true,"transaction":"0x1`),
		says(200, `{"success":true,"transaction":"a\r\nSet-Cookie: b"}`), says(200, `{"success":true,"transaction":"`+strings.Repeat("a", 129)+`"}`),
	} {
		nonce := 100 + i
		o.f.answers(nil, settle)
		o.pays("a settlement without an answer", "GET /a", transfer(nonce), "facilitator_unavailable", both)
		o.f.answers(nil, nil)
		o.pays("the same payment again", "GET /a", transfer(nonce), "", both)
		o.pays("and again", "GET /a", transfer(nonce), "payment_used", "")
	}
	if text := o.Log.String(); strings.Contains(text, from) || strings.Contains(text, strings.Repeat("ab", 65)) || strings.Contains(text, o.f.URL) {
		t.Error("the log has a payment, or whom it was shown to")
	}
}

// Two payments with one transaction paid once: the second serves nothing.
func TestATransactionCountsOnce(t *testing.T) {
	o := open(t)
	o.f.answers(nil, says(200, `{"success":true,"transaction":"0xabc","payer":"odd payer"}`))
	r := o.pays("the first", "GET /a", transfer(1), "", both)
	text, _ := base64.StdEncoding.DecodeString(r.Response)
	if string(text) != `{"success":true,"transaction":"0xabc","network":"eip155:8453"}` {
		t.Errorf("the header says %s", text)
	}
	o.pays("another with its transaction", "GET /a", transfer(2), "payment_used", both)
	o.pays("that one again", "GET /a", transfer(2), "payment_used", "")
	// A facilitator that names none can't be caught at it.
	o.f.answers(nil, says(200, `{"success":true}`))
	o.pays("one without a transaction", "GET /a", transfer(3), "", both)
	o.pays("another without", "GET /a", transfer(4), "", both)
}

func TestOnePaymentServesOneOfManyRequests(t *testing.T) {
	o := open(t)
	other := o.OtherNode().Payments
	nodes := []*x402.Service{o.Payments, other}
	got := world.Count(world.AtOnce(16, func(i int) error {
		_, err := nodes[i%2].Pay(t.Context(), &o.terms, o.request("GET /a"), transfer(1))
		return err
	}))
	if got[""] != 1 || got["payment_used"]+got["payment_in_progress"] != 15 {
		t.Errorf("got %v", got)
	}
	if n := strings.Count(o.f.calls(), "/settle"); n != 1 {
		t.Errorf("it was settled %d times", n)
	}
}

// While one node settles a payment, another node does not.
func TestAPaymentIsHeldWhileItIsSettled(t *testing.T) {
	o := open(t)
	other := o.OtherNode().Payments
	settling, proceed := make(chan struct{}), make(chan struct{})
	o.f.answers(nil, func(w http.ResponseWriter) {
		close(settling)
		<-proceed
		says(200, `{"success":true,"transaction":"0x1"}`)(w)
	})
	served := make(chan error, 1)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		_, err := o.Payments.Pay(ctx, &o.terms, o.request("GET /a"), transfer(1))
		served <- err
	}()
	<-settling
	for name, s := range map[string]*x402.Service{"another node": other, "the same node": o.Payments} {
		_, err := s.Pay(t.Context(), &o.terms, o.request("GET /a"), transfer(1))
		world.WantCode(t, name, err, "payment_in_progress")
	}
	leave() // the client goes away: the money moves all the same, and that is written down
	close(proceed)
	world.WantCode(t, "the first", <-served, "")
	_, err := other.Pay(t.Context(), &o.terms, o.request("GET /a"), transfer(1))
	world.WantCode(t, "afterwards", err, "payment_used")
}

// A node that died while it held a payment keeps it for two minutes.
func TestAHoldEnds(t *testing.T) {
	o := open(t)
	o.pays("a payment", "GET /a", transfer(1), "", both)
	until := o.Clock.Now().Add(2 * time.Minute)
	o.Exec(`UPDATE payments SET state = 'held', transaction_id = NULL, held_until = ?`, until.UnixMicro())
	o.Clock.Set(until.Add(-time.Microsecond))
	o.pays("in the last instant of the hold", "GET /a", transfer(1), "payment_in_progress", "")
	o.Clock.Set(until)
	o.pays("when it has ended", "GET /a", transfer(1), "", both)
}

func TestAnUnservedPaymentServesItsRequestLater(t *testing.T) {
	o := open(t)
	r := o.pays("the first", "GET /a", transfer(1), "", both)
	o.Payments.Unserved(r)
	o.pays("another request", "GET /b", transfer(1), "payment_used", "")
	got := world.Count(world.AtOnce(8, func(int) error {
		_, err := o.pay("GET /a", transfer(1))
		return err
	}))
	if got[""] != 1 || o.f.calls() != "" {
		t.Errorf("got %v: what was settled is served once more, without asking again", got)
	}
	o.pays("once it was served", "GET /a", transfer(1), "payment_used", "")
	o.Payments.Unserved(r) // of a hold that another has replaced
	o.pays("after a receipt that is out of date", "GET /a", transfer(1), "payment_used", "")
}
