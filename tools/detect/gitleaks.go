package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"github.com/pelletier/go-toml/v2"
	"github.com/zricethezav/gitleaks/v8/config"
)

// rule is how internal/shroud/leak reads a rule: an anchor, then a name and what
// assigns to it, or what leads to a value, and the value.
type rule struct {
	ID      string   `json:"id"`
	Anchors []string `json:"anchors"`
	Before  int      `json:"before,omitempty"`
	Name    string   `json:"name,omitempty"`
	Lead    string   `json:"lead,omitempty"`
	After   string   `json:"after,omitempty"`
	Value   string   `json:"value"`
	End     string   `json:"end,omitempty"`
	Entropy float64  `json:"entropy,omitempty"`
	Allow   []string `json:"allow,omitempty"`
}

// original is the part of the rules of gitleaks that is read.
type original struct {
	Allowlist allowlist
	Rules     []struct {
		ID, Regex, Path string
		Keywords        []string
		Entropy         float64
		Allowlists      []allowlist
	}
}

type allowlist struct {
	Regexes, StopWords, Paths []string
	RegexTarget, Condition    string
}

const (
	middle = `(?:[ \t\w.-]{0,20})[\s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}(`
	prefix = `[\w.-]{0,50}?`
	stop   = `(?:[\x60'"\s;]|\\[nr]|$)`
)

// left says which rules are not taken, and why.
func left(id string) string {
	switch id {
	case "pkcs12-file", "kubernetes-secret-yaml", "hashicorp-tf-password", "freemius-secret-key", "nuget-config-password":
		return "means something in certain files only"
	case "private-key":
		return "is found by internal/shroud/pii"
	case "curl-auth-header", "curl-auth-user", "sidekiq-sensitive-url":
		return "is one of our own"
	case "facebook-access-token":
		return "has no fixed part"
	}
	return ""
}

// own are the rules that gitleaks has not, or not so that they fit talk as well as files.
func own() []rule {
	rules := []rule{
		{
			ID: "url-password", Anchors: []string{"://"},
			Lead: `://[^\s:/@'"<>?#]*:`, Value: `[^\s/@'"<>{}$]{6,128}`, End: "at", Entropy: 2.2,
			Allow: []string{`(?i)^(?:pass(?:word)?\d{0,4}|postgres|mysql|secret|changeme|token|user(?:name)?|admin|root|test)$`, `(?i)your|example`, `^[*.x]+$`},
		},
		{
			ID: "authorization-header", Anchors: []string{"authorization"},
			Lead: `(?i:authorization['"]?[ \t]*[:=,][ \t'"]*(?:basic|bearer|(?:api-?)?token)[ \t]+)`, Value: `[\w=~.+/-]{12,}`, End: "stop", Entropy: 3.2,
			Allow: []string{`^[a-zA-Z_.-]+$`, `(?i)your|example`, `\.\.\.$`},
		},
		{
			ID: "curl-auth-user", Anchors: []string{" -u", "--user"}, After: "curl ",
			Lead: `(?: -u|--user)[ =]*['"]?[^\s:'"$]+:`, Value: `[^\s'"$<>{}\[\]*]{6,128}`, End: "stop", Entropy: 2.2,
		},
	}
	for _, r := range []struct{ id, value string }{
		{"anthropic-token", `sk-ant-(?:oat|sid)\d\d-[\w-]{60,}`},
		{"buildkite-token", `bkua_[a-f0-9]{40}`},
		{"cloudflare-token", `cf(?:ut|at|k)_[A-Za-z0-9]{40,64}`},
		{"github-app-token", `ghs_\d+_ey[\w-]+\.ey[\w-]+\.[\w-]+`},
		{"google-oauth-client-secret", `GOCSPX-[\w-]{28}`},
		{"google-oauth-token", `ya29\.[\w-]{40,}`},
		{"groq-api-key", `gsk_[A-Za-z0-9]{52}`},
		{"oneclaw-key", `(?:ocv_|1ck_|sk-shroud-v1-)[\w-]{43}`},
		{"openrouter-api-key", `sk-or-v1-[a-f0-9]{64}`},
		{"supabase-token", `sbp_[a-z0-9]{40}`},
		{"xai-api-key", `xai-[A-Za-z0-9]{80}`},
	} {
		made, err := one(r.id, r.value)
		if err != nil {
			panic(err)
		}
		made.End, made.Entropy = "stop", 3
		rules = append(rules, made)
	}
	return rules
}

