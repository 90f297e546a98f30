package agents_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

var agentKey = regexp.MustCompile(`ocv_[A-Za-z0-9_-]{20,}`)

// agentPaths are the pages of an agent.
func agentPaths(id string) (out []string) {
	for _, rest := range []string{"", "/edit", "/rotate", "/deactivate", "/guardrails", "/shroud"} {
		out = append(out, "/agents/"+id+rest)
	}
	return out
}

func TestAnAgentIsMadeOnAPageThatShowsItsKeyOnce(t *testing.T) {
	p := pages.Open(t).Person("ann")
	p.Shows("/agents", "There is no agent yet")
	vault, err := p.Client().CreateVault(t.Context(), "team", "")
	if err != nil {
		t.Fatal(err)
	}
	if body := p.Shows("/agents/new", `value="never" checked`, "team"); strings.Contains(body, `value="allow" checked`) {
		t.Error("the form suggests that values are shown")
	}
	status, _, body := p.Post("/agents/new", url.Values{"name": {pages.Odd}, "reveal": {"never"}, "ends": {"30"}, "vault": {vault.ID}, "pattern": {"api/*"}, "right": {"use"}, "models": {"yes"}})
	if status != http.StatusOK || strings.Contains(body, "<script>alert") {
		t.Fatalf("make an agent: %d\n%s", status, body)
	}
	key := agentKey.FindString(body)
	for _, text := range []string{"claude mcp add oneclaw", "claude_desktop_config.json", ".cursor/mcp.json", ".vscode/mcp.json", "[mcp_servers.oneclaw]", "~/.gemini/settings.json", "export ONECLAW_AGENT_API_KEY=" + key, "ANTHROPIC_BASE_URL"} {
		if !strings.Contains(html.UnescapeString(body), text) {
			t.Errorf("the page with the key lacks %q", text)
		}
	}
	all, err := p.Client().Agents(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != pages.Odd || all[0].Reveal != "never" || all[0].ExpiresAt == nil || !all[0].ShroudEnabled {
		t.Fatalf("the API says %+v, %v", all, err)
	}
	if me, err := p.ClientOf(key).AgentMe(t.Context()); err != nil || me.ID != all[0].ID {
		t.Errorf("the key is of %+v, %v", me, err)
	}
	policies, err := p.Client().Policies(t.Context(), vault.ID)
	if err != nil || len(policies) != 1 || policies[0].PrincipalID != all[0].ID || !slices.Equal(policies[0].Permissions, []string{"use"}) || policies[0].SecretPathPattern != "api/*" {
		t.Errorf("policies: %+v, %v", policies, err)
	}
	for _, path := range append(agentPaths(all[0].ID), "/agents", "/") {
		if strings.Contains(p.Shows(path), key) {
			t.Errorf("%s shows the key", path)
		}
	}
	p.Shows("/agents/"+all[0].ID, "api/*", "never")
	p.Shows("/agents?q=alert", "/agents/"+all[0].ID)
	if strings.Contains(p.Shows("/agents?q=nobody", "No agent is called so"), all[0].ID) {
		t.Error("a search finds what it does not name")
	}
}

func TestAFormOfAnAgentIsShownAgainWithWhatIsWrong(t *testing.T) {
	p := pages.Open(t).Person("ann")
	status, _, body := p.Post("/agents/new", url.Values{"name": {"builder"}, "ends": {"30"}, "token_minutes": {pages.Odd}})
	if status != http.StatusBadRequest || !strings.Contains(body, `value="builder"`) || !strings.Contains(body, "a number of minutes") || strings.Contains(body, "<script>alert") {
		t.Errorf("a wrong form: %d\n%s", status, body)
	}
	if all, err := p.Client().Agents(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("agents: %+v, %v", all, err)
	}
}

func TestAnAgentIsFrozenOnItsPageAndWithAllOthers(t *testing.T) {
	p := pages.Open(t).Person("ann")
	a, own := p.WithAgent(client.AgentCreate{Name: "builder"})
	frozen := func() bool { _, err := own.Vaults(t.Context()); return err != nil }
	at := "/agents/" + a.ID
	p.Does(at+"/freeze", url.Values{})
	if p.Shows(at, "frozen", at+"/unfreeze"); !frozen() {
		t.Error("the agent goes on")
	}
	p.Does(at+"/unfreeze", url.Values{})
	if frozen() {
		t.Error("the agent is frozen still")
	}
	p.Shows("/agents/freeze", "Active agents now: 1")
	p.Does("/agents/freeze", url.Values{})
	if p.Shows("/agents", "The organisation is frozen", "All agents are frozen."); !frozen() {
		t.Error("the agent goes on")
	}
	p.Does("/agents/unfreeze", url.Values{})
	if frozen() {
		t.Error("the agent is frozen still")
	}
}

func TestAnAgentIsChangedRotatedAndDeactivatedOnItsPages(t *testing.T) {
	p := pages.Open(t).Person("ann")
	if _, err := p.Client().CreateVault(t.Context(), "team", ""); err != nil {
		t.Fatal(err)
	}
	a, own := p.WithAgent(client.AgentCreate{Name: "builder"})
	at := "/agents/" + a.ID
	p.Does(at+"/edit", url.Values{"name": {"smith"}, "description": {pages.Odd}, "reveal": {"never"}, "ends": {"2999-01-31"}, "vaults": {"team\r\n"}, "scopes": {"api/**"}, "token_minutes": {"20"}})
	got, err := p.Client().Agent(t.Context(), a.ID)
	if err != nil || got.Name != "smith" || got.Reveal != "never" || got.ExpiresAt == nil || len(got.VaultIDs) != 1 || !slices.Equal(got.Scopes, []string{"api/**"}) || got.TokenTTLSeconds != 1200 {
		t.Errorf("changed: %+v, %v", got, err)
	}
	p.Shows(at+"/edit", "2999-01-31", "team", "api/**")
	if status, _, body := p.Post(at+"/edit", url.Values{"name": {"smith"}, "vaults": {"nosuch"}}); status != http.StatusBadRequest || !strings.Contains(body, "no vault nosuch") {
		t.Errorf("a vault that is not there: %d\n%s", status, body)
	}

	if _, err := own.AgentMe(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, _, body := p.Post(at+"/rotate", url.Values{})
	key := agentKey.FindString(body)
	if status != http.StatusOK || key == "" {
		t.Fatalf("rotate: %d\n%s", status, body)
	}
	if _, err := own.AgentMe(t.Context()); err == nil {
		t.Error("the old key works")
	}
	own = p.ClientOf(key)
	if status, _, body := p.Post(at+"/deactivate", url.Values{"typed": {"smit"}}); status != http.StatusBadRequest || !strings.Contains(body, "not its name") {
		t.Errorf("another name: %d\n%s", status, body)
	}
	if _, err := own.AgentMe(t.Context()); err != nil {
		t.Errorf("another name ended it: %v", err)
	}
	p.Does(at+"/deactivate", url.Values{"typed": {"smith"}})
	if _, err := own.AgentMe(t.Context()); err == nil {
		t.Error("a deactivated agent goes on")
	}
	p.Does(at+"/activate", url.Values{})
	p.Shows(at, "it has no key now")
}

func TestGuardrailsAreSetAndTriedOnAPage(t *testing.T) {
	p := pages.Open(t).Person("ann")
	a, _ := p.WithAgent(client.AgentCreate{Name: "payer"})
	at := "/agents/" + a.ID + "/guardrails"
	p.Does(at+"/limits", url.Values{"enabled": {"yes"}, "max_value": {"0.01"}, "daily": {"0.05"}, "per_day": {"7"}})
	got, err := p.Client().Agent(t.Context(), a.ID)
	if err != nil || !got.IntentsAPIEnabled || got.TxMaxValueETH != "0.01" || got.TxDailyLimitETH != "0.05" || got.TxMaxPerDay == nil || *got.TxMaxPerDay != 7 {
		t.Errorf("limits: %+v, %v", got, err)
	}
	p.Does(at+"/rules", url.Values{"above": {"0.005"}, "gas_counts": {"yes"}, "new_recipients": {"yes"}, "rest": {`{"functions": []}`}})
	g, err := p.Client().Guard(t.Context(), a.ID)
	var rules struct {
		Gas      bool `json:"gas_counts"`
		Approval struct {
			Above string `json:"require_above_native"`
			New   bool   `json:"require_for_new_recipients"`
		}
	}
	if err != nil || json.Unmarshal(g.Rules, &rules) != nil || !rules.Gas || rules.Approval.Above != "5000000000000000" || !rules.Approval.New {
		t.Errorf("rules: %s, %v", g.Rules, err)
	}
	body := p.Shows(at, `value="0.005"`, `value="0.01"`)
	for _, words := range g.Words {
		if !strings.Contains(html.UnescapeString(body), words) {
			t.Errorf("the page lacks %q", words)
		}
	}
	for _, form := range []url.Values{{"rest": {pages.Odd}}, {"above": {"much"}}, {"rest": {`{"max_per_day": 1}`}}, {"rest": {`{"nosuch": 1}`}}} {
		if status, _, body := p.Post(at+"/rules", form); status < 400 || !strings.Contains(body, "That did not work:") || strings.Contains(body, "<script>alert") {
			t.Errorf("%v: %d\n%s", form, status, body)
		}
	}
	status, _, body := p.Post(at+"/try", url.Values{"to": {"0x70997970C51812dc3A010C7d01b50e0d17dc79C8"}, "amount": {"2"}, "chain": {"sepolia"}})
	if status != http.StatusOK || !strings.Contains(body, "refused") {
		t.Errorf("try: %d\n%s", status, body)
	}
}

func TestHowAnAgentCallsModelsIsSetOnAPage(t *testing.T) {
	p := pages.Open(t).Person("ann")
	a, _ := p.WithAgent(client.AgentCreate{Name: "builder"})
	at := "/agents/" + a.ID + "/shroud"
	p.Does(at+"/preset", url.Values{"preset": {"strict"}})
	p.Does(at+"/limits", url.Values{"budget": {"5"}, "models": {"gpt-4o\r\nclaude-opus-5"}, "tools": {"read_*"}})
	var config struct {
		Budget    json.Number `json:"daily_budget_usd"`
		Threshold float64     `json:"injection_threshold"`
		Models    []string    `json:"allowed_models"`
	}
	got, err := p.Client().Agent(t.Context(), a.ID)
	if err != nil || !got.ShroudEnabled || json.Unmarshal(got.ShroudConfig, &config) != nil || config.Budget != "5" || config.Threshold != 0.5 || len(config.Models) != 2 {
		t.Errorf("settings: %s, %v", got.ShroudConfig, err)
	}
	p.Shows(at, "claude-opus-5", "read_*", `value="5"`)
	for path, form := range map[string]url.Values{"/preset": {"preset": {"nosuch"}}, "/limits": {"budget": {pages.Odd}}, "/config": {"config": {pages.Odd}}} {
		if status, _, body := p.Post(at+path, form); status != http.StatusBadRequest || strings.Contains(body, "<script>alert") {
			t.Errorf("%s: %d\n%s", path, status, body)
		}
	}
	p.Does(at+"/config", url.Values{"config": {`{"preset": "observe"}`}})
	p.Does(at+"/off", url.Values{})
	if got, err = p.Client().Agent(t.Context(), a.ID); err != nil || got.ShroudEnabled || strings.Contains(string(got.ShroudConfig), "gpt-4o") {
		t.Errorf("settings: %s, %v", got.ShroudConfig, err)
	}
}

func TestPagesOfAgentsTellNothingToOthers(t *testing.T) {
	p := pages.Open(t).Person("ann")
	a, _ := p.WithAgent(client.AgentCreate{Name: "builder-of-ann"})
	for _, other := range []*pages.Person{p.Server.Person("eve"), p.Member(p, "bob", policy.RoleMember)} {
		for _, path := range append(agentPaths(a.ID), "/transactions/"+a.ID+"/"+a.ID) {
			there, _ := other.Get(path)
			none, _ := other.Get(strings.ReplaceAll(path, a.ID, "00000000-0000-4000-8000-000000000001"))
			if _, body := other.Get(path); there != none || there < 400 || strings.Contains(body, "builder-of-ann") {
				t.Errorf("%s opens %s: %d, and what is not there: %d", other.Name, path, there, none)
			}
		}
		for _, path := range []string{"/freeze", "/rotate", "/deactivate", "/edit", "/guardrails/limits", "/guardrails/rules", "/shroud/preset", "/shroud/off", "/router-keys", "/signing-keys"} {
			form := url.Values{"typed": {"builder-of-ann"}, "name": {"mine"}, "preset": {"strict"}, "enabled": {"yes"}}
			if status, _, body := other.Post("/agents/"+a.ID+path, form); status < 400 || strings.Contains(body, "builder-of-ann") {
				t.Errorf("%s posts %s: %d", other.Name, path, status)
			}
		}
		if _, body := other.Get("/agents"); strings.Contains(body, "builder-of-ann") {
			t.Errorf("%s sees the agent in the list", other.Name)
		}
	}
	if got, err := p.Client().Agent(t.Context(), a.ID); err != nil || got.Name != "builder-of-ann" || !got.IsActive || got.ShroudEnabled || got.IntentsAPIEnabled {
		t.Errorf("the agent is %+v, %v", got, err)
	}
}

func TestAPageThatMakesAnAgentAsksWhoWasAwayToProveThatItIsThere(t *testing.T) {
	p := pages.Open(t).Person("ann")
	p.Clock.Forward(20 * time.Minute)
	status, _, body := p.Post("/agents/new", url.Values{"name": {pages.Odd}, "reveal": {"never"}})
	if status != http.StatusOK || !strings.Contains(body, `action="/confirm"`) || strings.Contains(body, "<script>alert") {
		t.Fatalf("make an agent: %d\n%s", status, body)
	}
	if all, err := p.Client().Agents(t.Context()); err != nil || len(all) != 0 {
		t.Fatalf("agents: %+v, %v", all, err)
	}
	status, _, body = p.Post("/confirm", url.Values{"action": {"/agents/new"}, "to": {"/agents/new"}, "f.name": {pages.Odd}, "f.reveal": {"never"}, "email": {world.Email("ann")}, "password": {world.Password}})
	if status != http.StatusOK || agentKey.FindString(body) == "" {
		t.Errorf("go on: %d\n%s", status, body)
	}
}
