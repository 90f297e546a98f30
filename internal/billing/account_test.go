package billing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestCapsOfTiers(t *testing.T) {
	for tier, want := range map[billing.Tier]billing.Caps{
		billing.Free:       {Tier: "free", Requests: 1000, Vaults: 3, Secrets: 50, Agents: 2},
		billing.Pro:        {Tier: "pro", Requests: 25_000, Vaults: 25, Secrets: 500, Agents: 10},
		billing.Business:   {Tier: "business", Requests: 100_000, Vaults: 100, Secrets: 5000, Agents: 50},
		billing.Enterprise: {Tier: "enterprise", Requests: -1, Vaults: -1, Secrets: -1, Agents: -1},
	} {
		caps, known := billing.CapsOf(tier)
		if !known || caps != want {
			t.Errorf("%s: got %+v, %v", tier, caps, known)
		}
		for kind, n := range map[billing.Kind]int64{
			billing.Vaults: want.Vaults, billing.Secrets: want.Secrets, billing.Agents: want.Agents, "Member": billing.Unlimited,
		} {
			if caps.Of(kind) != n {
				t.Errorf("%s: %d of %s, want %d", tier, caps.Of(kind), kind, n)
			}
		}
	}
	for _, word := range []billing.Tier{"", "FREE", "gold", "pro "} {
		if caps, known := billing.CapsOf(word); known || caps != (billing.Caps{}) {
			t.Errorf("%q is a tier with %+v", word, caps)
		}
	}
	free, _ := billing.CapsOf(billing.Free)
	err := free.Allow(billing.Vaults, 3)
	if !fault.Is(err, fault.Denied) || fault.CodeOf(err) != "resource_limit_exceeded" || !strings.Contains(err.Error(), "Vault limit reached (3/3 on free tier)") {
		t.Errorf("got %v", err)
	}
}

func TestCapsAllowOneMore(t *testing.T) {
	for _, c := range []struct {
		tier    billing.Tier
		kind    billing.Kind
		used    int64
		allowed bool
	}{
		{billing.Free, billing.Vaults, 2, true}, {billing.Free, billing.Vaults, 3, false}, {billing.Free, billing.Vaults, 4, false},
		{billing.Free, billing.Secrets, 49, true}, {billing.Free, billing.Secrets, 50, false},
		{billing.Free, billing.Agents, 1, true}, {billing.Free, billing.Agents, 2, false},
		{billing.Free, "Member", 1_000_000, true}, {billing.Enterprise, billing.Secrets, 1_000_000, true},
	} {
		caps, _ := billing.CapsOf(c.tier)
		if err := caps.Allow(c.kind, c.used); (err == nil) != c.allowed {
			t.Errorf("one more %s than %d on %s: %v", c.kind, c.used, c.tier, err)
		}
		if limited := c.tier == billing.Free && c.kind != "Member"; caps.Limits(c.kind) != limited {
			t.Errorf("%s are limited on %s: %v", c.kind, c.tier, !limited)
		}
	}
}

func TestWhatFollowsFromCredits(t *testing.T) {
	in := func(days int) time.Time { return noon.AddDate(0, 0, days) }
	for name, c := range map[string]struct {
		account         billing.Account
		ended           int64
		overage         string
		soon, unsettled bool
	}{
		"nothing":                       {billing.Account{}, 0, "credits", false, false},
		"another way to pay":            {billing.Account{Overage: billing.ByX402}, 0, "x402", false, false},
		"credits for a day under 30":    {billing.Account{Credits: 5, CreditsEnd: in(29)}, 0, "credits", true, false},
		"credits for 30 days":           {billing.Account{Credits: 5, CreditsEnd: in(30)}, 0, "credits", false, false},
		"a cent is owed":                {billing.Account{Credits: 5, CreditsEnd: in(90), Owed: 10_000}, 0, "credits", false, true},
		"less than a cent is owed":      {billing.Account{Credits: 5, CreditsEnd: in(90), Owed: 9_999}, 0, "credits", false, false},
		"a cent is owed with no credit": {billing.Account{Owed: 10_000}, 0, "credits", false, false},
		"some have ended":               {billing.Account{}, 1, "credits", false, true},
	} {
		a := c.account
		if a.Complete(c.ended, noon); a.Overage != c.overage || a.Soon != c.soon || a.Unsettled != c.unsettled {
			t.Errorf("%s: overage %s, soon %v, unsettled %v", name, a.Overage, a.Soon, a.Unsettled)
		}
	}
}

