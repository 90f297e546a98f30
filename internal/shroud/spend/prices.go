package spend

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"math/bits"
	"regexp"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/usd"
)

// rates are what a token costs, in trillionths of a dollar.
type rates struct{ input, cacheRead, cacheWrite, cacheHour, output int64 }

// Model is what calls of a model cost.
type Model struct {
	rates
	// over is from how many tokens of input on a whole call costs long; 0: never.
	over int64
	long rates
	// maxOutput is how many tokens an answer has at most; 0: answers cost nothing.
	maxOutput int64
	// allShown says that answers show all that is billed: no tokens are thought in unseen.
	allShown bool
}

// maxTokens is more than any call has: beyond it a count is not believed.
const maxTokens = 1 << 30

func (m *Model) ratesFor(input int64) *rates {
	if m.over > 0 && input > m.over {
		return &m.long
	}
	return &m.rates
}

// Cost is what a call of so many tokens costs, rounded up to a billionth of a dollar.
func (m *Model) Cost(u convo.Usage) usd.Amount {
	for _, n := range []*int64{&u.Input, &u.CacheRead, &u.CacheWrite, &u.CacheHour, &u.Output} {
		*n = min(max(*n, 0), maxTokens)
	}
	r := m.ratesFor(u.Input + u.CacheRead + u.CacheWrite)
	hour := min(u.CacheHour, u.CacheWrite)
	return amount(u.Input*r.input, u.CacheRead*r.cacheRead, (u.CacheWrite-hour)*r.cacheWrite+hour*r.cacheHour, u.Output*r.output)
}

// Bound is what a call costs at most: no cache helps it, and all of it is written to the
// dearest.
func (m *Model) Bound(input, output int64) usd.Amount {
	input, output = min(input, maxTokens), min(output, maxTokens)
	r := m.ratesFor(input)
	return amount(input*max(r.input, r.cacheRead, r.cacheWrite, r.cacheHour), output*r.output)
}

// Affords is how many tokens of an answer can be had beside the input.
func (m *Model) Affords(left usd.Amount, input int64) int64 {
	left -= m.Bound(input, 0)
	rate := m.ratesFor(min(input, maxTokens)).output
	switch {
	case left < 0:
		return 0
	case rate == 0:
		return maxTokens
	}
	high, low := bits.Mul64(uint64(left), perAmount)
	if high >= uint64(rate) {
		return maxTokens
	}
	n, _ := bits.Div64(high, low, uint64(rate))
	return int64(min(n, maxTokens))
}

// perAmount is how many trillionths of a dollar an usd.Amount of one is.
const perAmount = 1000

func amount(parts ...int64) usd.Amount {
	var sum int64 // none is more than maxTokens of the highest rate: four of them fit
	for _, n := range parts {
		sum += n
	}
	return usd.Amount((sum + perAmount - 1) / perAmount)
}

// Table is what the models of all providers cost. It does not change.
type Table struct {
	// Date is when the prices were looked up.
	Date   string
	models map[string]map[string]Model
}

//go:embed prices.json
var ownPrices []byte

// Prices is the table that the program came with.
func Prices() (*Table, error) { return (&Table{}).With(ownPrices) }

// anyModel stands for the models of a provider that have no entry.
const anyModel = "*"

// With is the table with the entries of a file, each in the place of the one of its name.
func (t *Table) With(file []byte) (*Table, error) {
	in := json.NewDecoder(bytes.NewReader(file))
	in.DisallowUnknownFields()
	var f priceFile
	err := in.Decode(&f)
	if err == nil {
		if _, more := in.Token(); more != io.EOF {
			err = fmt.Errorf("something follows the object")
		}
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "invalid_prices", "The file of prices is not an object as docs/shroud-limits.md describes it.")
	}
	out := &Table{Date: t.Date, models: map[string]map[string]Model{}}
	for provider, models := range t.models {
		out.models[provider] = maps.Clone(models)
	}
	if f.Date != "" {
		out.Date = f.Date
	}
	for provider, models := range f.Providers {
		if out.models[provider] == nil {
			out.models[provider] = map[string]Model{}
		}
		for name, price := range models {
			m, ok := price.model()
			if !ok {
				return nil, fault.New(fault.Invalid, "invalid_prices", "A price in the file of prices is not one: prices are dollars for a million tokens, such as 0.25, with six decimals at most and 1000 at most. "+
					"Who has a price of output has max_output too.")
			}
			out.models[provider][name] = m
		}
	}
	return out, nil
}

// dated is what follows the name of a model of which there are several editions at one price.
var dated = regexp.MustCompile(`(-preview)?-(\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{8}|\d{3,4})$`)

// Find returns what a model costs: that of its name, of its name without a date, or of all others
// of the provider.
func (t *Table) Find(provider, model string) (Model, bool) {
	models := t.models[provider]
	model = strings.TrimPrefix(model, "models/")
	for _, name := range []string{model, dated.ReplaceAllString(model, ""), anyModel} {
		if m, ok := models[name]; ok && name != "" {
			return m, true
		}
	}
	return Model{}, false
}

// Lists reports whether a model is named in the table, alone or without its date.
func (t *Table) Lists(provider, model string) bool {
	model = strings.TrimPrefix(model, "models/")
	_, named := t.models[provider][model]
	_, dateless := t.models[provider][dated.ReplaceAllString(model, "")]
	return model != anyModel && (named || dateless)
}

type priceFile struct {
	Date      string                          `json:"date"`
	Providers map[string]map[string]priceLine `json:"providers"`
}

type priceRates struct {
	Input      json.Number `json:"input"`
	CacheRead  json.Number `json:"cache_read"`
	CacheWrite json.Number `json:"cache_write"`
	CacheHour  json.Number `json:"cache_write_hour"`
	Output     json.Number `json:"output"`
}

type priceLine struct {
	priceRates
	MaxOutput int64 `json:"max_output"`
	AllShown  bool  `json:"all_shown"`
	Over      *struct {
		Tokens int64 `json:"tokens"`
		priceRates
	} `json:"over"`
}

func (p *priceLine) model() (Model, bool) {
	r, ok := p.rates()
	m := Model{rates: r, maxOutput: p.MaxOutput, allShown: p.AllShown}
	if p.Over != nil {
		var long bool
		m.over = p.Over.Tokens
		m.long, long = p.Over.rates()
		ok = ok && long && m.over > 0 && (m.long.output > 0) == (r.output > 0)
	}
	return m, ok && m.maxOutput >= 0 && m.maxOutput <= math.MaxInt32 && (r.output == 0 || m.maxOutput > 0)
}

// rates are those of a line. Where nothing is said of a cache, it makes no difference; where
// nothing is said of an hour in it, that costs what a shorter time does.
func (p *priceRates) rates() (rates, bool) {
	input, ok := usd.ParseRate(p.Input.String())
	r := rates{input: input, cacheRead: input, cacheWrite: input}
	for _, f := range []struct {
		text json.Number
		to   *int64
	}{{p.CacheRead, &r.cacheRead}, {p.CacheWrite, &r.cacheWrite}, {p.CacheHour, &r.cacheHour}, {p.Output, &r.output}} {
		if f.text == "" {
			continue
		}
		n, good := usd.ParseRate(f.text.String())
		*f.to, ok = n, ok && good
	}
	if p.CacheHour == "" {
		r.cacheHour = r.cacheWrite
	}
	return r, ok
}
