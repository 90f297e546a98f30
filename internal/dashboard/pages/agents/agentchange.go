package agents

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// agentEdit is the form that changes an agent.
type agentEdit struct {
	Agent                                                         *client.Agent
	Name, Description, Reveal, Ends, Vaults, Scopes, TokenMinutes string
	Executes                                                      bool
	Problem                                                       string
}

func editAgent(v *frame.Visit) error {
	f, err := agentEditOf(v)
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "agent-edit", v.T("Change %s", f.Agent.Name), f)
}

// agentEditOf is the form as the agent is now.
func agentEditOf(v *frame.Visit) (*agentEdit, error) {
	a, err := v.API.Agent(v.R.Context(), v.R.PathValue("id"))
	if err != nil {
		return nil, err
	}
	vaults, err := v.API.Vaults(v.R.Context())
	if frame.Seen(err) != nil {
		return nil, err
	}
	names := frame.VaultNames(vaults)
	f := &agentEdit{Agent: a, Name: a.Name, Description: a.Description, Reveal: a.Reveal, Scopes: strings.Join(a.Scopes, "\n"), Executes: a.ExecutionEnabled != nil && *a.ExecutionEnabled}
	if a.ExpiresAt != nil {
		f.Ends = a.ExpiresAt.UTC().Format(time.DateOnly)
	}
	if a.TokenTTLSeconds > 0 {
		f.TokenMinutes = strconv.FormatInt(a.TokenTTLSeconds/60, 10)
	}
	var bound []string
	for _, id := range a.VaultIDs {
		if names[id] != "" {
			id = names[id]
		}
		bound = append(bound, id)
	}
	f.Vaults = strings.Join(bound, "\n")
	return f, nil
}

// changeAgent changes what differs from the agent as it is: what stays the same needs no
// right to loosen it.
func changeAgent(v *frame.Visit) error {
	was, err := agentEditOf(v)
	if err != nil {
		return err
	}
	f := *was
	f.Name, f.Description, f.Reveal, f.Ends = v.Form("name"), v.Form("description"), v.Form("reveal"), v.Form("ends")
	f.Vaults, f.Scopes, f.TokenMinutes, f.Executes = v.Form("vaults"), v.Form("scopes"), v.Form("token_minutes"), v.Form("executes") != ""
	u, err := agentUpdate(v, was, &f)
	if err == nil {
		_, err = v.API.UpdateAgent(v.R.Context(), was.Agent.ID, u)
	}
	if frame.Retry(err) {
		var status int
		status, f.Problem = v.Describe(err)
		return v.Show(status, "agent-edit", v.T("Change %s", was.Agent.Name), f)
	}
	if err != nil {
		return err
	}
	return v.Back(agentPath(v), "The agent is changed.")
}

// agentUpdate is what a form changes.
func agentUpdate(v *frame.Visit, was, is *agentEdit) (u client.AgentUpdate, err error) {
	if is.Name != was.Name {
		u.Name = &is.Name
	}
	if is.Description != was.Description {
		u.Description = &is.Description
	}
	if is.Reveal != was.Reveal && (is.Reveal == "never" || was.Reveal == "never") {
		u.Reveal = is.Reveal
	}
	if is.Executes != was.Executes {
		u.ExecutionEnabled = &is.Executes
	}
	switch {
	case is.Ends == was.Ends:
	case is.Ends == "":
		u.Clear = append(u.Clear, "expires_at")
	default:
		day, err := time.Parse(time.DateOnly, is.Ends)
		if err != nil {
			return u, v.Wrong("The end is a day, such as 2027-01-31.")
		}
		day = day.Add(24*time.Hour - time.Second)
		u.ExpiresAt = &day
	}
	switch {
	case is.TokenMinutes == was.TokenMinutes:
	case is.TokenMinutes == "":
		u.Clear = append(u.Clear, "token_ttl_seconds")
	default:
		minutes, err := strconv.ParseInt(is.TokenMinutes, 10, 32)
		if err != nil || minutes < 1 {
			return u, v.Wrong("How long a token lives is a number of minutes.")
		}
		minutes *= 60
		u.TokenTTLSeconds = &minutes
	}
	if scopes := lines(is.Scopes); !slices.Equal(scopes, lines(was.Scopes)) {
		if u.Scopes = scopes; len(scopes) == 0 {
			u.Clear = append(u.Clear, "scopes")
		}
	}
	if names := lines(is.Vaults); !slices.Equal(names, lines(was.Vaults)) {
		if u.VaultIDs, err = vaultIDs(v, names); err != nil {
			return u, err
		}
		if len(names) == 0 {
			u.Clear = append(u.Clear, "vault_ids")
		}
	}
	return u, nil
}

