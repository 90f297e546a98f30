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

// Challenge is a login that waits for its second factor. It is the user's, and
// dies with the generation of the user's tokens: when the password or the second
// factor changes.
type Challenge struct {
	Hash      string // SHA-256 of its token in hexadecimal
	User, Org string
	TokenGen  int64
	Kind      string // of the session that it becomes
	ExpiresAt time.Time
}

// MFAStore keeps second factors, and the logins that wait for them.
type MFAStore interface {
	// AddChallenge stores a challenge, and forgets those that have ended.
	AddChallenge(ctx context.Context, ch Challenge, now time.Time, ev *audit.Event) error
	// TryChallenge counts an answer and returns the challenge. NotFound when there
	// is none, or it was answered most times already.
	TryChallenge(ctx context.Context, hash string, most int64, now time.Time) (Challenge, error)
	// FinishChallenge spends the challenge and the code that it was answered with.
	// NotFound when one of them is spent already, or the user's tokens are of
	// another generation.
	FinishChallenge(ctx context.Context, ch Challenge, f Factor, ev *audit.Event) error

	// TOTP returns NotFound when nothing was set up.
	TOTP(ctx context.Context, user string) (TOTP, error)
	// SetUpTOTP stores a key that is not on yet, in the place of an earlier such.
	// Conflict when one is on.
	SetUpTOTP(ctx context.Context, org string, t TOTP, now time.Time, ev *audit.Event) error
	// EnableTOTP turns t on with the recovery codes' hashes, and ends all tokens
	// and sessions but what is kept, and mailed tokens for new passwords. NotFound
	// unless t is set up and off.
	EnableTOTP(ctx context.Context, org string, t TOTP, codes []string, kept Kept, ev *audit.Event) error
	// DisableTOTP spends a factor, forgets key and codes, and ends what EnableTOTP
	// does. NotFound when there is nothing on, or the factor is spent.
	DisableTOTP(ctx context.Context, org, user string, f Factor, kept Kept, ev *audit.Event) error
}

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
