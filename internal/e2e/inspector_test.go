package e2e_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/client"
)

const inspector = "test/npm/node_modules/@modelcontextprotocol/inspector/cli/build/cli.js"

// inspect runs the inspector's command line against "oneclaw mcp", with a server
// address and an agent's key in the environment and nothing else of ours.
func inspect(t *testing.T, s *server, key string, args ...string) string {
	t.Helper()
	cli, err := filepath.Abs("../../" + inspector)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cli); err != nil {
		t.Fatal("the MCP inspector is not installed; `make test-deps` installs it")
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{cli, "--cli", binary, "mcp"}, args...)...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "ONECLAW_AGENT_API_KEY=" + key, "ONECLAW_BASE_URL=" + s.APIURL}
	out, err := cmd.Output()
	if err != nil {
		stderr := ""
		if e, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output returns it bare
			stderr = string(e.Stderr)
		}
		t.Fatalf("inspector %v: %v\n%s%s", args, err, out, stderr)
	}
	return string(out)
}

// use calls a tool through the inspector, and gives the text as a person would
// read it.
func use(t *testing.T, s *server, key, tool string, args ...string) string {
	t.Helper()
	all := []string{"--method", "tools/call", "--tool-name", tool}
	for _, a := range args {
		all = append(all, "--tool-arg", a)
	}
	var res struct {
		Content []struct{ Type, Text string }
		IsError bool
	}
	out := inspect(t, s, key, all...)
	err := json.Unmarshal([]byte(out), &res)
	noted := len(res.Content) == 2 && strings.HasPrefix(res.Content[1].Text, "Vault: main (id: ") // once there are several
	if err != nil || len(res.Content) != 1 && !noted || res.Content[0].Type != "text" {
		t.Fatalf("%s: %v\n%s", tool, err, out)
	}
	if res.IsError {
		return "error: " + res.Content[0].Text
	}
	return res.Content[0].Text
}

// granted is a server with a vault, an agent that may use app/** and read
// api-keys/*, and a secret outside of both.
type granted struct {
	*server
	vault *client.Vault
	agent *client.NewAgent
	key   string
}

func grantedServer(t *testing.T) granted {
	t.Helper()
	g := granted{server: dev(t)}
	ctx, o := t.Context(), g.owner
	g.vault = must[*client.Vault](t)(o.CreateVault(ctx, "main", ""))
	put := func(path, value string, opts client.PutOptions) {
		t.Helper()
		must[*client.SecretMeta](t)(o.PutSecret(ctx, g.vault.ID, path, client.ValueOf(value), opts))
	}
	put("api-keys/stripe", "sk_live_canary-51", client.PutOptions{Type: "api_key", Metadata: json.RawMessage(`{"owner":"billing"}`)})
	put("app/env", "A=1\n# note\nB=canary-52\n", client.PutOptions{Type: "env_bundle"})
	put("app/once", "canary-53", client.PutOptions{Type: "password", MaxAccessCount: 1})
	put("private/key", "canary-54", client.PutOptions{Type: "note"})
	g.agent = must[*client.NewAgent](t)(o.CreateAgent(ctx, client.AgentCreate{Name: "worker"}))
	g.key = string(g.agent.APIKey.Reveal())
	for pattern, may := range map[string][]string{"app/**": {"read", "write"}, "api-keys/*": {"read"}} {
		must[*client.Policy](t)(o.CreatePolicy(ctx, g.vault.ID, client.PolicyGrant{
			SecretPathPattern: pattern, PrincipalType: "agent", PrincipalID: g.agent.Agent.ID, Permissions: may}))
	}
	return g
}