// inside are the anchors of rules that have none at their beginning: so many bytes from it.
func inside(id string) (anchors []string, before int, value string) {
	switch id {
	case "azure-ad-client-secret":
		for c := '0'; c <= '9'; c++ {
			anchors = append(anchors, string(c)+"q~")
		}
		return anchors, 3, `[a-zA-Z0-9_~.]{3}\dQ~[a-zA-Z0-9_~.-]{31,34}`
	case "maxmind-license-key":
		return []string{"_mmk"}, 36, `[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk`
	case "hashicorp-tf-api-token":
		return []string{".atlasv1."}, 14, `(?i:[a-z0-9]{14}\.(?-i:atlasv1)\.[a-z0-9\-_=]{60,70})`
	case "sourcegraph-access-token":
		return []string{"sgp_"}, 0, `(?i:sgp_(?:[a-f0-9]{16}|local)_[a-f0-9]{40}|sgp_[a-f0-9]{40})`
	}
	return nil, 0, ""
}

func leakRules() ([]byte, error) {
	var from original
	if err := toml.Unmarshal([]byte(config.DefaultConfig), &from); err != nil {
		return nil, err
	}
	rules := own()
	allow := map[string][]string{"secret": from.Allowlist.Regexes}
	stops := from.Allowlist.StopWords
	for _, r := range from.Rules {
		if left(r.ID) != "" {
			continue
		}
		taken, err := translate(r.ID, r.Regex)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.ID, err)
		}
		for i := range taken {
			taken[i].Entropy = r.Entropy
		}
		if r.ID != "generic-api-key" {
			for i := range taken {
				taken[i].Allow = allowed(r.ID, r.Allowlists)
			}
			rules = append(rules, taken...)
			continue
		}
		for _, a := range r.Allowlists {
			if len(a.Paths) > 0 || a.RegexTarget == "line" {
				continue // what they allow is not found without them either
			}
			allow["generic "+cmp.Or(a.RegexTarget, "secret")] = append(allow["generic "+cmp.Or(a.RegexTarget, "secret")], a.Regexes...)
			stops = append(stops, a.StopWords...)
		}
		rules = append(rules, taken...)
	}
	// Sums of modules, which gitleaks leaves out by the names of files.
	allow["generic match"] = append(allow["generic match"], `[ \t]h1:[A-Za-z0-9+/]`)
	return write(rules, allow, stops)
}

// allowed are the values that are no secrets of a rule. Single ones are left
// out: they look like real ones.
func allowed(id string, lists []allowlist) (of []string) {
	for _, l := range lists {
		if len(l.Paths) == 0 && l.RegexTarget == "" && id != "gcp-api-key" {
			of = append(of, l.Regexes...)
		}
	}
	return of
}

