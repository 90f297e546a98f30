package app

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTheFirstStartSaysHowToGoOnAsItWasStarted(t *testing.T) {
	for typed, want := range map[string]string{
		"bin/oneclaw":       "Next: bin/oneclaw login --dev\n",
		"oneclaw":           "Next: oneclaw login --dev\n",
		"/my tools/oneclaw": "Next: '/my tools/oneclaw' login --dev\n",
		"/it's/oneclaw":     `Next: '/it'\''s/oneclaw' login --dev` + "\n",
	} {
		if got := (devOwner{first: true}).next(typed, ""); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q", typed, got)
		}
	}
	if got, want := (devOwner{first: true}).next("oneclaw", "/my data"), "Next: ONECLAW_DATA='/my data' oneclaw login --dev\n"; !strings.HasPrefix(got, want) {
		t.Errorf("with a folder of its own: %q", got)
	}
	if got, want := (devOwner{}).next("bin/oneclaw", ""), "Next: bin/oneclaw login --dev\n      bin/oneclaw vault list\n      bin/oneclaw --help\n\n"; got != want {
		t.Errorf("a later start says %q, want %q", got, want)
	}
}

// The configuration of MCP clients is in the order that people write it in.
func TestTheConfigurationOfMCPClientsBeginsWithTheCommand(t *testing.T) {
	text, err := json.Marshal(mcpProgram{Command: "oneclaw", Args: []string{"mcp"}, Env: mcpEnv{BaseURL: "http://127.0.0.1:8210", Key: "ocv_x"}})
	want := `{"command":"oneclaw","args":["mcp"],"env":{"ONECLAW_BASE_URL":"http://127.0.0.1:8210","ONECLAW_AGENT_API_KEY":"ocv_x"}}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}
