package billing_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// office is an organisation on the free tier, with those who ask and who set things.
type office struct {
	*world.World
	t         *testing.T
	ada, boss policy.Principal
}

// open makes an office with a limit of its own.
func open(t *testing.T, limit int64) *office {
	t.Helper()
	w := world.Open(t)
	o := &office{World: w, t: t, ada: w.Owner("ada"), boss: w.Boss("boss")}
	_, err := w.Billing.SetTier(t.Context(), o.admin(), o.ada.Org, billing.Free, 0)
	o.must(err)
	o.limit(limit)
	return o
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// admin is a call of who runs the server.
func (o *office) admin() *call.Call { return o.Call(o.boss, policy.UpdateLimits) }

// owner is a call of the organisation's owner.
func (o *office) owner() *call.Call { return o.Call(o.ada, policy.ReadBilling) }

func (o *office) limit(n int64) {
	o.t.Helper()
	_, err := o.Billing.SetLimits(o.t.Context(), o.admin(), o.ada.Org, &n, nil)
	o.must(err)
}

func (o *office) grant(cents int64, days int) {
	o.t.Helper()
	_, err := o.Billing.Grant(o.t.Context(), o.admin(), o.ada.Org, cents, "", days)
	o.must(err)
}

func (o *office) set(name, value string) {
	o.t.Helper()
	_, err := o.Billing.PutSetting(o.t.Context(), o.Call(o.Here(o.boss), policy.UpdateSettings), name, value)
	o.must(err)
}

func (o *office) overage(method string) {
	o.t.Helper()
	o.must(o.Billing.SetOverage(o.t.Context(), o.Call(o.ada, policy.UpdateBilling), method))
}

// admit asks for one request now.
func (o *office) admit() error {
	_, err := o.Billing.Admit(o.t.Context(), o.ada.Org, o.Clock.Now(), false)
	return err
}

// admits checks that so many requests are let in, and no more.
func (o *office) admits(what string, n int) {
	o.t.Helper()
	for i := range n {
		if err := o.admit(); err != nil {
			o.t.Fatalf("%s: request %d of %d: %v", what, i+1, n, err)
		}
	}
	world.WantCode(o.t, what+", one more", o.admit(), "quota_exhausted")
}

func (o *office) flush() {
	o.t.Helper()
	o.must(o.Billing.Flush(o.t.Context()))
}

func (o *office) usage() billing.Usage {
	o.t.Helper()
	r, err := o.Billing.Usage(o.t.Context(), o.owner())
	o.must(err)
	return r.Month
}
