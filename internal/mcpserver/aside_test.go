package mcpserver

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// answered is the answer of the library, over HTTP as in Handler, to a call of a tool.
func answered(t testing.TB, run mcp.ToolHandler) string {
	t.Helper()
	s := mcp.NewServer(&mcp.Implementation{Name: "test"}, nil)
	s.AddTool(&mcp.Tool{Name: "t", InputSchema: json.RawMessage(`{"type":"object"}`)}, run)
	h := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{}}}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}

// FuzzAside: an answer with a text that was kept aside is, byte for byte, what the library
// writes; and the text within is what asJSON writes.
func FuzzAside(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\x01\b\f\n\r\t\x1f\x7f\"\\/<>&' é\u2028\u2029😀\ufffd")
	f.Add("\xff\xc3(")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		want := answered(t, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return said(text, false), nil
		})
		a := newAside()
		got := answered(t, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return a.result([]byte(text)), nil
		})
		if whole := string(a.whole([]byte(got))); whole != want {
			t.Errorf("%s\nwant %s", whole, want)
		}
		inner, err := asJSON("", text)
		if err != nil {
			t.Fatal(err)
		}
		if b := `"` + string(asText.append(nil, []byte(text))) + `"`; b != inner || len(b) != asText.length([]byte(text))+2 {
			t.Errorf("%s\nwant %s", b, inner)
		}
	})
}

// TestWhatIsKeptAsideIsWiped: at the end, and when it comes after the end.
func TestWhatIsKeptAsideIsWiped(t *testing.T) {
	a := newAside()
	first, late := []byte("secret"), []byte("secret")
	a.result(first)
	a.end()
	a.result(late)
	a.end()
	for _, b := range [][]byte{first, late} {
		if string(b) != "\x00\x00\x00\x00\x00\x00" {
			t.Errorf("%q is left", b)
		}
	}
	if got := a.whole([]byte("x" + a.mark)); string(got) != "x" {
		t.Errorf("%q", got)
	}
}

// TestAnAnswerIsWiped: the buffer in which it was put together.
func TestAnAnswerIsWiped(t *testing.T) {
	a := newAside()
	w := &cleanWriter{header: http.Header{"Content-Type": {"application/json"}}}
	w.body.WriteString(`{"text":"` + a.mark + `"}`)
	a.result([]byte("secret"))
	var sent []byte
	err := w.send(httptest.NewRecorder(), a, func(int) error { return nil }, func(b []byte) {
		if sent = b; string(b) != `{"text":"secret"}` {
			t.Errorf("%s", b)
		}
	})
	if err != nil || strings.Trim(string(sent), "\x00") != "" {
		t.Errorf("%v, %q is left", err, sent)
	}
}
