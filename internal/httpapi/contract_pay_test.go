package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

// fakeFacilitator says of payments what a test wants, and keeps what it was asked.
// There is no chain behind it: that a signature is good is not tested here.
type fakeFacilitator struct {
	*httptest.Server
	mu       sync.Mutex
	asked    []string
	bodies   []string
	verify   string // the answer; empty: good
	settle   string // the answer; empty: settled
	down     string // the path that is away
	settling func() // runs while the money moves
	n        int
}

const (
	payTo     = "0x2222222222222222222222222222222222222222"
	base      = "eip155:8453"
	usdOnBase = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
)

func newFacilitator(t *testing.T) *fakeFacilitator {
	t.Helper()
	f := &fakeFacilitator{}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeFacilitator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.asked, f.bodies = append(f.asked, r.URL.Path), append(f.bodies, string(body))
	f.n++
	answer, down, settling, n := f.verify, f.down == r.URL.Path, f.settling, f.n
	if r.URL.Path == "/settle" {
		answer = f.settle
	}
	f.mu.Unlock()
	if r.URL.Path == "/settle" && settling != nil {
		settling()
	}
	switch {
	case down:
		w.WriteHeader(http.StatusBadGateway)
	case answer != "":
		_, _ = io.WriteString(w, answer)
	case r.URL.Path == "/verify":
		_, _ = io.WriteString(w, `{"isValid":true,"payer":"0x1111111111111111111111111111111111111111"}`)
	default:
		fmt.Fprintf(w, `{"success":true,"transaction":"0x%064d","network":%q,"payer":"0x1111111111111111111111111111111111111111"}`, n, base)
	}
}

// set changes what it answers.
func (f *fakeFacilitator) set(change func(*fakeFacilitator)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// calls returns how often each path was asked for since the last time.
func (f *fakeFacilitator) calls() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]int{}
	for _, p := range f.asked {
		out[p]++
	}
	f.asked = nil
	return out
}

// openPaid is a session whose organisation has used up its requests and pays for
// each one, at a tenth of a cent.
func openPaid(t *testing.T, change ...func(*setup)) (*session, *human, *fakeFacilitator) {
	t.Helper()
	f := newFacilitator(t)
	s := openSession(t, append(change, func(s *setup) { s.Facilitator = f.Client() })...)
	boss := s.boss()
	s.do("PUT", "/v1/admin/x402", boss.token, object{"pay_to": payTo, "network": base, "scheme": "exact", "facilitator_url": f.URL + "/"}).want(200)
	s.do("PATCH", "/v1/billing/overage-method", s.ada.token, object{"method": "x402"}).want(200)
	s.tier(boss, "free")
	s.limit(boss, 0)
	return s, boss, f
}

// transfer is a payment as clients of an EVM network sign it.
func transfer(nonce int, change ...func(authorization object)) object {
	a := object{
		"from": "0x1111111111111111111111111111111111111111", "to": payTo, "value": "1000", "validAfter": "0", "validBefore": "9999999999",
		"nonce": fmt.Sprintf("0x%064x", nonce),
	}
	for _, f := range change {
		f(a)
	}
	return object{"x402Version": 1, "scheme": "exact", "network": base, "payload": object{"signature": "0x" + strings.Repeat("ab", 65), "authorization": a}}
}

// with sends a payment as the TypeScript client does: JSON as it is.
func with(t *testing.T, payment any) func(*http.Request) {
	t.Helper()
	return header("X-PAYMENT", string(encode(t, payment)))
}

// asks checks that a reply asks for a payment, and returns its error.
func (r reply) asks(price string) string {
	r.t.Helper()
	if r.status != 402 || r.header.Get("Content-Type") != "application/json" || r.header.Get("X-Payment-Response") != "" {
		r.t.Fatalf("%s: got %d %v %s", r.what, r.status, r.header, r.body)
	}
	var got x402.Challenge
	if err := json.Unmarshal(r.body, &got); err != nil || len(got.Accepts) != 1 || got.Accepts[0].MaxAmountRequired != price {
		r.t.Fatalf("%s: %v %s", r.what, err, r.body)
	}
	return got.Error
}

