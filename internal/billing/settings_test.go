package billing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

const wallet = "0x00112233445566778899aAbBcCdDeEfF00112233"

func (o *office) put(who policy.Principal, name, value string) error {
	_, err := o.Billing.PutSetting(o.t.Context(), o.Call(who, policy.UpdateSettings), name, value)
	return err
}

func TestSettingsTakeWhatTheyCanBe(t *testing.T) {
	o := open(t, 0)
	for name, values := range map[string]struct{ good, bad []string }{
		billing.RequireSimulation: {[]string{"true", "false"}, []string{"", "TRUE", "1"}},
		billing.DefaultTier:       {[]string{"free", "enterprise"}, []string{"", "gold"}},
		billing.RequestPrice:      {[]string{"0", "0.000001", "1000"}, []string{"", "-1", "0.0000001", "1000.000001", "1e3"}},
		billing.FreeRequests:      {[]string{"0", "1000000000000"}, []string{"", "-1", "1.5", "1000000000001", "9999999999999999"}},
		"x402.pay_to":             {[]string{wallet, ""}, []string{wallet[:41], wallet + "0", "0X" + wallet[2:], "0x" + strings.Repeat("g", 40)}},
		"x402.asset":              {[]string{wallet, ""}, []string{"USDC"}},
		"x402.network":            {[]string{"eip155:8453", "base", ""}, []string{"Base", "a:b:c", "eip155:", strings.Repeat("a", 33)}},
		"x402.scheme":             {[]string{"exact"}, []string{"", "upto"}},
		"x402.facilitator_url": {
			[]string{"", "https://pay.example", "https://pay.example/a/", "http://localhost:1", "http://127.0.0.1", "http://[::1]:2"},
			[]string{"http://pay.example", "ftp://pay.example", "https://", "pay.example", "https://u:p@pay.example", "https://pay.example?key=1",
				"https://pay.example?", "https://pay.example#x", "http://127.0.0.1.evil.example", "https://a/" + strings.Repeat("a", 503)},
		},
		"a.b_c-1": {[]string{"", "anything", strings.Repeat("é", 2048)}, []string{strings.Repeat("a", 4097), "\xff", "a\x00b"}},
	} {
		for _, v := range values.good {
			world.WantCode(t, name+" = "+v, o.put(o.Here(o.boss), name, v), "")
		}
		for _, v := range values.bad {
			world.WantCode(t, name+" = "+v, o.put(o.Here(o.boss), name, v), "invalid_value")
		}
	}
	for _, name := range []string{"", "A", ".a", "-a", "a b", "a/b", strings.Repeat("a", 101), "a\n"} {
		world.WantCode(t, "the key "+name, o.put(o.Here(o.boss), name, "x"), "invalid_key")
	}
	world.WantCode(t, "a key of 100", o.put(o.Here(o.boss), strings.Repeat("a", 100), "x"), "")
}

func TestASettingIsKeptAndTakenBack(t *testing.T) {
	o := open(t, 0)
	o.set("my.key", "one")
	o.Clock.Forward(time.Minute)
	o.set("my.key", "two")
	all, err := o.Billing.Settings(t.Context(), o.Call(o.boss, policy.ReadSettings))
	want := billing.Setting{Name: "my.key", Value: "two", By: o.boss.ID, At: o.Clock.Now()}
	if err != nil || len(all) != 1 || all[0] != want {
		t.Errorf("got %+v, %v, want %+v", all, err, want)
	}
	if e := o.Last(o.boss.Org); e.Action != string(policy.UpdateSettings) || e.ResourceID != "my.key" || e.Detail("outcome") != audit.Success {
		t.Errorf("the log has %+v %s", e.Event, e.DetailsJSON)
	}
	drop := func(name string) error {
		return o.Billing.DropSetting(t.Context(), o.Call(o.boss, policy.UpdateSettings), name)
	}
	world.WantCode(t, "to drop it", drop("my.key"), "")
	world.WantCode(t, "to drop it again", drop("my.key"), "setting_not_found")
	world.WantCode(t, "to drop what no key is", drop("A B"), "setting_not_found")
}

