package mcpserver_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

func TestVaultChoice(t *testing.T) {
	const other = "99999999-0000-4000-8000-000000000009"
	for name, c := range map[string]struct {
		configured string
		bound      []string
		want       string
	}{
		"the configured one comes first":             {other, []string{vaultTwo}, other},
		"then the only one the agent is bound to":    {"", []string{vaultTwo}, vaultTwo},
		"then the first that it can see":             {"", nil, vaultOne},
		"being bound to several leaves it to seeing": {"", []string{vaultTwo, vaultOne}, vaultOne},
	} {
		t.Run(name, func(t *testing.T) {
			a := newContractAPI(t)
			a.bound = c.bound
			for _, v := range []string{vaultOne, vaultTwo, other} {
				a.addVault(v, v)
			}
			cs := connect(t, a, c.configured)
			for range 2 {
				call(t.Context(), t, cs, "list_secrets", `{}`)
			}
			if got := a.requests[len(a.requests)-1]; got != "GET /v1/vaults/"+c.want+"/secrets" {
				t.Errorf("last request: %s", got)
			}
			asked := 0
			for _, r := range a.requests {
				if r == "GET /v1/vaults" {
					asked++
				}
			}
			if asked > 1 {
				t.Errorf("asked for the vaults %d times", asked)
			}
		})
	}
}

func TestTheChosenVaultIsKeptWhileItLasts(t *testing.T) {
	a := newContractAPI(t)
	a.addVault(vaultOne, "one")
	cs := connect(t, a, "")
	a.put("k", "note", "v")
	used := func() string {
		t.Helper()
		call(t.Context(), t, cs, "list_secrets", `{}`)
		return strings.Split(a.requests[len(a.requests)-1], "/")[3]
	}
	if got := used(); got != vaultOne {
		t.Fatalf("used %s", got)
	}
	a.addVault(vaultTwo, "two")
	slices.Reverse(a.vaults)
	call(t.Context(), t, cs, "get_secret", `{"path":"missing"}`) // a 404 makes it look again
	if got := used(); got != vaultOne {
		t.Errorf("moved to %s though the kept vault is still there", got)
	}
	a.vaults = a.vaults[:1] // vaultOne is deleted
	if got := call(t.Context(), t, cs, "list_secrets", `{}`); got != "error: Tool 'list_secrets' execution failed: No such vault." {
		t.Errorf("got %q", got)
	}
	if got := used(); got != vaultTwo {
		t.Errorf("used %s after the kept vault went away", got)
	}
}

func TestTheConfiguredVault(t *testing.T) {
	const missing = "99999999-0000-4000-8000-000000000009"
	for name, c := range map[string]struct {
		configured, tool, args string
		want                   string
	}{
		"may be named":                    {"main", "get_secret", `{"path":"db/password"}`, `{"path":"db/password","type":"password","version":1,"value":"hunter2"}`},
		"is not named by a part":          {"mai", "get_secret", `{"path":"db/password"}`, "error: ONECLAW_VAULT_ID must be the id of a vault"},
		"needs a name that only one has":  {"twin", "get_secret", `{"path":"db/password"}`, "error: ONECLAW_VAULT_ID must be the id of a vault"},
		"that is not there is told so":    {missing, "list_secrets", `{}`, "error: Tool 'list_secrets' execution failed: No such vault. ONECLAW_VAULT_ID must be the id of a vault"},
		"matters not where none is used":  {"none", "list_vaults", `{}`, "Found 3 vault(s):"},
		"is not to blame for another one": {missing, "grant_access", `{"vault_id":"` + missing + `","principal_type":"user","principal_id":"` + userID + `"}`, "error: Tool 'grant_access' execution failed: No such vault."},
	} {
		t.Run(name, func(t *testing.T) {
			a := newContractAPI(t)
			seeded(a)
			a.addVault(vaultTwo, "twin")
			a.addVault(policyID, "twin")
			cs := connect(t, a, c.configured)
			for range 2 {
				got := call(t.Context(), t, cs, c.tool, c.args)
				if !strings.HasPrefix(got, c.want) || c.tool == "grant_access" && got != c.want {
					t.Errorf("got %s", got)
				}
			}
			if n := strings.Count(fmt.Sprint(a.requests), "GET /v1/vaults "); c.configured == "main" && n != 1 {
				t.Errorf("asked for the vaults %d times", n)
			}
		})
	}
}

