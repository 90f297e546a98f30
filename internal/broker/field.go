package broker

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/envbundle"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

var errField = fault.New(fault.Conflict, "field_not_found", "The secret is no JSON object and no env_bundle with a text of that name.")

// fieldOf is one text of a secret that is a JSON object or an env_bundle. Wipe it.
func fieldOf(value secret.Bytes, secretType, name string) (secret.Bytes, error) {
	if secretType == envbundle.Type {
		text := bytes.Clone(value.Reveal())
		defer clear(text)
		part, ok := envbundle.Value(text, name)
		if !ok {
			return secret.Bytes{}, errField
		}
		return secret.New(bytes.Clone(part)), nil
	}
	all := map[string]jsontext.Value{}
	if err := json.Unmarshal(value.Reveal(), &all); err != nil {
		return secret.Bytes{}, errField
	}
	var text string
	if raw := all[name]; raw.Kind() != '"' || json.Unmarshal(raw, &text) != nil {
		return secret.Bytes{}, errField
	}
	return secret.FromString(text), nil
}
