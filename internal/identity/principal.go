package identity

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// PrincipalNow returns somebody as the rows are now, without a credential and its
// cap: for what was done earlier and must still be allowed. NotFound when it
// could not sign in any more.
func (s *Service) PrincipalNow(ctx context.Context, kind policy.PrincipalKind, id, org string, now time.Time) (policy.Principal, error) {
	if kind == policy.KindAgent {
		a, err := s.store.AgentState(ctx, id)
		if err == nil && (a.Org != org || !a.Live(now)) {
			err = policy.ErrNoAgent
		}
		if err != nil {
			return policy.Principal{}, err
		}
		return agentPrincipal(&a, &session{}), nil
	}
	a, err := s.store.Account(ctx, id, org)
	if err != nil {
		return policy.Principal{}, err
	}
	return userPrincipal(&a, ""), nil
}

func agentPrincipal(a *State, se *session) policy.Principal {
	return policy.Principal{
		Kind: policy.KindAgent, ID: a.ID, Org: a.Org, Vaults: a.VaultIDs, Scopes: a.Scopes,
		Creator: a.Creator, TokenID: se.credential(), IntentsAPI: a.Intents, NoReveal: a.NoReveal, Frozen: a.Frozen, Bare: se.keyHash != "" && !se.routed, Router: se.routed,
		Gen: a.TokenGen, Ends: Earlier(a.ExpiresAt, se.until), With: se.with,
	}
}

func userPrincipal(a *Account, credential string) policy.Principal {
	return policy.Principal{Kind: policy.KindUser, ID: a.ID, Org: a.Org, Role: a.Role, TokenID: credential, PlatformAdmin: a.PlatformAdmin}
}

// Earlier returns the earlier of two ends; the zero time is never.
func Earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
