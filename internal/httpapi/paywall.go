package httpapi

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

// challenge is a refusal that a payment answers. Its body is x402's, not a problem.
type challenge struct {
	why      error
	body     x402.Challenge
	stranger bool // nobody has said who asks
}

func (c *challenge) Error() string { return c.why.Error() }
func (c *challenge) Unwrap() error { return c.why }

// sell lets a request over the month's limit in when a good payment comes with it.
// It is asked after everything that would refuse the request anyway and can be
// known before its body is there: nobody pays for what is not served.
func (x *exchange) sell(r *http.Request, refused error) error {
	price, payable := x.passed.Refused()
	if !payable || x.api.payments == nil {
		return refused
	}
	terms, err := x.api.payments.Terms(r.Context())
	if err != nil {
		return err
	}
	if !terms.On() {
		return refused
	}
	sent := r.Header.Values(paymentHeader)
	r.Header.Del(paymentHeader)
	if len(sent) == 0 {
		return x.ask(r, &terms, price, x402.ErrRequired)
	}
	if len(sent) > 1 {
		sent[0] = "" // which of them is meant?
	}
	receipt, err := x.api.payments.Pay(r.Context(), &terms, &x402.Request{
		Org: x.call.Who.Org, Target: r.Method + " " + r.URL.EscapedPath() + "?" + r.URL.RawQuery,
		Resource: x.api.publicURL + "/v1", Price: price,
	}, sent[0])
	if fault.Is(err, fault.PaymentRequired) {
		return x.ask(r, &terms, price, err)
	}
	if err != nil {
		return err
	}
	x.receipt = receipt
	x.passed.Prepaid(price)
	x.Header().Set("X-Payment-Response", receipt.Response)
	return nil
}

const paymentHeader = "X-Payment"

// stranger tells who sends no credential what requests cost, where they cost
// something: the contract's gate comes before authentication. A payment alone opens
// nothing, so it is not looked at.
func (x *exchange) stranger(r *http.Request, to *route) error {
	if to.counts != policy.Counted || x.api.payments == nil || len(r.Header.Values("Authorization")) > 0 || len(r.Header.Values(paymentHeader)) > 0 {
		return nil
	}
	terms, err := x.api.payments.Terms(r.Context())
	if err != nil || !terms.On() {
		return err
	}
	x.event.Action = string(policy.AuthFailure)
	c := x.ask(r, &terms, terms.Price, x402.ErrNoCaller)
	c.stranger = true
	return c
}

// ask is the refusal with what there is to pay.
func (x *exchange) ask(r *http.Request, terms *x402.Terms, price int64, why error) *challenge {
	return &challenge{why: why, body: terms.Challenge(x.api.publicURL+r.URL.EscapedPath(), price, problemOf(why).Detail)}
}

// demand answers with a challenge.
func (x *exchange) demand(c *challenge) {
	text, err := marshal(&c.body)
	if err != nil || x.started {
		return
	}
	x.Header().Set("Content-Type", jsonType)
	if c.stranger {
		x.Header().Set("WWW-Authenticate", "Bearer")
	}
	x.WriteHeader(http.StatusPaymentRequired)
	_, _ = x.Write(text) // a write fails when the client is gone
}

// unserved gives the payment back when its request was not served for a reason
// that lies here, or nobody was there any more.
func (x *exchange) unserved() {
	const gone = 499
	if x.receipt != nil && (!x.started || x.dropped || x.status >= gone) {
		x.api.payments.Unserved(x.receipt)
	}
}

// x402Document says where and how requests are paid for.
type x402Document struct {
	Version   int                `json:"x402Version"`
	Resources []string           `json:"resources" doc:"Where requests are paid for. Empty: nowhere."`
	Accepts   []x402.Requirement `json:"accepts"`
	OpenAPI   string             `json:"openapi" doc:"The description of every operation."`
}

func (a *API) registerX402() {
	handle(a, op{
		method: http.MethodGet, path: "/.well-known/x402", id: "discover-x402", tag: "Billing",
		summary: "Tell how requests can be paid for one by one", action: policy.ReadOpenAPI,
	}, func(ctx context.Context, _ *call.Call, _ *struct{}) (*body[x402Document], error) {
		d := x402Document{Version: x402.Version, Resources: []string{}, Accepts: []x402.Requirement{}, OpenAPI: a.publicURL + "/openapi.json"}
		if a.payments == nil {
			return answer(d, nil)
		}
		terms, err := a.payments.Terms(ctx)
		if err == nil && terms.On() {
			d.Resources = append(d.Resources, a.publicURL+"/v1")
			d.Accepts = append(d.Accepts, terms.Require(a.publicURL+"/v1", terms.Price))
		}
		return answer(d, err)
	})
}
