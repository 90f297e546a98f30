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
	warned := func() bool {
		return strings.Contains(s.run("", "shroud", "preset", "builder", "strict").err, "oneclaw policy create --agent builder --path 'providers/*/api-key' --permissions use")
	}
	if !warned() {
		t.Error("nobody says that there is no provider's key")
	}
	s.ok("", "vault", "create", "main")
	s.ok("sk-provider", "secret", "set", "providers/openai/api-key")
	if !warned() {
		t.Error("nobody says that the agent may not use the provider's key")
	}
	s.ok("", "policy", "create", "--agent", "builder", "--path", "providers/*/api-key", "--permissions", "use")
	if warned() {
		t.Error("a provider's key is asked for that is there")
	}
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

	s.ok("", "shroud", "set", "builder", "--budget", "5.25", "--models", "gpt-4o,claude-opus-5", "--tools", "read_*", "--block-tools", "rm", "--per-day", "100")
	s.ok("", "shroud", "set", "builder", "--per-day", "any", "--block-tools", "any", "--per-minute", "3")
	limited, _ := json.Marshal(config())
	for _, want := range []string{`"daily_budget_usd":5.25`, `"allowed_models":["gpt-4o","claude-opus-5"]`, `"tool_call_inspection":{"allowed_tools":["read_*"]}`, `"max_requests_per_minute":3`, `"injection_threshold":0.5`} {
		if !strings.Contains(string(limited), want) || strings.Contains(string(limited), "per_day") {
			t.Errorf("%s is not in %s", want, limited)
		}
	}
	for given, want := range map[string]string{"block": `"kept_context_detection":{"action":"block","enabled":true}`, "log": `"kept_context_detection":{"action":"log","enabled":true}`, "off": `"kept_context_detection":{"enabled":false}`} {
		s.ok("", "shroud", "set", "builder", "--kept-context", given)
		if now, _ := json.Marshal(config()); !strings.Contains(string(now), want) {
			t.Errorf("%s: %s", given, now)
		}
	}
	if out := s.ok("", "agent", "get", "builder"); !strings.Contains(out, `"daily_budget_usd":5.25`) {
		t.Errorf("agent get does not show the budget: %s", out)
	}
	for _, bad := range [][]string{{"--budget", "five"}, {"--budget", "-1"}, {"--per-day", "1e3"}, {"--per-day", "1.5"}, {"--kept-context", "loud"}, {}} {
		s.fails(cli.ExitUsage, append([]string{"shroud", "set", "builder"}, bad...)...)
	}
	s.fails(cli.ExitNotFound, "shroud", "set", "nobody", "--budget", "5")

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