func TestARealMCPClientSeesEveryTool(t *testing.T) {
	g := grantedServer(t)
	var list struct {
		Tools []struct {
			Name, Description string
			InputSchema       struct {
				Properties map[string]struct{ Default any }
				Required   []string
			}
		}
	}
	if err := json.Unmarshal([]byte(inspect(t, g.server, g.key, "--method", "tools/list")), &list); err != nil {
		t.Fatal(err)
	}
	want := map[string][2]string{ // parameters, and which of them are needed
		"list_secrets":     {"prefix vault_id", ""},
		"get_secret":       {"path vault_id", "path"},
		"put_secret":       {"expires_at max_access_count metadata path type=api_key value vault_id", "path value"},
		"delete_secret":    {"path vault_id", "path"},
		"describe_secret":  {"path vault_id", "path"},
		"rotate_and_store": {"path value vault_id", "path value"},
		"get_env_bundle":   {"path vault_id", "path"},
		"create_vault":     {"description name", "name"},
		"list_vaults":      {"", ""},
		"grant_access": {"permissions=[read] principal_id principal_type secret_path_pattern=** vault_id",
			"principal_id principal_type vault_id"},
		"share_secret":         {"expires_at max_access_count recipient_id recipient_type secret_id vault_id", "expires_at recipient_type secret_id"},
		"execute_http":         {"binding body execution_mode=vault headers method=GET path", "binding"},
		"execute_query":        {"binding params query", "binding query"},
		"http_request":         {"body headers method query url vault_id", "method url"},
		"totp_code":            {"path vault_id", "path"},
		"request_secret":       {"host path reason request_id service vault_id", ""},
		"simulate_transaction": {"chain data gas_limit signing_key_path to value vault_id", "chain to value"},
		"submit_transaction": {"chain data gas_limit gas_price idempotency_key max_fee_per_gas max_priority_fee_per_gas nonce signing_key_path simulate_first=true to value vault_id",
			"chain to value"},
		"inspect_content": {"content context=output", "content"},
	}
	for _, tool := range list.Tools {
		params := []string{}
		for name, p := range tool.InputSchema.Properties {
			switch d := p.Default.(type) {
			case string:
				name += "=" + d
			case bool:
				name += "=" + strconv.FormatBool(d)
			case []any:
				name += "=[" + d[0].(string) + "]"
			}
			params = append(params, name)
		}
		slices.Sort(params)
		slices.Sort(tool.InputSchema.Required)
		got := [2]string{strings.Join(params, " "), strings.Join(tool.InputSchema.Required, " ")}
		if w, ok := want[tool.Name]; !ok || got != w || tool.Description == "" {
			t.Errorf("%s: got %q, want %q", tool.Name, got, w)
		}
		delete(want, tool.Name)
	}
	if len(want) != 0 {
		t.Errorf("missing: %v", slices.Collect(maps.Keys(want)))
	}
}