// vaultIDs are the ids of vaults that are named, or given by their ids.
func vaultIDs(v *frame.Visit, names []string) ([]string, error) {
	all, err := v.API.Vaults(v.R.Context())
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		var found []string
		for _, one := range all {
			if one.ID == name {
				found = []string{one.ID}
				break
			}
			if one.Name == name {
				found = append(found, one.ID)
			}
		}
		switch len(found) {
		case 0:
			return nil, v.Wrong("There is no vault %s that you may see.", name)
		case 1:
			out = append(out, found[0])
		default:
			return nil, v.Wrong("Several vaults are called %s: give the id of one.", name)
		}
	}
	return out, nil
}

// lines are the lines of a text that are not empty.
func lines(text string) (out []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// agentEnd is what ends with an agent, or with its key.
type agentEnd struct {
	Agent     *client.Agent
	Made      []client.Made // that still holds
	MadeInAll int           // the list has the newest
	Router    int
	Lent      int
	Typed     string
	Keep      bool
	Problem   string
}

// agentEndOf asks what ends.
func agentEndOf(v *frame.Visit) (*agentEnd, error) {
	id := v.R.PathValue("id")
	d := &agentEnd{Keep: v.Form("keep") != ""}
	var err error
	if d.Agent, err = v.API.Agent(v.R.Context(), id); err != nil {
		return nil, err
	}
	var keys []client.RouterKey
	var access *client.AgentAccess
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() error {
		all, err := v.API.MadeByAgent(ctx, id)
		d.Made, d.MadeInAll = all.Made, all.Total
		return frame.Seen(err)
	})
	g.Go(func() (err error) { keys, err = v.API.RouterKeys(ctx, id); return frame.Seen(err) })
	g.Go(func() (err error) {
		access, err = v.API.AgentAccess(ctx, id, client.AccessQuery{})
		return frame.Seen(err)
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	d.Made = slices.DeleteFunc(d.Made, func(m client.Made) bool { return !m.IsLive })
	for _, k := range keys {
		if k.IsActive {
			d.Router++
		}
	}
	if access != nil {
		d.Lent = len(access.Shares)
	}
	return d, nil
}

func rotatePage(v *frame.Visit) error {
	d, err := agentEndOf(v)
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "agent-rotate", v.T("Give %s another key", d.Agent.Name), d)
}

// rotateAgent gives an agent another key, and shows it once.
func rotateAgent(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	id := v.R.PathValue("id")
	a, err := v.API.Agent(v.R.Context(), id)
	if err != nil {
		return err
	}
	key, ended, err := v.API.RenewAgentKey(v.R.Context(), id, v.Form("keep") != "")
	if err != nil {
		return err
	}
	defer key.Wipe()
	k := keyOf(v, a, key)
	k.Ended = ended
	return v.Show(http.StatusOK, "agent-key", v.T("The agent %s has another key", a.Name), k)
}

func endAgentPage(v *frame.Visit) error {
	d, err := agentEndOf(v)
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "agent-deactivate", v.T("Deactivate %s", d.Agent.Name), d)
}

// endAgent deactivates an agent whose name was typed.
func endAgent(v *frame.Visit) error {
	d, err := agentEndOf(v)
	if err != nil {
		return err
	}
	if d.Typed = v.Form("typed"); d.Typed != d.Agent.Name {
		d.Problem = v.T("That is not its name. Nothing was done.")
		return v.Show(http.StatusBadRequest, "agent-deactivate", v.T("Deactivate %s", d.Agent.Name), d)
	}
	if _, err := v.API.EndAgent(v.R.Context(), d.Agent.ID, d.Keep); err != nil {
		return err
	}
	return v.Back(agentPath(v), "The agent is deactivated. Its key and tokens work no more.")
}

// activateAgent lets an agent in again.
func activateAgent(v *frame.Visit) error {
	on := true
	u := client.AgentUpdate{IsActive: &on}
	if pin := v.Form("fingerprint"); pin != "" {
		u.CertFingerprint = &pin
	}
	if _, err := v.API.UpdateAgent(v.R.Context(), v.R.PathValue("id"), u); err != nil {
		return err
	}
	return v.Back(agentPath(v), "The agent is active again. Its old key is gone: give it another.")
}
