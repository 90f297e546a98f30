package x402_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

const (
	payTo   = "0x2222222222222222222222222222222222222222"
	from    = "0x1111111111111111111111111111111111111111"
	base    = "eip155:8453"
	usdBase = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
)

type object = map[string]any

// facilitator says of payments what a test wants, and keeps what it was asked. There is
// no network behind it: that a signature is good is not tested here.
type facilitator struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string // paths
	bodies []string
	n      int
	// verify and settle answer; nil: good, and settled with a transaction of its own.
	verify, settle func(w http.ResponseWriter)
}

func newFacilitator(t *testing.T) *facilitator {
	t.Helper()
	f := &facilitator{}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *facilitator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.asked, f.bodies = append(f.asked, r.URL.Path), append(f.bodies, string(body))
	f.n++
	n, answer := f.n, f.verify
	if r.URL.Path == "/settle" {
		answer = f.settle
	}
	f.mu.Unlock()
	switch {
	case answer != nil:
		answer(w)
	case r.URL.Path == "/verify":
		_, _ = io.WriteString(w, `{"isValid":true}`)
	default:
		fmt.Fprintf(w, `{"success":true,"transaction":"0x%064d","payer":%q}`, n, from)
	}
}

// answers sets what it says to verify and to settle from now on.
func (f *facilitator) answers(verify, settle func(http.ResponseWriter)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.verify, f.settle = verify, settle
}

// says answers with a status and a text.
func says(status int, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// hangsUp ends the connection without an answer.
func hangsUp(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// calls returns the paths that were asked for since the last time.
func (f *facilitator) calls() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := strings.Join(f.asked, " ")
	f.asked = nil
	return out
}

// till is a server that is paid by the request.
type till struct {
	*world.World
	t     *testing.T
	f     *facilitator
	ada   policy.Principal
	terms x402.Terms
}

func open(t *testing.T) *till {
	t.Helper()
	f := newFacilitator(t)
	w := world.Open(t, func(s *world.Setup) { s.Facilitator = f.Client() })
	o := &till{World: w, t: t, f: f, ada: w.Boss("ada")}
	o.set("x402.pay_to", payTo)
	o.set("x402.facilitator_url", f.URL+"/")
	var err error
	if o.terms, err = w.Payments.Terms(t.Context()); err != nil || !o.terms.On() {
		t.Fatalf("the terms are %+v, %v", o.terms, err)
	}
	return o
}

func (o *till) set(name, value string) {
	o.t.Helper()
	if _, err := o.Billing.PutSetting(o.t.Context(), o.Call(o.Here(o.ada), policy.UpdateSettings), name, value); err != nil {
		o.t.Fatal(err)
	}
}

// request is one for a thousandth of a dollar.
func (o *till) request(target string) *x402.Request {
	return &x402.Request{Org: o.ada.Org, Target: target, Resource: world.PublicURL + "/v1/vaults", Price: 1000}
}

func (o *till) pay(target, header string) (*x402.Receipt, error) {
	return o.Payments.Pay(o.t.Context(), &o.terms, o.request(target), header)
}

// pays checks what becomes of a payment, and what the facilitator was asked for it.
func (o *till) pays(what, target, header, code, calls string) *x402.Receipt {
	o.t.Helper()
	r, err := o.pay(target, header)
	world.WantCode(o.t, what, err, code)
	if (r == nil) != (code != "") {
		o.t.Errorf("%s: the receipt is %v", what, r)
	}
	if got := o.f.calls(); got != calls {
		o.t.Errorf("%s: the facilitator was asked %q, want %q", what, got, calls)
	}
	return r
}

// transfer is a payment as clients of an EVM network sign it.
func transfer(nonce int, change ...func(payment, authorization object)) string {
	a := object{"from": from, "to": payTo, "value": "1000", "validAfter": "0", "validBefore": "9999999999", "nonce": fmt.Sprintf("0x%064x", nonce)}
	p := object{"x402Version": 1, "scheme": "exact", "network": base, "payload": object{"signature": "0x" + strings.Repeat("ab", 65), "authorization": a}}
	for _, f := range change {
		f(p, a)
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// both are the calls for a payment that goes through.
const both = "/verify /settle"
