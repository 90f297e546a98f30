package cli_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// A request to a server that never answers ends by the limit, and says that nobody knows what was done.
func TestARequestToAServerThatNeverAnswersEnds(t *testing.T) {
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
	s := newShell(t, front.URL)
	s.env["ONECLAW_VAULT_ID"], s.env["ONECLAW_TOKEN"] = vault, token
	s.ok("sk_live_0123456789", "secret", "set", "k")
	s.ok("", "bind", "k", "--host", strings.TrimPrefix(silent.URL, "http://"))
	delete(s.env, "ONECLAW_TOKEN")
	s.env["ONECLAW_AGENT_API_KEY"] = key
	if r := s.fails(cli.ExitFailure, "request", silent.URL+"/", "-H", "Authorization: Bearer {{secret:k}}"); !strings.Contains(r.err, "did not answer in time") || !strings.Contains(r.err, "not known") {
		t.Errorf("got %q", r.err)
	}
}
