package mcpserver

import (
	"context"
	"fmt"

	"github.com/oneclaw-dev/oneclaw/internal/envbundle"
)

// getEnvBundle looks at the type first, where the listing shows it: a secret of
// another type is then refused without being opened or spending an access.
func getEnvBundle(ctx context.Context, s *session, in input) ([]byte, error) {
	vault, err := s.inVault(ctx)
	if err != nil {
		return nil, err
	}
	path := in.text("path")
	if m, found, err := s.api.FindSecret(ctx, vault, path); err == nil && found && m.Type != envbundle.Type {
		return nil, notBundle(path, m.Type)
	}
	got, err := s.api.GetSecret(ctx, vault, path)
	if err != nil {
		return nil, s.onSecret(path, err)
	}
	defer got.Value.Wipe()
	if got.Type != envbundle.Type {
		return nil, notBundle(path, got.Type)
	}
	if err := fits(path, got.Value); err != nil {
		return nil, err
	}
	all, line, why := envbundle.Read(got.Value.Reveal())
	if why != "" {
		return nil, notice(fmt.Sprintf("The secret at '%s' can not be read as lines KEY=VALUE: in line %d %s. "+
			"This attempt counted against its access limit, if it has one.", path, line, why))
	}
	return bundleJSON(all), nil
}

func notBundle(path, typ string) error {
	return notice(fmt.Sprintf("Secret at '%s' is type '%s', not 'env_bundle'.", path, typ))
}

// bundleJSON writes variables as a JSON object, in their order.
func bundleJSON(all []envbundle.Variable) []byte {
	if len(all) == 0 {
		return []byte("{}")
	}
	const before, between, after, comma = "{\n  ", `": "`, "\"\n}", "\",\n  "
	size := len(before) + len(after)
	for _, v := range all {
		size += 1 + asText.length(v.Key) + len(between) + asText.length(v.Value) + len(comma)
	}
	b := append(make([]byte, 0, size), before...) // one that grows would leave copies
	for i, v := range all {
		if i > 0 {
			b = append(b, comma...)
		}
		b = asText.append(append(b, '"'), v.Key)
		b = asText.append(append(b, between...), v.Value)
	}
	return append(b, after...)
}
