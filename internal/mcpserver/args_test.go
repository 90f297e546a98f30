package mcpserver_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
)

// canary stands in bad arguments where a value would be.
const canary = "canary-7c1f"

func TestBadArgumentsAreNamedAndNotRepeated(t *testing.T) {
	grant := func(s string) string {
		return `{"vault_id":"` + vaultOne + `","principal_type":"agent","principal_id":"` + agentID + `",` + s + `}`
	}
	for name, c := range map[string]struct{ tool, args, want string }{
		"a list for the arguments":           {"get_secret", `["` + canary + `"]`, "one JSON object"},
		"a name that comes twice":            {"put_secret", `{"path":"a","value":"v","value":"` + canary + `"}`, "names each parameter once"},
		"a name in other case is not ours":   {"get_secret", `{"Path":"` + canary + `"}`, "'path' is needed"},
		"bad UTF-8 is not changed silently":  {"put_secret", "{\"path\":\"a\",\"value\":\"" + canary + "\xff\"}", "UTF-8"},
		"half a surrogate pair":              {"put_secret", `{"path":"a","value":"` + canary + `\ud800"}`, "UTF-8"},
		"a number for a path":                {"get_secret", `{"path":7}`, "'path' must be a string"},
		"null for a path":                    {"get_secret", `{"path":null}`, "'path' is needed"},
		"an empty path":                      {"get_secret", `{"path":""}`, "'path' must not be empty"},
		"an object for a value":              {"put_secret", `{"path":"a","value":{"k":"` + canary + `"}}`, "'value' must be a string"},
		"metadata that is text":              {"put_secret", `{"path":"a","value":"v","metadata":"` + canary + `"}`, "'metadata' must be a JSON object"},
		"a time without zone":                {"put_secret", `{"path":"a","value":"v","expires_at":"2030-01-01T00:00:00"}`, "'expires_at' must be a time with zone"},
		"a time that is none":                {"put_secret", `{"path":"a","value":"v","expires_at":"` + canary + `"}`, "'expires_at' must be a time"},
		"a count that is text":               {"put_secret", `{"path":"a","value":"v","max_access_count":"` + canary + `"}`, "'max_access_count' must be a whole number"},
		"a count with a fraction":            {"put_secret", `{"path":"a","value":"v","max_access_count":1.5}`, "'max_access_count' must be a whole number"},
		"a negative count":                   {"put_secret", `{"path":"a","value":"v","max_access_count":-0.5}`, "'max_access_count' must be a whole number"},
		"a count past all numbers":           {"put_secret", `{"path":"a","value":"v","max_access_count":1e400}`, "'max_access_count' must be a whole number"},
		"a count past exact numbers":         {"put_secret", `{"path":"a","value":"v","max_access_count":9007199254740993}`, "'max_access_count' must be a whole number"},
		"a type that is none":                {"put_secret", `{"path":"a","value":"v","type":"` + canary + `"}`, "'type' must be one of: api_key"},
		"a name of 256 characters":           {"create_vault", `{"name":"` + strings.Repeat("é", 256) + `"}`, "'name' must have at most 255 characters"},
		"a principal of no known sort":       {"grant_access", strings.Replace(grant(`"x":1`), `"agent"`, `"`+canary+`"`, 1), "'principal_type' must be one of: user, agent"},
		"a vault's name of 256 characters":   {"grant_access", strings.Replace(grant(`"x":1`), vaultOne, strings.Repeat("é", 256), 1), "'vault_id' must have at most 255 characters"},
		"a permission of no known sort":      {"grant_access", grant(`"permissions":["read","` + canary + `"]`), "'permissions' may hold only: read, use, write, delete"},
		"permissions that are text":          {"grant_access", grant(`"permissions":"` + canary + `"`), "'permissions' must be a list of strings"},
		"permissions that hold numbers":      {"grant_access", grant(`"permissions":[1]`), "'permissions' must be a list of strings"},
		"no permission at all":               {"grant_access", grant(`"permissions":[]`), "'permissions' must have at least 1 item(s)"},
		"an empty pattern":                   {"grant_access", grant(`"secret_path_pattern":""`), "'secret_path_pattern' must not be empty"},
		"a prefix that is a list":            {"list_secrets", `{"prefix":["` + canary + `"]}`, "'prefix' must be a string"},
		"a depth that no argument comes to":  {"put_secret", `{"path":"a","value":` + strings.Repeat("[", 900) + strings.Repeat("]", 900) + `}`, "'value' must be a string"},
		"a vault name that is a NUL is text": {"create_vault", `{"name":{}}`, "'name' must be a string"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newContractAPI(t)
			got := rawCall(t, a, c.tool, c.args)
			if !got.IsError {
				t.Fatal("no error")
			}
			text := got.Content[0].(*mcp.TextContent).Text
			if !strings.HasPrefix(text, "Tool '"+c.tool+"' was not run: ") || !strings.Contains(text, c.want) || strings.Contains(text, canary) {
				t.Errorf("got %q", text)
			}
			if len(a.requests) != 0 {
				t.Errorf("requests: %v", a.requests)
			}
		})
	}
}

