package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

const bound = "hunter2-Zebra_90"

// calledWith has the model call a tool with the arguments, and returns what the agent gets of them: of a whole
// answer, and of a stream in pieces.
func (r *shroudRig) calledWith(d llmstub.Dialect, arguments string, random *rand.Rand) [2]string {
	r.t.Helper()
	to := map[llmstub.Dialect][3]string{
		llmstub.Chat:      {"openai", chat, `{"model":"m","messages":[{"role":"user","content":%q}]%s}`},
		llmstub.Responses: {"openai", "/v1/responses", `{"model":"m","input":%q%s}`},
		llmstub.Messages:  {"anthropic", "/v1/messages", `{"model":"m","max_tokens":99,"messages":[{"role":"user","content":%q}]%s}`},
		llmstub.Gemini:    {"google", "/v1beta/models/m:generateContent", `{"contents":[{"role":"user","parts":[{"text":%q}]}]%s}`},
		llmstub.Mistral:   {"mistral", chat, `{"model":"m","messages":[{"role":"user","content":%q}]%s}`},
		llmstub.Cohere:    {"cohere", "/v2/chat", `{"model":"m","messages":[{"role":"user","content":%q}]%s}`},
	}[d]
	var out [2]string
	for i, more := range []string{"", `,"stream":true`} {
		reply := llmstub.Says(llmstub.Called("fetch", llmstub.Cut(random, arguments, random.IntN(20)+1)...))
		reply.Style.ASCII = random.IntN(2) == 0
		r.stub.Answer(reply)
		path := to[1]
		if d == llmstub.Gemini && i == 1 {
			path, more = "/v1beta/models/m:streamGenerateContent?alt=sse", ""
		}
		got := r.send("POST", path, fmt.Sprintf(to[2], "The key is "+bound+", use it.", more), r.usual("X-Shroud-Provider", to[0]))
		if got.status != 200 || strings.Contains(string(r.stub.Last().Body), bound) {
			r.t.Fatalf("%s: %d %s; the provider got %s", d, got.status, got.body, r.stub.Last().Body)
		}
		hear := llmstub.Hear
		if i == 1 {
			hear = llmstub.HearStream
		}
		heard, err := hear(d, []byte(got.body))
		if err != nil {
			r.t.Fatalf("%s: %v in %s", d, err, got.body)
		}
		for what, said := range heard.Texts {
			if strings.Contains(what, " call ") {
				out[i] += said
			}
		}
	}
	return out
}

