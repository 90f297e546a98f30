package placeholder_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/oneclaw-dev/oneclaw/internal/childproxy/placeholder"
)

// Tools look at the shape of a credential before they use it.
func TestPlaceholdersHaveTheShapeOfTheirService(t *testing.T) {
	for name, c := range map[string]struct{ variable, path, host, shape string }{
		"GitHub by its host":     {"TOKEN", "a", "api.github.com", `ghp_[A-Za-z0-9]{36}`},
		"GitHub by its variable": {"GH_TOKEN", "a", "git.example.com", `ghp_[A-Za-z0-9]{36}`},
		"GitHub by its path":     {"TOKEN", "ci/github", "git.example.com", `ghp_[A-Za-z0-9]{36}`},
		"GitLab":                 {"GITLAB_TOKEN", "a", "gitlab.com", `glpat-[A-Za-z0-9]{20}`},
		"Anthropic":              {"ANTHROPIC_API_KEY", "a", "api.anthropic.com", `sk-ant-api03-[A-Za-z0-9]{93}AA`},
		"OpenAI":                 {"OPENAI_API_KEY", "a", "api.openai.com", `sk-[A-Za-z0-9]{48}`},
		"npm":                    {"NPM_TOKEN", "a", "registry.npmjs.org", `npm_[A-Za-z0-9]{36}`},
		"Slack":                  {"SLACK_TOKEN", "a", "slack.com", `xoxb-[0-9]{12}-[0-9]{12}-[A-Za-z0-9]{24}`},
		"Stripe":                 {"KEY", "a", "api.stripe.com", `sk_test_[A-Za-z0-9]{99}`},
		"PyPI":                   {"TWINE_PASSWORD", "a", "upload.pypi.org", `pypi-AgEIcHlwaS5vcmc[A-Za-z0-9]{150}`},
		"an id of AWS":           {"AWS_ACCESS_KEY_ID", "aws", "*.amazonaws.com", `AKIA[A-Z2-7]{16}`},
		"a secret of AWS":        {"AWS_SECRET_ACCESS_KEY", "aws", "*.amazonaws.com", `[A-Za-z0-9]{40}`},
		"a JWT":                  {"SERVICE_JWT", "a", "api.example.com", `eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9]{43}`},
		"anything":               {"TOKEN", "a", "api.example.com", `[A-Za-z0-9]{40}`},
		"no host of GitHub":      {"TOKEN", "a", "notgithub.com", `[A-Za-z0-9]{40}`},
	} {
		one, two := placeholder.New(), placeholder.New()
		kind := placeholder.KindOf(c.variable, c.path, []string{c.host})
		p := one.Mint(kind, 1)
		if !regexp.MustCompile(`^` + c.shape + `$`).MatchString(p) {
			t.Errorf("%s: %s", name, p)
		}
		if p == two.Mint(kind, 1) || p == one.Mint(kind, 2) {
			t.Errorf("%s: the placeholder is not of its own", name)
		}
	}
}

func TestAPlaceholderIsFoundInAllSpellings(t *testing.T) {
	s := placeholder.New()
	p := s.Mint(placeholder.KindOf("GH_TOKEN", "a", nil), 7)
	if hits, whole := s.Find("token " + p + "!"); !whole || len(hits) != 1 || hits[0] != (placeholder.Hit{Start: 6, End: 6 + len(p), Number: 7}) {
		t.Errorf("in the clear: %v %v", hits, whole)
	}
	if _, whole := s.Find(p + p[10:]); whole {
		t.Error("a part of one is not told from a whole one")
	}
	escaped := strings.Builder{}
	for _, c := range p {
		_, _ = fmt.Fprintf(&escaped, "%%%02x", c)
	}
	spelled := map[string]string{
		"itself": p, "hex": hex.EncodeToString([]byte(p)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(p))), "URL": escaped.String(), "URL twice": url.QueryEscape(escaped.String()),
		"JSON": strings.ReplaceAll(escaped.String(), "%", `\u00`),
	}
	for before := range 4 {
		text := strings.Repeat("x", before) + p + "yz"
		spelled[fmt.Sprint("base64 after ", before)] = base64.StdEncoding.EncodeToString([]byte(text))
		spelled[fmt.Sprint("base64 for URLs after ", before)] = base64.RawURLEncoding.EncodeToString([]byte(text))
	}
	for name, text := range spelled {
		if !s.Holds("a " + text + " b") {
			t.Errorf("%s: %s is not found", name, text)
		}
	}
	for _, text := range []string{"", "%", `\u00`, "%zz", p[:12], base64.StdEncoding.EncodeToString([]byte("nothing of the kind"))} {
		if s.Holds(text) {
			t.Errorf("%q holds none", text)
		}
	}
}

// However a body is cut into pieces, the last letter of a placeholder is never handed on.
func TestAGuardedBodyEndsBeforeAPlaceholder(t *testing.T) {
	s := placeholder.New()
	p := s.Mint(placeholder.KindOf("GH_TOKEN", "a", nil), 1)
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		before := strings.Repeat("ab\n", r.IntN(60))
		for text, want := range map[string]error{
			before + p + "rest": placeholder.ErrFound, before + base64.StdEncoding.EncodeToString([]byte(p)): placeholder.ErrFound,
			before + "{{secret:x}}": nil,
		} {
			var in io.Reader = strings.NewReader(text)
			if r.IntN(2) == 0 {
				in = iotest.OneByteReader(in)
			} else if r.IntN(2) == 0 {
				in = iotest.HalfReader(in)
			}
			got, err := io.ReadAll(s.Guard(io.NopCloser(in)))
			if !errors.Is(err, want) || s.Holds(string(got)) || want == nil && string(got) != text || !strings.HasPrefix(text, string(got)) {
				t.Fatalf("of %q came %q, %v", text, got, err)
			}
		}
	}
}
