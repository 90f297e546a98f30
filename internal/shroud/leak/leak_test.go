package leak

import (
	"fmt"
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// The samples are made here from the rules themselves, so that the source holds
// nothing that looks like a secret.

// sample writes a text that a pattern matches.
func sample(r *rand.Rand, re *syntax.Regexp, b *strings.Builder) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, c := range re.Rune {
			b.WriteRune(c)
		}
	case syntax.OpCharClass:
		var of []rune
		for i := 0; i < len(re.Rune); i += 2 {
			for c := max(re.Rune[i], 0x21); c <= min(re.Rune[i+1], unicode.MaxASCII-1); c++ {
				of = append(of, c)
			}
		}
		if of == nil {
			of = []rune{' '}
		}
		b.WriteRune(of[r.IntN(len(of))])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('.')
	case syntax.OpAlternate:
		sample(r, re.Sub[r.IntN(len(re.Sub))], b)
	case syntax.OpConcat, syntax.OpCapture:
		for _, s := range re.Sub {
			sample(r, s, b)
		}
	default:
		least, most := re.Min, re.Max
		switch re.Op {
		case syntax.OpQuest:
			least, most = 0, 1
		case syntax.OpStar:
			least, most = 0, 3
		case syntax.OpPlus:
			least, most = 12, 20
		}
		if most < 0 {
			most = least + 10
		}
		for range least + r.IntN(most-least+1) {
			sample(r, re.Sub[0], b)
		}
	}
}

func written(r *rand.Rand, pattern string) string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	sample(r, re, &b)
	return b.String()
}

