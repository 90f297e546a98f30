package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// TestShroudOnTheCommandLine: presets and router keys, against the real server.
func TestShroudOnTheCommandLine(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "agent", "create", "builder")
	config := func() map[string]any {
		t.Helper()
		var a struct {
			On     bool           `json:"shroud_enabled"`
			Config map[string]any `json:"shroud_config"`
		}
		if err := json.Unmarshal([]byte(s.ok("", "agent", "get", "builder", "--json")), &a); err != nil {
			t.Fatal(err)
		}
		if !a.On {
			t.Error("the agent may not call models")
		}
		return a.Config
	}
	s.ok("", "shroud", "preset", "builder", "strict")
	strict := config()
	if strict["sanitization_mode"] != "block" || strict["injection_threshold"] != 0.5 {
		t.Errorf("strict is %v", strict)
	}
	for _, preset := range []string{"observe", "balanced", "strict"} {
		s.ok("", "shroud", "preset", "builder", preset)
		if now := config(); len(now) != len(strict) {
			t.Errorf("after %s: %v", preset, now)
		}
	}
	if again, _ := json.Marshal(config()); !strings.Contains(string(again), `"injection_threshold":0.5`) {
		t.Errorf("strict again is %s", again)
	}
	s.fails(cli.ExitUsage, "shroud", "preset", "builder", "loose")
	s.fails(cli.ExitNotFound, "shroud", "preset", "nobody", "strict")

	var made struct {
		Key struct{ ID string }
		API string `json:"api_key"`
	}
	if err := json.Unmarshal([]byte(s.ok("", "shroud", "key", "create", "notebook", "--agent", "builder", "--json")), &made); err != nil {
		t.Fatal(err)
	}
	list := s.ok("", "shroud", "key", "list", "--agent", "builder")
	if !strings.HasPrefix(made.API, "sk-shroud-v1-") || !strings.HasPrefix(list, made.Key.ID+"\tnotebook\t"+made.API[:21]+"\tyes\t") || strings.Contains(list, made.API) {
		t.Errorf("made %+v, listed %q", made, list)
	}
	if out := s.ok("", "shroud", "key", "create", "second", "--agent", "builder"); !strings.Contains(out, "sk-shroud-v1-") {
		t.Errorf("create: %q", out)
	}
	s.ok("", "shroud", "key", "revoke", "notebook", "--agent", "builder", "--yes")
	if list := s.ok("", "shroud", "key", "list", "--agent", "builder"); strings.Count(list, "\tyes\t") != 1 || strings.Count(list, "\tno\t") != 1 {
		t.Errorf("after the end of one: %q", list)
	}
	s.fails(cli.ExitNotFound, "shroud", "key", "revoke", "third", "--agent", "builder", "--yes")
	s.fails(cli.ExitUsage, "shroud", "key", "list")
}
