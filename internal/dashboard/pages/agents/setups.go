package agents

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// setup is how one client is told to use this server: a text to paste and where it goes.
type setup struct{ ID, Name, Where, Text string }

// setups are those of clients that start `oneclaw mcp`, or have the environment's variables.
func setups(base, key string) []setup {
	env := map[string]string{"ONECLAW_AGENT_API_KEY": key, "ONECLAW_BASE_URL": base}
	program := map[string]any{"command": "oneclaw", "args": []string{"mcp"}, "env": env}
	servers := indented(map[string]any{"mcpServers": map[string]any{"oneclaw": program}})
	code := indented(map[string]any{"servers": map[string]any{"oneclaw": map[string]any{
		"type": "stdio", "command": "oneclaw", "args": []string{"mcp"}, "env": env,
	}}})
	return []setup{
		{"claude-code", "Claude Code", "", "claude mcp add oneclaw -e ONECLAW_BASE_URL=" + base + " -e ONECLAW_AGENT_API_KEY=" + key + " -- oneclaw mcp"},
		{"claude-http", "Claude Code, HTTP", "", "claude mcp add --transport http oneclaw " + base + `/mcp --header "Authorization: Bearer ` + key + `"`},
		{"claude-desktop", "Claude Desktop", "claude_desktop_config.json", servers},
		{"cursor", "Cursor", ".cursor/mcp.json", servers},
		{"vscode", "VS Code", ".vscode/mcp.json", code},
		{"codex", "Codex", "~/.codex/config.toml", "[mcp_servers.oneclaw]\ncommand = \"oneclaw\"\nargs = [\"mcp\"]\n\n[mcp_servers.oneclaw.env]\nONECLAW_BASE_URL = " +
			strconv.Quote(base) + "\nONECLAW_AGENT_API_KEY = " + strconv.Quote(key) + "\n"},
		{"gemini", "Gemini CLI", "~/.gemini/settings.json", servers},
		{"env", "Environment", "", "export ONECLAW_BASE_URL=" + base + "\nexport ONECLAW_AGENT_API_KEY=" + key + "\n"},
	}
}

// modelSetups are those of clients that call models through Shroud.
func modelSetups(base, key string) []setup {
	return []setup{
		{"claude-models", "Claude Code, models", "", "export ANTHROPIC_BASE_URL=" + base + "\nexport ANTHROPIC_AUTH_TOKEN=" + key + "\n"},
		{"codex-models", "Codex, models", "~/.codex/config.toml", "model_provider = \"oneclaw\"\n\n[model_providers.oneclaw]\nname = \"oneclaw\"\nbase_url = " + strconv.Quote(base+"/v1") +
			"\nwire_api = \"responses\"\nenv_key = \"ONECLAW_AGENT_API_KEY\"\n"},
		{"openai-models", "OpenAI SDK, models", "", "export OPENAI_BASE_URL=" + base + "/v1\nexport OPENAI_API_KEY=" + key + "\n"},
	}
}

// indented is JSON for people.
func indented(v any) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // texts and lists of them
	return out.String()
}
