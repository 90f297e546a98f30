package store

import (
	"fmt"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// putKeys stores the private halves of identity keys that come with an agent. An error
// takes the agent back, too.
func (tx Tx) putKeys(a *agent.Agent, caps billing.Caps) error {
	sealed, ok := a.Sealed.([]vault.Version)
	if !ok && a.Sealed != nil {
		return fmt.Errorf("the keys of an agent are sealed as %T", a.Sealed)
	}
	for i := range sealed {
		err := tx.pass(&sealed[i], caps, a.Org)
		if err == nil {
			err = tx.store(&sealed[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}