func TestARealMCPClientUsesEveryTool(t *testing.T) {
	g := grantedServer(t)
	call := func(want, tool string, args ...string) []string {
		t.Helper()
		got := use(t, g.server, g.key, tool, args...)
		m := regexp.MustCompile(`\A` + want + `\z`).FindStringSubmatch(got)
		if m == nil {
			t.Errorf("%s %v:\ngot  %s\nwant %s", tool, args, got, want)
			return make([]string, 9)
		}
		return m
	}
	lit := regexp.QuoteMeta
	const ts, id = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`, `[0-9a-f-]{36}`

	call(lit("Found 1 vault(s):\n- main  (id: "+g.vault.ID+", created by: user, ")+ts+`\)`, "list_vaults")
	call(lit(`{"verdict":"clean","safe":true,"threat_count":0,"threats":[],"unicode_normalized":false}`), "inspect_content", "content=Hello there")
	call(lit("Secret stored at 'app/token' (version 1, type: password)."), "put_secret", "path=app/token", "value=v1", "type=password",
		"max_access_count=5", `metadata={"team":"x"}`, "expires_at=2099-01-01T00:00:00Z")
	call(lit("Found 4 secret(s):\n- api-keys/stripe  (type: api_key, version: 1, expires: never)\n- app/env  (type: env_bundle, version: 1, expires: never)\n"+
		"- app/once  (type: password, version: 1, expires: never)\n- app/token  (type: password, version: 1, expires: 2099-01-01T00:00:00Z)"), "list_secrets")
	call(lit("Found 1 secret(s):\n- api-keys/stripe  (type: api_key, version: 1, expires: never)"), "list_secrets", "prefix=api-keys/")
	call(lit("No secrets found in this vault."), "list_secrets", "prefix=nothing/")
	call(lit(`{"path":"api-keys/stripe","type":"api_key","version":1,"value":"sk_live_canary-51"}`), "get_secret", "path=api-keys/stripe")
	var asked string // of a service that the secret is bound to
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Authorization")
		_, _ = io.WriteString(w, "you sent "+asked)
	}))
	t.Cleanup(service.Close)
	must[*client.SecretBindings](t)(g.owner.SetBindings(t.Context(), g.vault.ID, "api-keys/stripe", []client.Binding{{Hosts: []string{strings.TrimPrefix(service.URL, "http://")}}}))
	call(`\{"status":200,.*"body":"you sent Bearer \[REDACTED:api-keys/stripe\]","redactions":1\}`, "http_request", "method=GET", "url="+service.URL+"/v1", `headers={"Authorization":"Bearer {{secret:api-keys/stripe}}"}`)
	if asked != "Bearer sk_live_canary-51" {
		t.Errorf("the service got %q", asked)
	}
	call(`error: Tool 'http_request' execution failed: No binding .+`, "http_request", "method=GET", "url=https://127.0.0.1:1/", `headers={"Authorization":"Bearer {{secret:api-keys/stripe}}"}`)
	call(lit("Rotated secret at 'app/token'. New version: 2."), "rotate_and_store", "path=app/token", "value=v2")
	call(lit("{\n  \"path\": \"app/token\",\n  \"type\": \"password\",\n  \"version\": 2,\n  \"metadata\": {\n    \"team\": \"x\"\n  },\n  \"created_at\": \"")+ts+
		lit("\",\n  \"expires_at\": null\n}"), "describe_secret", "path=app/token")
	call(lit("{\n  \"path\": \"app/env\",\n  \"type\": \"env_bundle\",\n  \"version\": 1,\n  \"metadata\": {},\n  \"created_at\": \"")+ts+lit("\",\n  \"expires_at\": null\n}"),
		"describe_secret", "path=app/env")
	call(lit("{\n  \"A\": \"1\",\n  \"B\": \"canary-52\"\n}"), "get_env_bundle", "path=app/env")
	call(lit("error: Secret at 'app/token' is type 'password', not 'env_bundle'."), "get_env_bundle", "path=app/token")

	call(lit(`{"path":"app/once","type":"password","version":1,"value":"canary-53"}`), "get_secret", "path=app/once")
	gone := lit("error: Secret at path 'app/once' is expired or has exceeded its maximum access count.")
	call(gone, "get_secret", "path=app/once")
	call(lit("error: No secret found at path 'app/none'."), "get_secret", "path=app/none")
	call(lit("error: No secret found at path 'app/none'."), "describe_secret", "path=app/none")
	call(lit("Secret at 'app/token' has been soft-deleted."), "delete_secret", "path=app/token")
	call(lit("error: Secret at path 'app/token' is expired or has exceeded its maximum access count."), "get_secret", "path=app/token")

	// Outside the grant, what exists and what does not look the same.
	here := use(t, g.server, g.key, "get_secret", "path=private/key")
	nowhere := use(t, g.server, g.key, "get_secret", "path=private/none")
	if here != nowhere || !strings.HasPrefix(here, "error: Tool 'get_secret' execution failed: ") {
		t.Errorf("private/key: %s\nprivate/none: %s", here, nowhere)
	}
	call(`error: Tool 'put_secret' execution failed: .+`, "put_secret", "path=api-keys/stripe", "value=x")
	call(`error: Tool 'grant_access' execution failed: .+`, "grant_access", "vault_id="+g.vault.ID, "principal_type=agent", "principal_id="+g.agent.Agent.ID)
	call(lit("error: Tool 'put_secret' was not run: Parameter 'max_access_count' must be a whole number from 0 up."), "put_secret", "path=app/a", "value=v", "max_access_count=-1")

	made := call(lit("Vault created successfully.\n  ID: ")+"("+id+")"+lit("\n  Name: mine\n  Owner: agent:"+g.agent.Agent.ID+"\n\n")+".+", "create_vault", "name=mine", "description=of the agent")
	me := must[*client.User](t)(g.owner.Me(t.Context()))
	call(lit("Access granted.\n  Policy ID: ")+id+lit("\n  Vault: "+made[1]+"\n  Granted to: user:"+me.ID+"\n  Permissions: read, write\n  Path pattern: shared/*"),
		"grant_access", "vault_id="+made[1], "principal_type=user", "principal_id="+me.ID, `permissions=["read","write"]`, "secret_path_pattern=shared/*")
	ends := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	call(lit("Secret shared successfully.\n  Share ID: ")+id+lit("\n  Recipient: anyone_with_link\n  Expires: "+ends+"\n  Max accesses: 5\n  URL: http://")+".+/v1/share/"+id,
		"share_secret", "secret_id=app/env", "recipient_type=anyone_with_link", "expires_at="+ends)
	call(lit("Error: recipient_id is required")+".+", "share_secret", "secret_id=app/env", "recipient_type=user", "expires_at="+ends)
	// The first vault stays the one in use, unless a call names another, and a result says so.
	if out := inspect(t, g.server, g.key, "--method", "tools/call", "--tool-name", "list_secrets"); !strings.Contains(out, "Vault: main (id: "+g.vault.ID+"). This agent can reach others too: mine (id: "+made[1]+")") {
		t.Errorf("nothing is said of the vault: %s", out)
	}
	call(lit("No secrets found in this vault."), "list_secrets", "vault_id="+made[1])
	call(lit("Found 1 secret(s):\n- api-keys/stripe  (type: api_key, version: 1, expires: never)"), "list_secrets", "prefix=api-keys/")

	resource := inspect(t, g.server, g.key, "--method", "resources/read", "--uri", "vault://secrets")
	if !strings.Contains(resource, `[{\"path\":\"api-keys/stripe\",\"type\":\"api_key\",\"version\":1,\"expires_at\":null}`) {
		t.Errorf("resource: %s", resource)
	}
	if strings.Contains(g.output(), "canary-5") || strings.Contains(g.output(), g.key) {
		t.Error("a value or the agent's key is in the server's log")
	}
}

