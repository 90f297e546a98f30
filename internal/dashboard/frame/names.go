package frame

import "github.com/oneclaw-dev/oneclaw/client"

// VaultNames are the names of vaults by their ids.
func VaultNames(all []client.Vault) map[string]string {
	out := make(map[string]string, len(all))
	for _, one := range all {
		out[one.ID] = one.Name
	}
	return out
}

// AgentNames are the names of the agents that the person may see, by their ids.
func (v *Visit) AgentNames() (map[string]string, []client.Agent, error) {
	all, err := v.API.Agents(v.R.Context())
	if err = Seen(err); err != nil {
		return nil, nil, err
	}
	out := make(map[string]string, len(all))
	for _, a := range all {
		out[a.ID] = a.Name
	}
	return out, all, nil
}