func TestAnAgentWithoutVaultCanMakeOneAndUseIt(t *testing.T) {
	a := newContractAPI(t)
	cs := connect(t, a, "")
	for _, step := range [][3]string{
		{"put_secret", `{"path":"a","value":"v"}`, "error: This agent has no vault yet."},
		{"create_vault", `{"name":"mine"}`, "Vault created successfully."},
		{"put_secret", `{"path":"a","value":"v"}`, "Secret stored at 'a' (version 1, type: api_key)."},
	} {
		if got := call(t.Context(), t, cs, step[0], step[1]); !strings.HasPrefix(got, step[2]) {
			t.Fatalf("%s: %s", step[0], got)
		}
	}
}

func TestARefusedTokenIsExchangedAgainOnce(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	cs := connect(t, a, vaultOne)
	call(t.Context(), t, cs, "list_vaults", `{}`)
	a.tokens++ // as if the token had been revoked
	if got := call(t.Context(), t, cs, "get_secret", `{"path":"db/password"}`); !strings.Contains(got, "hunter2") {
		t.Fatalf("got %s", got)
	}
	a.direct = nil
	route := "GET vaults/" + vaultOne + "/secrets"
	a.refuse[route] = fakeProblem{status: 401, detail: "The token has been revoked."}
	a.requests = nil
	got := call(t.Context(), t, cs, "get_secret", `{"path":"db/password"}`)
	if !strings.HasPrefix(got, "error: Tool 'get_secret' execution failed: The token has been revoked.") {
		t.Errorf("got %s", got)
	}
	want := "GET /v1/vaults/" + vaultOne + "/secrets/db/password"
	if fmt.Sprint(a.requests) != fmt.Sprint([]string{want, "POST /v1/auth/agent-token", want}) {
		t.Errorf("requests: %v", a.requests)
	}
}