// rawCall passes args byte by byte: the client's own encoder would mend some.
func rawCall(t testing.TB, a *contractAPI, tool, args string) *mcp.CallToolResult {
	t.Helper()
	c, err := client.New(a.URL, client.WithToken(agentKey))
	if err != nil {
		t.Fatal(err)
	}
	h, err := mcpserver.HandlerOf(c, tool)
	if err != nil {
		t.Fatal(err)
	}
	res, err := h(t.Context(), &mcp.CallToolRequest{Params: &mcp.CallToolParamsRaw{Name: tool, Arguments: json.RawMessage(args)}})
	if err != nil || res == nil || len(res.Content) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	return res
}

// FuzzArguments throws text at every tool. Whatever it is, the result is one text,
// and no text that was not a path comes back in an error.
func FuzzArguments(f *testing.F) {
	names := []string{"list_secrets", "get_secret", "put_secret", "delete_secret", "describe_secret", "rotate_and_store",
		"get_env_bundle", "create_vault", "list_vaults", "grant_access", "share_secret", "http_request", "execute_http", "execute_query", "totp_code", "request_secret", "simulate_transaction", "submit_transaction", "inspect_content"}
	for i, s := range []string{
		`{}`, `{"prefix":"a"}`, `{"path":"a/b"}`, `{"path":"a","value":"` + canary + `"}`, `null`, `[]`, `{"path":"` + canary + `","value":1}`,
		`{"path":"a","value":"v","type":"` + canary + `","metadata":{"` + canary + `":1},"expires_at":"` + canary + `","max_access_count":1e9}`,
		`{"name":"` + canary + `"}`, `{"vault_id":"` + vaultOne + `","principal_type":"user","principal_id":"` + userID + `","permissions":["` + canary + `"]}`,
		`{"method":"GET","url":"` + canary + `","headers":{"` + canary + `":1},"query":{"a":"` + canary + `"},"body":["` + canary + `"]}`,
		"{\"path\":\"\xff\"}", `{"path":"a","path":"b"}`, `{"path":"%2e%2e/x"}`, `{"path":"a\u0000b"}`,
		`{"to":"` + canary + `","value":"` + canary + `","chain":"` + canary + `","gas_limit":1}`, `{"to":"0x","value":1,"chain":"1","simulate_first":"` + canary + `"}`,
	} {
		f.Add(i%len(names), s)
	}
	a := newContractAPI(f)
	seeded(a)
	f.Fuzz(func(t *testing.T, n int, args string) {
		tool := names[(n%len(names)+len(names))%len(names)]
		res := rawCall(t, a, tool, args)
		text := res.Content[0].(*mcp.TextContent).Text
		var path struct {
			Path     string `json:"path"`
			SecretID string `json:"secret_id"` // may be a path
		}
		_ = json.Unmarshal([]byte(args), &path)
		path.Path += path.SecretID
		text = strings.ReplaceAll(text, path.SecretID, "")
		if res.IsError && strings.Contains(strings.ReplaceAll(text, path.Path, ""), canary) && !strings.Contains(path.Path, canary) {
			t.Errorf("%s(%q) repeats its input: %q", tool, args, text)
		}
	})
}

// panicking is a transport that fails in the worst way.
type panicking struct{}

func (panicking) RoundTrip(*http.Request) (*http.Response, error) { panic(canary) }

func TestAPanicHarmsNeitherSessionNorLog(t *testing.T) {
	c, err := client.New("http://127.0.0.1", client.WithToken("t"), client.WithHTTPClient(&http.Client{Transport: panicking{}}))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, err := mcpserver.New(mcpserver.Config{Client: c, VaultID: vaultOne, Version: "1", Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	cs := attach(t, s)
	for range 2 {
		if got := call(t.Context(), t, cs, "list_vaults", `{}`); got != "error: Tool 'list_vaults' execution failed: Internal error." {
			t.Errorf("got %q", got)
		}
	}
	if got := log.String(); strings.Contains(got, canary) || !strings.Contains(got, "list_vaults") {
		t.Errorf("log: %s", got)
	}
	if _, err := cs.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "vault://secrets"}); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("resource: %v", err)
	}
}

func TestAnUnreachableServerIsSaid(t *testing.T) {
	a := newContractAPI(t)
	cs := connect(t, a, "")
	a.Close()
	got := call(t.Context(), t, cs, "get_secret", `{"path":"a"}`)
	if !strings.HasPrefix(got, "error: Tool 'get_secret' execution failed: No answer from "+a.URL) {
		t.Errorf("got %q", got)
	}
}

func TestNewNeedsAClient(t *testing.T) {
	if _, err := mcpserver.New(mcpserver.Config{}); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("err = %v", err)
	}
}
