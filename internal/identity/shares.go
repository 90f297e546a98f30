package identity

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// PrincipalNow returns somebody as the rows are now, without a credential and its
// cap: for what was done earlier and must still be allowed. NotFound when it
// could not sign in any more.
func (s *Service) PrincipalNow(ctx context.Context, kind policy.PrincipalKind, id, org string, now time.Time) (policy.Principal, error) {
	if kind == policy.KindAgent {
		a, err := s.store.Standing(ctx, id)
		if err == nil && (a.Org != org || !a.live(now)) {
			err = fault.New(fault.NotFound, "agent_not_found", "There is no agent with this id.")
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

// Address returns a member's mail address, and whether it was confirmed.
func (s *Service) Address(ctx context.Context, user, org string) (email string, confirmed bool, err error) {
	a, err := s.store.Account(ctx, user, org)
	return a.Email, a.EmailVerified, err
}

// NormalizeEmail returns the form in which addresses are stored, or
// fault.Invalid.
func (s *Service) NormalizeEmail(email string) (string, error) { return normalizeEmail(email) }

// HashPassphrase returns the Argon2id hash of a passphrase. It waits for its turn
// with the hashing of passwords.
func (s *Service) HashPassphrase(ctx context.Context, passphrase secret.Bytes) (string, error) {
	return s.hash(ctx, passphrase.Reveal())
}

// MatchesPassphrase compares a passphrase with its hash.
func (s *Service) MatchesPassphrase(ctx context.Context, passphrase secret.Bytes, hash string) (bool, error) {
	same, _, err := s.matches(ctx, passphrase.Reveal(), hash)
	return same, err
}
