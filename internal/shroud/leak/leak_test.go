package leak

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func detector(t testing.TB) *Detector {
	t.Helper()
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// made is a random text of an alphabet: nobody's key.
func made(n int, alphabet string) string {
	random := rand.New(rand.NewPCG(uint64(n), uint64(len(alphabet))))
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[random.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz0123456789"
	mixed  = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789abcdef"
	base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

func TestSecretsAreFoundByTheirShape(t *testing.T) {
	d := detector(t)
	for id, test := range map[string]struct{ before, secret, after string }{
		"github-pat":           {"token: ", "ghp_" + made(36, mixed), "\n"},
		"aws-access-token":     {"id=", "AKIA" + made(16, base32), " "},
		"slack-bot-token":      {`"`, "xoxb-" + made(12, "0123456789") + "-" + made(12, "0123456789") + made(24, mixed), `"`},
		"stripe-access-token":  {"export STRIPE=", "sk_live_" + made(30, mixed), "\n"},
		"gitlab-pat":           {"use ", "glpat-" + made(20, mixed), " now"},
		"npm-access-token":     {"//registry/:_authToken=", "npm_" + made(36, lower), "\n"},
		"private-key":          {"x\n", "-----BEGIN EC PRIVATE KEY-----\n" + made(120, mixed) + "\n-----END EC PRIVATE KEY-----", "\n"},
		"generic-api-key":      {`api_key = "`, made(32, mixed), `"`},
		"datadog-access-token": {"datadog_api_key: '", made(40, lower), "'"},
		"oneclaw-key":          {"ONECLAW_AGENT_API_KEY=", "ocv_" + made(43, mixed), "\n"},
		"url-password":         {"postgres://app:", "hV7" + made(12, mixed), "@db.example.com/x"},
	} {
		s := strings.Repeat("Nothing here. ", 50) + test.before + test.secret + test.after + strings.Repeat("Nor here. ", 50)
		found := d.Find(s)
		if len(found) != 1 || found[0].Pattern != id || s[found[0].Start:found[0].End] != test.secret {
			t.Errorf("%s: %+v", id, found)
		}
	}
}

func TestWhatIsNoSecretIsNotFound(t *testing.T) {
	d := detector(t)
	for _, s := range []string{
		"", "api_key = os.environ['API_KEY']", `password: "changeme"`, "token = ${TOKEN}", "key: {{ .Values.secret }}", `secret_key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`,
		"AKIAIOSFODNN7EXAMPLE", "the key to success is patience and hard work", "monkey = banana_bread_recipe", "postgres://app:${PASSWORD}@db/x", "https://example.com/a:b@c",
		"integrity sha512-" + strings.Repeat("a", 86) + "==", "commit " + made(40, digits), "123e4567-e89b-12d3-a456-426614174000", "author: John Smith <john@example.com>",
	} {
		if found := d.Find(s); len(found) > 0 {
			t.Errorf("%q: %+v", s, found)
		}
	}
}

func TestAllRulesAreGood(t *testing.T) {
	d := detector(t)
	if len(d.rules) < 200 {
		t.Errorf("%d rules", len(d.rules))
	}
	seen := map[string]bool{}
	for _, r := range d.rules {
		if _, err := regexp.Compile(r.Regex); err != nil || len(r.Words) == 0 || seen[r.ID] {
			t.Errorf("%s: %v, words %v", r.ID, err, r.Words)
		}
		seen[r.ID] = true
		for _, w := range r.Words {
			if w != strings.ToLower(w) {
				t.Errorf("%s: word %q is not in lower case", r.ID, w)
			}
		}
		for _, a := range r.Allow {
			for _, expr := range a.Regexes {
				if _, err := regexp.Compile(expr); err != nil {
					t.Errorf("%s: %v", r.ID, err)
				}
			}
		}
	}
}

// TestWhereRulesLookIsWhereTheyMatch compares with the expressions on the whole text.
func TestWhereRulesLookIsWhereTheyMatch(t *testing.T) {
	d := detector(t)
	random := rand.New(rand.NewPCG(4, 2))
	pieces := []string{"api_key", "token", " = ", ": ", `"`, "\n", "ghp_" + made(36, mixed), made(32, lower), made(40, mixed), "facebook", "AKIA" + made(16, base32), "secret", "password=", " ", "sk_live_" + made(30, mixed), "key", "-", "twitter_", made(25, mixed)}
	compiled := map[string]*regexp.Regexp{}
	for range 60 {
		var b strings.Builder
		for range 4 + random.IntN(30) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		s := b.String()
		got := map[string]bool{}
		d.patterns.Find(s, func(i int, _ []int) { got[d.rules[i].ID] = true })
		for _, r := range d.rules {
			if r.ID == generic { // it asks for a digit too
				continue
			}
			if compiled[r.ID] == nil {
				compiled[r.ID] = regexp.MustCompile(r.Regex)
			}
			named := slices.ContainsFunc(r.Words, func(w string) bool { return strings.Contains(strings.ToLower(s), w) })
			if named && compiled[r.ID].MatchString(s) && !got[r.ID] {
				t.Errorf("%s matches in %q, and is not found", r.ID, s)
			}
		}
	}
}

func FuzzFind(f *testing.F) {
	d, err := New()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`api_key = "` + made(32, mixed) + `" ghp_` + made(36, mixed) + " postgres://a:b@c")
	f.Fuzz(func(t *testing.T, s string) {
		end := 0
		for _, x := range d.Find(s) {
			if x.Start < end || x.Start >= x.End || x.End > len(s) {
				t.Fatalf("%+v after %d in %q", x, end, s)
			}
			end = x.End
		}
	})
}

func BenchmarkFind(b *testing.B) {
	d := detector(b)
	for _, unit := range []string{"The quick brown fox. ", "key=", "api_key = abcdefgh0 ", "ghp_", "eyJ", "secret:", "://a:b", "s.abcdefgh", "curl -u "} {
		s := strings.Repeat(unit, 5<<20/len(unit))
		b.Run(fmt.Sprintf("5MB/%q", unit), func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				d.Find(s)
			}
		})
	}
}
