package gate

import (
	"errors"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

// Challenge is a refusal that a payment answers.
type Challenge struct {
	why     error
	Body    x402.Challenge
	Unknown bool // nobody has said who asks
}

// Error implements error.
func (c *Challenge) Error() string { return c.why.Error() }

// Unwrap returns why nothing was served.
func (c *Challenge) Unwrap() error { return c.why }

// charge lets a request over the month's limit in when a good payment comes with it.
// It is asked after everything that would refuse the request anyway and can be
// known before its body is there: nobody pays for what is not served.
func (x *Request) charge(r *http.Request, refused error) error {
	price, payable := x.passed.Refused()
	if !payable || x.at.Payments == nil {
		return refused
	}
	terms, err := x.at.Payments.Terms(r.Context())
	if err != nil {
		return err
	}
	if !terms.On() {
		return refused
	}
	sent := r.Header.Values(paymentHeader)
	r.Header.Del(paymentHeader)
	if len(sent) == 0 {
		return x.challenge(r, &terms, price, x402.ErrRequired)
	}
	if len(sent) > 1 {
		sent[0] = "" // which of them is meant?
	}
	receipt, err := x.at.Payments.Pay(r.Context(), &terms, &x402.Request{
		Org: x.Call.Who.Org, Target: r.Method + " " + r.URL.EscapedPath() + "?" + r.URL.RawQuery,
		Resource: x.at.PublicURL + "/v1", Price: price,
	}, sent[0])
	if fault.Is(err, fault.PaymentRequired) {
		return x.challenge(r, &terms, price, err)
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

// offer tells who sends no credential what requests cost, where they cost
// something: the contract's gate comes before authentication. A payment alone opens
// nothing, so it is not looked at.
func (x *Request) offer(r *http.Request, rule *policy.Rule) error {
	if rule.Counts != policy.Counted || x.at.Payments == nil || len(r.Header.Values("Authorization")) > 0 || len(r.Header.Values(paymentHeader)) > 0 {
		return nil
	}
	terms, err := x.at.Payments.Terms(r.Context())
	if err != nil || !terms.On() {
		return err
	}
	x.event.Action = string(policy.AuthFailure)
	c := x.challenge(r, &terms, terms.Price, x402.ErrNoCaller)
	c.Unknown = true
	return c
}

// challenge is the refusal with what there is to pay.
func (x *Request) challenge(r *http.Request, terms *x402.Terms, price int64, why error) *Challenge {
	detail := ""
	if e, ok := errors.AsType[*fault.Error](why); ok {
		detail = e.Detail
	}
	return &Challenge{why: why, Body: terms.Challenge(x.at.PublicURL+r.URL.EscapedPath(), price, detail)}
}

// unserved gives the payment back when its request was not served for a reason
// that lies here, or nobody was there any more.
func (x *Request) unserved() {
	const gone = 499
	if x.receipt != nil && (!x.started || x.dropped || x.status >= gone) {
		x.at.Payments.Unserved(x.receipt)
	}
}
