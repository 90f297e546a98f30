package spend

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 500e6, time.UTC)

// plain costs a dollar for a thousand tokens, read or written.
func plain() Model {
	r := rates{input: 1e9, cacheRead: 1e8, cacheWrite: 1e9, output: 1e9}
	return Model{rates: r, maxOutput: 4000, allShown: true}
}

func TestWhatIsRefusedAndUntilWhen(t *testing.T) {
	const day = 12*time.Hour - 500*time.Millisecond // until midnight
	cents := func(n int64) usd.Amount { return usd.Amount(n) * usd.Dollar / 100 }
	seconds := func(at ...int64) (out []Second) {
		for _, s := range at {
			out = append(out, Second{noon.Unix() + s, 1})
		}
		return out
	}
	for name, tc := range map[string]struct {
		limits Limits
		ask    Ask
		counts Counts
		code   string
		wait   time.Duration
		answer int64
		held   string
	}{
		"no limits":                           {ask: Ask{InputBytes: 100}, held: "4.10"},
		"room in the minute":                  {limits: Limits{PerMinute: new(int64(3))}, counts: Counts{Seconds: seconds(-60, -1)}, held: "4.00"},
		"a full minute":                       {limits: Limits{PerMinute: new(int64(3))}, counts: Counts{Seconds: seconds(-60, -30, 0)}, code: "shroud_requests_per_minute", wait: time.Second},
		"a full minute, later":                {limits: Limits{PerMinute: new(int64(2))}, counts: Counts{Seconds: seconds(-20, -10)}, code: "shroud_requests_per_minute", wait: 40*time.Second + 500*time.Millisecond},
		"far beyond the minute":               {limits: Limits{PerMinute: new(int64(1))}, counts: Counts{Seconds: seconds(-20, -10)}, code: "shroud_requests_per_minute", wait: 50*time.Second + 500*time.Millisecond},
		"none a minute":                       {limits: Limits{PerMinute: new(int64(0))}, code: "shroud_requests_per_minute", wait: Minute * time.Second},
		"the last of the day":                 {limits: Limits{PerDay: new(int64(5))}, counts: Counts{Day: Day{Requests: 4}}, held: "4.00"},
		"a full day":                          {limits: Limits{PerDay: new(int64(5))}, counts: Counts{Day: Day{Requests: 5}}, code: "shroud_requests_per_day", wait: day},
		"the last stream":                     {limits: Limits{Streams: new(int64(2))}, ask: Ask{Stream: true}, counts: Counts{Streams: 1}, held: "4.00"},
		"too many streams":                    {limits: Limits{Streams: new(int64(2))}, ask: Ask{Stream: true}, counts: Counts{Streams: 2}, code: "shroud_streams", wait: time.Second},
		"no stream beside them":               {limits: Limits{Streams: new(int64(2))}, counts: Counts{Streams: 2}, held: "4.00"},
		"as much as is left":                  {limits: Limits{Budget: usd.Dollar}, ask: Ask{InputBytes: 400, MaxTokens: 100}, counts: Counts{Day: Day{Spent: cents(50)}}, held: "0.50"},
		"a token more than is left":           {limits: Limits{Budget: usd.Dollar}, ask: Ask{InputBytes: 400, MaxTokens: 101}, counts: Counts{Day: Day{Spent: cents(50)}}, code: "shroud_budget_exceeded", wait: day},
		"what others hold":                    {limits: Limits{Budget: usd.Dollar}, ask: Ask{MaxTokens: 600}, counts: Counts{Day: Day{Held: cents(50)}}, code: "shroud_budget_reserved", wait: heldFor},
		"an answer cut to what is left":       {limits: Limits{Budget: usd.Dollar}, ask: Ask{InputBytes: 100}, counts: Counts{Day: Day{Spent: cents(50)}}, answer: 400, held: "0.50"},
		"an answer as long as the model's":    {limits: Limits{Budget: 10 * usd.Dollar}, answer: 4000, held: "4.00"},
		"an answer too short":                 {limits: Limits{Budget: usd.Dollar}, ask: Ask{InputBytes: 745}, code: "shroud_budget_exceeded", wait: day},
		"an answer too short for now":         {limits: Limits{Budget: usd.Dollar}, ask: Ask{InputBytes: 100}, counts: Counts{Day: Day{Held: cents(80)}}, code: "shroud_budget_reserved", wait: heldFor},
		"an answer of so many tokens":         {limits: Limits{Tokens: new(int64(50))}, answer: 50, held: "0.05"},
		"both":                                {limits: Limits{Tokens: new(int64(50)), Budget: usd.Dollar}, answer: 50, held: "0.05"},
		"a picture":                           {limits: Limits{Budget: 100 * usd.Dollar}, ask: Ask{Media: 1, MaxTokens: 8}, held: "8.20"},
		"embeddings have no answer":           {limits: Limits{Tokens: new(int64(5)), Budget: usd.Dollar}, ask: Ask{InputBytes: 10, Embeds: true}, held: "0.01"},
		"spent more than there was":           {limits: Limits{Budget: usd.Dollar}, ask: Ask{MaxTokens: 1}, counts: Counts{Day: Day{Spent: cents(500)}}, code: "shroud_budget_exceeded", wait: day},
		"of two limits the one that is first": {limits: Limits{PerDay: new(int64(0)), Budget: 1}, code: "shroud_requests_per_day", wait: day},
	} {
		m := plain()
		got, err := decide(&tc.limits, &tc.ask, &m, &tc.counts, noon)
		if tc.code != "" {
			e, _ := errors.AsType[*fault.Error](err)
			if fault.CodeOf(err) != tc.code || e == nil || e.Kind != fault.RateLimited || e.RetryAfter != tc.wait {
				t.Errorf("%s: %v, %+v; want %s after %s", name, err, e, tc.code, tc.wait)
			}
			continue
		}
		if err != nil || got.answer != tc.answer || got.held.String() != tc.held {
			t.Errorf("%s: %d tokens for $%s, %v; want %d for $%s", name, got.answer, got.held, err, tc.answer, tc.held)
		}
	}
	free := Model{}
	if _, err := decide(&Limits{Budget: usd.Dollar}, &Ask{InputBytes: 9, MaxTokens: 9}, &free, &Counts{Day: Day{Spent: 2 * usd.Dollar}}, noon); err != nil {
		t.Errorf("what costs nothing: %v", err)
	}
}

