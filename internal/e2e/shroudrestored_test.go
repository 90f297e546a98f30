package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// TestOfficialSDKsGetSecretsBackInCallsOfTools: in streams whose pieces cut the placeholder, in the one place that the
// binding names.
func TestOfficialSDKsGetSecretsBackInCallsOfTools(t *testing.T) {
	t.Parallel()
	args := func(key string) map[string]any {
		return map[string]any{"url": "https://api.example.com/v1/x", "headers": map[string]any{"Authorization": "Bearer " + key, "X-Note": "[REDACTED:api/bound]"}}
	}
	for which, answers := range map[string]int{"openai": 2, "anthropic": 1, "google": 1} {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			stub := llmstub.New(t)
			p := newPlace(t)
			p.env = []string{fmt.Sprintf(`ONECLAW_SHROUD_UPSTREAMS={%q:%q}`, which, stub.URL)}
			s := p.start()
			owner := s.login()
			vault, key := grant(t, owner, "**", "read")
			owner.want(t, http.StatusCreated, "PUT", vault+"/secrets/providers/"+which+"/api-key", map[string]any{"value": "sk-of-the-provider", "type": "api_key"})
			owner.want(t, http.StatusCreated, "PUT", vault+"/secrets/api/bound", map[string]any{"value": "hunter2-Zebra_90", "type": "api_key"})
			owner.want(t, http.StatusOK, "PUT", vault+"/secret-bindings/api/bound", map[string]any{"bindings": []any{map[string]any{"hosts": []string{"api.example.com"}, "in": "bearer"}}})
			me := owner.exchange(t, key).want(t, http.StatusOK, "GET", "/v1/agents/me", nil)
			reply, err := json.Marshal(args("[REDACTED:api/bound]"))
			if err != nil {
				t.Fatal(err)
			}
			var pieces []string
			for text := string(reply); text != ""; text = text[min(len(text), 7):] {
				pieces = append(pieces, text[:min(len(text), 7)])
			}
			for reveal, want := range map[string]string{"allow": "hunter2-Zebra_90", "never": "{{secret:api/bound}}"} {
				owner.want(t, http.StatusOK, "PATCH", "/v1/agents/"+text(t, me, "id"), map[string]any{"shroud_enabled": true, "reveal": reveal})
				stub.Answer(llmstub.Says(llmstub.Called("fetch", pieces...)))
				got := sdk(t, "restored.mjs", which, s.ShroudURL, key)
				if len(got) != answers {
					t.Errorf("%s: %s", reveal, shown(got))
				}
				for what, with := range got {
					if shown(with) != shown(args(want)) {
						t.Errorf("%s, %s: %s", reveal, what, shown(with))
					}
				}
			}
		})
	}
}
