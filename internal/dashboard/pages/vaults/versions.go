package vaults

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/oneclaw-dev/oneclaw/client"
)

// versionRow is one version, with what it changed beside the value.
type versionRow struct {
	client.SecretVersion
	By      string
	Changes []change
}

// change is a difference between two versions. Was is empty for what is new, Is for what
// is gone.
type change struct{ What, Was, Is string }

// versionRows are versions, newest first, each compared with the one before it.
func versionRows(all []client.SecretVersion) []versionRow {
	rows := make([]versionRow, len(all))
	for i := range all {
		rows[i].SecretVersion = all[i]
		if i+1 < len(all) {
			rows[i].Changes = changes(&all[i+1], &all[i])
		}
	}
	return rows
}

func changes(was, is *client.SecretVersion) (out []change) {
	if was.Type != is.Type {
		out = append(out, change{"type", was.Type, is.Type})
	}
	a, b := fieldsOf(was.Metadata), fieldsOf(is.Metadata)
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if a[k] != b[k] {
			out = append(out, change{k, a[k], b[k]})
		}
	}
	return out
}

// fieldsOf are the members of a JSON object, as texts.
func fieldsOf(object json.RawMessage) map[string]string {
	var all map[string]json.RawMessage
	_ = json.Unmarshal(object, &all) // what is no object has none
	out := make(map[string]string, len(all))
	for k, raw := range all {
		var b bytes.Buffer
		if json.Compact(&b, raw) == nil {
			out[k] = b.String()
		}
	}
	return out
}

// Fields are the members of the metadata.
func (r secretView) Fields() map[string]string { return fieldsOf(r.Newest.Metadata) }
