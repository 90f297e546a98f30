package agents

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// agentForm is what was filled in for a new agent.
type agentForm struct {
	Name, Description, Reveal, Ends, Vault, Pattern, Right, TokenMinutes string
	Models                                                               bool
	Problem                                                              string
	Vaults                                                               []client.Vault
	Choices                                                              []frame.Choice
}

// agentLives are the ends that the form of an agent offers.
var agentLives = []frame.Choice{{Value: "1", Text: "a day"}, {Value: "7", Text: "a week"}, {Value: "30", Text: "30 days"}, {Value: "90", Text: "90 days"}, {Value: "365", Text: "a year"}, {Value: "", Text: "never"}}

// newAgent shows the form of an agent. What it is shown of secrets is nothing, unless
// somebody says so.
func newAgent(v *frame.Visit) error {
	return showNewAgent(v, http.StatusOK, agentForm{Reveal: "never", Ends: "90", Pattern: "**", Right: "use"})
}

func showNewAgent(v *frame.Visit, status int, f agentForm) (err error) {
	if f.Vaults, err = v.API.Vaults(v.R.Context()); frame.Seen(err) != nil {
		return err
	}
	f.Vaults = slices.DeleteFunc(f.Vaults, client.Vault.Reserved)
	f.Choices = agentLives
	return v.Show(status, "agent-new", v.T("New agent"), f)
}

// makeAgent makes an agent, lets it reach what was filled in, and shows its key once.
func makeAgent(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	f := agentForm{
		Name: v.Form("name"), Description: v.Form("description"), Reveal: v.Form("reveal"), Ends: v.Form("ends"), Models: v.Form("models") != "",
		Vault: v.Form("vault"), Pattern: v.Form("pattern"), Right: v.Form("right"), TokenMinutes: v.Form("token_minutes"),
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
			return again(http.StatusBadRequest, v.T("The end is not one of those offered."))
		}
		at := v.Now().Add(time.Duration(days) * 24 * time.Hour)
		a.ExpiresAt = &at
	}
	if f.TokenMinutes != "" {
		minutes, err := strconv.ParseInt(f.TokenMinutes, 10, 32)
		if err != nil || minutes < 1 {
			return again(http.StatusBadRequest, v.T("How long a token lives is a number of minutes."))
		}
		a.TokenTTLSeconds = minutes * 60
	}
	made, err := v.API.CreateAgent(v.R.Context(), a)
	if frame.Retry(err) {
		status, problem := v.Describe(err)
		return again(status, problem)
	}
	if err != nil {
		return err
	}
	defer made.APIKey.Wipe()
	k := keyOf(v, &made.Agent, made.APIKey)
	k.Title = v.T("The agent %s is made", made.Agent.Name)
	if f.Vault != "" {
		right := "use"
		if f.Right == "read" {
			right = "read"
		}
		// It is made already, and its key is shown this once: what fails now is said beside it.
		if _, err := v.API.CreatePolicy(v.R.Context(), f.Vault, client.PolicyGrant{
			SecretPathPattern: f.Pattern, PrincipalType: "agent", PrincipalID: made.Agent.ID, Permissions: []string{right}, ExpiresAt: a.ExpiresAt,
		}); err != nil {
			_, problem := v.Describe(err)
			k.Problem = v.T("It reaches nothing yet, since its policy was refused:") + " " + problem
		}
	}
	return v.Show(http.StatusOK, "agent-key", k.Title, k)
}

// agentKey is the page that shows a key, once.
type agentKey struct {
	Title, Problem, Key, Ended string
	Agent                      *client.Agent
	Setups                     []setup
}

// keyOf is what is shown of a key. The caller wipes the key afterwards.
func keyOf(v *frame.Visit, a *client.Agent, key client.Value) agentKey {
	k := agentKey{Agent: a, Key: string(key.Reveal())}
	if k.Key == "" { // it logs in another way
		return k
	}
	k.Setups = setups(strings.TrimRight(v.PublicURL(), "/"), k.Key)
	if a.ShroudEnabled && v.ShroudURL() != "" {
		k.Setups = append(k.Setups, modelSetups(strings.TrimRight(v.ShroudURL(), "/"), k.Key)...)
	}
	return k
}
