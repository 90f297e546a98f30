package app

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// TestTheKeyIsInNoFieldOfAnAnswer: neither in those that are no text to anybody, whole, in a
// stream and in what the lines of its events hold beside data, nor in a header.
func TestTheKeyIsInNoFieldOfAnAnswer(t *testing.T) {
	r := shroud(t)
	quoted, err := json.Marshal(providerKey)
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{
		chat: `{"id":"KEY","object":"KEY","created":1,"model":"KEY","system_fingerprint":"KEY","service_tier":"KEY","choices":[{"index":0,"finish_reason":"KEY","logprobs":{"content":[{"token":"KEY","bytes":null}]},` +
			`"message":{"role":"KEY","content":"hi","reasoning_content":"KEY","annotations":[{"type":"KEY"}],"audio":{"id":"KEY","data":"KEY"},"tool_calls":[{"id":"KEY","type":"KEY","function":{"name":"f","arguments":"{}"}}]}}],` +
			`"usage":{"prompt_tokens":1,"KEY":"KEY"}}`,
		"/v1/embeddings":                      `{"object":"KEY","model":"KEY","data":[{"object":"KEY","index":0,"embedding":["KEY"]}],"usage":{"KEY":1}}`,
		"/v1/responses":                       `{"id":"KEY","object":"KEY","status":"KEY","model":"KEY","previous_response_id":"KEY","output":[{"type":"reasoning","id":"KEY","encrypted_content":"KEY"},{"type":"function_call","id":"KEY","call_id":"KEY","status":"KEY","name":"f","arguments":"{}"}],"usage":{"KEY":1}}`,
		"/v1/messages":                        `{"id":"KEY","type":"KEY","role":"KEY","model":"KEY","stop_reason":"KEY","content":[{"type":"thinking","thinking":"KEY","signature":"KEY"},{"type":"tool_use","id":"KEY","name":"f","input":{}}],"usage":{"service_tier":"KEY"}}`,
		"/v1beta/models/m:generateContent":    `{"responseId":"KEY","modelVersion":"KEY","candidates":[{"finishReason":"KEY","content":{"role":"KEY","parts":[{"thoughtSignature":"KEY","functionCall":{"id":"KEY","name":"f","args":{}}}]}}],"usageMetadata":{"KEY":1}}`,
		"/v1beta/models/m:embedContent":       `{"embedding":{"values":["KEY"]}}`,
		"/v2/chat":                            `{"id":"KEY","finish_reason":"KEY","message":{"role":"KEY","content":[{"type":"text","text":"hi"}],"tool_calls":[{"id":"KEY","type":"KEY","function":{"name":"f","arguments":"{}"}}]},"usage":{"KEY":1}}`,
		"/v2/embed":                           `{"id":"KEY","embeddings":{"KEY":["KEY"]}}`,
		"/compatibility/v1/chat/completions":  `{"id":"KEY","choices":[],"model":"KEY"}`,
		"/v1beta/openai/embeddings":           `{"object":"KEY","data":[],"model":"KEY"}`,
		"/v1/messages/count_tokens":           `{"input_tokens":"KEY"}`,
		"/v1beta/models/m:batchEmbedContents": `{"embeddings":[{"values":["KEY"]}]}`,
		"/v1beta/models/m:countTokens":        `{"totalTokens":1,"KEY":"KEY"}`,
	}
	for spelling, key := range map[string]string{
		"as it is": strings.Trim(string(quoted), `"`), "unescaped": providerKey, "base64": base64.StdEncoding.EncodeToString([]byte("x" + providerKey)), "hex": hex.EncodeToString([]byte(providerKey)),
	} {
		raw := func(kind, body string) {
			r.stub.Answer(llmstub.Reply{Raw: &llmstub.Raw{Status: 200, Header: http.Header{"Content-Type": {kind}, "X-Trace": {"a " + key}}, Body: []byte(strings.ReplaceAll(body, "KEY", "a "+key))}})
		}
		for path, body := range bodies {
			h := r.usual("X-Shroud-Provider", "")
			if path == chat || path == "/v1/embeddings" {
				h = r.usual()
			}
			raw("application/json", body)
			got := r.send("POST", path, `{"model":"m","input":"x"}`, h)
			if got.status != 200 || !json.Valid([]byte(got.body)) {
				t.Errorf("%s, %s: %d %s", path, spelling, got.status, got.body)
			}
			keyless(t, path+", "+spelling, key, got)
			if strings.HasSuffix(path, "ontent") || strings.Contains(path, "mbed") || strings.HasSuffix(path, "okens") {
				continue
			}
			raw("text/event-stream", ": KEY\n\nid: KEY\nevent: KEY\nretry: KEY\ndata: "+body+"\n\ndata: [DONE]\n\n")
			keyless(t, path+", a stream, "+spelling, key, r.send("POST", path, `{"model":"m","stream":true,"input":"x"}`, h))
		}
	}
}

func keyless(t *testing.T, what, key string, got said) {
	t.Helper()
	for name, values := range got.header {
		if strings.Contains(strings.Join(values, " "), key) {
			t.Errorf("%s: the header %s has the key", what, name)
		}
	}
	if strings.Contains(got.body, key) || strings.Contains(got.body, providerKey) || !strings.Contains(got.body, "[REDACTED:provider-key]") {
		t.Errorf("%s: %d %s", what, got.status, got.body)
	}
}
