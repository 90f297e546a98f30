package spend_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
)

func table(t *testing.T, file string) *spend.Table {
	t.Helper()
	own, err := spend.Prices()
	if err != nil {
		t.Fatal(err)
	}
	if file == "" {
		return own
	}
	with, err := own.With([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return with
}

func TestWhatCallsCost(t *testing.T) {
	prices := table(t, "")
	for name, tc := range map[string]struct {
		provider, model string
		usage           convo.Usage
		want            string
	}{
		"input and output":               {"openai", "gpt-4o", convo.Usage{Input: 1_000_000, Output: 1_000_000}, "12.50"},
		"a cached prompt":                {"openai", "gpt-4o", convo.Usage{Input: 100, CacheRead: 900, Output: 10}, "0.001475"},
		"what a cache keeps for an hour": {"anthropic", "claude-sonnet-4-6", convo.Usage{Input: 1, CacheWrite: 1_000_000, CacheHour: 400_000, Output: 1}, "4.650018"},
		"an hour without its own price":  {"openai", "gpt-6-sol", convo.Usage{CacheWrite: 1_000_000, CacheHour: 400_000}, "5.00"},
		"more for an hour than there is": {"anthropic", "claude-sonnet-4-6", convo.Usage{CacheWrite: 1_000_000, CacheHour: 9_000_000}, "6.00"},
		"what is written to a cache":     {"anthropic", "claude-sonnet-4-6", convo.Usage{Input: 1, CacheWrite: 1_000_000, Output: 1}, "3.750018"},
		"half a cent of a million":       {"cohere", "command-r7b-12-2024", convo.Usage{Input: 1}, "0.000000038"}, // 37.5 billionths, rounded up
		"no more than the threshold":     {"google", "gemini-2.5-pro", convo.Usage{Input: 100_000, CacheRead: 100_000, Output: 1000}, "0.1475"},
		"a long prompt costs more":       {"google", "gemini-2.5-pro", convo.Usage{Input: 100_001, CacheRead: 100_000, Output: 1000}, "0.2900025"},
		"an edition of a model":          {"anthropic", "claude-haiku-4-5-20251001", convo.Usage{Output: 1_000_000}, "5.00"},
		"an edition at another price":    {"openai", "gpt-4o-2024-05-13", convo.Usage{Output: 1_000_000}, "15.00"},
		"an edition by month":            {"google", "gemini-2.5-flash-preview-09-2025", convo.Usage{Output: 1_000_000}, "2.50"},
		"a name as Gemini has it":        {"google", "models/gemini-2.5-flash", convo.Usage{Output: 1_000_000}, "2.50"},
		"embeddings":                     {"openai", "text-embedding-3-small", convo.Usage{Input: 1_000_000}, "0.02"},
		"counts that nobody believes":    {"openai", "o1-pro", convo.Usage{Input: 1 << 62, CacheRead: 1 << 62, CacheWrite: 1 << 62, Output: 1 << 62}, "1127428.9152"},
		"counts below nothing":           {"openai", "gpt-4o", convo.Usage{Input: -5, Output: -1 << 62}, "0.00"},
		"another model than its mini":    {"openai", "gpt-4o-mini", convo.Usage{Output: 1_000_000}, "0.60"},
		"a small model of a large model": {"openai", "gpt-4o-mini-2024-07-18", convo.Usage{Output: 1_000_000}, "0.60"},
	} {
		m, ok := prices.Find(tc.provider, tc.model)
		if !ok {
			t.Errorf("%s: %s has no price", name, tc.model)
			continue
		}
		if got := m.Cost(tc.usage).String(); got != tc.want {
			t.Errorf("%s: $%s, want $%s", name, got, tc.want)
		}
	}
	for _, model := range []string{"", "*", "gpt-4o-realtime", "gpt-4o-audio-preview-2024-12-17", "mistral-large-2402", "gpt-99", "ft:gpt-4o:x"} {
		for _, provider := range []string{"openai", "mistral", "nobody"} {
			if _, ok := prices.Find(provider, model); ok {
				t.Errorf("%s/%s has a price", provider, model)
			}
		}
	}
}

// Whatever a call may use, it costs no more than was reserved for it.
func TestNothingCostsMoreThanItsBound(t *testing.T) {
	var all struct{ Providers map[string]map[string]any }
	if file, err := os.ReadFile("prices.json"); err != nil || json.Unmarshal(file, &all) != nil || len(all.Providers) != 5 {
		t.Fatal(err, len(all.Providers))
	}
	prices := table(t, "")
	for provider, models := range all.Providers {
		for name := range models {
			m, _ := prices.Find(provider, name)
			for _, n := range []int64{0, 1, 999, 100_001, 200_001, 272_001} {
				for _, u := range []convo.Usage{{Input: n, Output: n}, {CacheRead: n, Output: n}, {CacheWrite: n, Output: n}, {CacheWrite: n, CacheHour: n, Output: n}, {Input: n / 3, CacheRead: n / 3, CacheWrite: n / 3, Output: n / 2}} {
					if got, most := m.Cost(u), m.Bound(n, n); got > most {
						t.Errorf("%s/%s: %+v costs %s, and %s was reserved", provider, name, u, got, most)
					}
				}
				for _, left := range []usd.Amount{0, 1, usd.Dollar / 100, usd.Dollar, usd.Most} {
					if tokens := m.Affords(left, n); tokens > 0 && m.Bound(n, tokens) > left {
						t.Errorf("%s/%s: %d tokens and %d of answer are more than %s", provider, name, n, tokens, left)
					}
				}
			}
		}
	}
}

func TestAnOperatorsPrices(t *testing.T) {
	prices := table(t, `{"date": "2027-01-01", "providers": {
		"openai": {"gpt-4o": {"input": 1, "output": 2, "max_output": 100}, "llama": {"input": 0, "output": 0}},
		"ollama": {"*": {"input": 0}}}}`)
	if prices.Date != "2027-01-01" {
		t.Error(prices.Date)
	}
	for model, want := range map[string]string{"openai gpt-4o": "3.00", "openai llama": "0.00", "ollama anything": "0.00", "openai gpt-4o-mini": "0.75"} {
		provider, name, _ := strings.Cut(model, " ")
		m, ok := prices.Find(provider, name)
		if got := m.Cost(convo.Usage{Input: 1e6, Output: 1e6}).String(); !ok || got != want {
			t.Errorf("%s: %s, %v", model, got, ok)
		}
	}
	if m, _ := table(t, "").Find("openai", "gpt-4o"); m.Cost(convo.Usage{Output: 1e6}).String() != "10.00" {
		t.Error("the table that the program came with has changed")
	}
	for _, bad := range []string{
		``, `[]`, `{}x`, `{"provider": {}}`,
		`{"providers": {"p": {"m": {}}}}`,
		`{"providers": {"p": {"m": {"input": -1}}}}`,
		`{"providers": {"p": {"m": {"input": 0.0000001}}}}`,
		`{"providers": {"p": {"m": {"input": 1, "output": 1}}}}`,
		`{"providers": {"p": {"m": {"input": 1, "outptu": 1, "max_output": 5}}}}`,
		`{"providers": {"p": {"m": {"input": 1, "over": {"tokens": 0, "input": 2}}}}}`,
		`{"providers": {"p": {"m": {"input": 1, "output": 1, "max_output": 5, "over": {"tokens": 9, "input": 2}}}}}`,
	} {
		if _, err := table(t, "").With([]byte(bad)); fault.CodeOf(err) != "invalid_prices" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
