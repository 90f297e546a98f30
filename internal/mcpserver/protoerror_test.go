package mcpserver_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
)

// overStdio joins a client of the library to RunStdio by pipes.
func overStdio(t *testing.T, a *contractAPI) *mcp.ClientSession {
	t.Helper()
	near, far := net.Pipe()
	s := serverFor(t, a)
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- mcpserver.RunStdio(ctx, s, far, far) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	cs, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &mcp.IOTransport{Reader: near, Writer: near}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cs.Close() })
	return cs
}

func TestUnknownNamesAreNotRepeated(t *testing.T) {
	a := newContractAPI(t)
	s, _ := overHTTP(t, a)
	viaHTTP, err := dialHTTP(t.Context(), s.URL, withHeaders{"Authorization": "Bearer " + agentKey})
	if err != nil {
		t.Fatal(err)
	}
	defer viaHTTP.Close()
	for name, cs := range map[string]*mcp.ClientSession{"stdio": overStdio(t, a), "http": viaHTTP} {
		t.Run(name, func(t *testing.T) {
			_, tool := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: canary, Arguments: map[string]string{"value": canary}})
			_, resource := cs.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "vault://" + canary})
			_, cursor := cs.ListTools(t.Context(), &mcp.ListToolsParams{Cursor: canary})
			_, prompt := cs.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: canary})
			for what, err := range map[string]error{"tool": tool, "resource": resource, "cursor": cursor, "prompt": prompt} {
				if err == nil || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), "There is no such") {
					t.Errorf("%s: %v", what, err)
				}
			}
			// What we say ourselves arrives whole.
			_, err := cs.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "vault://secrets"})
			if err == nil || !strings.Contains(err.Error(), "This agent has no vault yet.") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestEveryProtocolVersionIsSpoken(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	for _, v := range []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"} {
		t.Run(v, func(t *testing.T) {
			cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "ONECLAW_BASE_URL="+a.URL)
			cmd.Stdin = strings.NewReader(strings.Replace(hello, "2025-06-18", v, 1) + strings.ReplaceAll(callBody, `"id":1`, `"id":2`) + "\n")
			out, err := cmd.Output()
			if err != nil || !strings.Contains(string(out), `"protocolVersion":"`+v+`"`) || !strings.Contains(string(out), "hunter2") {
				t.Errorf("%v: %s %s", err, out, stderr)
			}
		})
	}
	s, _ := overHTTP(t, a)
	t.Run("a version that is none", func(t *testing.T) {
		status, _, body := post(t, s.URL, "POST", pingBody, withHeaders{"Authorization": "Bearer " + agentKey, "MCP-Protocol-Version": canary})
		if status != 400 || strings.Contains(body, canary) {
			t.Errorf("%d %s", status, body)
		}
	})
	for name, c := range map[string]struct {
		version string
		told    bool
	}{
		"a later version is told which there are": {"2099-01-01", true},
		"a version that is text is not repeated":  {"3" + canary, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, body := post(t, s.URL, "POST", modern("tools/list", c.version), withHeaders{
				"Authorization": "Bearer " + agentKey, "MCP-Protocol-Version": c.version, "Mcp-Method": "tools/list"})
			if !strings.Contains(body, `"error"`) || strings.Contains(body, canary) || strings.Contains(body, `"supported":`) != c.told {
				t.Errorf("%s", body)
			}
		})
	}
	t.Run("the newest, without a handshake", func(t *testing.T) {
		_, _, body := post(t, s.URL, "POST", modern("tools/list", "2026-07-28"), withHeaders{
			"Authorization": "Bearer " + agentKey, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"})
		if !strings.Contains(body, `"get_secret"`) {
			t.Errorf("%s", body)
		}
	})
}

// TestAnswersAreForOneAgentOnly: what one agent may see is not for a shared cache.
func TestAnswersAreForOneAgentOnly(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	s, _ := overHTTP(t, a)
	for _, method := range []string{"resources/list", "resources/read", "tools/list"} {
		body := modern(method, "2026-07-28")
		h := withHeaders{"Authorization": "Bearer " + agentKey, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
		if method == "resources/read" {
			body, h["Mcp-Name"] = strings.Replace(body, `"params":{`, `"params":{"uri":"vault://secrets",`, 1), "vault://secrets"
		}
		_, headers, got := post(t, s.URL, "POST", body, h)
		if !strings.Contains(got, `"result"`) || !strings.Contains(got, `"cacheScope":"private"`) || headers.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v %.300s", method, headers, got)
		}
	}
}

// modern is a request of the protocol that has no sessions.
func modern(method, version string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{"notifications":{"toolsListChanged":true},"_meta":{` +
		`"io.modelcontextprotocol/protocolVersion":"` + version + `","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`
}

// TestNoRequestIsKeptOpen: a client that subscribes would hold a connection for
// nothing.
func TestNoRequestIsKeptOpen(t *testing.T) {
	a := newContractAPI(t)
	s, _ := overHTTP(t, a)
	_, _, got := post(t, s.URL, "POST", modern("subscriptions/listen", "2026-07-28"), withHeaders{"Authorization": "Bearer " + agentKey, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"})
	if !strings.Contains(got, `"code":-32601`) {
		t.Errorf("got %s", got)
	}
}