// translate takes a rule apart.
func translate(id, x string) (rules []rule, err error) {
	if anchors, before, value := inside(id); anchors != nil {
		return []rule{{ID: id, Anchors: anchors, Before: before, Value: value, End: "stop"}}, nil
	}
	for _, part := range strings.SplitAfter(x, stop+"|") {
		r, err := one(id, strings.TrimSuffix(part, "|"))
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func one(id, x string) (rule, error) {
	r := rule{ID: id}
	for _, e := range []struct{ of, name string }{
		{stop, "stop"}, {`(?:[\x60'"\s;]|\\[nr]|$|\b)`, "word"}, {`(?:[^\w-]|\z)`, "stop"}, {`(?:[^a-zA-Z0-9+/]|\z)`, "stop"}, {`\b`, "word"},
	} {
		if rest, ok := strings.CutSuffix(x, e.of); ok {
			x, r.End = rest, e.name
			break
		}
	}
	fold := func(on bool, s string) string {
		if on {
			return "(?i:" + s + ")"
		}
		return "(?:" + s + ")"
	}
	// Inside of a value, an equals sign begins another one.
	x = strings.ReplaceAll(x, `[\w.=-]{10,150}`, `[\w.-]{10,150}={0,3}`)
	x = strings.ReplaceAll(x, "new-york-times,", "new-york-times") // the comma is not meant
	// Where so much may follow, more may: each number would be a state.
	x = regexp.MustCompile(`\{(\d+),\d{3,}\}`).ReplaceAllString(x, "{$1,}")
	x, anyCase := strings.CutPrefix(x, "(?i)")
	var of string
	if before, value, ok := strings.Cut(x, middle); ok {
		r.Value = fold(anyCase, strings.TrimSuffix(value, ")"))
		r.Name = fold(true, strings.TrimPrefix(before, prefix))
		of = r.Name
	} else if before, after, ok := strings.Cut(x, `(?:[ \t\w.-]{0,20})[\s'"]{0,3})`); ok {
		_, value, _ := strings.Cut(after, `{0,5}(`)
		r.Value = fold(anyCase, strings.TrimSuffix(value, ")"))
		r.Name = fold(true, strings.TrimPrefix(before, prefix+"(?i:"+prefix))
		of = r.Name
	} else {
		// Edges of words are looked at where the value begins and ends.
		r.Value = fold(anyCase, strings.ReplaceAll(x, `\b`, ""))
		of = r.Value
	}
	re, err := syntax.Parse(of, syntax.Perl)
	if err != nil {
		return r, fmt.Errorf("%s: %w", of, err)
	}
	anchors, _ := begins(re)
	for _, a := range anchors {
		if len(a) < 3 {
			return r, fmt.Errorf("begins with %q", a)
		}
		a = a[:min(len(a), 12)]
		if !slices.Contains(r.Anchors, a) {
			r.Anchors = append(r.Anchors, a)
		}
	}
	slices.Sort(r.Anchors)
	// An anchor that another begins with says nothing more.
	r.Anchors = slices.CompactFunc(r.Anchors, func(a, b string) bool { return strings.HasPrefix(b, a) })
	return r, nil
}

const mostAnchors = 64

// begins is what all texts begin with that a pattern matches, in small letters,
// and whether that is all of them.
func begins(re *syntax.Regexp) (with []string, all bool) {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(re.Rune))}, true
	case syntax.OpCharClass:
		set := map[rune]bool{}
		for i := 0; i < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= min(re.Rune[i+1], unicode.MaxASCII); r++ {
				set[unicode.ToLower(r)] = true
			}
		}
		for r := range set {
			with = append(with, string(r))
		}
		slices.Sort(with)
		return with, true
	case syntax.OpCapture:
		return begins(re.Sub[0])
	case syntax.OpQuest:
		with, all = begins(re.Sub[0])
		return append(with, ""), all
	case syntax.OpPlus:
		with, _ = begins(re.Sub[0])
		return with, false
	case syntax.OpRepeat:
		if re.Min == 0 {
			return []string{""}, false
		}
		with, all = begins(re.Sub[0])
		return with, all && re.Max == 1
	case syntax.OpAlternate:
		all = true
		for _, s := range re.Sub {
			w, a := begins(s)
			with, all = append(with, w...), all && a
		}
		return with, all
	case syntax.OpConcat:
		with, all = []string{""}, true
		for _, s := range re.Sub {
			w, a := begins(s)
			if long := !slices.ContainsFunc(with, func(x string) bool { return len(x) < 3 }); len(w)*len(with) > mostAnchors || long && len(w) > 3 {
				return with, false
			}
			var next []string
			for _, x := range with {
				for _, y := range w {
					next = append(next, x+y)
				}
			}
			if with = next; !a {
				return with, false
			}
		}
		return with, true
	}
	return []string{""}, false
}

// write puts each rule on a line of its own.
func write(rules []rule, allow map[string][]string, stops []string) ([]byte, error) {
	line := func(v any) string {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			panic(err)
		}
		return strings.TrimSpace(b.String())
	}
	var b bytes.Buffer
	b.WriteString("{\"rules\": [\n")
	for i, r := range rules {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(line(r))
	}
	fmt.Fprintf(&b, "\n],\n\"allow\": %s,\n", line(allow))
	slices.Sort(stops)
	fmt.Fprintf(&b, "\"stop\": %s}\n", strings.ReplaceAll(line(slices.Compact(stops)), `","`, "\",\n\""))
	return b.Bytes(), nil
}
