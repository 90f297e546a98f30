package spend_test

import (
	"errors"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 500e6, time.UTC)

// longer is prices with answers of four thousand tokens.
const longer = `{"providers": {"test": {"plain": {"input": 1000, "cache_read": 100, "output": 1000, "max_output": 4000, "all_shown": true}}}}`

func TestWhatIsRefusedAndUntilWhen(t *testing.T) {
	const day = 12*time.Hour - 500*time.Millisecond // until midnight
	cents := func(n int64) usd.Amount { return usd.Amount(n) * usd.Dollar / 100 }
	seconds := func(at ...int64) (out []spend.Second) {
		for _, s := range at {
			out = append(out, spend.Second{noon.Unix() + s, 1})
		}
		return out
	}
	m, _ := table(t, longer).Find("test", "plain")
	for name, tc := range map[string]struct {
		limits spend.Limits
		ask    spend.Ask
		counts spend.Counts
		code   string
		wait   time.Duration
		answer int64
		held   string
	}{
		"no limits":                           {ask: spend.Ask{InputBytes: 100}, held: "4.10"},
		"room in the minute":                  {limits: spend.Limits{PerMinute: new(int64(3))}, counts: spend.Counts{Seconds: seconds(-60, -1)}, held: "4.00"},
		"a full minute":                       {limits: spend.Limits{PerMinute: new(int64(3))}, counts: spend.Counts{Seconds: seconds(-60, -30, 0)}, code: "shroud_requests_per_minute", wait: time.Second},
		"a full minute, later":                {limits: spend.Limits{PerMinute: new(int64(2))}, counts: spend.Counts{Seconds: seconds(-20, -10)}, code: "shroud_requests_per_minute", wait: 40*time.Second + 500*time.Millisecond},
		"far beyond the minute":               {limits: spend.Limits{PerMinute: new(int64(1))}, counts: spend.Counts{Seconds: seconds(-20, -10)}, code: "shroud_requests_per_minute", wait: 50*time.Second + 500*time.Millisecond},
		"none a minute":                       {limits: spend.Limits{PerMinute: new(int64(0))}, code: "shroud_requests_per_minute", wait: spend.Minute * time.Second},
		"the last of the day":                 {limits: spend.Limits{PerDay: new(int64(5))}, counts: spend.Counts{Day: spend.Day{Requests: 4}}, held: "4.00"},
		"a full day":                          {limits: spend.Limits{PerDay: new(int64(5))}, counts: spend.Counts{Day: spend.Day{Requests: 5}}, code: "shroud_requests_per_day", wait: day},
		"the last stream":                     {limits: spend.Limits{Streams: new(int64(2))}, ask: spend.Ask{Stream: true}, counts: spend.Counts{Streams: 1}, held: "4.00"},
		"too many streams":                    {limits: spend.Limits{Streams: new(int64(2))}, ask: spend.Ask{Stream: true}, counts: spend.Counts{Streams: 2}, code: "shroud_streams", wait: time.Second},
		"no streams at all":                   {limits: spend.Limits{Streams: new(int64(0))}, ask: spend.Ask{Stream: true}, code: "shroud_streams", wait: time.Second},
		"a budget of 0 is none":               {limits: spend.Limits{PerDay: new(int64(9)), Budget: 0}, ask: spend.Ask{InputBytes: 100}, counts: spend.Counts{Day: spend.Day{Spent: cents(500)}}, held: "4.10"},
		"as many answers as are left":         {limits: spend.Limits{Budget: usd.Dollar}, ask: spend.Ask{InputBytes: 100, Choices: 3}, answer: 300, held: "1.00"},
		"too many answers":                    {limits: spend.Limits{Budget: usd.Dollar}, ask: spend.Ask{InputBytes: 100, Choices: 4}, code: "shroud_budget_exceeded", wait: day},
		"no stream beside them":               {limits: spend.Limits{Streams: new(int64(2))}, counts: spend.Counts{Streams: 2}, held: "4.00"},
		"as much as is left":                  {limits: spend.Limits{Budget: usd.Dollar}, ask: spend.Ask{InputBytes: 400, MaxTokens: 100}, counts: spend.Counts{Day: spend.Day{Spent: cents(50)}}, held: "0.50"},
		"a token more than is left":           {limits: spend.Limits{Budget: usd.Dollar}, ask: spend.Ask{InputBytes: 400, MaxTokens: 101}, counts: spend.Counts{Day: spend.Day{Spent: cents(50)}}, code: "shroud_budget_exceeded", wait: day},
		"what others hold":                    {limits: spend.Limits{Budget: usd.Dollar}, ask: spend.Ask{MaxTokens: 600}, counts: spend.Counts{Day: spend.Day{Held: cents(50)}}, code: "shroud_budget_reserved", wait: 5 * time.Second},
		"an answer cut to what is left":       {limits: spend.Limits{Budget: usd.Dollar}, ask: spend.Ask{InputBytes: 100}, counts: spend.Counts{Day: spend.Day{Spent: cents(50)}}, answer: 400, held: "0.50"},
		"an answer as long as the model's":    {limits: spend.Limits{Budget: 10 * usd.Dollar}, answer: 4000, held: "4.00"},
		"an answer too short":                 {limits: spend.Limits{Budget: usd.Dollar}, ask: spend.Ask{InputBytes: 745}, code: "shroud_budget_exceeded", wait: day},
		"an answer too short for now":         {limits: spend.Limits{Budget: usd.Dollar}, ask: spend.Ask{InputBytes: 100}, counts: spend.Counts{Day: spend.Day{Held: cents(80)}}, code: "shroud_budget_reserved", wait: 5 * time.Second},
		"an answer of so many tokens":         {limits: spend.Limits{Tokens: new(int64(50))}, answer: 50, held: "0.05"},
		"both":                                {limits: spend.Limits{Tokens: new(int64(50)), Budget: usd.Dollar}, answer: 50, held: "0.05"},
		"a picture":                           {limits: spend.Limits{Budget: 100 * usd.Dollar}, ask: spend.Ask{Media: 1, MaxTokens: 8}, held: "8.20"},
		"a file by its size":                  {limits: spend.Limits{Budget: 100 * usd.Dollar}, ask: spend.Ask{Media: 1, Filed: 10_000, MaxTokens: 8}, held: "18.20"},
		"embeddings have no answer":           {limits: spend.Limits{Tokens: new(int64(5)), Budget: usd.Dollar}, ask: spend.Ask{InputBytes: 10, Embeds: true}, held: "0.01"},
		"spent more than there was":           {limits: spend.Limits{Budget: usd.Dollar}, ask: spend.Ask{MaxTokens: 1}, counts: spend.Counts{Day: spend.Day{Spent: cents(500)}}, code: "shroud_budget_exceeded", wait: day},
		"of two limits the one that is first": {limits: spend.Limits{PerDay: new(int64(0)), Budget: 1}, code: "shroud_requests_per_day", wait: day},
	} {
		got, err := spend.Decide(&tc.limits, &tc.ask, &m, &tc.counts, noon)
		if tc.code != "" {
			e, _ := errors.AsType[*fault.Error](err)
			if fault.CodeOf(err) != tc.code || e == nil || e.Kind != fault.RateLimited || e.RetryAfter != tc.wait {
				t.Errorf("%s: %v, %+v; want %s after %s", name, err, e, tc.code, tc.wait)
			}
			continue
		}
		if err != nil || got.Answer != tc.answer || got.Held.String() != tc.held {
			t.Errorf("%s: %d tokens for $%s, %v; want %d for $%s", name, got.Answer, got.Held, err, tc.answer, tc.held)
		}
	}
	free := spend.Model{}
	if _, err := spend.Decide(&spend.Limits{Budget: usd.Dollar}, &spend.Ask{InputBytes: 9, MaxTokens: 9}, &free, &spend.Counts{Day: spend.Day{Spent: 2 * usd.Dollar}}, noon); err != nil {
		t.Errorf("what costs nothing: %v", err)
	}
}

