package agent

import (
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

// Field is a field of a patch: absent, null, or a value.
type Field[T any] struct {
	Set   bool // the field was sent
	Null  bool // ... as null
	Value T
}

// Value returns a field that was sent with v.
func Value[T any](v T) Field[T] { return Field[T]{Set: true, Value: v} }

// Null returns a field that was sent as null.
func Null[T any]() Field[T] { return Field[T]{Set: true, Null: true} }

// Patch is what changes in an agent. Null clears what can be absent, lifts
// an allow-list, and leaves the rest alone.
type Patch struct {
	Name, Description        Field[string]
	Scopes, VaultIDs         Field[[]string]
	ToAllowlist              Field[[]string]
	AllowedChains            Field[[]string]
	Active, Intents, Shroud  Field[bool]
	ExpiresAt                Field[time.Time]
	MaxValueETH, DailyLimETH Field[string]
	TokenTTL                 Field[int64]
	ShroudConfig             Field[[]byte] // a JSON object
	// CertFingerprint replaces the certificate that is pinned. Tokens end with it.
	// Who activates an agent that has one pinned must name it: the one that was
	// pinned when it stopped may be why.
	CertFingerprint Field[string]
}

// apply changes a and checks the result as a whole.
func (p *Patch) apply(a *Agent, now time.Time) error {
	wasActive, pinned := a.Active, a.CertFingerprint
	clearable(&a.CertFingerprint, p.CertFingerprint)
	keep(&a.Name, p.Name)
	keep(&a.Active, p.Active)
	keep(&a.Intents, p.Intents)
	keep(&a.Shroud, p.Shroud)
	clearable(&a.Description, p.Description)
	clearable(&a.MaxValueETH, p.MaxValueETH)
	clearable(&a.DailyLimitETH, p.DailyLimETH)
	clearable(&a.ExpiresAt, p.ExpiresAt)
	clearable(&a.TokenTTL, p.TokenTTL)
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
	if p.ShroudConfig.Set {
		a.ShroudConfig = p.ShroudConfig.Value
		if p.ShroudConfig.Null {
			a.ShroudConfig = nil
		}
	}
	for _, l := range []struct {
		name string
		list *[]string
		f    Field[[]string]
	}{
		{"scopes", &a.Scopes, p.Scopes}, {"vault_ids", &a.VaultIDs, p.VaultIDs},
		{"tx_to_allowlist", &a.ToAllowlist, p.ToAllowlist}, {"tx_allowed_chains", &a.AllowedChains, p.AllowedChains},
	} {
		if l.f.Set && !l.f.Null && len(l.f.Value) == 0 && len(*l.list) > 0 {
			return invalid("would_lift_restriction", "An empty "+l.name+" would lift the restriction that is set. "+
				"Send null to lift it on purpose, or leave the field out to keep it.")
		}
		clearable(l.list, l.f)
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

// keep sets a field that can't be absent: null leaves it as it is.
func keep[T any](dst *T, f Field[T]) {
	if f.Set && !f.Null {
		*dst = f.Value
	}
}

// clearable sets a field that can be absent: null makes it so.
func clearable[T any](dst *T, f Field[T]) {
	if f.Set {
		*dst = f.Value
	}
}
