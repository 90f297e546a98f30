package mcpserver

import (
	"context"
	"sync"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// vaultVariable names the vault of "oneclaw mcp".
const vaultVariable = "ONECLAW_VAULT_ID"

// vaultChoice picks the vault of a session: the one that was configured, else the
// only one that the agent is bound to, else the first that it can see. It keeps to
// that one while it lasts.
type vaultChoice struct {
	fixed   string // an id, or a name
	setting string // where fixed was set, for messages

	mu    sync.Mutex
	first string
	stale bool
}

const errNoVault = notice("This agent has no vault yet. Create one with create_vault, or ask a human to give the agent " +
	"access to one and, if there are several, to set ONECLAW_VAULT_ID.")

func (v *vaultChoice) pick(ctx context.Context, c *client.Client, sees Sight) (string, error) {
	if v.fixed != "" {
		return v.configured(ctx, c)
	}
	token, err := c.Session(ctx)
	if err != nil {
		return "", err
	}
	if token != nil && len(token.VaultIDs) == 1 {
		return token.VaultIDs[0], nil
	}
	kept, stale := v.kept()
	if kept != "" && !stale {
		return kept, nil
	}
	all, err := vaultsInSight(ctx, c, sees)
	if err != nil {
		return "", err
	}
	chosen := ""
	for i, id := range all {
		if i == 0 || id == kept {
			chosen = id
		}
	}
	v.keep(chosen)
	if chosen == "" {
		return "", errNoVault
	}
	return chosen, nil
}

// vaultsInSight are the ids of the vaults that there are to choose from.
func vaultsInSight(ctx context.Context, c *client.Client, sees Sight) ([]string, error) {
	if sees != nil {
		if all := sees.Vaults(ctx); len(all) > 0 {
			return all, nil
		}
	}
	all, err := c.Vaults(ctx)
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	return ids, err
}

// configured resolves a name once. Of vaults with the same name none is the one
// that was meant.
func (v *vaultChoice) configured(ctx context.Context, c *client.Client) (string, error) {
	if ids.Valid(v.fixed) {
		return v.fixed, nil
	}
	if kept, stale := v.kept(); kept != "" && !stale {
		return kept, nil
	}
	named, err := c.VaultsNamed(ctx, v.fixed)
	if err != nil {
		return "", err
	}
	if len(named) != 1 {
		return "", v.wrong()
	}
	v.keep(named[0].ID)
	return named[0].ID, nil
}

// wrong says that the configured vault is none, without repeating it.
func (v *vaultChoice) wrong() error {
	return notice(v.setting + " must be the id of a vault that this agent can reach; list_vaults shows them with their ids.")
}

func (v *vaultChoice) kept() (id string, stale bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.first, v.stale
}

func (v *vaultChoice) keep(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.first, v.stale = id, false
}

// doubt makes the next pick look whether the kept vault is still there.
func (v *vaultChoice) doubt() {
	v.mu.Lock()
	v.stale = true
	v.mu.Unlock()
}
