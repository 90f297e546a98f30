package mcpserver

import (
	"context"
	"fmt"
	"strings"
)

// getEnvBundle looks at the type first, where the listing shows it: a secret of
// another type is then refused without being opened or spending an access.
func getEnvBundle(ctx context.Context, s *session, in input) (string, error) {
	vault, err := s.vault.pick(ctx, s.api)
	if err != nil {
		return "", err
	}
	path := in.text("path")
	if m, err := find(ctx, s, vault, path); err == nil && m != nil && m.Type != envBundle {
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
// comes twice the last value counts. Values are taken as they stand, quotes and
// all, but for space around them: nothing that was stored is guessed away.
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
		value[k] = strings.TrimSpace(v)
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
