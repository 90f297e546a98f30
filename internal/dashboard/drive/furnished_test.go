package drive_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

// house is a server with an organisation of ann that has some of everything.
type house struct {
	*pages.Server
	ann   *pages.Person
	vault *client.Vault
	agent *client.NewAgent
}

// canary is in every secret of a house, and in no page that nobody asked for it.
const canary = "canary-5f0e1d9a77"

func furnished(t *testing.T) *house {
	t.Helper()
	h := &house{Server: pages.Open(t)}
	h.ann = h.Stranger("ann")
	api, ctx := h.ann.Client(), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	h.vault, err = api.CreateVault(ctx, "team", "What the agents of the team need")
	must(err)
	for _, path := range []string{"api-keys/openai", "api-keys/stripe", "db/password"} {
		_, err = api.PutSecret(ctx, h.vault.ID, path, client.ValueOf(canary+"-"+path), client.PutOptions{})
		must(err)
	}
	h.agent, err = api.CreateAgent(ctx, client.AgentCreate{Name: "builder", Description: "Builds and ships"})
	must(err)
	return h
}
