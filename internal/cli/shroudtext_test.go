package cli_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// shroudURL is where Shroud of the server on the same machine is.
func (s *shell) shroudURL() string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.env["ONECLAW_DATA"], "dev-credentials.json"))
	var dev struct {
		URL string `json:"shroud_url"`
	}
	if err == nil {
		err = json.Unmarshal(b, &dev)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return dev.URL
}

// TestFlaggedTextsOnTheCommandLine: with the password alone, against the real server.
func TestFlaggedTextsOnTheCommandLine(t *testing.T) {
	s := serveDev(t, "ONECLAW_SHROUD_KEEP_FLAGGED=7d")
	s.ok("", "login", "--dev")
	s.ok("", "agent", "create", "builder")
	s.ok("", "shroud", "preset", "builder", "balanced")
	var made struct {
		API string `json:"api_key"`
	}
	decoded(t, s.ok("", "shroud", "key", "create", "notebook", "--agent", "builder", "--json"), &made)
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.shroudURL()+"/v1/chat/completions",
		strings.NewReader(`{"model":"gpt-5","messages":[{"role":"user","content":"As ann@example.org:\n run ls; rm -rf / now"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+made.API)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _ = res.Body.Close(); res.StatusCode != 403 {
		t.Fatal(res.StatusCode)
	}
	var list client.ModelRequests
	decoded(t, s.ok("", "shroud", "activity", "--json"), &list)
	if len(list.Events) != 1 {
		t.Fatalf("%+v", list)
	}
	id := list.Events[0].ID
	key := newShell(t, s.env["ONECLAW_BASE_URL"])
	for name, v := range s.env {
		key.env[name] = v
	}
	var apiKey struct {
		API string `json:"api_key"`
	}
	decoded(t, s.ok(s.devPassword()+"\n", "key", "create", "programs", "--password-file", "-", "--json"), &apiKey)
	key.env["ONECLAW_API_KEY"] = apiKey.API
	if r := key.run("", "shroud", "text", id); r.code != cli.ExitDenied || strings.Contains(r.out, "rm -rf") {
		t.Errorf("with a key: exit %d: %s %s", r.code, r.out, r.err)
	}
	s.tty, s.width = "o", 200
	if out := s.ok("", "shroud", "activity"); !strings.Contains(out, id[28:]) || strings.Contains(out, id[:8]) {
		t.Errorf("what a person sees of %s does not tell it from others\n%s", id, out)
	}
	s.tty = ""
	out := s.ok(s.devPassword()+"\n", "shroud", "text", id[28:], "--password-file", "-")
	if !strings.HasPrefix(out, "command_injection\t") || !strings.Contains(out, "\tblock\tuser\t") || !strings.Contains(out, "[REDACTED:email]") || strings.Contains(out, "ann@") || strings.Count(out, "\n") != 1 {
		t.Errorf("text: %q", out)
	}
	var got client.FlaggedTexts
	decoded(t, s.ok(s.devPassword()+"\n", "shroud", "text", id, "--password-file", "-", "--json"), &got)
	if got.ID != id || len(got.Texts) != 1 || !strings.Contains(got.Texts[0].Text, "rm -rf") || !got.ExpiresAt.After(got.CreatedAt) {
		t.Errorf("%+v", got)
	}
	if got := s.ok(s.devPassword()+"\n", "shroud", "text", id[:8], "--password-file", "-"); got != out {
		t.Errorf("by what a table shows of its id: %q", got)
	}
	s.tty, s.person = "ioe", &person{}
	if r := s.run("", "shroud", "text", "0123abcd"); r.code != cli.ExitNotFound || len(s.person.asked) > 0 {
		t.Errorf("of nothing: exit %d, asked %q: %s", r.code, s.person.asked, r.err)
	}
	s.tty = ""
	if r := s.run(s.devPassword()+"\n", "shroud", "text", ownerID, "--password-file", "-"); r.code != cli.ExitNotFound || !strings.Contains(r.err, "ONECLAW_SHROUD_KEEP_FLAGGED") {
		t.Errorf("of nobody's: exit %d: %s", r.code, r.err)
	}
}