func TestWhichTierHolds(t *testing.T) {
	zero, many := int64(0), int64(70)
	until := func(tier billing.Tier, end time.Time) billing.Paid {
		return billing.Paid{Tier: tier, Interval: "monthly", Status: "active", PeriodEnd: end, Until: end}
	}
	for name, tc := range map[string]struct {
		account  billing.Account
		tier     billing.Tier
		requests int64
	}{
		"nothing set":                             {billing.Account{}, "enterprise", -1},
		"the server's default":                    {billing.Account{DefaultTier: "pro"}, "pro", 25_000},
		"a default that is none":                  {billing.Account{DefaultTier: "gold"}, "enterprise", -1},
		"a tier of its own":                       {billing.Account{Tier: "business", DefaultTier: "free"}, "business", 100_000},
		"a tier that ends in an instant":          {billing.Account{Tier: "pro", TierEnds: noon.Add(1), DefaultTier: "free"}, "pro", 25_000},
		"a tier that ends now":                    {billing.Account{Tier: "pro", TierEnds: noon, DefaultTier: "free"}, "free", 1000},
		"a subscription above the tier":           {billing.Account{Tier: "free", Paid: until("pro", noon.Add(1))}, "pro", 25_000},
		"a subscription that ends now":            {billing.Account{Tier: "free", Paid: until("pro", noon)}, "free", 1000},
		"a subscription below the tier":           {billing.Account{Tier: "business", Paid: until("pro", noon.Add(time.Hour))}, "business", 100_000},
		"a subscription below the default":        {billing.Account{Paid: until("business", noon.Add(time.Hour))}, "enterprise", -1},
		"free requests of the free tier":          {billing.Account{Tier: "free", FreeRequests: "5"}, "free", 5},
		"no free requests":                        {billing.Account{Tier: "free", FreeRequests: "0"}, "free", 0},
		"free requests of another tier":           {billing.Account{Tier: "pro", FreeRequests: "5"}, "pro", 25_000},
		"free requests that are no number":        {billing.Account{Tier: "free", FreeRequests: "-5"}, "free", 1000},
		"more free requests than digits":          {billing.Account{Tier: "free", FreeRequests: "1000000000000000"}, "free", 1000},
		"a limit of its own":                      {billing.Account{Tier: "free", Override: &many, FreeRequests: "5"}, "free", 70},
		"a limit of zero":                         {billing.Account{Tier: "pro", Override: &zero}, "pro", 0},
		"a limit on a tier without one":           {billing.Account{Override: &many}, "enterprise", 70},
		"a limit of its own and a subscription":   {billing.Account{Tier: "free", Paid: until("pro", noon.Add(1)), Override: &many}, "pro", 70},
		"a subscription to nothing, without ends": {billing.Account{Tier: "free", Paid: billing.Paid{Until: noon.Add(time.Hour)}}, "free", 1000},
	} {
		if caps := tc.account.Caps(noon); caps.Tier != tc.tier || caps.Requests != tc.requests {
			t.Errorf("%s: got %+v, want %s with %d", name, caps, tc.tier, tc.requests)
		}
	}
}

func TestPriceAndWhatIsLeft(t *testing.T) {
	for text, want := range map[string]int64{"": 1000, "no price": 1000, "-1": 1000, "0": 0, "0.000001": 1, "1000": 1_000_000_000} {
		if a := (billing.Account{RequestPrice: text}); a.Price() != want {
			t.Errorf("the price %q is %d, want %d", text, a.Price(), want)
		}
	}
	a := billing.Account{Credits: 3, Owed: 29_999}
	if got := a.Micros(); got != 1 {
		t.Errorf("3 cents without 2.9999 leave %d millionths", got)
	}
	a.Owed = 30_001
	if got := a.Micros(); got != -1 {
		t.Errorf("3 cents without 3.0001 leave %d millionths", got)
	}
}