func TestTheBodyOf402(t *testing.T) {
	s, _, _ := openPaid(t)
	r := s.do("GET", secretAt(s.vault, "a%2Fb"), s.worker.token, nil)
	r.asks("1000")
	o := fields(t, "402", r.json(), "x402Version", "error", "accepts", "description")
	accepts, _ := o["accepts"].([]any)
	a := fields(t, "accepts", accepts[0].(object), "scheme", "network", "maxAmountRequired", "resource", "payTo", "maxTimeoutSeconds", "asset", "description", "mimeType")
	for k, want := range map[string]any{
		"scheme": "exact", "network": base, "maxAmountRequired": "1000", "resource": "https://vault.test" + secretAt(s.vault, "a%2Fb"),
		"payTo": payTo, "maxTimeoutSeconds": json.Number("60"), "asset": usdOnBase, "mimeType": "application/json",
	} {
		if a[k] != want {
			t.Errorf("%s is %v, want %v", k, a[k], want)
		}
	}
	if o["x402Version"] != json.Number("1") || o["error"] == "" || o["description"] == "" || a["description"] == "" {
		t.Errorf("%s", r.body)
	}
}

func TestAPaymentServesOneRequest(t *testing.T) {
	for name, spell := range map[string]func(string) string{
		"JSON":                 func(s string) string { return s },
		"base64":               func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 of URLs":       func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"JSON in other spaces": func(s string) string { return "  " + strings.ReplaceAll(s, ",", " , ") + " " },
	} {
		t.Run(name, func(t *testing.T) {
			s, _, f := openPaid(t)
			pay := header("X-PAYMENT", spell(string(encode(t, transfer(0xabcdef)))))
			r := s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil, pay).want(200)
			if r.str("value") == "" {
				t.Error("no value")
			}
			var said struct {
				Success              bool
				Transaction, Network string
			}
			text, err := base64.StdEncoding.DecodeString(r.header.Get("X-PAYMENT-RESPONSE"))
			if err != nil || json.Unmarshal(text, &said) != nil || !said.Success || said.Network != base || !strings.HasPrefix(said.Transaction, "0x") {
				t.Errorf("X-PAYMENT-RESPONSE: %s %v", text, err)
			}
			if got := f.calls(); got["/verify"] != 1 || got["/settle"] != 1 {
				t.Errorf("the facilitator was asked %v", got)
			}
			for what, again := range map[string]reply{
				"the same request": s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil, pay),
				"another request":  s.do("GET", "/v1/vaults", s.ada.token, nil, pay),
				"another spelling": s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil, with(t, transfer(0xabcdef, func(a object) {
					a["nonce"] = "0x" + strings.ToUpper(a["nonce"].(string)[2:])
				}))),
				"another signature of the same transfer": s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil, with(t, func() object {
					p := transfer(0xabcdef)
					p["payload"].(object)["signature"] = "0x" + strings.Repeat("cd", 65)
					return p
				}())),
			} {
				if e := again.asks("1000"); !strings.Contains(e, "used before") {
					t.Errorf("%s: %s", what, e)
				}
			}
			if got := f.calls(); len(got) != 0 {
				t.Errorf("for a used payment the facilitator was asked %v", got)
			}
			// Who pays by request owes nothing, and what was paid is counted.
			m := s.month(s.ada.token)
			if fmt.Sprint(m["paid_requests"]) != "1" || m["total_cost_usd"] != "0.001" {
				t.Errorf("the month is %v", m)
			}
			s.Each(`SELECT owed_micros FROM billing_accounts WHERE org_id = ?`, func(scan func(...any) error) error {
				var owed int64
				err := scan(&owed)
				if owed != 0 {
					t.Errorf("owes %d", owed)
				}
				return err
			}, s.ada.org)
		})
	}
}

func TestAHundredReplaysOfAPaymentServeOnce(t *testing.T) {
	s, _, f := openPaid(t)
	// Two nodes: what one has in memory the other has not.
	second := s.node(f.Client())
	for round := range 3 {
		pay := with(t, transfer(100+round))
		var wg sync.WaitGroup
		replies := make([]reply, 100)
		for i := range replies {
			wg.Go(func() {
				w := s.world
				if i%2 == 1 {
					w = second
				}
				replies[i] = w.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil, pay)
			})
		}
		wg.Wait()
		served := 0
		for _, r := range replies {
			if r.status == 200 {
				served++
			} else {
				r.asks("1000")
			}
		}
		if got := f.calls(); served != 1 || got["/settle"] != 1 {
			t.Errorf("served %d times, settled %d", served, got["/settle"])
		}
	}
}

