package mcpserver

import (
	"context"
	"fmt"
	"strings"
)

// getEnvBundle looks at the type first, where the listing shows it: a secret of
// another type is then refused without being opened or spending an access.
func getEnvBundle(ctx context.Context, s *session, in input) (string, error) {
	vault, err := s.inVault(ctx)
	if err != nil {
		return "", err
	}
	path := in.text("path")
	if m, found, err := s.api.FindSecret(ctx, vault, path); err == nil && found && m.Type != envBundle {
		return "", notBundle(path, m.Type)
	}
	got, err := s.api.GetSecret(ctx, vault, path)
	if err != nil {
		return "", s.onSecret(path, err)
	}
	defer got.Value.Wipe()
	if got.Type != envBundle {
		return "", notBundle(path, got.Type)
	}
	if err := fits(path, got.Value); err != nil {
		return "", err
	}
	return bundleJSON(string(got.Value.Reveal()))
}

const envBundle = "env_bundle"

func notBundle(path, typ string) error {
	return notice(fmt.Sprintf("Secret at '%s' is type '%s', not 'env_bundle'.", path, typ))
}

// bundleJSON turns lines KEY=VALUE into a JSON object in the same order. Blank
// lines, lines that begin with # and lines without = are skipped; of a key that
// comes twice the last value counts. A value ends with its line.
func bundleJSON(text string) (string, error) {
	value, order := map[string]string{}, []string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		k, v, ok := strings.Cut(line, "=")
		k = strings.TrimSpace(strings.TrimPrefix(k, "export "))
		if !ok || k == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if _, twice := value[k]; !twice {
			order = append(order, k)
		}
		value[k] = unquote(strings.TrimSpace(v))
	}
	if len(order) == 0 {
		return "{}", nil
	}
	var b strings.Builder
	sep := "{\n  "
	for _, k := range order {
		key, err := asJSON("", k)
		if err != nil {
			return "", err
		}
		val, err := asJSON("", value[k])
		if err != nil {
			return "", err
		}
		b.WriteString(sep + key + ": " + val)
		sep = ",\n  "
	}
	return b.String() + "\n}", nil
}

// unquote reads a value as dotenv files mean it. Quotes count only where one pair
// encloses the whole value; anything else is taken as it stands, so that nothing
// that was stored is guessed away.
func unquote(v string) string {
	if len(v) < 2 || v[0] != v[len(v)-1] {
		return v
	}
	inner := v[1 : len(v)-1]
	switch v[0] {
	case '\'':
		if !strings.Contains(inner, "'") {
			return inner
		}
	case '"':
		if plain, ok := unescape(inner); ok {
			return plain
		}
	}
	return v
}

// unescape resolves \n, \" and \\; other backslashes stay. It is not ok when a
// bare quote, or a backslash in front of the last quote, shows that the pair around
// s is none.
func unescape(s string) (plain string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"', s[i] == '\\' && i+1 == len(s):
			return "", false
		case s[i] != '\\':
			b.WriteByte(s[i])
		case s[i+1] == 'n':
			b.WriteByte('\n')
			i++
		case s[i+1] == '"', s[i+1] == '\\':
			b.WriteByte(s[i+1])
			i++
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), true
}