// bearer sends a credential with every request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func dialMCP(ctx context.Context, url, credential string) (*mcp.ClientSession, error) {
	return mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "1"}, nil).Connect(ctx,
		&mcp.StreamableClientTransport{Endpoint: url, HTTPClient: &http.Client{Transport: bearer(credential)}, MaxRetries: -1}, nil)
}

func TestTheSameToolsOverHTTP(t *testing.T) {
	g := grantedServer(t)
	anyone := must[*client.Client](t)(client.New(g.APIURL))
	token := must[*client.AgentToken](t)(anyone.ExchangeAgentKey(t.Context(), client.ValueOf(g.key)))
	jwt := string(token.AccessToken.Reveal())
	read := func(cs *mcp.ClientSession) (string, bool) {
		t.Helper()
		res := must[*mcp.CallToolResult](t)(cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "get_secret", Arguments: map[string]any{"path": "api-keys/stripe"}}))
		return res.Content[0].(*mcp.TextContent).Text, res.IsError
	}
	sessions := map[string]*mcp.ClientSession{}
	for name, credential := range map[string]string{"key": g.key, "token": jwt} {
		cs := must[*mcp.ClientSession](t)(dialMCP(t.Context(), g.MCPURL, credential))
		defer cs.Close()
		sessions[name] = cs
		if got, failed := read(cs); failed || got != `{"path":"api-keys/stripe","type":"api_key","version":1,"value":"sk_live_canary-51"}` {
			t.Errorf("%s: %s", name, got)
		}
	}
	for name, credential := range map[string]string{"no such key": "ocv_" + strings.Repeat("A", 43), "a human's token": ownerToken(t, g)} {
		if cs, err := dialMCP(t.Context(), g.MCPURL, credential); err == nil {
			t.Errorf("%s is let in", name)
			cs.Close()
		}
	}
	if err := g.owner.DeactivateAgent(t.Context(), g.agent.Agent.ID); err != nil {
		t.Fatal(err)
	}
	for name, cs := range sessions {
		res, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "get_secret", Arguments: map[string]any{"path": "api-keys/stripe"}})
		if err == nil || !strings.Contains(err.Error(), "Unauthorized") {
			t.Errorf("%s after the agent was deactivated: %v, %v", name, res, err)
		}
	}
	if cs, err := dialMCP(t.Context(), g.MCPURL, g.key); err == nil {
		t.Error("a deactivated agent's key is let in")
		cs.Close()
	}
}

func ownerToken(t *testing.T, g granted) string {
	t.Helper()
	anyone := must[*client.Client](t)(client.New(g.APIURL))
	login := must[*client.Login](t)(anyone.Login(t.Context(), g.Email, client.ValueOf(g.Password)))
	return string(login.AccessToken.Reveal())
}

// "oneclaw mcp" looks where the other commands do: at the login that is stored, else at the server
// that runs on this machine from the usual folder, whatever its port.
func TestMCPFindsTheServerOfTheOtherCommands(t *testing.T) {
	p := newPlace(t)
	p.data = filepath.Join(p.home, ".local", "share", "oneclaw")
	s := p.start()
	session := func(home string) (out, stderr string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary, "mcp")
		cmd.Env = []string{"HOME=" + home, "ONECLAW_AGENT_API_KEY=" + s.AgentAPIKey}
		cmd.Stdin = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"list_vaults"}}
`)
		var errs strings.Builder
		cmd.Stderr = &errs
		b, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, errs.String())
		}
		return string(b), errs.String()
	}
	if out, stderr := session(p.home); !strings.Contains(out, "No vaults found.") || stderr != "" {
		t.Errorf("on the server's machine: %s %s", out, stderr)
	}
	elsewhere := t.TempDir()
	login := exec.CommandContext(t.Context(), binary, "login", "--api-url", s.APIURL, "--email", s.Email)
	login.Env, login.Stdin = []string{"HOME=" + elsewhere}, strings.NewReader(s.Password)
	if out, err := login.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, stderr := session(elsewhere); !strings.Contains(out, "No vaults found.") || stderr != "" {
		t.Errorf("where somebody is logged in: %s %s", out, stderr)
	}
}
