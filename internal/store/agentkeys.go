package store

import (
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// putKeys stores the private halves of identity keys that come with an agent. An error
// takes the agent back, too.
func (tx *Tx) putKeys(a *identity.Agent, caps billing.Caps) error {
	sealed, _ := a.Sealed.([]vault.Version)
	for i := range sealed {
		v := &sealed[i]
		gate, stored := putCurrent(v), putVersion(v)
		if caps.Secrets >= 0 {
			gate = gate.within(caps.Secrets, a.Org)
		}
		n, err := tx.exec(gate.query, gate.args...)
		if err == nil && n == 0 {
			err = tx.noPlace(v, caps, a.Org)
		}
		if err == nil {
			_, err = tx.exec(stored.query, stored.args...)
		}
		if err != nil {
			return err
		}
		tx.replace(v)
	}
	return nil
}
