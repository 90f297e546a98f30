package intents

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
)

// fieldName is what may be repeated of fields that can't be read: small letters, as all names
// of rules have, and nothing that could be a value at the place of a name.
var fieldName = regexp.MustCompile(`^[a-z_]{1,40}$`)

// BadField names the field of a JSON object, with a point before that of an object in it, that
// makes it impossible to read; "" when none can be told. reads tells whether an object can be
// read, and is asked about each field alone.
func BadField(object []byte, reads func([]byte) bool) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(object, &fields) != nil {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		alone := func(value json.RawMessage) bool {
			text, err := json.Marshal(map[string]json.RawMessage{name: value})
			return err == nil && reads(text)
		}
		if alone(fields[name]) {
			continue
		}
		if !fieldName.MatchString(name) {
			return ""
		}
		if inner := BadField(fields[name], func(part []byte) bool { return alone(part) }); inner != "" {
			return name + "." + inner
		}
		return name
	}
	return ""
}
