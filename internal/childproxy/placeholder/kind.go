package placeholder

import (
	"encoding/base64"
	"slices"
	"strings"
)

// Kind is the shape of a placeholder: text that its provider's tools look at, and how many
// letters follow. The mark is among them.
type Kind struct {
	before, after string
	letters       int
	alphabet      string
	hosts         []string // that it is used at; names below them, too
	words         []string // in the name of a variable or a path
}

func (k Kind) draw(mark string) string {
	return k.before + draw(k.letters-len(mark)-1, k.alphabet) + mark + draw(1, k.alphabet) + k.after
}

// KindOf is the shape for a variable with a secret at a path that is bound to hosts. What the
// variable is called counts most: two variables of one service hold different things.
func KindOf(variable, path string, hosts []string) Kind {
	all := kinds()
	variable, path = strings.ToLower(variable), strings.ToLower(path)
	for _, k := range all {
		if k.named(variable) {
			return k
		}
	}
	for _, k := range all {
		for _, h := range hosts {
			if k.at(h) {
				return k
			}
		}
	}
	for _, k := range all {
		if k.named(path) {
			return k
		}
	}
	return Kind{letters: 40, alphabet: alnum}
}

func (k Kind) named(text string) bool {
	return slices.ContainsFunc(k.words, func(w string) bool { return strings.Contains(text, w) })
}

func (k Kind) at(host string) bool {
	host = strings.TrimPrefix(host, "*.")
	return slices.ContainsFunc(k.hosts, func(h string) bool { return host == h || strings.HasSuffix(host, "."+h) })
}

// kinds are the shapes that tools check, or choose by: the more particular ones come first.
func kinds() []Kind {
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"placeholder"}`)) + "."
	return []Kind{
		{before: "AKIA", letters: 16, alphabet: upper, words: []string{"access_key_id", "access-key-id"}},
		{letters: 40, alphabet: alnum, words: []string{"secret_access_key", "secret-access-key"}},
		{letters: 200, alphabet: alnum, words: []string{"session_token", "security_token"}},
		{before: header, letters: 43, alphabet: alnum, words: []string{"jwt"}},
		{before: "ghp_", letters: 36, alphabet: alnum, hosts: []string{"github.com", "githubusercontent.com", "ghcr.io"}, words: []string{"github", "gh_token"}},
		{before: "glpat-", letters: 20, alphabet: alnum, hosts: []string{"gitlab.com"}, words: []string{"gitlab"}},
		{before: "sk-ant-api03-", letters: 93, after: "AA", alphabet: alnum, hosts: []string{"anthropic.com"}, words: []string{"anthropic"}},
		{before: "sk-or-v1-", letters: 64, alphabet: alnum, hosts: []string{"openrouter.ai"}, words: []string{"openrouter"}},
		{before: "sk-", letters: 48, alphabet: alnum, hosts: []string{"openai.com", "deepseek.com"}, words: []string{"openai", "deepseek"}},
		{before: "npm_", letters: 36, alphabet: alnum, hosts: []string{"registry.npmjs.org"}, words: []string{"npm"}},
		{before: "pypi-AgEIcHlwaS5vcmc", letters: 150, alphabet: alnum, hosts: []string{"pypi.org"}, words: []string{"pypi", "twine"}},
		{before: "dckr_pat_", letters: 27, alphabet: alnum, hosts: []string{"docker.com", "docker.io"}, words: []string{"docker"}},
		{before: "xoxb-" + draw(12, digits) + "-" + draw(12, digits) + "-", letters: 24, alphabet: alnum, hosts: []string{"slack.com"}, words: []string{"slack"}},
		{before: "sk_test_", letters: 99, alphabet: alnum, hosts: []string{"stripe.com"}, words: []string{"stripe"}},
		{before: "AIza", letters: 35, alphabet: alnum, hosts: []string{"googleapis.com"}, words: []string{"google", "gemini"}},
		{before: "hf_", letters: 34, alphabet: alnum, hosts: []string{"huggingface.co"}, words: []string{"hf_token", "hugging"}},
		{before: "lin_api_", letters: 40, alphabet: alnum, hosts: []string{"linear.app"}, words: []string{"linear"}},
		{before: "ntn_", letters: 46, alphabet: alnum, hosts: []string{"notion.com"}, words: []string{"notion"}},
		{before: "sntryu_", letters: 64, alphabet: alnum, hosts: []string{"sentry.io"}, words: []string{"sentry"}},
		{letters: 40, alphabet: alnum, hosts: []string{"cloudflare.com"}, words: []string{"cloudflare"}},
		{before: "AKIA", letters: 16, alphabet: upper, hosts: []string{"amazonaws.com"}},
	}
}
