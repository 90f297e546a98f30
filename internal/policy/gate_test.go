package policy_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// paths are all of up to four segments of up to two letters of two.
func paths() (all []string) {
	names := []string{"a", "b", "aa", "ab", "ba", "bb"}
	last := []string{""}
	for range 4 {
		var next []string
		for _, p := range last {
			for _, n := range names {
				next = append(next, strings.TrimPrefix(p+"/"+n, "/"))
			}
		}
		all, last = append(all, next...), next
	}
	return all
}

func compiled(t testing.TB, text string) policy.Pattern {
	t.Helper()
	p, err := policy.Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Overlap says what trying all paths says.
func TestOverlapAgreesWithTryingAllPaths(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	segments := []string{"a", "b", "ab", "*", "a*", "*b", "**", "**"}
	pattern := func() policy.Pattern {
		parts := make([]string, 1+r.IntN(3))
		for i := range parts {
			parts[i] = segments[r.IntN(len(segments))]
		}
		return compiled(t, strings.Join(parts, "/"))
	}
	all := paths()
	met := map[bool]int{}
	for range 2000 {
		a, b := pattern(), pattern()
		want := false
		for _, p := range all {
			if a.Match(p) && b.Match(p) {
				want = true
				break
			}
		}
		met[want]++
		if got := policy.Overlap(a, b); got != want || got != policy.Overlap(b, a) {
			t.Fatalf("%s and %s: %v, want %v", a, b, got, want)
		}
	}
	if met[true] < 200 || met[false] < 200 {
		t.Errorf("the patterns say little: %v", met)
	}
}

// FuzzOverlap: what both match, overlaps.
func FuzzOverlap(f *testing.F) {
	f.Add("prod/**", "**/db", "prod/x/db")
	f.Add("a*/b", "*c/*", "abc/b")
	f.Fuzz(func(t *testing.T, left, right, path string) {
		a, err := policy.Compile(left)
		b, err2 := policy.Compile(right)
		if err != nil || err2 != nil {
			return
		}
		over := policy.Overlap(a, b)
		if over != policy.Overlap(b, a) || a.Match(path) && b.Match(path) && !over {
			t.Errorf("%q and %q at %q: %v", left, right, path, over)
		}
	})
}

func TestLoosens(t *testing.T) {
	const terms = `{"require_approval":{"valid_seconds":600,"max_uses":2}}`
	id := func(id string) change { return func(s *policy.Spec) { s.ID = id } }
	gate := grant("prod/*", "read,delete", id("gate"), when(terms))
	free := grant("prod/**", "read", id("free"))
	long := until(noon.Now.Add(time.Hour))
	for name, c := range map[string]struct {
		rows []policy.Spec
		now  policy.Spec // without an id: the policy of drop goes
		drop string
		want bool
	}{
		"no gate, no question":                   {now: free},
		"an ungated policy over a gate":          {rows: specs(gate), now: free, want: true},
		"for somebody else too":                  {rows: specs(gate), now: grant("prod/db", "read", id("x"), to("user", "eve")), want: true},
		"one with a condition":                   {rows: specs(gate), now: grant("prod/db", "read", id("x"), when(farIP)), want: true},
		"one that ends":                          {rows: specs(gate), now: grant("prod/db", "read", id("x"), long), want: true},
		"over a gate that is over":               {rows: specs(grant("prod/*", "read", id("gate"), when(terms), until(noon.Now.Add(-time.Hour)))), now: free, want: true},
		"beside the gate":                        {rows: specs(gate), now: grant("dev/**", "read", id("x"))},
		"deeper than the gate":                   {rows: specs(gate), now: grant("prod/*/*", "read", id("x"))},
		"for another operation":                  {rows: specs(grant("prod/*", "read", id("gate"), when(terms))), now: grant("prod/db", "write", id("x"))},
		"writing deletes":                        {rows: specs(gate), now: grant("prod/db", "write", id("x")), want: true},
		"in another vault":                       {rows: specs(gate), now: grant("prod/db", "read", id("x"), func(s *policy.Spec) { s.Vault = "v2" })},
		"a gated policy over a gate":             {rows: specs(gate), now: grant("**", "read", id("x"), when(terms))},
		"on laxer terms":                         {rows: specs(gate), now: grant("**", "read", id("x"), when(`{"require_approval":{"valid_seconds":601,"max_uses":1}}`)), want: true},
		"on laxer terms for others":              {rows: specs(gate), now: grant("**", "read", id("x"), to("user", "eve"), when(`{"require_approval":{"max_uses":9}}`))},
		"the gate is lifted":                     {rows: specs(gate), now: grant("prod/*", "read,delete", id("gate")), want: true},
		"the gate gives more uses":               {rows: specs(gate), now: grant("prod/*", "read,delete", id("gate"), when(`{"require_approval":{"valid_seconds":600,"max_uses":3}}`)), want: true},
		"the gate gives fewer":                   {rows: specs(gate), now: grant("prod/*", "read,delete", id("gate"), when(`{"require_approval":{"valid_seconds":600,"max_uses":1}}`))},
		"the gate covers more":                   {rows: specs(gate), now: grant("prod/*", "read,write", id("gate"), when(terms))},
		"the gate covers less":                   {rows: specs(gate), now: grant("prod/*", "read", id("gate"), when(terms)), want: true},
		"the gate ends sooner":                   {rows: specs(gate), now: grant("prod/*", "read,delete", id("gate"), when(terms), long)},
		"the gate is deleted":                    {rows: specs(gate), drop: "gate", want: true},
		"an ungated policy is deleted":           {rows: specs(gate, free), drop: "free"},
		"nothing is deleted":                     {rows: specs(gate), drop: "none"},
		"a free policy is edited to less":        {rows: specs(gate, grant("prod/**", "read,write", id("free"))), now: free},
		"a free policy gets a gate":              {rows: specs(gate, free), now: grant("prod/**", "read", id("free"), when(terms))},
		"a free policy is made longer":           {rows: specs(gate, grant("prod/**", "read", id("free"), long)), now: free, want: true},
		"a free policy loses its condition":      {rows: specs(gate, grant("prod/**", "read", id("free"), when(farIP))), now: free, want: true},
		"a free policy gets a condition":         {rows: specs(gate, free), now: grant("prod/**", "read", id("free"), when(atNight))},
		"a free policy's other hours":            {rows: specs(gate, grant("prod/**", "read", id("free"), when(atNight))), now: grant("prod/**", "read", id("free"), when(`{"time_window":{"after":"08:00"}}`)), want: true},
		"a free policy gives another permission": {rows: specs(gate, free), now: grant("prod/**", "read,delete", id("free")), want: true},
	} {
		t.Run(name, func(t *testing.T) {
			var now *policy.Policy
			if c.now.ID != "" {
				p, err := policy.CompilePolicy(c.now)
				if err != nil {
					t.Fatal(err)
				}
				now = &p
			}
			if got := set(t, c.rows...).Loosens(c.drop, now); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestGives(t *testing.T) {
	const terms, more = `{"require_approval":{"max_uses":2}}`, `{"require_approval":{"max_uses":3}}`
	soon, later := until(noon.Now.Add(time.Hour)), until(noon.Now.Add(2*time.Hour))
	was := grant("prod/*", "read", soon, when(farIP))
	for name, c := range map[string]struct {
		was, now policy.Spec
		want     bool
	}{
		"the same":                {was: was, now: was, want: true},
		"less":                    {was: grant("prod/*", "read,write"), now: was, want: true},
		"another permission":      {was: was, now: grant("prod/*", "read,write", soon, when(farIP))},
		"longer":                  {was: was, now: grant("prod/*", "read", later, when(farIP))},
		"for ever":                {was: was, now: grant("prod/*", "read", when(farIP))},
		"from fewer addresses":    {was: grant("a", "read", when(`{"ip_allowlist":["10.0.0.0/8"]}`)), now: grant("a", "read", when(`{"ip_allowlist":["10.1.0.0/16","10.2.3.4"]}`)), want: true},
		"from more addresses":     {was: grant("a", "read", when(`{"ip_allowlist":["10.1.0.0/16"]}`)), now: grant("a", "read", when(`{"ip_allowlist":["10.0.0.0/8"]}`))},
		"from anywhere":           {was: was, now: grant("prod/*", "read", soon)},
		"at other hours":          {was: grant("a", "read", when(atNight)), now: grant("a", "read", when(`{"time_window":{"after":"08:00"}}`))},
		"with approvals from now": {was: grant("a", "read"), now: grant("a", "read", when(terms)), want: true},
		"without approvals":       {was: grant("a", "read", when(terms)), now: grant("a", "read")},
		"with fewer uses":         {was: grant("a", "read", when(more)), now: grant("a", "read", when(terms)), want: true},
		"with more uses":          {was: grant("a", "read", when(terms)), now: grant("a", "read", when(more))},
	} {
		before, err := policy.CompilePolicy(c.was)
		after, err2 := policy.CompilePolicy(c.now)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(name, err)
		}
		if got := before.Gives(&after); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWidens(t *testing.T) {
	const terms = `{"require_approval":{"valid_seconds":600,"max_uses":2}}`
	bot := to("agent", "bot")
	gate := grant("prod/*", "read", when(terms), to("user", "eve"))
	free := grant("**", "read", bot)
	none, dev := policy.Cap{}, policy.Cap{Scopes: []string{"dev/**"}}
	for name, c := range map[string]struct {
		rows     []policy.Spec
		was, now policy.Cap
		made     bool // the agent made the vault
		lent     []string
		want     bool
	}{
		"the cap lifted":                   {rows: specs(gate, free), was: dev, now: none, want: true},
		"the cap lifted by a word":         {rows: specs(gate, free), was: dev, now: policy.Cap{Scopes: []string{"vault:read"}}, want: true},
		"a scope more":                     {rows: specs(gate, free), was: dev, now: policy.Cap{Scopes: []string{"dev/**", "*/db"}}, want: true},
		"a scope more beside the gate":     {rows: specs(gate, free), was: dev, now: policy.Cap{Scopes: []string{"dev/**", "test/**"}}},
		"a scope less":                     {rows: specs(gate, free), was: policy.Cap{Scopes: []string{"dev/**", "prod/**"}}, now: dev},
		"a first scope":                    {rows: specs(gate, free), was: none, now: dev},
		"no gate":                          {rows: specs(free), was: dev, now: none},
		"nothing that is free":             {rows: specs(gate, grant("**", "read", bot, when(terms))), was: dev, now: none},
		"a free policy aside":              {rows: specs(gate, grant("dev/**", "read", bot)), was: dev, now: none},
		"a free policy of another":         {rows: specs(gate, grant("**", "read", to("agent", "else"))), was: dev, now: none},
		"the vault":                        {rows: specs(gate, free), was: policy.Cap{Vaults: []string{"v2"}}, now: policy.Cap{Vaults: []string{"v2", "v1"}}, want: true},
		"all vaults":                       {rows: specs(gate, free), was: policy.Cap{Vaults: []string{"v2"}}, want: true},
		"another vault":                    {rows: specs(gate, free), was: policy.Cap{Vaults: []string{"v2"}}, now: policy.Cap{Vaults: []string{"v3"}}},
		"the vault, capped":                {rows: specs(gate, free), was: policy.Cap{Vaults: []string{"v2"}}, now: policy.Cap{Scopes: []string{"dev/**"}}},
		"it works again":                   {rows: specs(gate, free), was: policy.Cap{Nowhere: true}, want: true},
		"it stops":                         {rows: specs(gate, free), now: policy.Cap{Nowhere: true}},
		"its own vault":                    {rows: specs(gate), was: dev, now: none, made: true, want: true},
		"its own vault, gated for itself":  {rows: specs(grant("prod/*", "read", when(terms), bot)), was: dev, now: none, made: true},
		"its own vault, beside the gate":   {rows: specs(gate), was: dev, now: policy.Cap{Scopes: []string{"dev/**", "test/*"}}, made: true},
		"its own vault, with nothing more": {rows: specs(gate), now: none, made: true},
		"lent":                             {rows: specs(gate), was: dev, now: none, lent: []string{"dev/a", "prod/a"}, want: true},
		"lent, by a word":                  {rows: specs(gate), was: dev, now: policy.Cap{Scopes: []string{"vault:read"}}, lent: []string{"prod/a"}, want: true},
		"lent, a new start":                {rows: specs(gate), was: policy.Cap{Nowhere: true}, now: policy.Cap{Scopes: []string{"prod/*"}}, lent: []string{"prod/a"}, want: true},
		"lent, and reached before":         {rows: specs(gate), was: policy.Cap{Scopes: []string{"prod/*"}}, now: none, lent: []string{"prod/a"}},
		"lent, and not reached":            {rows: specs(gate), was: dev, now: policy.Cap{Scopes: []string{"prod/b"}}, lent: []string{"prod/a"}},
		"lent, without a gate":             {rows: specs(gate), was: dev, now: none, lent: []string{"test/a"}},
		"lent, with a gate of writes":      {rows: specs(grant("**", "write", when(terms), to("user", "eve"))), was: dev, now: none, lent: []string{"prod/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := &policy.Vault{ID: "v1"}
			if c.made {
				v.CreatedBy, v.CreatedByKind = "bot", policy.KindAgent
			}
			if got := set(t, c.rows...).Widens("bot", v, c.was, c.now, c.lent); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
