package mcpserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
)

const (
	wantedID  = "66666666-0000-4000-8000-000000000006"
	wantedURL = "https://vault.example.com/requests/" + wantedID
)

// A client that opens addresses for its human is given the page, and only the page: no form, no
// value. Another gets the address in the text.
func TestAClientThatOpensPagesIsGivenTheOneOfTheRequest(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	c, err := client.New(a.URL, client.WithAgentKey(agentKey))
	if err != nil {
		t.Fatal(err)
	}
	for what, can := range map[string]*mcp.ClientCapabilities{
		"one that opens pages": {Elicitation: &mcp.ElicitationCapabilities{URL: &mcp.URLElicitationCapabilities{}}},
		"one with forms alone": {Elicitation: &mcp.ElicitationCapabilities{Form: &mcp.FormElicitationCapabilities{}}},
		"one with nothing":     {},
	} {
		t.Run(what, func(t *testing.T) {
			s, err := mcpserver.New(mcpserver.Config{Client: c, Version: "1"})
			if err != nil {
				t.Fatal(err)
			}
			near, far := mcp.NewInMemoryTransports()
			if _, err := s.Connect(t.Context(), far, nil); err != nil {
				t.Fatal(err)
			}
			var asked []*mcp.ElicitParams
			cs, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ClientOptions{Capabilities: can,
				ElicitationHandler: func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
					asked = append(asked, r.Params)
					return &mcp.ElicitResult{Action: "accept"}, nil
				}}).Connect(t.Context(), near, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cs.Close() }()
			res, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "request_secret", Arguments: json.RawMessage(`{"path":"api-keys/new","reason":"to charge cards"}`)})
			if err != nil || res.IsError {
				t.Fatalf("%+v, %v", res, err)
			}
			text := res.Content[0].(*mcp.TextContent).Text
			if can.Elicitation == nil || can.Elicitation.URL == nil {
				if len(asked) != 0 || !strings.Contains(text, wantedURL) {
					t.Errorf("asked %v, said %s", asked, text)
				}
				return
			}
			if len(asked) != 1 || asked[0].Mode != "url" || asked[0].URL != wantedURL || asked[0].RequestedSchema != nil || strings.Contains(asked[0].Message, "charge") {
				t.Fatalf("asked %+v", asked)
			}
			if !strings.Contains(text, `"status":"filled"`) {
				t.Errorf("then said %s", text)
			}
		})
	}
}

const helloOpens = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{"url":{}}},"clientInfo":{"name":"t","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
`

const asksForSecret = `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"request_secret","arguments":{"path":"api-keys/new","reason":"to charge cards"}}}` + "\n"

// With protocols before 2026-07-28 the server calls the client, on stdio. Its answer is taken
// once; one to what was never asked is dropped, as ever.
func TestOnStdioAClientOfAnOlderProtocolIsAskedToOpenThePage(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "ONECLAW_BASE_URL="+a.URL)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	say := func(text string) {
		if _, err := io.WriteString(in, text); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewScanner(out)
	next := func() (m struct {
		ID     json.RawMessage
		Method string
		Params struct{ URL, Mode string }
		Result json.RawMessage
	}) {
		if !lines.Scan() {
			t.Fatalf("no more lines: %v %s", lines.Err(), stderr)
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	say(helloOpens)
	next()
	say(`{"jsonrpc":"2.0","id":1,"result":{"action":"accept"}}` + "\n") // to nothing
	say(asksForSecret)
	asked := next()
	if asked.Method != "elicitation/create" || asked.Params.Mode != "url" || asked.Params.URL != wantedURL {
		t.Fatalf("got %+v", asked)
	}
	answer := `{"jsonrpc":"2.0","id":` + string(asked.ID) + `,"result":{"action":"accept"}}` + "\n"
	say(answer + answer)
	if got := next(); string(got.ID) != "2" || !strings.Contains(string(got.Result), `filled`) {
		t.Fatalf("got %+v", got)
	}
	say(`{"jsonrpc":"2.0","id":3,"method":"ping"}` + "\n")
	if got := next(); string(got.ID) != "3" {
		t.Fatalf("after an answer that came twice: %+v", got)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, stderr)
	}
}

// The end of the input ends a call that waits for the client.
func TestTheEndOfTheInputEndsACallThatWaitsForItsClient(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "ONECLAW_BASE_URL="+a.URL)
	cmd.Stdin = strings.NewReader(helloOpens + asksForSecret)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], "elicitation/create") || !strings.Contains(lines[2], `"id":2`) {
		t.Errorf("stdout:\n%s", out)
	}
}