// same compares two texts of JSON.
func same(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

// TestAToolGetsASecretBackWhereItsBindingAllows: in each dialect, whole and in pieces, on both databases. Who may not
// read it gets a reference in the same places, and where no binding allows it the placeholder stays.
func TestAToolGetsASecretBackWhereItsBindingAllows(t *testing.T) {
	const place = "[REDACTED:api/bound]"
	dialects := []llmstub.Dialect{llmstub.Chat, llmstub.Responses, llmstub.Messages, llmstub.Gemini, llmstub.Mistral, llmstub.Cohere}
	for engine, dsn := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.Shared(t).DSN(t)} {
		t.Run(engine, func(t *testing.T) {
			r := shroudOn(t, dsn)
			r.set(`{}`)
			keep := func(path, value, bindings string) {
				r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/"+path, r.owner, fmt.Sprintf(`{"type":"api_key","value":%q}`, value))
				r.rest("PUT", "/v1/vaults/"+r.vault+"/secret-bindings/"+path, r.owner, `{"bindings":`+bindings+`}`)
			}
			keep("api/bound", bound, `[{"hosts":["api.example.com"],"methods":["GET","POST"],"paths":["/v1/**"],"in":"bearer"},{"hosts":["body.example.com"],"in":"body:/auth/token"},{"hosts":["query.example.com"],"in":"query:k"}]`)
			const url = `"url":"https://api.example.com/v1/x"`
			back := map[string]string{
				"a header":           `{` + url + `,"method":"GET","headers":{"Authorization":"Bearer HERE"}}`,
				"no method":          `{` + url + `,"headers":{"authorization":"HERE","X-Other":"` + place + `"}}`,
				"a post":             `{` + url + `,"method":"post","headers":{"Authorization":"Bearer HERE"},"body":{"note":"` + place + `"}}`,
				"a body":             `{"url":"https://body.example.com/","method":"PUT","body":{"auth":{"token":"HERE"},"list":["` + place + `"]}}`,
				"a body as json":     `{"url":"https://body.example.com/","json":{"auth":{"token":"HERE"}}}`,
				"a query":            `{"method":"GET","url":"https://query.example.com/a?b=c","query":{"k":"HERE","l":"` + place + `"}}`,
				"another's query":    `{"method":"GET","url":"https://query.example.com/a","params":{"k":"HERE"},"timeout":3}`,
				"not in this header": `{` + url + `,"headers":{"X-Key":"` + place + `","Authorization":"Bearer HERE"}}`,
			}
			stays := map[string]string{
				"another host":                `{"url":"https://evil.example/v1/x","headers":{"Authorization":"Bearer ` + place + `"}}`,
				"a host as user":              `{"url":"https://api.example.com@evil.example/v1/x","headers":{"Authorization":"Bearer ` + place + `"}}`,
				"another path":                `{"url":"https://api.example.com/v2","headers":{"Authorization":"Bearer ` + place + `"}}`,
				"dots":                        `{"url":"https://api.example.com/v1/../v2","headers":{"Authorization":"Bearer ` + place + `"}}`,
				"another method":              `{` + url + `,"method":"DELETE","headers":{"Authorization":"Bearer ` + place + `"}}`,
				"a body in a GET":             `{` + url + `,"method":"GET","body":{},"headers":{"Authorization":"Bearer ` + place + `"}}`,
				"the url":                     `{"url":"https://api.example.com/v1/` + place + `"}`,
				"a name":                      `{` + url + `,"headers":{"` + place + `":"x"}}`,
				"a proxy":                     `{` + url + `,"proxy":"http://evil.example","headers":{"Authorization":"Bearer ` + place + `"}}`,
				"another host in Host":        `{` + url + `,"headers":{"Host":"evil.example","Authorization":"Bearer ` + place + `"}}`,
				"twice":                       `{` + url + `,"headers":{"Authorization":"Bearer ` + place + place + `"}}`,
				"a shell":                     `{"command":"curl -H 'Authorization: Bearer ` + place + `' https://api.example.com/v1/x"}`,
				"no request":                  `{"text":"` + place + `"}`,
				"another URL":                 `{` + url + `,"URL":"https://evil.example/","headers":{"Authorization":"Bearer ` + place + `"}}`,
				"a placeholder of no request": `{` + url + `,"headers":{"Authorization":"Bearer [REDACTED:api/unsaid]"}}`,
			}
			keep("api/unsaid", "another-Value-77", `[{"hosts":["api.example.com"],"in":"bearer"}]`)
			random := rand.New(rand.NewPCG(3, 9))
			check := func(what, with string) {
				t.Helper()
				for i, name := range slices.Sorted(maps.Keys(back)) {
					d := dialects[i%len(dialects)]
					for _, got := range r.calledWith(d, strings.ReplaceAll(back[name], "HERE", place), random) {
						if !same(got, strings.ReplaceAll(back[name], "HERE", with)) {
							t.Errorf("%s, %s, %s: %s", what, d, name, got)
						}
					}
				}
				for i, name := range slices.Sorted(maps.Keys(stays)) {
					d := dialects[i%len(dialects)]
					for _, got := range r.calledWith(d, stays[name], random) {
						if !same(got, stays[name]) {
							t.Errorf("%s, %s, %s: %s", what, d, name, got)
						}
					}
				}
			}
			check("an agent that reads", bound)
			for _, d := range dialects {
				for range 3 {
					got := r.calledWith(d, strings.ReplaceAll(back["a post"], "HERE", place), random)
					if want := strings.ReplaceAll(back["a post"], "HERE", bound); !same(got[0], want) || !same(got[1], want) {
						t.Errorf("%s: %q", d, got)
					}
				}
			}
			r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"reveal":"never"}`)
			check("an agent that is shown nothing", "{{secret:api/bound}}")
			r.rest("PUT", "/v1/vaults/"+r.vault+"/secret-bindings/api/bound", r.owner, `{"bindings":[]}`)
			for _, d := range dialects {
				args := strings.ReplaceAll(back["a header"], "HERE", place)
				for _, got := range r.calledWith(d, args, random) {
					if !same(got, args) {
						t.Errorf("%s, without bindings: %s", d, got)
					}
				}
			}
		})
	}
}

// TestAnAgentThatIsShownNothingGetsNothingBack in texts: a transcript is read by others.
func TestAnAgentThatIsShownNothingGetsNothingBack(t *testing.T) {
	r := shroud(t)
	r.set(`{}`)
	r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/api/bound", r.owner, fmt.Sprintf(`{"type":"api_key","value":%q}`, bound))
	for reveal, want := range map[string]string{"allow": bound, "never": "[REDACTED:api/bound]"} {
		r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"reveal":"`+reveal+`"}`)
		r.stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, "It is [REDACTED:api/bound], of ann@example.org, [REDACTED:api/other].")))
		got := r.send("POST", chat, `{"model":"m","messages":[{"role":"user","content":"It is `+bound+`."}]}`, r.usual())
		if !strings.Contains(got.body, "It is "+want+", of ") || !strings.Contains(got.body, "[REDACTED:api/other]") {
			t.Errorf("%s: %s", reveal, got.body)
		}
	}
}

