package mcpserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// vaultVariable names the vault of "oneclaw mcp".
const vaultVariable = "ONECLAW_VAULT_ID"

// vaultChoice picks the vault of a call: the one that the call names, else the one that was
// configured, else the only one that the agent is bound to, else the first that it can see.
// It keeps to that one while it lasts.
type vaultChoice struct {
	fixed   string // an id, or a name
	setting string // where fixed was set, for messages

	mu    sync.Mutex
	first string
	note  string // that first is one of several
	stale bool
}

const (
	errNoVault = notice("This agent has no vault yet. Create one with create_vault, or ask a human to give the agent " +
		"access to one and, if there are several, to set ONECLAW_VAULT_ID.")
	errNamed = notice("vault_id must be the id, its beginning, or the name that only one has, of a vault that this agent can reach; list_vaults shows them with their ids.")
)

// pick returns the id of the vault. note says which it is, and which others there are, when
// nobody chose it: an agent that can reach several must know where it looked.
func (v *vaultChoice) pick(ctx context.Context, c *client.Client, sees Sight, named string) (id, note string, err error) {
	if named != "" {
		id, err = byName(ctx, c, named)
		return id, "", err
	}
	if v.fixed != "" {
		id, err = v.configured(ctx, c)
		return id, "", err
	}
	token, err := c.Session(ctx)
	if err != nil {
		return "", "", err
	}
	if token != nil && len(token.VaultIDs) == 1 {
		return token.VaultIDs[0], "", nil
	}
	kept, note, stale := v.kept()
	if kept != "" && !stale {
		return kept, note, nil
	}
	all, err := vaultsInSight(ctx, c, sees)
	if err != nil {
		return "", "", err
	}
	chosen := 0
	for i := range all {
		if all[i].ID == kept {
			chosen = i
		}
	}
	if len(all) == 0 {
		v.keep("", "")
		return "", "", errNoVault
	}
	id, note = all[chosen].ID, oneOf(all, chosen)
	v.keep(id, note)
	return id, note, nil
}

// oneOf says which of several vaults was taken; nothing when there is no other.
func oneOf(all []client.Vault, chosen int) string {
	if len(all) < 2 {
		return ""
	}
	const most = 20
	var others []string
	for i := range all {
		if i != chosen && len(others) < most {
			others = append(others, shown(all[i]))
		}
	}
	more := ""
	if n := len(all) - 1 - len(others); n > 0 {
		more = fmt.Sprintf(" and %d more, see list_vaults", n)
	}
	return "Vault: " + shown(all[chosen]) + ". This agent can reach others too: " + strings.Join(others, ", ") + more +
		". To use another, give its id as vault_id."
}

func shown(v client.Vault) string { return oneLine(v.Name) + " (id: " + v.ID + ")" }

// byName takes an id, the name of one vault, or the beginning of one's id.
func byName(ctx context.Context, c *client.Client, named string) (string, error) {
	if ids.Valid(named) {
		return named, nil
	}
	all, err := c.Vaults(ctx)
	if err != nil {
		return "", err
	}
	return theOne(named, all, func(v client.Vault) (string, []string) { return v.ID, []string{v.Name} }, errNamed)
}

// vaultsInSight are the vaults that there are to choose from.
func vaultsInSight(ctx context.Context, c *client.Client, sees Sight) ([]client.Vault, error) {
	if sees != nil {
		if all := sees.Vaults(ctx); len(all) > 0 {
			return all, nil
		}
	}
	return c.Vaults(ctx)
}

// configured resolves a name once. Of vaults with the same name none is the one
// that was meant.
func (v *vaultChoice) configured(ctx context.Context, c *client.Client) (string, error) {
	if kept, _, stale := v.kept(); kept != "" && !stale {
		return kept, nil
	}
	id, err := byName(ctx, c, v.fixed)
	if errors.Is(err, errNamed) {
		return "", v.wrong()
	}
	if err == nil && id != v.fixed {
		v.keep(id, "")
	}
	return id, err
}

// wrong says that the configured vault is none, without repeating it.
func (v *vaultChoice) wrong() error {
	return notice(v.setting + " must be the id of a vault that this agent can reach; list_vaults shows them with their ids.")
}

func (v *vaultChoice) kept() (id, note string, stale bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.first, v.note, v.stale
}

func (v *vaultChoice) keep(id, note string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.first, v.note, v.stale = id, note, false
}

// doubt makes the next pick look whether the kept vault is still there.
func (v *vaultChoice) doubt() {
	v.mu.Lock()
	v.stale = true
	v.mu.Unlock()
}