func TestWhatNoCountChanges(t *testing.T) {
	for name, tc := range map[string]struct {
		limits spend.Limits
		ask    spend.Ask
		known  bool
		code   string
	}{
		"a long answer":              {spend.Limits{Tokens: new(int64(5))}, spend.Ask{MaxTokens: 6}, true, "shroud_too_many_tokens"},
		"no answer at all":           {spend.Limits{Tokens: new(int64(0))}, spend.Ask{}, true, "shroud_too_many_tokens"},
		"no answer for embeddings":   {spend.Limits{Tokens: new(int64(0))}, spend.Ask{Embeds: true}, true, ""},
		"an answer that is allowed":  {spend.Limits{Tokens: new(int64(5))}, spend.Ask{MaxTokens: 5}, true, ""},
		"an unknown model":           {spend.Limits{Budget: 1}, spend.Ask{}, false, "shroud_model_without_price"},
		"an unknown model, unbudged": {spend.Limits{PerDay: new(int64(1))}, spend.Ask{}, false, ""},
	} {
		err := spend.Early(&tc.limits, &tc.ask, tc.known)
		if (err == nil) != (tc.code == "") || err != nil && (fault.CodeOf(err) != tc.code || !fault.Is(err, fault.Denied)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLimitsOfAConfig(t *testing.T) {
	got, err := spend.LimitsOf(shroud.Config(`{"daily_budget_usd":1.5,"max_concurrent_streams":3,"max_requests_per_day":0,"max_requests_per_minute":60,"max_tokens_per_request":4096,"pii_policy":"warn"}`))
	if err != nil || got.Budget.String() != "1.50" || *got.Streams != 3 || *got.PerDay != 0 || *got.PerMinute != 60 || *got.Tokens != 4096 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, none := range []string{"", "{}", `{"daily_budget_usd":0}`} {
		if got, err := spend.LimitsOf(shroud.Config(none)); err != nil || got != (spend.Limits{}) {
			t.Errorf("%s: %+v, %v", none, got, err)
		}
	}
	if got, err := spend.LimitsOf(shroud.Config(`{"daily_budget_usd":1e-12}`)); err != nil || got.Budget != 1 {
		t.Errorf("hardly any money: %v, %v", got.Budget, err)
	}
	if _, err := spend.LimitsOf(shroud.Config(`{"daily_budget_usd":-1}`)); !fault.Is(err, fault.Damaged) {
		t.Errorf("%v", err)
	}
}
