package shroud_test

import (
	"encoding/json"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud"
)

func checked(t *testing.T, config string) (out shroud.Config, s shroud.Settings) {
	t.Helper()
	out, err := shroud.Config(config).Checked()
	if err != nil {
		t.Fatalf("%s: %v", config, err)
	}
	if s, err = out.Settings(); err != nil {
		t.Fatal(err)
	}
	return out, s
}

// TestPresets: each says the same fields, balanced the defaults, and a field beside a preset
// holds in its place.
func TestPresets(t *testing.T) {
	_, defaults := checked(t, `{}`)
	var fields []int
	for _, name := range []string{"strict", "balanced", "observe"} {
		out, s := checked(t, `{"preset":"`+name+`"}`)
		var said map[string]any
		if err := json.Unmarshal(out, &said); err != nil || said["preset"] != nil {
			t.Errorf("%s is %s, %v", name, out, err)
		}
		fields = append(fields, len(said))
		same := s.Mode == defaults.Mode && s.PII == defaults.PII && s.Injection == defaults.Injection && s.Command == defaults.Command &&
			s.Social == defaults.Social && s.Encoding == defaults.Encoding && s.Network == defaults.Network && s.Filesystem == defaults.Filesystem
		if same != (name == "balanced") {
			t.Errorf("%s is as the defaults: %v", name, same)
		}
	}
	if fields[0] != fields[1] || fields[1] != fields[2] {
		t.Errorf("they say %v fields", fields)
	}
	_, s := checked(t, `{"preset":"strict","pii_policy":"warn","allowed_models":["m"],"filesystem_detection":{"action":"log"},"injection_threshold":null}`)
	if s.PII != "warn" || len(s.Models) != 1 || s.Filesystem != (shroud.Rule{Enabled: true, Action: "log"}) || s.Injection != 0.5 || s.Social.Action != "block" {
		t.Errorf("beside a preset: %+v", s)
	}
	if _, s := checked(t, `{"preset":"observe"}`); s.Mode != "log_only" || !s.Redaction || !s.Filesystem.Enabled {
		t.Errorf("observe: %+v", s)
	}
}

func TestListsOfTools(t *testing.T) {
	for name, c := range map[string]struct{ config, tool, list string }{
		"any, by default":             {`{}`, "x", ""},
		"blocked":                     {`{"tool_call_inspection":{"blocked_tools":["shell"]}}`, "shell", "blocked_tools"},
		"blocked in another case":     {`{"tool_call_inspection":{"blocked_tools":["shell"]}}`, "Shell", "blocked_tools"},
		"another":                     {`{"tool_call_inspection":{"blocked_tools":["shell"]}}`, "shell2", ""},
		"by its beginning":            {`{"tool_call_inspection":{"blocked_tools":["mcp__*"]}}`, "mcp__x", "blocked_tools"},
		"allowed":                     {`{"tool_call_inspection":{"allowed_tools":["read_*","list"]}}`, "read_file", ""},
		"not allowed":                 {`{"tool_call_inspection":{"allowed_tools":["read_*","list"]}}`, "lists", "allowed_tools"},
		"no name":                     {`{"tool_call_inspection":{"allowed_tools":["read"]}}`, "", "allowed_tools"},
		"both, and blocked wins":      {`{"tool_call_inspection":{"allowed_tools":["*"],"blocked_tools":["rm"]}}`, "rm", "blocked_tools"},
		"lists that are switched off": {`{"tool_call_inspection":{"enabled":false,"blocked_tools":["rm"]}}`, "rm", ""},
	} {
		_, s := checked(t, c.config)
		if got := s.Tools.Refuses(c.tool); got != c.list {
			t.Errorf("%s: %q", name, got)
		}
	}
}
