package pages

import (
	"encoding/json"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// House is what an organisation has once it is furnished: some of everything that a page
// shows.
type House struct {
	Owner      *Person
	Vault      *client.Vault
	Secret     *client.SecretMeta // api-keys/openai
	Agent      *client.NewAgent
	Policy     *client.Policy
	Share      *client.Share
	Approval   *client.Approval
	Wanted     *client.SecretRequest
	Enrollment client.Enrollment
	Key        *client.NewAPIKey
}

// Hostile is a text that every field takes which people read: where a page does not escape
// it, it becomes an element that is marked, or ends an attribute.
const Hostile = `"'><img src=x data-planted onerror=alert(1)><script data-planted>alert(1)</script>{{.}}&amp;`

// Furnish gives the owner's organisation some of everything. Each text that people read is
// with some suffix, which may be Hostile; each secret's value begins with canary.
func (p *Person) Furnish(suffix, canary string) *House {
	p.t.Helper()
	h := &House{Owner: p}
	api, ctx := p.Client(), p.t.Context()
	// A name takes fewer characters than a description: the longest that it takes is used.
	named := func(name string, most int) string {
		all := name + suffix
		return all[:min(len(all), most)]
	}
	var err error
	p.Clock.Forward(time.Second)
	h.Vault, err = api.CreateVault(ctx, named("team", 200), named("What the agents of the team need", 1000))
	p.must(err)
	meta, err := json.Marshal(map[string]string{"note": named("billed to research", 500)})
	p.must(err)
	for _, path := range []string{"api-keys/openai", "api-keys/stripe", "db/password"} {
		p.Clock.Forward(time.Second) // so that the order of lists is the same in each run
		m, err := api.PutSecret(ctx, h.Vault.ID, path, client.ValueOf(canary+"-"+path), client.PutOptions{Metadata: meta})
		p.must(err)
		if h.Secret == nil {
			h.Secret = m
		}
	}
	_, err = api.PutSecret(ctx, h.Vault.ID, "api-keys/openai", client.ValueOf(canary+"-second"), client.PutOptions{Metadata: meta})
	p.must(err)
	_, err = api.SetBindings(ctx, h.Vault.ID, "api-keys/openai", []client.Binding{{Hosts: []string{"api.openai.com"}, Methods: []string{"POST"}, Paths: []string{"/v1/**"}}})
	p.must(err)
	p.Clock.Forward(time.Second)
	h.Agent, err = api.CreateAgent(ctx, client.AgentCreate{Name: named("builder", 200), Description: named("Builds and ships", 500)})
	p.must(err)
	p.Clock.Forward(time.Second)
	h.Policy, err = api.CreatePolicy(ctx, h.Vault.ID, client.PolicyGrant{
		SecretPathPattern: "api-keys/*", PrincipalType: "agent", PrincipalID: h.Agent.Agent.ID, Permissions: []string{"read", "use"},
		Conditions: &client.Conditions{RequireApproval: &client.ApprovalTerms{}},
	})
	p.must(err)
	p.Clock.Forward(time.Second)
	_, err = api.CreatePolicy(ctx, h.Vault.ID, client.PolicyGrant{
		SecretPathPattern: "db/*", PrincipalType: "agent", PrincipalID: h.Agent.Agent.ID, Permissions: []string{"read"},
	})
	p.must(err)
	p.Clock.Forward(time.Second)
	h.Share, err = api.CreateShare(ctx, h.Secret.ID, client.ShareCreate{RecipientType: "anyone_with_link", MaxAccessCount: 3, ExpiresAt: p.Clock.Now().Add(time.Hour)})
	p.must(err)
	p.Clock.Forward(time.Second)
	h.Key, err = api.CreateAPIKey(ctx, named("laptop", 200), nil, nil)
	p.must(err)
	p.Clock.Forward(time.Second)
	p.must(api.Invite(ctx, "guest@example.com", "member"))
	_, err = api.CreateIPRule(ctx, client.IPRuleCreate{RuleType: "block", CIDR: "203.0.113.0/24", Label: named("a bad neighbour", 200)})
	p.must(err)
	_, err = api.SetEnvVar(ctx, h.Vault.ID, client.EnvVarSet{Key: "DATABASE_URL", Comment: named("of the test database", 200)}, client.ValueOf(canary+"-env"))
	p.must(err)

	agent := p.ClientOf(p.Exchange(string(h.Agent.APIKey.Reveal())))
	h.Approval, err = agent.RequestApproval(ctx, client.ApprovalAsk{VaultID: h.Vault.ID, SecretPath: "api-keys/openai", Reason: named("to answer mails", 400)})
	p.must(err)
	h.Wanted, err = agent.RequestSecret(ctx, client.SecretAsk{VaultID: h.Vault.ID, Path: "api-keys/github", Reason: named("to open an issue", 400), Service: "github"})
	p.must(err)
	_, err = p.ClientOf("").Enroll(ctx, named("helper", 100), world.Email(p.Name), named("Reads the calendar", 400))
	p.must(err)
	waiting, err := api.Enrollments(ctx)
	p.must(err)
	if len(waiting) > 0 {
		h.Enrollment = waiting[0]
	}
	return h
}
