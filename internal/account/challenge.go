package account

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

const (
	challengeTTL = 5 * time.Minute
	// challengePrefix begins the token of a challenge. No credential begins so:
	// it is of no use but to answer the challenge.
	challengePrefix = "mfa_"
	// maxAttempts is how many codes one challenge may be answered with.
	maxAttempts = 5
)

// finishLogin is the end of every way in which a human proves who it is:
// password, identity provider, mailed link. No other method hands a login's
// token out, so that what all of them must pass stands here: a user with a
// second factor gets a challenge instead, Token.Challenge.
func (s *Service) finishLogin(ctx context.Context, c *call.Call, a *identity.Account, p identity.Proof) (identity.Token, error) {
	return s.finishLoginAs(ctx, c, a, p, s.store.Append)
}

// finishLoginAs is finishLogin for a login that writes more than its event.
func (s *Service) finishLoginAs(ctx context.Context, c *call.Call, a *identity.Account, p identity.Proof, log identity.Record) (identity.Token, error) {
	if a.Org == "" {
		return identity.Token{}, errNoOrg
	}
	if !a.TOTP {
		return s.identity.IssueLogin(ctx, c, a, p, log)
	}
	token := challengePrefix + identity.RandomText()
	ch := Challenge{
		Hash: identity.HashKey(token), User: a.ID, Org: a.Org, TokenGen: a.TokenGen, Kind: p.Kind, ExpiresAt: c.Now.Add(challengeTTL),
	}
	// The challenge goes first and alone: without its token it is of no use.
	if err := s.store.AddChallenge(ctx, ch, c.Now, nil); err != nil {
		return identity.Token{}, err
	}
	c.Event.Details.Outcome, c.Event.Details.Reason = audit.Success, "mfa_required"
	if err := log(ctx, c.Event); err != nil {
		return identity.Token{}, err
	}
	return identity.Token{Challenge: secret.FromString(token), ExpiresIn: int64(challengeTTL / time.Second), Email: a.Email}, nil
}