// TestAValueThatAnAgentMayOnlyUseIsLookedForToo: the permission use reads nothing, and what it opens must not leak either.
func TestAValueThatAnAgentMayOnlyUseIsLookedForToo(t *testing.T) {
	r := shroud(t)
	vault := r.newVault("used")
	r.rest("PUT", "/v1/vaults/"+vault+"/secrets/api/used", r.owner, `{"type":"api_key","value":"only-Used-4711"}`)
	r.rest("PUT", "/v1/vaults/"+vault+"/secrets/api/signs", r.owner, `{"type":"ssh_key","value":"only-Signs-4711"}`)
	r.rest("POST", "/v1/vaults/"+vault+"/policies", r.owner, `{"principal_type":"agent","principal_id":"`+r.agent+`","secret_path_pattern":"**","permissions":["use"]}`)
	r.stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, "ok")))
	got := r.send("POST", chat, `{"model":"m","messages":[{"role":"user","content":"only-Used-4711 and only-Signs-4711"}]}`, r.usual())
	if sent := string(r.stub.Last().Body); got.status != 200 || !strings.Contains(sent, "[REDACTED:api/used] and only-Signs-4711") {
		t.Errorf("%d: %s", got.status, sent)
	}
}

// TestAReferenceThatAToolGotIsOneThatHTTPRequestTakes is the way of a placeholder to the request that is sent.
func TestAReferenceThatAToolGotIsOneThatHTTPRequestTakes(t *testing.T) {
	r := shroud(t)
	r.set(`{}`)
	r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/api/bound", r.owner, fmt.Sprintf(`{"type":"api_key","value":%q}`, bound))
	host := strings.TrimPrefix(r.stub.URL, "http://")
	r.rest("PUT", "/v1/vaults/"+r.vault+"/secret-bindings/api/bound", r.owner, fmt.Sprintf(`{"bindings":[{"hosts":[%q],"in":"bearer"}]}`, host))
	r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"reveal":"never"}`)
	args := fmt.Sprintf(`{"method":"POST","url":%q,"headers":{"Authorization":"Bearer [REDACTED:api/bound]"},"body":{"model":"m","messages":[]}}`, r.stub.URL+chat)
	got := r.calledWith(llmstub.Messages, args, rand.New(rand.NewPCG(1, 1)))
	if !strings.Contains(got[1], "{{secret:api/bound}}") {
		t.Fatal(got)
	}
	r.stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, "ok")))
	token := r.rest("POST", "/v1/auth/agent-token", "", `{"api_key":"`+r.key+`"}`)["access_token"].(string)
	answer := r.rest("POST", "/v1/http-request", token, got[1])
	if r.stub.Last().Key() != bound || bytes.Contains(fmt.Append(nil, answer), []byte(bound)) {
		t.Errorf("%v; sent %q", answer, r.stub.Last().Key())
	}
}
