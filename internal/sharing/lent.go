package sharing

import (
	"context"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Lent is a share that may be read now, or could be.
type Lent struct {
	Share
	// Readable is false while the recipient has not accepted it, its maker may not read the
	// secret, or the recipient's own caps leave it out.
	Readable bool
}

// LentOf returns the shares of a path that are not over, newest first, to who asks who can
// read it: the caller of this has decided that. shown is false, and nothing is told, when the
// caller's credential may not list shares.
func (s *Service) LentOf(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (all []Lent, shown bool, err error) {
	if !policy.Decide(c.Who, policy.ListShares, c.Own(), c.At()).Allow {
		return nil, false, nil
	}
	rows, err := s.cfg.Store.SharesOf(ctx, c.Who.Org, vaultID, p.String(), maxListed)
	if err != nil {
		return nil, false, err
	}
	all, err = s.lent(ctx, c, rows, func(*Share, secretpath.Path) (bool, error) { return true, nil })
	return all, true, err
}

// LentTo is LentOf for the shares to an agent. Those of paths that the caller may not see
// are left out, unless the caller is the agent.
func (s *Service) LentTo(ctx context.Context, c *call.Call, agent string) (all []Lent, shown bool, err error) {
	if !policy.Decide(c.Who, policy.ListShares, c.Own(), c.At()).Allow {
		return nil, false, nil
	}
	rows, err := s.cfg.Store.SharesFor(ctx, c.Who.Org, agent, maxListed)
	if err != nil {
		return nil, false, err
	}
	own := c.Who.Kind == policy.KindAgent && c.Who.ID == agent
	all, err = s.lent(ctx, c, rows, func(sh *Share, p secretpath.Path) (bool, error) {
		if own {
			return sh.visible(c), nil
		}
		return s.cfg.Vault.Sees(ctx, c, sh.Vault, p)
	})
	return all, true, err
}

func (s *Service) lent(ctx context.Context, c *call.Call, rows []Share, sees func(*Share, secretpath.Path) (bool, error)) ([]Lent, error) {
	out := []Lent{}
	for i := range rows {
		sh := &rows[i]
		if !slices.Contains([]string{"active", "pending", "accepted"}, sh.Status(c.Now)) {
			continue
		}
		p, err := secretpath.Parse(sh.Path)
		if err != nil {
			continue // nobody reads it
		}
		if ok, err := sees(sh, p); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		readable, err := s.readable(ctx, c, sh, p)
		if err != nil {
			return nil, err
		}
		out = append(out, Lent{*sh, readable})
	}
	return out, nil
}

// readable reports whether a read would be served now to the recipient, from an address and
// with the passphrase that the share asks for.
func (s *Service) readable(ctx context.Context, c *call.Call, sh *Share, p secretpath.Path) (bool, error) {
	if sh.Type != ToLink && sh.ProofHash == "" && sh.AcceptedAt.IsZero() {
		return false, nil
	}
	maker, err := s.maker(ctx, c, sh)
	var secretType string
	if err == nil {
		secretType, err = s.cfg.Vault.MayLend(ctx, maker, policy.Moment{Now: c.Now, IP: sh.MakerIP}, sh.Vault, p)
	}
	if err == nil && sh.Type == ToAgent {
		var who policy.Principal
		if who, err = s.cfg.People.PrincipalNow(ctx, policy.KindAgent, sh.RecipientID, sh.Org, c.Now); err == nil {
			err = capped(who, sh, p, secretType, policy.Moment{Now: c.Now}).Err()
		}
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) || fault.Is(err, fault.Denied) || fault.Is(err, fault.Unauthenticated) {
		return false, nil
	}
	return err == nil, err
}

// capped decides as if the share were of the recipient's own vault: then only its caps can deny.
func capped(who policy.Principal, sh *Share, p secretpath.Path, secretType string, at policy.Moment) policy.Decision {
	own := &policy.Vault{ID: sh.Vault, Org: who.Org, CreatedBy: who.ID, CreatedByKind: who.Kind}
	return policy.Decide(who, policy.ReadSecret, policy.Resource{Org: who.Org, Vault: own, Path: p, SecretType: secretType}, at)
}