func TestWhatNoCountChanges(t *testing.T) {
	for name, tc := range map[string]struct {
		limits Limits
		ask    Ask
		known  bool
		code   string
	}{
		"a long answer":              {Limits{Tokens: new(int64(5))}, Ask{MaxTokens: 6}, true, "shroud_too_many_tokens"},
		"no answer at all":           {Limits{Tokens: new(int64(0))}, Ask{}, true, "shroud_too_many_tokens"},
		"no answer for embeddings":   {Limits{Tokens: new(int64(0))}, Ask{Embeds: true}, true, ""},
		"an answer that is allowed":  {Limits{Tokens: new(int64(5))}, Ask{MaxTokens: 5}, true, ""},
		"an unknown model":           {Limits{Budget: 1}, Ask{}, false, "shroud_model_without_price"},
		"an unknown model, unbudged": {Limits{PerDay: new(int64(1))}, Ask{}, false, ""},
	} {
		err := early(&tc.limits, &tc.ask, tc.known)
		if (err == nil) != (tc.code == "") || err != nil && (fault.CodeOf(err) != tc.code || !fault.Is(err, fault.Denied)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLimitsOfAConfig(t *testing.T) {
	got, err := LimitsOf(shroud.Config(`{"daily_budget_usd":1.5,"max_concurrent_streams":3,"max_requests_per_day":0,"max_requests_per_minute":60,"max_tokens_per_request":4096,"pii_policy":"warn"}`))
	if err != nil || got.Budget.String() != "1.50" || *got.Streams != 3 || *got.PerDay != 0 || *got.PerMinute != 60 || *got.Tokens != 4096 || !got.counted() {
		t.Errorf("%+v, %v", got, err)
	}
	for _, none := range []string{"", "{}", `{"daily_budget_usd":0}`} {
		if got, err := LimitsOf(shroud.Config(none)); err != nil || got.counted() {
			t.Errorf("%s: %+v, %v", none, got, err)
		}
	}
	if got, err := LimitsOf(shroud.Config(`{"daily_budget_usd":1e-12}`)); err != nil || got.Budget != 1 {
		t.Errorf("hardly any money: %v, %v", got.Budget, err)
	}
	if _, err := LimitsOf(shroud.Config(`{"daily_budget_usd":-1}`)); !fault.Is(err, fault.Damaged) {
		t.Errorf("%v", err)
	}
}

func TestDaysAreThoseOfUTC(t *testing.T) {
	for at, want := range map[time.Time]int64{
		time.Unix(0, 0): 0, time.Unix(-1, 0): -1, time.Unix(secondsOfDay-1, 999): 0, time.Unix(secondsOfDay, 0): 1,
		time.Date(2026, 11, 24, 1, 0, 0, 0, time.FixedZone("", 2*60*60)): dayOf(noon),
	} {
		if got := dayOf(at); got != want {
			t.Errorf("%s is in day %d, want %d", at, got, want)
		}
	}
	if !slices.IsSorted([]time.Duration{0, untilMidnight(noon), 12 * time.Hour}) {
		t.Error(untilMidnight(noon))
	}
}
