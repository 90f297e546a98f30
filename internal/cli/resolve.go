package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// theVault is the id of the vault to work in: of --vault, of ONECLAW_VAULT_ID, or
// the only one that there is.
func (c *cli) theVault(ctx context.Context, cl *client.Client) (string, error) {
	for _, ref := range []string{c.vault, c.Getenv("ONECLAW_VAULT_ID")} {
		if ref != "" {
			return vaultID(ctx, cl, ref)
		}
	}
	all, err := cl.Vaults(ctx)
	if err != nil {
		return "", err
	}
	ours := all[:0:0]
	for _, v := range all {
		if !strings.HasPrefix(v.Name, "__") { // the server's own, such as __agent-keys
			ours = append(ours, v)
		}
	}
	switch len(ours) {
	case 1:
		return ours[0].ID, nil
	case 0:
		return "", fault.New(fault.NotFound, "no_vault", "There is no vault yet. Make one with `oneclaw vault create NAME`.")
	}
	return "", console.Usage(fmt.Sprintf("There are %d vaults: %s. Name one with --vault or ONECLAW_VAULT_ID.", len(ours), names(ours)))
}

// names lists the first vaults, as many as a line may hold.
func names(all []client.Vault) string {
	const most = 10
	var out []string
	for _, v := range all[:min(len(all), most)] {
		out = append(out, v.Name)
	}
	if len(all) > most {
		out = append(out, "...")
	}
	return strings.Join(out, ", ")
}

// vaultID turns a name or an id into an id. What looks like an id is one.
func vaultID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	if ids.Valid(ref) {
		return ref, nil
	}
	named, err := cl.VaultsNamed(ctx, ref)
	switch {
	case err != nil:
		return "", err
	case len(named) == 0:
		return "", fault.New(fault.NotFound, "vault_not_found", "There is no vault of that name. See `oneclaw vault list`.")
	}
	return named[0].ID, nil
}

// vaultIDs is vaultID for each.
func vaultIDs(ctx context.Context, cl *client.Client, refs []string) ([]string, error) {
	var ids []string
	for _, r := range refs {
		id, err := vaultID(ctx, cl, r)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// agentID turns a name or an id into an id. Names need not be unique: an active
// agent is meant before an inactive one, and two active ones need the id.
func agentID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	if ids.Valid(ref) {
		return ref, nil
	}
	all, err := cl.Agents(ctx)
	if err != nil {
		return "", err
	}
	var active, inactive []string
	for _, a := range all {
		switch {
		case a.Name != ref:
		case a.IsActive:
			active = append(active, a.ID)
		default:
			inactive = append(inactive, a.ID)
		}
	}
	found := active
	if len(found) == 0 {
		found = inactive
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fault.New(fault.NotFound, "agent_not_found", "There is no agent of that name. See `oneclaw agent list`.")
	}
	return "", console.Usage("Several agents have that name. Give the id; see `oneclaw agent list`.")
}

// policyID completes the start of an id, as `policy list` shows it on a terminal.
func policyID(ctx context.Context, cl *client.Client, vault, ref string) (string, error) {
	if len(ref) < console.ShortID || ids.Valid(ref) {
		return ref, nil
	}
	all, err := cl.Policies(ctx, vault)
	if err != nil {
		return "", err
	}
	found := ""
	for _, p := range all {
		switch {
		case !strings.HasPrefix(p.ID, ref):
		case found != "":
			return "", console.Usage("Several policies have an id that starts so. Give it whole; see `oneclaw policy list --wide`.")
		default:
			found = p.ID
		}
	}
	if found == "" {
		return "", fault.New(fault.NotFound, "policy_not_found", "There is no policy with this id. See `oneclaw policy list`.")
	}
	return found, nil
}
