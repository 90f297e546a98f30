package cli_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCallsOfModelsOnATerminal: a call that had a secret of the vault in it is shown by agent, model
// and what was replaced, in a table of 80 columns, in the summary and in the log.
func TestCallsOfModelsOnATerminal(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sent, _ := io.ReadAll(r.Body); strings.Contains(string(sent), "horse-battery-staple") {
			t.Errorf("the provider gets %s", sent)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":"1","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":300}}`))
	}))
	defer provider.Close()
	s := serveDev(t, `ONECLAW_SHROUD_UPSTREAMS={"openai":"`+provider.URL+`"}`)
	s.now = time.Now()
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "main")
	agent := s.newAgent("builder")
	s.ok("sk-provider", "secret", "set", "providers/openai/api-key")
	s.ok("horse-battery-staple", "secret", "set", "db/password")
	s.ok("", "policy", "create", "--agent", "builder", "--path", "**", "--expires", "12h")
	s.ok("", "shroud", "preset", "builder", "balanced")

	var at struct {
		Shroud string `json:"shroud_url"`
	}
	if b, err := os.ReadFile(filepath.Join(s.env["ONECLAW_DATA"], "dev-credentials.json")); err != nil || json.Unmarshal(b, &at) != nil {
		t.Fatal(err)
	}
	body := `{"model":"gpt-4o","messages":[{"role":"user","content":"It is horse-battery-staple, write to ann.lee@example.org."}]}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.Shroud+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+agent.env["ONECLAW_AGENT_API_KEY"])
	r.Header.Set("X-Shroud-Provider", "openai")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(answer.Body)
	if answer.Body.Close(); answer.StatusCode != http.StatusOK {
		t.Fatalf("%d: %s", answer.StatusCode, said)
	}

	if out := s.ok("", "shroud", "activity"); !strings.Contains(out, "1 secret_leak (redacted)") || !strings.Contains(out, "1 pii (redacted)") {
		t.Errorf("a program gets %q", out)
	}
	if out := s.ok("", "shroud", "summary"); !strings.Contains(out, "secret_leak\t1\t0\t1\t0\t0\n") || !strings.Contains(out, "pii\t1\t0\t1\t0\t0\n") {
		t.Errorf("summed up %q", out)
	}
	s.env["NO_COLOR"] = "1"
	s.tty, s.width = "oe", 80
	out := s.ok("", "shroud", "activity")
	if !strings.HasPrefix(out, "TIME ") || !strings.Contains(out, "builder") || strings.Count(out, "\n") > 6 {
		t.Errorf("at 80 columns it is\n%s", out)
	}
	for line := range strings.Lines(out) {
		if len(line) > 81 {
			t.Errorf("a line has %d columns: %s", len(line), line)
		}
	}
	if r := s.run("", "shroud", "summary"); !strings.Contains(r.out, "REDACTED") || !strings.Contains(r.err, "1 request of 1 agent, 0 of them blocked") {
		t.Errorf("summary: %s%s", r.out, r.err)
	}
	if out := s.ok("", "audit", "list", "--action", "model.call"); !strings.Contains(out, "openai/gpt-4o") {
		t.Errorf("the log says\n%s", out)
	}
}
