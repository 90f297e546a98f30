package vault

import (
	"context"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Prospect is what the caller may do with what is at a path, or will be: by the policies as
// they are, and with an approval where they ask for one. Nothing of it depends on whether there
// is anything.
type Prospect struct{ Read, Use bool }

// Asks lets the caller ask for what is at a path: its bindings and scopes must reach it. The
// call's event names vault and path.
func (s *Service) Asks(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (Prospect, error) {
	e, err := s.touch(ctx, c, vaultID, p)
	if err != nil {
		return Prospect{}, err
	}
	d := policy.Decide(c.Who, policy.UseSecret, resource(e, p), c.At())
	switch d.Reason {
	case policy.ReasonOtherOrg, policy.ReasonKindRequired, policy.ReasonOutsideVaultBinding, policy.ReasonOutsideScope:
		c.Event.Details.Reason = string(d.Reason)
		return Prospect{}, d.ErrOf(policy.UseSecret)
	default:
	}
	if e.policyVault.Reserved {
		return Prospect{}, policy.Decision{Reason: policy.ReasonReservedVault}.ErrOf(policy.UseSecret)
	}
	if e.vault.CMEKFingerprint != "" {
		return Prospect{}, errGivenCMEK
	}
	return s.Prospect(ctx, c, vaultID, p)
}

// errGivenCMEK is of vaults whose values clients encrypt: a page or a prompt has no key for that.
var errGivenCMEK = fault.New(fault.Conflict, "cmek_vault", "The values of this vault are encrypted by clients with a key of their own, so nobody can enter one here. Store it with a client that has the key, or ask for it in another vault.")

// Prospect says what the caller may do with what is at a path, or will be.
func (s *Service) Prospect(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (out Prospect, err error) {
	if out.Read, err = s.may(ctx, c, policy.ReadSecret, vaultID, p); err == nil {
		out.Use, err = s.may(ctx, c, policy.UseSecret, vaultID, p)
	}
	return out, err
}

// Answers reports whether the caller may give what an agent asks for at a path, or could once
// a human approves it.
func (s *Service) Answers(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (bool, error) {
	return s.may(ctx, c, policy.FillSecretRequest, vaultID, p)
}

// PutFor is Put for an operation that changes more than the secret: store stores the version
// in one transaction with the rest and with the event that it is given. It runs again when
// another write came first.
func (s *Service) PutFor(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, a policy.Action, d Draft, store func(v *Version, ev *audit.Event) error) (Meta, error) {
	e, err := s.touch(ctx, c, vaultID, p)
	if err != nil {
		return Meta{}, err
	}
	ad, err := s.admit(ctx, c, a, e, resource(e, p))
	if err != nil {
		return Meta{}, err
	}
	if a == policy.FillSecretRequest && e.vault.CMEKFingerprint != "" {
		return Meta{}, errGivenCMEK
	}
	err = d.check(c.Now)
	if err == nil && e.vault.CMEKFingerprint == "" {
		err = d.checkSigningKey(p.String())
	}
	if err != nil {
		return Meta{}, err
	}
	var m Meta
	err = ad.record(c, func(ev *audit.Event) (err error) {
		m, err = s.writeBy(ctx, c, &e.vault, p, d, ev, func(v *Version) error { return store(v, ev) })
		return err
	})
	if err == nil && e.vault.CMEKFingerprint == "" {
		m.Doubt = doubt(m.Type, d.Value)
	}
	return m, err
}

// Writers are the users who may give what an agent asks for at a path, also where a policy
// asks for an approval of that or lets them do it from some addresses or at some hours alone.
func (s *Service) Writers(ctx context.Context, org, vaultID string, p secretpath.Path, now time.Time, look Look) ([]string, error) {
	e, err := s.known.get(ctx, s.store, vaultID)
	if fault.Is(err, fault.NotFound) || err == nil && e.vault.Org != org {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	named := slices.Clone(e.policies.Named(vaultID, p.String())[policy.KindUser])
	if v := e.policyVault; v.CreatedByKind == policy.KindUser {
		named = append(named, v.CreatedBy)
	} else {
		named = append(named, v.CreatorHuman)
	}
	slices.Sort(named)
	var out []string
	for _, id := range slices.Compact(named) {
		if id == "" {
			continue
		}
		who, err := look(ctx, policy.KindUser, id)
		if fault.Is(err, fault.NotFound) {
			continue // has left
		}
		if err != nil {
			return nil, err
		}
		d := policy.Decide(who, policy.FillSecretRequest, resource(e, p), policy.Moment{Now: now})
		if (Verdict{d.Allow, d.Reason, d.PolicyID}).hangs() || d.Allow {
			out = append(out, id)
		}
	}
	return out, nil
}