// secretOf is a value that a rule finds, and a text before it.
func secretOf(t *testing.T, r *rand.Rand, n int) (before, value string) {
	s := rules()
	of := &s.rules[n]
	for range 400 {
		value = written(r, of.Value)
		if text.Entropy(value) <= of.Entropy+0.05 || strings.ContainsAny(value, `\`) {
			continue
		}
		switch {
		case of.Name != "":
			before = written(r, of.Name) + "_id = "
		case of.Lead != "":
			before = of.After + written(r, of.Lead)
		}
		if got := s.allowed(before+value, n, 0, len(before), len(before)+len(value)); !got && !strings.HasSuffix(value, ".") {
			return before, value
		}
	}
	t.Fatalf("%s: no value is a secret, such as %q", of.ID, value)
	return "", ""
}

func TestEveryRuleFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range rules().rules {
		of := &rules().rules[n]
		for range 2 {
			before, value := secretOf(t, r, n)
			after := ""
			if of.End == "at" {
				after = "@db.acme.com"
			}
			for _, around := range []string{"%s", "it is %s, they say", "\n%s\n", "“%s”", "(%s)"} {
				text := fmt.Sprintf(around, before+value+after)
				at := strings.Index(text, value)
				got := Find(text)
				if !slices.ContainsFunc(got, func(m Match) bool { return m.Start <= at && m.End >= at+len(value) && m.End-m.Start < len(value)+40 }) {
					t.Errorf("%s is not found in %q: %v", of.ID, text, got)
				}
			}
		}
	}
}

// token is a value without a shape of its own, and without a word in it.
func token(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "bcdfghjkmnpqrstvwxzBCDFGHJKLMNPQRSTVWXZ23456789"[r.IntN(47)]
		for rules().stop.any(string(b[max(0, i-8) : i+1])) {
			b[i] = "23456789"[r.IntN(8)]
		}
	}
	return string(b)
}

func TestWhatIsAssignedToNamesOfSecrets(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, form := range []string{
		"API_KEY=%s", "api_key: %s", `"token": "%s"`, `{"apiKey":"%s","x":1}`, "export SECRET='%s'", "secret => '%s'", "password := `%s`", "my-access-token = %s;",
		"Set the key to be used: %s.", "Is it key=%s?", "token\n  : %s", "auth ?= %s", "client_secret==%s", "https://x.example/?token=%s&y=1", "db_credential_of_main = \"%s\"",
		"the token = %s（秘密）", "CREDS=%s", "x.api.key >%s<",
	} {
		value := token(r, 32)
		text := fmt.Sprintf(form, value)
		if got := Find(text); len(got) != 1 || text[got[0].Start:got[0].End] != value || got[0].Rule != "generic-api-key" {
			t.Errorf("%q: got %v", text, got)
		}
	}
	for _, form := range []string{"postgres://app:%s@db.acme.com:5432/x", "curl -s -u app:%s https://x", "curl \\\n  --user 'app:%s' https://x", "Authorization: Bearer %s", `{"Authorization":"Basic %s"}`} {
		value := token(r, 24) + "9x"
		text := fmt.Sprintf(form, value)
		if got := Find(text); len(got) != 1 || text[got[0].Start:got[0].End] != value {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestTheRuleThatSaysMostNamesAFinding(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	value := "ghp_" + token(r, 36)
	text := "github_token = " + value
	if got := Find(text); !slices.Equal(got, []Match{{15, len(text), "github-pat"}}) {
		t.Errorf("got %v", got)
	}
}

func TestFalseFriends(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	hash := "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	for _, text := range []string{
		"550e8400-e29b-41d4-a716-446655440000", hash, "sha256:" + hash, "commit " + hash[:40], "golang.org/x/oauth2 v0.36.0 h1:" + token(r, 43) + "=",
		`"integrity": "sha512-` + token(r, 86) + `=="`, "data:image/png;base64," + token(r, 200), "<img src=\"data:image/png;base64," + token(r, 90) + "/" + token(r, 80) + "\">",
		"key: value", "the key to success: persistence", "token = getToken(ctx)", "api_key = os.environ[\"API_KEY\"]", "password = <your password here>", "secret: ${SECRET_FROM_ENVIRONMENT}",
		"token: ${{ secrets.GITHUB_TOKEN }}", "api_key=YOUR_API_KEY_HERE", "password: changeme", "key = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "primary_key = customer_id_and_order_id", "public_key: " + token(r, 32),
		"csrf_token = " + token(r, 32), "keyboard: qwertz-de-1998-xyz", "author: jane-doe-1987-abc", "token_url = https://auth.example.com/token/v2", "version 8.30.1 of 2024-01-15, $1,234.56", "max_tokens: 4096, temperature: 0.7",
		"--mount=type=secret,id=abc1def2ghi3jkl", "import { accessTokenOf } from 'some-module-9a8b7c'", "postgres://postgres:postgres@localhost/x", "https://example.com:8080/a@b", "http://[::1]:80/", "curl -u user:password https://x",
		"Authorization: Bearer YOUR_ACCESS_TOKEN", "Authorization: Bearer <token>", "Authorization: Bearer $TOKEN", "sk_live_", "ghp_short", "xghp_" + token(r, 36), "AKIA" + strings.Repeat("Q", 15), "AKIA" + "IOSFODNN7EXAMPLE",
		"s.makeKubeConfigControllerOf", "keys like ssh, gpg, age, and others", "monkey = banana1split2cherry3", "eyebrow.eyelash.eyelid", "task_id: abcdefghijklmnopqrstuvwxyz",
	} {
		if got := Find(text); len(got) > 0 {
			t.Errorf("%q: got %v %q", text, got, text[got[0].Start:got[0].End])
		}
	}
}

func TestRulesAreSmall(t *testing.T) {
	size := 0
	for n := range rules().rules {
		of := &rules().rules[n]
		size += len(of.value().next) + len(of.name().next) + len(of.lead().next)
		for _, a := range of.Anchors {
			if len(a) < wordFrom || a != strings.ToLower(a) {
				t.Errorf("%s has the anchor %q", of.ID, a)
			}
		}
	}
	for _, a := range rules().allows {
		size += len(a().next)
	}
	if size > 1<<20 {
		t.Errorf("the automata have %d entries", size)
	}
}

// mixed is a text of samples and what looks like them.
func mixed(r *rand.Rand, list []string) string {
	var b strings.Builder
	for range 3 + r.IntN(12) {
		switch r.IntN(6) {
		case 0, 1:
			b.WriteString(list[r.IntN(len(list))])
		case 2:
			b.WriteString([]string{"api_key=", "token: ", "key key key = ", "curl -u a:", "https://u:", "h1:", "secret,", "Authorization: Bearer "}[r.IntN(8)] + token(r, r.IntN(40)))
		case 3:
			b.WriteString(strings.Repeat("word ", r.IntN(40)))
		case 4:
			b.WriteString(token(r, r.IntN(300)))
		}
		b.WriteByte(" \n,\"-_="[r.IntN(7)])
	}
	return b.String()
}

// windows says where a finding is not the same in a window around it.
func windows(text string) error {
	space := func(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
	for _, m := range Find(text) {
		from, to := max(0, m.Start-Around), min(len(text), m.End+Around)
		for from > 0 && !space(text[from-1]) {
			from--
		}
		for to < len(text) && !space(text[to]) {
			to++
		}
		shown := m
		shown.Start, shown.End = m.Start-from, m.End-from
		if got := Find(text[from:to]); !slices.Contains(got, shown) {
			return fmt.Errorf("%v %q is not in its window %q: %v", m, text[m.Start:m.End], text[from:to], got)
		}
	}
	return nil
}

func TestAFindingIsTheSameInAWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	found := 0
	var list []string
	for n := range rules().rules {
		before, value := secretOf(t, r, n)
		list = append(list, before+value)
	}
	for range 300 {
		text := mixed(r, list)
		found += len(Find(text))
		if err := windows(text); err != nil {
			t.Fatal(err)
		}
	}
	if found < 300 {
		t.Errorf("only %d findings", found)
	}
}

func hostile() map[string]string {
	const size = 5 << 20
	r := rand.New(rand.NewPCG(6, 6))
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	var dense strings.Builder
	for dense.Len() < size {
		dense.WriteString("key=" + token(r, 15) + " ")
	}
	return map[string]string{
		"names": fill("key"), "names and marks": fill("key="), "names with tails": fill("key_aaaaaaaaaaaaaaaaaaaa "), "services": fill("twitter = "), "service values": fill("discord:" + token(r, 20) + " "),
		"values of one kind": fill("key=abcdefghijklm2 "), "values": dense.String(), "dull values": fill("token: aaaaaaaaaaab "), "tokens": fill("ghp_"), "jwt": fill("eya"), "jwt parts": fill("eyAAAAAAAAAAAAAAAAAAA."),
		"routable": fill("glpat-"), "slack": fill("xoxb-1111111111-1111111111"), "urls": fill("://a:"), "passwords": fill("://a:bcdefgh@i "), "one url": "://" + fill("a"), "curl": fill("curl "), "curl users": fill("curl -u a:"), "users": fill(" -u a:bcdefgh"),
		"authorization": fill("authorization: bearer "), "letters": fill("s.a"), "one word": fill("a"), "azure": fill("aaa1Q~"), "dashes": fill("sk-proj-"), "base64": fill("ZXlK"), "teams": fill("https://a"), "names in one line": fill("key, "),
	}
}

func TestHostileTextsEnd(t *testing.T) {
	for name, text := range hostile() {
		if got := Find(text[:1<<20]); len(got) > 1<<17 {
			t.Error(name)
		}
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, text := range hostile() {
		b.Run(name, func(b *testing.B) { measure(b, text) })
	}
}

// ordinary are 2 KB as they are said, and as agents send them.
func ordinary() (talk, code string) {
	talk = strings.Repeat("The deployment took 35 minutes: see https://ci.example.com/run/812 for what was done. The key point is that access to the api was slow, and nobody knew why. ", 20)[:2048]
	code = strings.Repeat(`{"role":"tool","name":"get_user","content":{"id":"usr_812","email":"x","api":"v2","keys":["a","b"],"access":"read","limit":100}}`+"\nfunc load(key string) (token, error) { return s.auth.Load(key) }\n", 12)[:2048]
	return talk, code
}

func BenchmarkOrdinary(b *testing.B) {
	talk, code := ordinary()
	b.Run("talk", func(b *testing.B) { measure(b, talk) })
	b.Run("code", func(b *testing.B) { measure(b, code) })
}

// measure runs Find over a text.
func measure(b *testing.B, text string) {
	Find(text) // compiles what it needs
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Find(text)
	}
}

func FuzzFind(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 7))
	for n := range rules().rules {
		of := &rules().rules[n]
		f.Add(of.Anchors[0] + " = " + written(r, of.Value) + " ")
	}
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for _, m := range Find(text) {
			if m.Start < end || m.End <= m.Start || m.End > len(text) || m.Rule == "" {
				t.Fatalf("%v after %d of %d", m, end, len(text))
			}
			end = m.End
		}
		if err := windows(text); err != nil {
			t.Fatal(err)
		}
	})
}