// node is another server on the same database.
func (w *world) node(client x402.Doer) *world {
	w.t.Helper()
	other := *w
	other.World = w.OtherNode(func(s *setup) { s.Facilitator = client })
	return &other
}

func TestPaymentsThatAreNoGood(t *testing.T) {
	s, _, f := openPaid(t)
	say := func(change func(object)) any {
		p := transfer(1)
		change(p)
		return p
	}
	for name, sent := range map[string]any{
		"nothing":               "",
		"no JSON":               "{",
		"no base64":             "###",
		"a number":              "7",
		"an empty object":       "{}",
		"a key twice":           `{"x402Version":1,"scheme":"exact","network":"eip155:8453","payload":{"a":1,"a":2}}`,
		"deep":                  `{"x402Version":1,"scheme":"exact","network":"eip155:8453","payload":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}",
		"large":                 `{"x402Version":1,"scheme":"exact","network":"eip155:8453","payload":"` + strings.Repeat("x", 20_000) + `"}`,
		"a payload of null":     say(func(p object) { p["payload"] = nil }),
		"an empty payload":      say(func(p object) { p["payload"] = " " }),
		"a list as payload":     say(func(p object) { p["payload"] = []int{1} }),
		"another version":       say(func(p object) { p["x402Version"] = 2 }),
		"another scheme":        say(func(p object) { p["scheme"] = "upto" }),
		"another network":       say(func(p object) { p["network"] = "eip155:1" }),
		"to somebody else":      transfer(1, func(a object) { a["to"] = "0x" + strings.Repeat("3", 40) }),
		"too little":            transfer(1, func(a object) { a["value"] = "999" }),
		"less than nothing":     transfer(1, func(a object) { a["value"] = "-1000" }),
		"a value in hex":        transfer(1, func(a object) { a["value"] = "0x3e8" }),
		"too late":              transfer(1, func(a object) { a["validBefore"] = "1000" }),
		"a short nonce":         transfer(1, func(a object) { a["nonce"] = "0x01" }),
		"a nonce without 0x":    transfer(1, func(a object) { a["nonce"] = strings.Repeat("0", 64) }),
		"no sender":             transfer(1, func(a object) { delete(a, "from") }),
		"an amount as a number": transfer(1, func(a object) { a["value"] = 1000 }),
	} {
		r := s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil, with(t, sent))
		r.what += " with " + name
		r.asks("1000")
		if got := f.calls(); len(got) != 0 {
			t.Errorf("%s: the facilitator was asked %v", name, got)
		}
	}
	two := s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil, with(t, transfer(1)), func(r *http.Request) {
		r.Header.Add("X-PAYMENT", string(encode(t, transfer(2))))
	})
	two.asks("1000")
	// Nothing of this is in the way of a good one, whose payload may be a bare text.
	s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil, with(t, say(func(p object) { p["payload"] = "0xABCD" }))).want(200)
	s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil, with(t, say(func(p object) { p["payload"] = "0xabcd" }))).asks("1000")
}

func TestWhatTheFacilitatorSays(t *testing.T) {
	const read = "/v1/vaults"
	for name, c := range map[string]struct {
		change  func(*fakeFacilitator)
		status  int
		settled int
		later   int // the same payment, when all is well again
	}{
		"not valid":                {func(f *fakeFacilitator) { f.verify = `{"isValid":false,"invalidReason":"insufficient_funds"}` }, 402, 0, 200},
		"nothing about validity":   {func(f *fakeFacilitator) { f.verify = `{}` }, 503, 0, 200},
		"valid, as a text":         {func(f *fakeFacilitator) { f.verify = `{"isValid":"true"}` }, 503, 0, 200},
		"away at the check":        {func(f *fakeFacilitator) { f.down = "/verify" }, 503, 0, 200},
		"a page at the check":      {func(f *fakeFacilitator) { f.verify = `<html>` }, 503, 0, 200},
		"a flood at the check":     {func(f *fakeFacilitator) { f.verify = strings.Repeat(" ", 70<<10) + `{"isValid":true}` }, 503, 0, 200},
		"not settled":              {func(f *fakeFacilitator) { f.settle = `{"success":false,"errorReason":"x"}` }, 402, 1, 402},
		"nothing about settling":   {func(f *fakeFacilitator) { f.settle = `{}` }, 503, 1, 200},
		"away at the settlement":   {func(f *fakeFacilitator) { f.down = "/settle" }, 503, 1, 200},
		"a header in its answer":   {func(f *fakeFacilitator) { f.settle = `{"success":true,"transaction":"0x1\r\nX-Evil: 1"}` }, 503, 1, 200},
		"no transaction, but done": {func(f *fakeFacilitator) { f.settle = `{"success":true,"transaction":"","network":"eip155:8453"}` }, 200, 1, 402},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, f := openPaid(t)
			f.set(c.change)
			r := s.do("GET", read, s.ada.token, nil, with(t, transfer(1)))
			if r.status != c.status || r.status == 503 && r.header.Get("Retry-After") == "" {
				t.Fatalf("got %d %s", r.status, r.body)
			}
			if r.status != 200 && r.header.Get("X-Payment-Response") != "" {
				t.Error("a receipt without an answer")
			}
			if got := f.calls(); got["/settle"] != c.settled {
				t.Errorf("settled %d times", got["/settle"])
			}
			f.set(func(f *fakeFacilitator) { f.verify, f.settle, f.down = "", "", "" })
			if r := s.do("GET", read, s.ada.token, nil, with(t, transfer(1))); r.status != c.later {
				t.Errorf("later: %d %s", r.status, r.body)
			}
		})
	}
}

func TestATransactionPaysOnce(t *testing.T) {
	s, _, f := openPaid(t)
	f.set(func(f *fakeFacilitator) { f.settle = `{"success":true,"transaction":"0xAA","network":"eip155:8453"}` })
	s.do("GET", "/v1/vaults", s.ada.token, nil, with(t, transfer(1))).want(200)
	s.do("GET", "/v1/vaults", s.ada.token, nil, with(t, transfer(2))).asks("1000")
}

func TestAPaymentThatServedNothingIsGivenBack(t *testing.T) {
	var ill atomic.Bool
	s, _, f := openPaid(t, func(s *setup) {
		s.Events = func(w *kit.World) gate.Events {
			return failingEvents{rest.Coalesced(w), func(*audit.Event) bool { return ill.Load() }}
		}
	})
	f.set(func(f *fakeFacilitator) { f.settling = func() { ill.Store(true) } })
	s.do("GET", "/v1/vaults", s.ada.token, nil, with(t, transfer(1))).want(503, "audit_unavailable")
	ill.Store(false)
	f.set(func(f *fakeFacilitator) { f.settling, f.verify = nil, `{"isValid":false}` }) // the network knows it as spent
	f.calls()
	s.do("GET", "/v1/agents", s.ada.token, nil, with(t, transfer(1))).asks("1000") // it is for another request
	s.do("GET", "/v1/vaults", s.ada.token, nil, with(t, transfer(1))).want(200)
	s.do("GET", "/v1/vaults", s.ada.token, nil, with(t, transfer(1))).asks("1000")
	if got := f.calls(); len(got) != 0 {
		t.Errorf("the facilitator was asked %v", got)
	}
}

func TestRequestsThatHaveToBePaid(t *testing.T) {
	s, boss, f := openPaid(t)
	free := s.signup("free")
	f.calls()
	for what, c := range map[string]struct {
		r      reply
		status int
	}{
		"billing":                          {s.do("GET", "/v1/billing/usage", s.ada.token, nil), 200},
		"another organisation":             {s.do("GET", "/v1/vaults", free.token, nil, with(t, transfer(5))), 200},
		"a public route":                   {s.do("GET", "/v1/chains", "", nil), 200},
		"a stranger":                       {s.do("GET", "/v1/vaults", "", nil), 402},
		"a stranger who pays":              {s.do("GET", "/v1/vaults", "", nil, with(t, transfer(6))), 401},
		"a bad token":                      {s.do("GET", "/v1/vaults", "x.y.z", nil), 401},
		"a bad token that pays":            {s.do("GET", "/v1/vaults", "x.y.z", nil, with(t, transfer(7))), 401},
		"what takes rights away":           {s.do("DELETE", "/v1/auth/token", free.token, nil), 204},
		"no route":                         {s.do("GET", "/v1/nope", s.ada.token, nil, with(t, transfer(8))), 404},
		"an organisation over its limit":   {s.do("GET", "/v1/vaults", s.ada.token, nil), 402},
		"an agent of it":                   {s.do("GET", "/v1/agents/me", s.worker.token, nil), 402},
		"a platform admin over the limits": {s.do("GET", "/v1/admin/settings", boss.token, nil), 200},
	} {
		if c.r.status != c.status {
			t.Errorf("%s: %d %s", what, c.r.status, c.r.body)
		}
		if c.r.status == 402 {
			c.r.asks("1000")
		}
	}
	if got := f.calls(); len(got) != 0 {
		t.Errorf("the facilitator was asked %v", got)
	}
	// With credits chosen, or without a facilitator, it is the plain refusal.
	s.do("PATCH", "/v1/billing/overage-method", s.ada.token, object{"method": "credits"}).want(200)
	s.do("GET", "/v1/vaults", s.ada.token, nil, with(t, transfer(9))).want(402, "quota_exhausted")
	s.do("PATCH", "/v1/billing/overage-method", s.ada.token, object{"method": "x402"}).want(200)
	s.do("PUT", "/v1/admin/x402", boss.token, object{"facilitator_url": ""}).want(200)
	s.do("GET", "/v1/vaults", s.ada.token, nil, with(t, transfer(9))).want(402, "quota_exhausted")
	s.do("GET", "/v1/vaults", "", nil).want(401, "unauthenticated")
	if got := f.calls(); len(got) != 0 {
		t.Errorf("the facilitator was asked %v", got)
	}
}

func TestPaymentsStaySecret(t *testing.T) {
	s, _, f := openPaid(t)
	const canary = "dcba4321dcba4321dcba4321"
	p := transfer(1)
	p["payload"].(object)["signature"] = "0x" + canary
	s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil, with(t, p)).want(200)
	again := s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil, with(t, p))
	f.set(func(f *fakeFacilitator) { f.down = "/verify" })
	p["payload"].(object)["authorization"].(object)["nonce"] = fmt.Sprintf("0x%064x", 2)
	away := s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil, with(t, p)).want(503)
	if !strings.Contains(strings.Join(f.bodies, ""), canary) {
		t.Fatal("the facilitator was not told")
	}
	for where, text := range map[string]string{"the log": s.Log.String(), "the answer": string(again.body) + string(away.body)} {
		if strings.Contains(text, canary) {
			t.Errorf("%s shows the payment", where)
		}
	}
	for _, e := range s.events() {
		if strings.Contains(e.details, canary) {
			t.Errorf("the audit log shows the payment: %s", e.details)
		}
	}
	// What is asked for stays with the server: no path goes to the facilitator.
	for _, b := range f.bodies {
		if strings.Contains(b, s.vault) || strings.Contains(b, "a/b") {
			t.Errorf("the facilitator was told %s", b)
		}
	}
}

func TestX402IsDiscovered(t *testing.T) {
	s, boss, _ := openPaid(t)
	r := s.do("GET", "/.well-known/x402", "", nil).want(200)
	o := fields(t, "x402", r.json(), "x402Version", "resources", "accepts", "openapi")
	if a := r.list("accepts"); len(a) != 1 || a[0]["payTo"] != payTo || o["openapi"] != "https://vault.test/openapi.json" {
		t.Errorf("%s", r.body)
	}
	if a, b := s.do("GET", "/openapi.json", "", nil).want(200), s.do("GET", "/v1/openapi.json", "", nil).want(200); string(a.body) != string(b.body) {
		t.Error("two documents")
	}
	s.do("PUT", "/v1/admin/x402", boss.token, object{"pay_to": ""}).want(200)
	if r := s.do("GET", "/.well-known/x402", "", nil).want(200); len(r.list("accepts")) != 0 {
		t.Errorf("off: %s", r.body)
	}
}

func TestTheHoldOfAPaymentEndsByItself(t *testing.T) {
	s, _, f := openPaid(t)
	f.set(func(f *fakeFacilitator) { f.down = "/settle" })
	s.do("GET", "/v1/vaults", s.ada.token, nil, with(t, transfer(1))).want(503)
	// As after kill -9 while the money moved.
	s.Exec(`UPDATE payments SET held_until = ?`, s.Clock.Now().Add(time.Minute).UnixMicro())
	f.set(func(f *fakeFacilitator) { f.down = "" })
	if e := s.do("GET", "/v1/vaults", s.ada.token, nil, with(t, transfer(1))).asks("1000"); !strings.Contains(e, "being used") {
		t.Error(e)
	}
	s.Clock.Forward(2 * time.Minute)
	s.do("GET", "/v1/vaults", s.ada.token, nil, with(t, transfer(1))).want(200)
}
