package childproxy

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
)

// ref names a secret to the server.
func (p *Proxy) ref(number int, field bool) string {
	s := p.cfg.Secrets[number]
	path := s.Path
	if field && s.Field != "" {
		path += "#" + s.Field
	}
	if p.oneVault() != "" {
		return "{{secret:" + path + "}}"
	}
	return "oneclaw://" + s.Vault + "/" + path
}

// oneVault is the vault of all secrets of the run; empty where they are of several.
func (p *Proxy) oneVault() string {
	for _, s := range p.cfg.Secrets {
		if s.Vault != p.cfg.Secrets[0].Vault {
			return ""
		}
	}
	return p.cfg.Secrets[0].Vault
}

func (s *plan) header(name string, values []string) error {
	marks := s.proxy.marks
	if marks.Holds(name) {
		return errPlace
	}
	for i, v := range values {
		text, changed, err := s.value(name, v)
		if err != nil {
			return err
		}
		if !changed {
			continue
		}
		if s.changed[name] == nil {
			s.changed[name] = append([]string{}, values...)
		}
		s.changed[name][i] = text
	}
	return nil
}

func (s *plan) value(name, v string) (text string, changed bool, err error) {
	marks := s.proxy.marks
	switch {
	case name == "X-Amz-Security-Token":
		return v, false, nil // looked at with the signature
	case binding.Withheld(name):
		if marks.Holds(v) {
			return "", false, errPlace
		}
		return v, false, nil
	case name == "Authorization" && strings.HasPrefix(v, "AWS4-"):
		return s.signature(v)
	case name == "Authorization" && strings.HasPrefix(strings.ToLower(v), "basic "):
		return s.basic(v)
	}
	return s.replaced(v, asIs)
}

// basic looks into credentials of RFC 7617: a placeholder is the password, or the user without one.
func (s *plan) basic(v string) (string, bool, error) {
	pair, err := base64.StdEncoding.DecodeString(strings.TrimSpace(v[len("basic "):]))
	if err != nil {
		return s.replaced(v, asIs)
	}
	if !s.proxy.marks.Holds(string(pair)) {
		return v, false, nil
	}
	hits, whole := s.proxy.marks.Find(string(pair))
	if !whole || len(hits) != 1 {
		return "", false, errPlace
	}
	h := hits[0]
	user, password, _ := strings.Cut(string(pair), ":")
	if err := s.use(h.Number); err != nil {
		return "", false, err
	}
	ref := s.ref(h.Number, true)
	switch string(pair[h.Start:h.End]) {
	case password:
		if strings.ContainsFunc(user, func(r rune) bool { return r < ' ' || r > '~' || r == '{' || r == '}' }) {
			return "", false, errPlace
		}
		return "Basic " + user + ":" + ref, true, nil
	case user:
		if password == "" {
			return "Basic " + ref, true, nil
		}
	}
	return "", false, errPlace
}

var credentialOfAWS = regexp.MustCompile(`^AWS4-HMAC-SHA256 +Credential=([^/, ]+)/[0-9]{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request *(,|$)`)

// signature has the server sign in place of a program that did it with placeholders.
func (s *plan) signature(v string) (string, bool, error) {
	if !s.proxy.marks.Holds(v) {
		return v, false, nil
	}
	m := credentialOfAWS.FindStringSubmatch(v)
	if m == nil {
		return "", false, errPlace
	}
	hits, whole := s.proxy.marks.Find(m[1])
	if !whole || len(hits) != 1 || hits[0].Start != 0 || hits[0].End != len(m[1]) {
		return "", false, errPlace
	}
	if err := s.use(hits[0].Number); err != nil {
		return "", false, err
	}
	s.aws = &client.AWSScope{Region: m[2], Service: m[3]}
	return s.ref(hits[0].Number, false), true, nil // all fields of it
}

// withoutSessionToken leaves a placeholder of the token out: the server sends that of the secret.
func (s *plan) withoutSessionToken(h http.Header) error {
	const name = "X-Amz-Security-Token"
	switch {
	case !s.proxy.marks.Holds(h.Get(name)):
	case s.aws == nil:
		return errPlace
	default:
		s.changed[name] = nil
	}
	return nil
}
