package httpapi

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// errPayments is the answer of what needs a payment provider.
var errPayments = fault.New(fault.NotOffered, "payments_off",
	"This server takes no payments. Ask who runs it for another tier or for credits.")

type checkoutBody struct {
	URL string `json:"checkout_url" doc:"Where a human pays."`
}

type portalBody struct {
	URL string `json:"portal_url" doc:"Where a human changes how the organisation pays."`
}

type receivedBody struct {
	Received bool `json:"received"`
}

// registerCheckout has the operations of the payment provider. Without one they
// answer 501 to who may pay.
func (a *API) registerCheckout() {
	refused := []int{http.StatusConflict, http.StatusNotImplemented}
	handle(a, op{
		method: http.MethodPost, path: "/v1/billing/subscribe", id: "subscribe", tag: "Billing",
		summary: "Get the page where another tier is paid for", action: policy.UpdateBilling, errors: refused, bodyOptional: true,
	}, func(ctx context.Context, c *call.Call, in *struct {
		Body struct {
			Tier     string `json:"tier,omitempty" doc:"pro or business."`
			Interval string `json:"interval,omitempty" doc:"monthly or yearly; monthly when absent."`
			Trial    *bool  `json:"trial,omitempty" nullable:"true" doc:"Begin with 14 days that cost nothing, once an organisation."`
		}
	}) (*body[checkoutBody], error) {
		if err := a.mayCheckout(c); err != nil {
			return nil, err
		}
		plan := checkout.Plan{Tier: billing.Tier(in.Body.Tier), Period: in.Body.Interval}
		if plan.Period == "" {
			plan.Period = checkout.Monthly
		}
		url, err := a.checkout.Subscribe(ctx, c, plan, in.Body.Trial != nil && *in.Body.Trial)
		return answer(checkoutBody{url}, err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/billing/credits/topup", id: "top-up-credits", tag: "Billing",
		summary: "Get the page where credits are paid for", action: policy.UpdateBilling, errors: refused, bodyOptional: true,
	}, func(ctx context.Context, c *call.Call, in *struct {
		Body struct {
			Dollars float64 `json:"amount_usd,omitempty" doc:"From 5 to 1000, with at most two decimals."`
		}
	}) (*body[checkoutBody], error) {
		if err := a.mayCheckout(c); err != nil {
			return nil, err
		}
		url, err := a.checkout.TopUp(ctx, c, in.Body.Dollars)
		return answer(checkoutBody{url}, err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/billing/portal", id: "open-billing-portal", tag: "Billing",
		summary: "Get the page where it is changed how the organisation pays", action: policy.UpdateBilling, errors: refused,
		status: http.StatusOK,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[portalBody], error) {
		if err := a.mayCheckout(c); err != nil {
			return nil, err
		}
		url, err := a.checkout.Portal(ctx, c)
		return answer(portalBody{url}, err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/billing/webhooks", id: "receive-payment-event", tag: "Billing",
		summary: "Take word of a payment from Stripe, which signs it", action: policy.BillingEvent, status: http.StatusOK,
	}, func(ctx context.Context, c *call.Call, in *struct {
		Signature string `header:"Stripe-Signature"`
		RawBody   []byte // its signature is over every byte
	}) (*body[receivedBody], error) {
		if a.checkout == nil {
			return nil, checkout.ErrSignature // nobody's word is taken
		}
		return answer(receivedBody{true}, a.checkout.Receive(ctx, c, in.RawBody, in.Signature))
	})
}

// mayCheckout refuses who may not pay, and then what nobody can.
func (a *API) mayCheckout(c *call.Call) error {
	if err := a.billing.MayPay(c); err != nil {
		return err
	}
	if a.checkout == nil {
		return errPayments
	}
	return nil
}
