package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// sdk runs a script with the official SDK of a provider, to which Shroud is a base URL and a key.
func sdk(t *testing.T, name, which, url, key string) map[string]any {
	t.Helper()
	script, err := filepath.Abs("../../test/npm/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(script), "node_modules", "openai")); err != nil {
		t.Fatal("the SDKs are not installed; `make test-deps` installs them")
	}
	cmd := exec.CommandContext(t.Context(), "node", script, which, url, key)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", which, err, out, stderr.String())
	}
	var m map[string]any
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatalf("%s: %v in %s", which, err, out)
	}
	return m
}

// shown is a value as JSON, to compare it.
func shown(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func TestOfficialSDKsCallModelsThroughShroud(t *testing.T) {
	t.Parallel()
	thought := llmstub.Said(llmstub.Thinking, "First ", "this.")
	thought.Signature = "c2lnbmVk"
	call := llmstub.Called("weather", `{"city":`, `"Zürich"}`)
	call.Signature = "Y2FsbA=="
	plain := llmstub.Says(llmstub.Said(llmstub.Text, "Grüße ", "aus 東京 ", "🦀"))
	calls := llmstub.Says(thought, llmstub.Said(llmstub.Text, "I ", "ask."), call)
	object := llmstub.Says(llmstub.Said(llmstub.Text, `{"city":"Bern"}`))
	limited := llmstub.Reply{Fail: &llmstub.Failure{Status: 429, Kind: "rate_limit_error", Message: "Slow down, {key}"}}
	broken := llmstub.Says(llmstub.Said(llmstub.Text, "begun ", "and ", "not ", "ended"))
	broken.Leave = 4
	crlf, bytewise := plain, calls
	crlf.EOL, crlf.Comments = "\r\n", true
	bytewise.Chunk, bytewise.Tight = 1, true
	for _, c := range []struct {
		which   string
		answers []llmstub.Reply
		want    map[string]string
	}{
		{"openai", []llmstub.Reply{plain, crlf, bytewise, plain, plain, object, plain, plain, bytewise, limited, broken, broken, plain}, map[string]string{
			"chat": `"Grüße aus 東京 🦀"`, "stream": `{"text":"Grüße aus 東京 🦀","usage":18}`, "called": `[["weather",{"city":"Zürich"}]]`, "why": `"tool_calls"`,
			"answered": `"Grüße aus 東京 🦀"`, "vision": `"Grüße aus 東京 🦀"`, "json": `{"city":"Bern"}`, "vectors": `[[0.25,-0.5,0.75],[0.25,-0.5,0.75]]`,
			"response":  `"Grüße aus 東京 🦀"`,
			"responses": `{"first":"response.created","kinds":["reasoning","message","function_call"],"last":"response.completed","text":"I ask.","usage":18}`,
			"models":    `["gpt-5","embed-1"]`,
		}},
		{"anthropic", []llmstub.Reply{plain, bytewise, plain, plain, plain, limited, broken, plain}, map[string]string{
			"chat":   `"Grüße aus 東京 🦀"`,
			"stream": `{"input":11,"signature":"c2lnbmVk","text":"I ask.","thought":"First this.","usage":7}`,
			"called": `[["weather",{"city":"Zürich"}]]`, "why": `"tool_use"`, "answered": `"Grüße aus 東京 🦀"`, "vision": `"Grüße aus 東京 🦀"`, "count": `42`,
		}},
		{"google", []llmstub.Reply{plain, bytewise, plain, plain, object, plain, plain, limited, broken, plain}, map[string]string{
			"chat": `"Grüße aus 東京 🦀"`, "stream": `{"signatures":["c2lnbmVk","Y2FsbA=="],"text":"I ask.","usage":18}`,
			"called": `[["weather",{"city":"Zürich"}]]`, "answered": `"Grüße aus 東京 🦀"`, "vision": `"Grüße aus 東京 🦀"`, "json": `{"city":"Bern"}`,
			"count": `12`, "vectors": `1`,
		}},
	} {
		for _, routed := range []bool{false, true} {
			t.Run(c.which+map[bool]string{true: " with a router key"}[routed], func(t *testing.T) {
				t.Parallel()
				stub := llmstub.New(t)
				p := newPlace(t)
				p.env = []string{fmt.Sprintf(`ONECLAW_SHROUD_UPSTREAMS={%q:%q}`, c.which, stub.URL)}
				s := p.start()
				owner := s.login()
				vault, key := grant(t, owner, "providers/**", "read")
				owner.want(t, http.StatusCreated, "PUT", vault+"/secrets/providers/"+c.which+"/api-key", map[string]any{"value": "sk-of-the-provider", "type": "api_key"})
				me := owner.exchange(t, key).want(t, http.StatusOK, "GET", "/v1/agents/me", nil)
				config := map[string]any{}
				if c.which == "openai" {
					config["allowed_models"] = []string{"gpt-5", "embed-1", "unused"}
					config["denied_models"] = []string{"unused", "embed-2"}
				}
				owner.want(t, http.StatusOK, "PATCH", "/v1/agents/"+text(t, me, "id"), map[string]any{"shroud_enabled": true, "shroud_config": config})
				if routed {
					key = text(t, owner.want(t, http.StatusCreated, "POST", "/v1/agents/"+text(t, me, "id")+"/router-keys", map[string]any{"name": "sdk"}), "api_key")
				}
				stub.Answer(c.answers...)
				got := sdk(t, "sdk.mjs", c.which, s.ShroudURL, key)
				for what, want := range c.want {
					if shown(got[what]) != want {
						t.Errorf("%s: %s, want %s", what, shown(got[what]), want)
					}
				}
				for what, want := range map[string]struct {
					status any
					said   string
				}{
					"limited": {429.0, "Slow down, [REDACTED]"}, "overloaded": {429.0, "Slow down, [REDACTED]"}, "refused": {401.0, ""},
					"broken": {nil, "broke off"}, "brokenResponse": {nil, "broke off"},
				} {
					e, ok := got[what].(map[string]any)
					if !ok {
						continue // not of this SDK
					}
					if message, _ := e["message"].(string); !strings.Contains(message, want.said) || want.status != nil && e["status"] != want.status || e["answered"] != nil {
						t.Errorf("%s: %s", what, shown(e))
					}
				}
				for _, r := range stub.Requests() {
					if r.Key() != "sk-of-the-provider" || strings.Contains(fmt.Sprint(r.Header, r.Query, string(r.Body)), key) || strings.Contains(string(r.Body), "openai/") {
						t.Errorf("%s got %v %s", r.Path, r.Header, r.Body)
					}
				}
				if n := len(stub.Requests()); n != len(c.answers)-1 {
					t.Errorf("%d requests", n)
				}
				if strings.Contains(s.output(), "sk-of-the-provider") || strings.Contains(s.output(), key) {
					t.Error("a key is in the log")
				}
			})
		}
	}
}