func TestWhatIsSent(t *testing.T) {
	for name, c := range map[string]struct{ tool, args, want string }{
		"put_secret sends the contract's default type": {
			"put_secret", `{"path":"n","value":"v"}`, `{"value":"v","type":"api_key"}`},
		"put_secret sends what was given, and 0 accesses as no limit": {
			"put_secret", `{"path":"n","value":"v","type":"note","metadata":{"z":1,"a":[]},"expires_at":"2031-01-01T00:00:00+01:00","max_access_count":0}`,
			`{"value":"v","type":"note","metadata":{"z":1,"a":[]},"expires_at":"2031-01-01T00:00:00+01:00"}`},
		"put_secret takes null as absent, and 2.0 as 2": {
			"put_secret", `{"path":"n","value":"v","type":null,"metadata":null,"max_access_count":2.0}`,
			`{"value":"v","type":"api_key","max_access_count":2}`},
		"rotate_and_store keeps the type of a secret that it sees": {
			"rotate_and_store", `{"path":"env/app","value":"A=1"}`, `{"value":"A=1"}`},
		"rotate_and_store keeps the metadata of a secret that it sees": {
			"rotate_and_store", `{"path":"api-keys/stripe","value":"v2"}`, `{"value":"v2","metadata":{"owner":"billing","n":1}}`},
		"rotate_and_store makes an api_key where it sees none": {
			"rotate_and_store", `{"path":"env/ap","value":"A=1"}`, `{"value":"A=1","type":"api_key"}`},
		"create_vault sends an empty description for none": {
			"create_vault", `{"name":"é"}`, `{"description":"","name":"é"}`},
		"grant_access sends the contract's defaults": {
			"grant_access", `{"vault_id":"` + vaultOne + `","principal_type":"user","principal_id":"` + userID + `"}`,
			`{"secret_path_pattern":"**","principal_type":"user","principal_id":"` + userID + `","permissions":["read"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := newContractAPI(t)
			seeded(a)
			if got := call(t.Context(), t, connect(t, a, vaultOne), c.tool, c.args); strings.HasPrefix(got, "error") {
				t.Fatal(got)
			}
			if got := a.bodies[len(a.bodies)-1]; got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestLookingSpendsNoAccess(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	cs := connect(t, a, vaultOne)
	for _, step := range [][2]string{
		{"describe_secret", `{"path":"db/password"}`}, {"describe_secret", `{"path":"unlisted"}`},
		{"get_env_bundle", `{"path":"db/password"}`}, {"list_secrets", `{}`}, {"rotate_and_store", `{"path":"api-keys/stripe","value":"v"}`},
	} {
		call(t.Context(), t, cs, step[0], step[1])
	}
	for path, s := range a.secrets {
		if s.reads != 0 {
			t.Errorf("%s was read %d times", path, s.reads)
		}
	}
}

func TestAServerThatKnowsNoPrefixIsFilteredHere(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	a.blind = true
	cs := connect(t, a, "")
	if got := call(t.Context(), t, cs, "list_secrets", `{"prefix":"db/"}`); !strings.HasPrefix(got, "Found 1 secret(s):\n- db/password ") {
		t.Errorf("got %s", got)
	}
}

func TestALongListingIsCutInTheConversationOnly(t *testing.T) {
	a := newContractAPI(t)
	a.page = 400
	a.addVault(vaultOne, "main")
	for i := range 1003 {
		a.put(fmt.Sprintf("k/%04d", i), "note", "v")
	}
	cs := connect(t, a, "")
	got := strings.Split(call(t.Context(), t, cs, "list_secrets", `{}`), "\n")
	if len(got) != 1002 || got[0] != "Found 1003 secret(s):" || got[1001] != "... and 3 more: narrow the list with prefix." {
		t.Errorf("%d lines, first %q, last %q", len(got), got[0], got[len(got)-1])
	}
	res, err := cs.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "vault://secrets"})
	if err != nil {
		t.Fatal(err)
	}
	var items []map[string]any
	if err := json.Unmarshal([]byte(res.Contents[0].Text), &items); err != nil || len(items) != 1003 {
		t.Errorf("%d items, %v", len(items), err)
	}
}

func TestResource(t *testing.T) {
	a := newContractAPI(t)
	cs := connect(t, a, "")
	read := func(uri string) string {
		res, err := cs.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri})
		if err != nil {
			return "protocol error: " + err.Error()
		}
		if len(res.Contents) != 1 || res.Contents[0].MIMEType != "application/json" || res.Contents[0].URI != uri {
			t.Errorf("contents: %+v", res.Contents)
		}
		return res.Contents[0].Text
	}
	if got := read("vault://secrets"); !strings.Contains(got, "This agent has no vault yet.") {
		t.Errorf("without a vault: %s", got)
	}
	a.addVault(vaultOne, "main")
	if got := read("vault://secrets"); got != "[]" {
		t.Errorf("empty: %s", got)
	}
	ts := "2030-01-31T12:00:00Z"
	a.put("a", "note", "x").expires = &ts
	a.put("b/c", "api_key", "x")
	want := `[{"path":"a","type":"note","version":1,"expires_at":"2030-01-31T12:00:00Z"},{"path":"b/c","type":"api_key","version":1,"expires_at":null}]`
	if got := read("vault://secrets"); got != want {
		t.Errorf("got %s", got)
	}
}

// TestSeveralVaults: who can reach several is told where a result came from, and can name
// another for one call.
func TestSeveralVaults(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	a.addVault(vaultTwo, "two\nlines")
	s, _ := overHTTP(t, a)
	overNet, err := dialHTTP(t.Context(), s.URL, withHeaders{"Authorization": "Bearer " + agentKey})
	if err != nil {
		t.Fatal(err)
	}
	defer overNet.Close()
	const note = "Vault: main (id: " + vaultOne + "). This agent can reach others too: two lines (id: " + vaultTwo + "). To use another, give its id as vault_id."
	for name, cs := range map[string]*mcp.ClientSession{"stdio": connect(t, a, ""), "http": overNet} {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				tool, args, first string
				noted             bool
			}{
				{"get_secret", `{"path":"db/password"}`, `{"path":"db/password","type":"password","version":1,"value":"hunter2"}`, true},
				{"get_secret", `{"path":"none"}`, "No secret found at path 'none'.", true},
				{"list_secrets", `{"prefix":"db/"}`, "Found 1 secret(s):", true},
				{"list_secrets", `{"vault_id":"` + vaultTwo + `"}`, "", false},
				{"list_secrets", `{"vault_id":"main","prefix":"db/"}`, "Found 1 secret(s):", false},
				{"list_secrets", `{"vault_id":"none"}`, "vault_id must be the id", false},
				{"list_vaults", `{}`, "Found 2 vault(s):", false},
			} {
				res, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: c.tool, Arguments: json.RawMessage(c.args)})
				if err != nil || !strings.HasPrefix(res.Content[0].(*mcp.TextContent).Text, c.first) {
					t.Fatalf("%s %s: %v %+v", c.tool, c.args, err, res)
				}
				if len(res.Content) > 1 != c.noted || c.noted && res.Content[1].(*mcp.TextContent).Text != note {
					t.Errorf("%s %s: %d texts", c.tool, c.args, len(res.Content))
				}
				if strings.Contains(c.args, vaultTwo) && a.requests[len(a.requests)-1] != "GET /v1/vaults/"+vaultTwo+"/secrets" {
					t.Errorf("asked %s", a.requests[len(a.requests)-1])
				}
			}
			res, err := cs.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "vault://secrets"})
			if err != nil || len(res.Contents) != 2 || res.Contents[1].Text != note {
				t.Errorf("the resource: %v %+v", err, res)
			}
		})
	}
}

// Names and the beginnings of ids do where the contract has ids. Of several none is taken.
func TestPrincipalsAndVaultsAreNamed(t *testing.T) {
	granted := `{"secret_path_pattern":"**","principal_type":"user","principal_id":"` + userID + `","permissions":["read"]}`
	grant := func(vault, kind, who string) string {
		return `{"vault_id":"` + vault + `","principal_type":"` + kind + `","principal_id":"` + who + `"}`
	}
	share := func(kind, who string) string {
		return `{"secret_id":"db/password","recipient_type":"` + kind + `","recipient_id":"` + who + `","expires_at":"2031-01-01T00:00:00Z"}`
	}
	for name, c := range map[string]struct{ tool, args, sent, says string }{
		"a vault by name, a user by address":     {"grant_access", grant("second", "user", "Ada@example.com"), granted, "Vault: " + vaultTwo},
		"both by the beginning of the id":        {"grant_access", grant(vaultTwo[:9], "user", userID[:9]), granted, "Vault: " + vaultTwo},
		"a user by name":                         {"grant_access", grant(vaultTwo, "user", "Ada"), granted, "Granted to: user:" + userID},
		"a name that two have":                   {"grant_access", grant(vaultTwo, "user", "Twin"), "", "principal_id must be the id"},
		"an id without dashes":                   {"grant_access", grant(strings.ReplaceAll(vaultOne, "-", ""), "user", userID), "", "vault_id must be the id"},
		"an agent's name":                        {"grant_access", grant(vaultOne, "agent", canary), "", "principal_id must be the whole id of the agent, a UUID"},
		"a vault that is not there":              {"grant_access", grant("third", "user", "Ada"), "", "vault_id must be the id"},
		"a recipient by address":                 {"share_secret", share("user", "ada@example.com"), `"recipient_id":"` + userID + `"`, "Recipient: user:" + userID},
		"a recipient who is no member":           {"share_secret", share("user", "nobody@example.com"), "", "recipient_id must be the id"},
		"an agent by name, which agents see not": {"share_secret", share("agent", "builder"), "", "recipient_id must be the whole id of the agent"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newContractAPI(t)
			seeded(a)
			a.addVault(vaultTwo, "second")
			got := call(t.Context(), t, connect(t, a, vaultOne), c.tool, c.args)
			if !strings.Contains(got, c.says) || strings.Contains(got, canary) || (c.sent == "") != strings.HasPrefix(got, "error") {
				t.Errorf("got %s", got)
			}
			if sent := strings.Join(a.bodies, "\n"); !strings.Contains(sent, c.sent) || c.sent == "" && strings.Contains(sent, "_type") {
				t.Errorf("sent %s, want %s", sent, c.sent)
			}
		})
	}
}

func TestEachSubmissionHasAKeyOfItsOwn(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	cs := connect(t, a, "")
	for range 2 {
		call(t.Context(), t, cs, "submit_transaction", `{"to":"0xbb","value":"0.5","chain":"base"}`)
	}
	if len(a.replays) != 2 || !ids.Valid(a.replays[0]) || !ids.Valid(a.replays[1]) || a.replays[0] == a.replays[1] {
		t.Errorf("keys: %q", a.replays)
	}
	if sent := a.bodies[len(a.bodies)-1]; sent != `{"to":"0xbb","value":"0.5","chain":"base","simulate_first":true}` {
		t.Errorf("sent %s", sent)
	}
}

// TestASubmissionIsNamedByItsCaller: an agent that tries again pays once.
func TestASubmissionIsNamedByItsCaller(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	cs := connect(t, a, "")
	call(t.Context(), t, cs, "submit_transaction", `{"to":"0xbb","value":"0.5","chain":"base","idempotency_key":"invoice-17"}`)
	if len(a.replays) != 1 || a.replays[0] != "invoice-17" {
		t.Errorf("keys: %q", a.replays)
	}
}

// TestAParameterOfATransactionDoesNotGoMissing: it could change what is paid.
func TestAParameterOfATransactionDoesNotGoMissing(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	cs := connect(t, a, "")
	sent := len(a.bodies)
	for _, name := range []string{"idempotencyKey", "access_list", "maxFeePerGas", "type", "token"} {
		for _, tool := range []string{"submit_transaction", "simulate_transaction"} {
			got := call(t.Context(), t, cs, tool, `{"to":"0xbb","value":"0.5","chain":"base","`+name+`":"1"}`)
			if !strings.HasPrefix(got, "error: ") || !strings.Contains(got, "'"+name+"'") {
				t.Errorf("%s with %s: %s", tool, name, got)
			}
		}
	}
	got := call(t.Context(), t, cs, "submit_transaction", `{"to":"0xbb","value":"0.5","chain":"base","`+canary+` <b>":"1"}`)
	if !strings.HasPrefix(got, "error: ") || strings.Contains(got, "<b>") {
		t.Errorf("what is no name is repeated: %s", got)
	}
	if len(a.replays) != 0 || len(a.bodies) != sent {
		t.Errorf("sent %q", a.bodies[sent:])
	}
	got = call(t.Context(), t, cs, "simulate_transaction", `{"to":"0xbb","value":"0.5","chain":"base","max_fee_per_gas":"1","nonce":3}`)
	if strings.HasPrefix(got, "error") {
		t.Errorf("a simulation of a submission: %s", got)
	}
}
