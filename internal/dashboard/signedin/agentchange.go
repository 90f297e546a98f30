package signedin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

// agentEdit is the form that changes an agent.
type agentEdit struct {
	Agent                                                         *client.Agent
	Name, Description, Reveal, Ends, Vaults, Scopes, TokenMinutes string
	Executes                                                      bool
	Problem                                                       string
}

func editAgent(v *visit) error {
	f, err := v.agentEdit()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "agent-edit", v.t("Change %s", f.Agent.Name), f)
}

// agentEdit is the form as the agent is now.
func (v *visit) agentEdit() (*agentEdit, error) {
	a, err := v.api.Agent(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	vaults, err := v.api.Vaults(v.r.Context())
	if seen(err) != nil {
		return nil, err
	}
	names := vaultNames(vaults)
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
func changeAgent(v *visit) error {
	was, err := v.agentEdit()
	if err != nil {
		return err
	}
	f := *was
	f.Name, f.Description, f.Reveal, f.Ends = v.form("name"), v.form("description"), v.form("reveal"), v.form("ends")
	f.Vaults, f.Scopes, f.TokenMinutes, f.Executes = v.form("vaults"), v.form("scopes"), v.form("token_minutes"), v.form("executes") != ""
	u, err := v.agentUpdate(was, &f)
	if err == nil {
		_, err = v.api.UpdateAgent(v.r.Context(), was.Agent.ID, u)
	}
	if retry(err) {
		var status int
		status, f.Problem = describe(v, err)
		return v.show(status, "agent-edit", v.t("Change %s", was.Agent.Name), f)
	}
	if err != nil {
		return err
	}
	return v.back(v.agentPath(), "The agent is changed.")
}

// agentUpdate is what a form changes.
func (v *visit) agentUpdate(was, is *agentEdit) (u client.AgentUpdate, err error) {
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
			return u, v.wrong("The end is a day, such as 2027-01-31.")
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
			return u, v.wrong("How long a token lives is a number of minutes.")
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
		if u.VaultIDs, err = v.vaultIDs(names); err != nil {
			return u, err
		}
		if len(names) == 0 {
			u.Clear = append(u.Clear, "vault_ids")
		}
	}
	return u, nil
}

// wrong is a refusal of what somebody filled in.
func (v *visit) wrong(text string, args ...any) error {
	return &client.Error{Status: http.StatusBadRequest, Code: "invalid_form", Detail: v.t(text, args...)}
}

// vaultIDs are the ids of vaults that are named, or given by their ids.
func (v *visit) vaultIDs(names []string) ([]string, error) {
	all, err := v.api.Vaults(v.r.Context())
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
			return nil, v.wrong("There is no vault %s that you may see.", name)
		case 1:
			out = append(out, found[0])
		default:
			return nil, v.wrong("Several vaults are called %s: give the id of one.", name)
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

// agentEnd asks what ends.
func (v *visit) agentEnd() (*agentEnd, error) {
	id := v.r.PathValue("id")
	d := &agentEnd{Keep: v.form("keep") != ""}
	var err error
	if d.Agent, err = v.api.Agent(v.r.Context(), id); err != nil {
		return nil, err
	}
	var keys []client.RouterKey
	var access *client.AgentAccess
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() error {
		all, err := v.api.MadeByAgent(ctx, id)
		d.Made, d.MadeInAll = all.Made, all.Total
		return seen(err)
	})
	g.Go(func() (err error) { keys, err = v.api.RouterKeys(ctx, id); return seen(err) })
	g.Go(func() (err error) {
		access, err = v.api.AgentAccess(ctx, id, client.AccessQuery{})
		return seen(err)
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

func rotatePage(v *visit) error {
	d, err := v.agentEnd()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "agent-rotate", v.t("Give %s another key", d.Agent.Name), d)
}

// rotateAgent gives an agent another key, and shows it once.
func rotateAgent(v *visit) error {
	if v.person() {
		return nil
	}
	id := v.r.PathValue("id")
	a, err := v.api.Agent(v.r.Context(), id)
	if err != nil {
		return err
	}
	key, ended, err := v.api.RenewAgentKey(v.r.Context(), id, v.form("keep") != "")
	if err != nil {
		return err
	}
	defer key.Wipe()
	k := v.keyOf(a, key)
	k.Ended = ended
	return v.show(http.StatusOK, "agent-key", v.t("The agent %s has another key", a.Name), k)
}

func endAgentPage(v *visit) error {
	d, err := v.agentEnd()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "agent-deactivate", v.t("Deactivate %s", d.Agent.Name), d)
}

// endAgent deactivates an agent whose name was typed.
func endAgent(v *visit) error {
	d, err := v.agentEnd()
	if err != nil {
		return err
	}
	if d.Typed = v.form("typed"); d.Typed != d.Agent.Name {
		d.Problem = v.t("That is not its name. Nothing was done.")
		return v.show(http.StatusBadRequest, "agent-deactivate", v.t("Deactivate %s", d.Agent.Name), d)
	}
	if _, err := v.api.EndAgent(v.r.Context(), d.Agent.ID, d.Keep); err != nil {
		return err
	}
	return v.back(v.agentPath(), "The agent is deactivated. Its key and tokens work no more.")
}

// activateAgent lets an agent in again.
func activateAgent(v *visit) error {
	on := true
	u := client.AgentUpdate{IsActive: &on}
	if pin := v.form("fingerprint"); pin != "" {
		u.CertFingerprint = &pin
	}
	if _, err := v.api.UpdateAgent(v.r.Context(), v.r.PathValue("id"), u); err != nil {
		return err
	}
	return v.back(v.agentPath(), "The agent is active again. Its old key is gone: give it another.")
}
