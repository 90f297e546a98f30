package agent

import (
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
)

// Patch is what changes in an agent. Null clears what can be absent, lifts
// an allow-list, and leaves the rest alone.
type Patch struct {
	Name, Description       patch.Field[string]
	Scopes, VaultIDs        patch.Field[[]string]
	Active, Intents, Shroud patch.Field[bool]
	NoReveal                patch.Field[bool]
	Executes                patch.Field[bool]
	Bounds                  patch.Field[execution.Bounds] // of executions; null lifts them
	ExpiresAt               patch.Field[time.Time]
	TokenTTL                patch.Field[int64]
	Guardrails              intents.Patch
	ShroudConfig            patch.Field[shroud.Config]
	// CertFingerprint replaces the certificate that is pinned. Tokens end with it.
	// Who activates an agent that has one pinned must name it: the one that was
	// pinned when it stopped may be why.
	CertFingerprint patch.Field[string]
}

// apply changes a and checks the result as a whole.
func (p *Patch) apply(a *Agent, now time.Time) error {
	wasActive, pinned := a.Active, a.CertFingerprint
	p.CertFingerprint.Clear(&a.CertFingerprint)
	p.Name.Keep(&a.Name)
	p.Active.Keep(&a.Active)
	p.Intents.Keep(&a.Intents)
	p.Shroud.Keep(&a.Shroud)
	p.NoReveal.Keep(&a.NoReveal)
	p.Executes.Keep(&a.Execution.Enabled)
	p.Bounds.Clear(&a.Execution.Bounds)
	p.Description.Clear(&a.Description)
	p.ExpiresAt.Clear(&a.ExpiresAt)
	p.TokenTTL.Clear(&a.TokenTTL)
	p.ShroudConfig.Clear(&a.ShroudConfig)
	if p.CertFingerprint.Set && !p.CertFingerprint.Null && p.CertFingerprint.Value == "" {
		return invalid("invalid_client_cert_fingerprint", "client_cert_fingerprint must be a SHA-256 sum: 64 hexadecimal digits. Send null to pin no certificate.")
	}
	if p.TokenTTL.Set && !p.TokenTTL.Null && p.TokenTTL.Value == 0 {
		return errTTL
	}
	if p.ExpiresAt.Set {
		if err := identity.CheckExpiry(a.ExpiresAt, now); err != nil {
			return err
		}
	}
	if err := patch.List("scopes", &a.Scopes, p.Scopes); err != nil {
		return err
	}
	if err := patch.List("vault_ids", &a.VaultIDs, p.VaultIDs); err != nil {
		return err
	}
	if err := p.Guardrails.Apply(&a.Guardrails); err != nil {
		return err
	}
	switch {
	case wasActive && !a.Active:
		a.stop()
	case !wasActive && a.Active && pinned != "" && !p.CertFingerprint.Set:
		return invalid("certificate_not_named", "Activating this agent lets its certificate in again. Send client_cert_fingerprint with it: the one to trust from now on.")
	}
	if err := a.check(); err != nil {
		return err
	}
	if a.CertFingerprint != pinned {
		a.TokenGen++
	}
	return nil
}
