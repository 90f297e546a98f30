package mcpserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
)

// getEnvBundle looks at the type first, where the listing shows it: a secret of
// another type is then refused without being opened or spending an access.
func getEnvBundle(ctx context.Context, s *session, in input) ([]byte, error) {
	vault, err := s.inVault(ctx)
	if err != nil {
		return nil, err
	}
	path := in.text("path")
	if m, found, err := s.api.FindSecret(ctx, vault, path); err == nil && found && m.Type != envBundle {
		return nil, notBundle(path, m.Type)
	}
	got, err := s.api.GetSecret(ctx, vault, path)
	if err != nil {
		return nil, s.onSecret(path, err)
	}
	defer got.Value.Wipe()
	if got.Type != envBundle {
		return nil, notBundle(path, got.Type)
	}
	if err := fits(path, got.Value); err != nil {
		return nil, err
	}
	return bundleJSON(got.Value.Reveal()), nil
}

const envBundle = "env_bundle"

func notBundle(path, typ string) error {
	return notice(fmt.Sprintf("Secret at '%s' is type '%s', not 'env_bundle'.", path, typ))
}

// bundleJSON turns lines KEY=VALUE into a JSON object in the same order. Blank
// lines, lines that begin with # and lines without = are skipped; of a key that
// comes twice the last value counts. A value ends with its line. The text is
// changed, since no copy of a part of it is made.
func bundleJSON(text []byte) []byte {
	type variable struct{ key, value []byte }
	var all []variable
	at := map[[sha256.Size]byte]int{} // by key: what is no key in earnest may be a part of a secret
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		k, v, ok := bytes.Cut(line, []byte("="))
		k = bytes.TrimSpace(bytes.TrimPrefix(k, []byte("export ")))
		if !ok || len(k) == 0 || line[0] == '#' {
			continue
		}
		v = unquote(bytes.TrimSpace(v))
		sum := sha256.Sum256(k)
		if i, twice := at[sum]; twice {
			all[i].value = v
			continue
		}
		at[sum] = len(all)
		all = append(all, variable{k, v})
	}
	if len(all) == 0 {
		return []byte("{}")
	}
	const before, between, after, comma = "{\n  ", `": "`, "\"\n}", "\",\n  "
	size := len(before) + len(after)
	for _, v := range all {
		size += 1 + asText.length(v.key) + len(between) + asText.length(v.value) + len(comma)
	}
	b := append(make([]byte, 0, size), before...) // one that grows would leave copies
	for i, v := range all {
		if i > 0 {
			b = append(b, comma...)
		}
		b = asText.append(append(b, '"'), v.key)
		b = asText.append(append(b, between...), v.value)
	}
	return append(b, after...)
}

// unquote reads a value as dotenv files mean it. Quotes count only where one pair
// encloses the whole value; anything else is taken as it stands, so that nothing
// that was stored is guessed away.
func unquote(v []byte) []byte {
	if len(v) < 2 || v[0] != v[len(v)-1] {
		return v
	}
	inner := v[1 : len(v)-1]
	switch {
	case v[0] == '\'' && !bytes.Contains(inner, []byte("'")):
		return inner
	case v[0] == '"' && quotable(inner):
		return unescape(inner)
	}
	return v
}

// quotable reports whether the quotes around s are a pair: no bare quote, and no backslash
// in front of the last quote, shows that they are none.
func quotable(s []byte) bool {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"', s[i] == '\\' && i+1 == len(s):
			return false
		case s[i] == '\\' && (s[i+1] == 'n' || s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
	}
	return true
}

// unescape resolves \n, \" and \\ in place; other backslashes stay.
func unescape(s []byte) []byte {
	b := s[:0]
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			switch s[i+1] {
			case 'n':
				c, i = '\n', i+1
			case '"', '\\':
				c, i = s[i+1], i+1
			}
		}
		b = append(b, c)
	}
	return b
}
