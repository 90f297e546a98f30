package signedin

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// agentForm is what was filled in for a new agent.
type agentForm struct {
	Name, Description, Reveal, Ends, Vault, Pattern, Right, TokenMinutes string
	Models                                                               bool
	Problem                                                              string
	Vaults                                                               []client.Vault
	Choices                                                              []lasting
}

// lasting is for how long something may be good.
type lasting struct{ Value, Text string }

// agentLives are the ends that the form of an agent offers.
var agentLives = []lasting{{"1", "a day"}, {"7", "a week"}, {"30", "30 days"}, {"90", "90 days"}, {"365", "a year"}, {"", "never"}}

// newAgent shows the form of an agent. What it is shown of secrets is nothing, unless
// somebody says so.
func newAgent(v *visit) error {
	return showNewAgent(v, http.StatusOK, agentForm{Reveal: "never", Ends: "90", Pattern: "**", Right: "use"})
}

func showNewAgent(v *visit, status int, f agentForm) (err error) {
	if f.Vaults, err = v.api.Vaults(v.r.Context()); seen(err) != nil {
		return err
	}
	f.Choices = agentLives
	return v.show(status, "agent-new", v.t("New agent"), f)
}

// makeAgent makes an agent, lets it reach what was filled in, and shows its key once.
func makeAgent(v *visit) error {
	if v.person() {
		return nil
	}
	f := agentForm{
		Name: v.form("name"), Description: v.form("description"), Reveal: v.form("reveal"), Ends: v.form("ends"), Models: v.form("models") != "",
		Vault: v.form("vault"), Pattern: v.form("pattern"), Right: v.form("right"), TokenMinutes: v.form("token_minutes"),
	}
	again := func(status int, problem string) error {
		f.Problem = problem
		return showNewAgent(v, status, f)
	}
	a := client.AgentCreate{Name: f.Name, Description: f.Description, ShroudEnabled: f.Models}
	a.Reveal = "allow"
	if f.Reveal != "allow" {
		a.Reveal = "never"
	}
	if f.Ends != "" {
		days, err := strconv.Atoi(f.Ends)
		if err != nil || days < 1 || days > 3650 {
			return again(http.StatusBadRequest, v.t("The end is not one of those offered."))
		}
		at := v.Now().Add(time.Duration(days) * 24 * time.Hour)
		a.ExpiresAt = &at
	}
	if f.TokenMinutes != "" {
		minutes, err := strconv.ParseInt(f.TokenMinutes, 10, 32)
		if err != nil || minutes < 1 {
			return again(http.StatusBadRequest, v.t("How long a token lives is a number of minutes."))
		}
		a.TokenTTLSeconds = minutes * 60
	}
	made, err := v.api.CreateAgent(v.r.Context(), a)
	if retry(err) {
		status, problem := describe(v, err)
		return again(status, problem)
	}
	if err != nil {
		return err
	}
	defer made.APIKey.Wipe()
	k := v.keyOf(&made.Agent, made.APIKey)
	k.Title = v.t("The agent %s is made", made.Agent.Name)
	if f.Vault != "" {
		right := "use"
		if f.Right == "read" {
			right = "read"
		}
		// It is made already, and its key is shown this once: what fails now is said beside it.
		if _, err := v.api.CreatePolicy(v.r.Context(), f.Vault, client.PolicyGrant{
			SecretPathPattern: f.Pattern, PrincipalType: "agent", PrincipalID: made.Agent.ID, Permissions: []string{right}, ExpiresAt: a.ExpiresAt,
		}); err != nil {
			_, problem := describe(v, err)
			k.Problem = v.t("It reaches nothing yet, since its policy was refused:") + " " + problem
		}
	}
	return v.show(http.StatusOK, "agent-key", k.Title, k)
}

// agentKey is the page that shows a key, once.
type agentKey struct {
	Title, Problem, Key, Ended string
	Agent                      *client.Agent
	Setups                     []setup
}

// keyOf is what is shown of a key. The caller wipes the key afterwards.
func (v *visit) keyOf(a *client.Agent, key client.Value) agentKey {
	k := agentKey{Agent: a, Key: string(key.Reveal())}
	if k.Key == "" { // it logs in another way
		return k
	}
	k.Setups = setups(strings.TrimRight(v.PublicURL, "/"), k.Key)
	if a.ShroudEnabled && v.ShroudURL != "" {
		k.Setups = append(k.Setups, modelSetups(strings.TrimRight(v.ShroudURL, "/"), k.Key)...)
	}
	return k
}