func TestSettingsAreForPlatformAdmins(t *testing.T) {
	o := open(t, 0)
	for name, who := range map[string]policy.Principal{"an owner": o.ada, "an agent": o.Agent(o.ada), "a stranger": {}} {
		_, read := o.Billing.Settings(t.Context(), o.Call(who, policy.ReadSettings))
		_, x := o.Billing.X402(t.Context(), o.Call(who, policy.ReadSettings))
		_, setX := o.Billing.SetX402(t.Context(), o.Call(who, policy.UpdateSettings), billing.X402Change{})
		for what, err := range map[string]error{
			"read": read, "read x402": x, "change x402": setX, "put": o.put(who, "a", "b"),
			"drop": o.Billing.DropSetting(t.Context(), o.Call(who, policy.UpdateSettings), "a"),
		} {
			if !fault.Is(err, fault.Denied) && !fault.Is(err, fault.Unauthenticated) && !fault.Is(err, fault.NotFound) || fault.CodeOf(err) == "setting_not_found" {
				t.Errorf("%s may %s: %v", name, what, err)
			}
		}
	}
	// Where money goes takes a person who is there; the rest does not.
	key, left := o.ByKey(o.boss), o.Here(o.boss)
	left.Person = o.Clock.Now().Add(-policy.PersonFor)
	value, url := wallet, "https://pay.example"
	network, free := "base", "5"
	for name, who := range map[string]policy.Principal{"a key": key, "a login that was left": left} {
		for _, setting := range [][2]string{{"x402.pay_to", wallet}, {"x402.facilitator_url", url}, {"x402.network", network}, {"x402.asset", wallet}, {"x402.pay_to", ""}} {
			world.WantCode(t, name+" sets "+setting[0], o.put(who, setting[0], setting[1]), "person_required")
		}
		for _, change := range []billing.X402Change{{PayTo: &value}, {Facilitator: &url}, {Network: &network}, {FreeRequests: &free, PayTo: &value}} {
			_, err := o.Billing.SetX402(t.Context(), o.Call(who, policy.UpdateSettings), change)
			world.WantCode(t, name+" changes where money goes", err, "person_required")
		}
		world.WantCode(t, name+" sets the price", o.put(who, billing.RequestPrice, "0.01"), "")
		_, err := o.Billing.SetX402(t.Context(), o.Call(who, policy.UpdateSettings), billing.X402Change{FreeRequests: &free})
		world.WantCode(t, name+" sets free requests", err, "")
	}
	if x, err := o.Billing.ReadX402(t.Context()); err != nil || x.PayTo != "" || x.Facilitator != "" || x.Network != "eip155:8453" {
		t.Errorf("after what was refused: %+v, %v", x, err)
	}
}

// Who takes a setting back says where money goes as much as who sets it.
func TestToDropWhereMoneyGoesTakesAPerson(t *testing.T) {
	o := open(t, 0)
	o.set("x402.network", "base")
	drop := func(who policy.Principal) error {
		return o.Billing.DropSetting(t.Context(), o.Call(who, policy.UpdateSettings), "x402.network")
	}
	world.WantCode(t, "a key", drop(o.ByKey(o.boss)), "person_required")
	world.WantCode(t, "a person", drop(o.Here(o.boss)), "")
}

func TestX402AsItIsSet(t *testing.T) {
	o := open(t, 0)
	read := func() billing.X402 {
		t.Helper()
		x, err := o.Billing.X402(t.Context(), o.Call(o.boss, policy.ReadSettings))
		o.must(err)
		return x
	}
	if x := read(); x != (billing.X402{Network: "eip155:8453", Scheme: "exact", FreeRequests: 1000, Price: 1000}) {
		t.Errorf("at first: %+v", x)
	}
	pay, url, free, network := wallet, "https://pay.example/x//", "7", "eip155:84532"
	x, err := o.Billing.SetX402(t.Context(), o.Call(o.Here(o.boss), policy.UpdateSettings),
		billing.X402Change{PayTo: &pay, Facilitator: &url, FreeRequests: &free, Network: &network})
	want := billing.X402{PayTo: wallet, Network: network, Scheme: "exact", Facilitator: "https://pay.example/x", FreeRequests: 7, Price: 1000}
	if err != nil || x != want {
		t.Errorf("got %+v, %v, want %+v", x, err, want)
	}
	o.set(billing.RequestPrice, "0.25")
	o.set("x402.asset", wallet)
	want.Price, want.Asset = 250_000, wallet
	// Of a change with one part that is no good, nothing is done.
	bad, other := "http://pay.example", "eip155:1"
	_, err = o.Billing.SetX402(t.Context(), o.Call(o.Here(o.boss), policy.UpdateSettings), billing.X402Change{Network: &other, Facilitator: &bad})
	world.WantCode(t, "a change in part", err, "invalid_value")
	if x := read(); x != want {
		t.Errorf("got %+v, want %+v", x, want)
	}
}

func TestSettingsAreBounded(t *testing.T) {
	o := open(t, 0)
	o.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 199)
		INSERT INTO admin_settings (name, value, updated_by, updated_at) SELECT 'key.' || i, 'x', '', 0 FROM n`)
	o.set("last", "x")
	world.WantCode(t, "one more than 200", o.put(o.boss, "more", "x"), "too_many_settings")
	o.set("last", "y") // it is there
	free := "5"
	_, err := o.Billing.SetX402(t.Context(), o.Call(o.boss, policy.UpdateSettings), billing.X402Change{FreeRequests: &free})
	world.WantCode(t, "one more by x402", err, "too_many_settings")
	o.must(o.Billing.DropSetting(t.Context(), o.Call(o.boss, policy.UpdateSettings), "last"))
	o.set("more", "x")
}
