package mcpserver_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestABadLineDoesNotEndTheSession: it is answered, and what follows too.
func TestABadLineDoesNotEndTheSession(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	old := strings.Replace(hello, "2025-06-18", "2025-03-26", 1)
	invalid, parse := `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,`
	for name, c := range map[string]struct{ sent, want string }{
		"broken JSON":              {hello + `{"jsonrpc":`, parse},
		"a log line":               {hello + `INFO started`, parse},
		"a BOM":                    {hello + "\ufeff" + pingBody, parse},
		"a BOM before all":         {"\ufeff\n" + hello, parse},
		"UTF-16":                   {hello + "\xff\xfe{\x00}\x00", parse},
		"bad UTF-8":                {hello + `{"jsonrpc":"2.0","id":7,"method":"` + "\xff" + `"}`, parse},
		"a number":                 {hello + `42`, invalid},
		"null":                     {hello + `null`, invalid},
		"another object":           {hello + `{"level":"info"}`, invalid},
		"another version":          {hello + `{"jsonrpc":"1.0","id":7,"method":"ping"}`, `"id":7,"error":{"code":-32600`},
		"no version":               {hello + `{"id":7,"method":"ping"}`, `"id":7,"error":{"code":-32600`},
		"a method that is no text": {hello + `{"jsonrpc":"2.0","id":7,"method":5}`, `"id":7,"error":{"code":-32600`},
		"no method":                {hello + `{"jsonrpc":"2.0","id":7}`, `"id":7,"error":{"code":-32600`},
		"an object as id":          {hello + `{"jsonrpc":"2.0","id":{},"method":"ping"}`, invalid},
		"a batch":                  {hello + "[" + pingBody + "]", invalid},
		"an empty batch":           {old + "[]", invalid},
		"a batch of what is none":  {old + "[1]", invalid},
		"a batch with a twin":      {old + "[" + pingBody + "," + pingBody + "]", invalid},
		"an unknown notification":  {hello + `{"jsonrpc":"2.0","method":"notifications/none"}`, ``},
		"an unknown one, unnamed":  {hello + `{"jsonrpc":"2.0","method":"none"}`, ``},
		"an answer to nothing":     {hello + `{"jsonrpc":"2.0","id":7,"error":5}`, ``},
		"params of a wrong kind":   {hello + `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":[]}`, `"id":7,"error":{"code":-32602`},
		"an unknown method":        {hello + `{"jsonrpc":"2.0","id":7,"method":"none"}`, `"id":7,"error":{"code":-32601`},
		"one before initialize":    {`{"jsonrpc":"2.0","id":7,"method":"none"}` + "\n" + hello, `"id":7,"error":{"code":-32601`},
		"a number as it was sent":  {hello + `{"jsonrpc":"2.0","id":1.50,"method":"ping"}`, `"id":1.50,"result"`},
		"a number beyond 2^53":     {hello + `{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}`, `"id":9007199254740993,"result"`},
		"a number beyond all":      {hello + `{"jsonrpc":"2.0","id":1e999,"method":"ping"}`, `"id":1e999,"result"`},
		"a text like our own":      {hello + `{"jsonrpc":"2.0","id":"oneclaw/id:5","method":"ping"}`, `"id":"oneclaw/id:5","result"`},
		"odd ids in a batch":       {old + `[{"jsonrpc":"2.0","id":1.5,"method":"ping"},{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}]`, `"id":9007199254740993,"result"`},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "ONECLAW_BASE_URL="+a.URL)
			cmd.Stdin = strings.NewReader(c.sent + "\n" + strings.Replace(callBody, `"id":1`, `"id":"last"`, 1) + "\n")
			out, err := cmd.Output()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v: %s %s", err, out, stderr)
			}
			if !strings.Contains(string(out), "hunter2") {
				t.Errorf("the session is over: %s", out)
			}
		})
	}
}

// TestDiscoverThenInitialize: clients ask what there is, then begin as they always did.
func TestDiscoverThenInitialize(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	for name, first := range map[string]string{
		"by the newest protocol": strings.Replace(modern("server/discover", "2026-07-28"), `"id":1`, `"id":0`, 1),
		"by none":                `{"jsonrpc":"2.0","id":0,"method":"server/discover"}`,
	} {
		t.Run(name, func(t *testing.T) {
			cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "ONECLAW_BASE_URL="+a.URL)
			cmd.Stdin = strings.NewReader(first + "\n" + hello + strings.Replace(callBody, `"id":1`, `"id":2`, 1) + "\n")
			out, err := cmd.Output()
			if err != nil || !strings.Contains(string(out), `"protocolVersion":"2025-06-18"`) || !strings.Contains(string(out), "hunter2") {
				t.Errorf("%v: %s %s", err, out, stderr)
			}
			if strings.Contains(string(out), `"supportedVersions":["2026-07-28"`) != (name == "by the newest protocol") {
				t.Errorf("what there is: %s", out)
			}
		})
	}
}

func TestUnknownMethodsOverHTTP(t *testing.T) {
	a := newContractAPI(t)
	s, _ := overHTTP(t, a)
	for _, v := range []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"} {
		want := http.StatusOK
		if v == "2026-07-28" {
			want = http.StatusNotFound
		}
		h := withHeaders{"Authorization": "Bearer " + agentKey, "MCP-Protocol-Version": v, "Mcp-Method": "none"}
		status, _, got := post(t, s.URL, "POST", `{"jsonrpc":"2.0","id":1.5,"method":"none"}`, h)
		if status != want || !strings.HasPrefix(got, `{"jsonrpc":"2.0","id":1.5,"error":{"code":-32601,`) {
			t.Errorf("%s: %d %s", v, status, got)
		}
		if status, _, got = post(t, s.URL, "POST", `{"jsonrpc":"2.0","method":"notifications/none"}`, h); status != http.StatusAccepted || got != "" {
			t.Errorf("%s, a notification: %d %s", v, status, got)
		}
	}
	for _, method := range []string{"initialize", "ping", "server/discover", "tools/list", "tools/call", "resources/list", "resources/templates/list",
		"resources/read", "resources/subscribe", "resources/unsubscribe", "prompts/list", "prompts/get", "completion/complete", "logging/setLevel"} {
		status, _, got := post(t, s.URL, "POST", `{"jsonrpc":"2.0","id":9007199254740993,"method":"`+method+`","params":{}}`, withHeaders{"Authorization": "Bearer " + agentKey})
		if status != 200 || !strings.Contains(got, `"id":9007199254740993,`) {
			t.Errorf("%s: %d %s", method, status, got)
		}
	}
}

func TestAcceptOverHTTP(t *testing.T) {
	a := newContractAPI(t)
	s, _ := overHTTP(t, a)
	for accept, want := range map[string]int{"": 200, "*/*": 200, "application/json": 200, "text/html, application/*;q=0.5": 200, "text/event-stream": 400, "text/html": 400} {
		if status, _, got := post(t, s.URL, "POST", pingBody, withHeaders{"Authorization": "Bearer " + agentKey, "Accept": accept}); status != want {
			t.Errorf("%q: %d %s", accept, status, got)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL, strings.NewReader(pingBody))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+agentKey)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("no Accept: %v %v", res, err)
	}
	_ = res.Body.Close()
}
