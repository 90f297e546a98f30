package execution

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// strict reads an object and refuses names that it does not know, with a detail that names those
// which it does.
func strict(text []byte, into any, names string) error {
	if len(text) == 0 {
		return nil
	}
	if v := jsontext.Value(text); v.Kind() != '{' || json.Unmarshal(text, into, json.RejectUnknownMembers(true)) != nil {
		return invalid(names)
	}
	return nil
}

// merge puts the members of an object over those of another (RFC 7396, one level deep): what is
// left out stays, null takes away.
func merge(was, sent []byte) ([]byte, error) {
	all, more := map[string]jsontext.Value{}, map[string]jsontext.Value{}
	if len(was) > 0 && json.Unmarshal(was, &all) != nil || len(sent) > 0 && json.Unmarshal(sent, &more) != nil {
		return nil, errObject
	}
	for name, value := range more {
		if value.Kind() == 'n' {
			delete(all, name)
		} else {
			all[name] = value
		}
	}
	return json.Marshal(all, json.Deterministic(true))
}
