package mcpserver_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// A call that has a server asked which never answers ends by the limit, and says that nobody knows what was done.
func TestACallOfAServerThatNeverAnswersEnds(t *testing.T) {
	done := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-done:
		}
	}))
	defer silent.Close()
	defer close(done)
	w := rest.Open(t, func(s *rest.Setup) { s.Answering = 50 * time.Millisecond })
	front := httptest.NewServer(w.API)
	defer front.Close()
	ada, token := w.SignUp("ada")
	vault := w.NewVault(w.Here(ada), "main")
	made, key := w.NewAgent(w.Here(ada), agent.Agent{Name: "worker"})
	w.Grant(ada, vault, policy.Principal{Kind: policy.KindAgent, ID: made.ID, Org: ada.Org}, "**", "use")
	owner, err := client.New(front.URL, client.WithToken(token))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owner.PutSecret(t.Context(), vault, "k", client.ValueOf("sk_live_0123456789"), client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.SetBindings(t.Context(), vault, "k", []client.Binding{{Hosts: []string{strings.TrimPrefix(silent.URL, "http://")}}}); err != nil {
		t.Fatal(err)
	}
	on := true
	if _, err := owner.UpdateAgent(t.Context(), made.ID, client.AgentUpdate{AgentFields: client.AgentFields{ExecutionEnabled: &on}}); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.CreateAgentBinding(t.Context(), made.ID, &client.AgentBindingChange{
		Name: "pay", Type: "http", Config: &client.BindingConfig{BaseURL: silent.URL}, Guardrails: &client.AgentGuardrails{Duration: 50},
		Credential: &client.AgentCredential{Value: client.ValueOf("sk_live_9876543210")},
	}); err != nil {
		t.Fatal(err)
	}
	worker, err := client.New(front.URL, client.WithToken(w.Exchange(key)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := mcpserver.New(mcpserver.Config{Client: worker, VaultID: vault, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	session := attach(t, s)
	for tool, args := range map[string]string{
		"http_request": fmt.Sprintf(`{"method":"GET","url":"%s/","headers":{"Authorization":"Bearer {{secret:k}}"}}`, silent.URL),
		"execute_http": `{"binding":"pay","path":"/"}`,
	} {
		got := call(t.Context(), t, session, tool, args)
		if tool == "http_request" && !strings.HasPrefix(got, "error: ") || !strings.Contains(got, "did not answer in time") || !strings.Contains(got, "not known") {
			t.Errorf("%s: got %q", tool, got)
		}
	}
}
