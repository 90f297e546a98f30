package account

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
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

var (
	errLogin = fault.New(fault.Unauthenticated, "unauthenticated", "The mail address and password do not belong together.")
	errKey   = fault.New(fault.Unauthenticated, "unauthenticated",
		"The key is wrong, revoked or expired, or belongs to another or an inactive agent.")
	errNoOrg = fault.New(fault.Denied, "no_organisation",
		"This account belongs to no organisation any more. Ask for an invitation.")
	errUnverified = fault.New(fault.Denied, "email_not_verified",
		"Confirm your mail address first: follow the link in the mail that was sent to you.")
)

// Login exchanges a mail address and password for a token. Whether the address
// or the password was wrong can't be told, from the answer or from its time.
func (s *Service) Login(ctx context.Context, c *call.Call, email string, password secret.Bytes) (identity.Token, error) {
	c.Touch("user", "")
	a, known := identity.Account{PasswordHash: s.identity.NobodysHash()}, false
	address, bad := identity.NormalizeEmail(email)
	if bad != nil {
		address = "" // all that are no addresses are one
	}
	g := identity.AttemptAt(c, identity.AttemptPassword, address)
	done, err := s.identity.Try(ctx, c, g)
	if err != nil {
		return identity.Token{}, err
	}
	defer done()
	if bad == nil {
		// Accounts are told apart in the log. So are addresses without one, or
		// the time of a second try would tell them from each other.
		c.Event.CoalesceKey = identity.HashKey(address)
		found, err := s.store.AccountByEmail(ctx, address)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return identity.Token{}, err
		}
		if err == nil && found.PasswordHash != "" {
			a, known = found, true
		}
	}
	same, stale, err := s.identity.MatchPassword(ctx, password.Reveal(), a.PasswordHash)
	switch {
	case err != nil:
		return identity.Token{}, err
	case !known:
		return identity.Token{}, identity.Refuse(c, "unknown_user", errLogin)
	case !same:
		return identity.Token{}, identity.RefuseAs(c, policy.KindUser, a.ID, a.Org, "wrong_password", errLogin)
	}
	// From an address that the organisation keeps out, a good password is no
	// different from a bad one.
	if err := s.identity.Admit(ctx, a.Org, policy.KindUser, c.IP); err != nil {
		return identity.Token{}, identity.RefuseAddress(c, err, policy.KindUser, a.ID, a.Org, errLogin)
	}
	c.Touch("user", a.ID)
	// Who also needs a second factor is not trusted before that was seen.
	if err := s.identity.Right(ctx, c, g, !a.TOTP && (a.EmailVerified || !s.cfg.VerifyEmail)); err != nil {
		return identity.Token{}, err
	}
	if s.cfg.VerifyEmail && !a.EmailVerified {
		return identity.Token{}, identity.RefuseAs(c, policy.KindUser, a.ID, a.Org, "email_not_verified", errUnverified)
	}
	if a.Org == "" {
		return identity.Token{}, identity.RefuseAs(c, policy.KindUser, a.ID, "", "no_organisation", errNoOrg)
	}
	c.By(policy.KindUser, a.ID, a.Org)
	if stale {
		s.rehash(ctx, &a, password)
	}
	return s.finishLogin(ctx, c, &a, identity.Proof{Kind: identity.ByPassword, Person: c.Now})
}

// rehash stores the password's hash with today's parameters. A login does not
// fail since that did.
func (s *Service) rehash(ctx context.Context, a *identity.Account, password secret.Bytes) {
	hash, err := s.identity.HashPassword(ctx, password.Reveal())
	if err == nil {
		err = s.store.Rehash(ctx, a.ID, a.PasswordHash, hash)
	}
	if err != nil {
		s.cfg.Log.Warn("a password keeps its old hash", slog.String("user", a.ID), slog.Any("error", err))
	}
}

// APIKeyToken exchanges a personal key for a token.
func (s *Service) APIKeyToken(ctx context.Context, c *call.Call, key string) (identity.Token, error) {
	c.Touch("user", "")
	if !strings.HasPrefix(key, identity.UserKeyPrefix) || len(key) > identity.MaxKey {
		return identity.Token{}, identity.Refuse(c, "unknown_key", errKey)
	}
	k, err := s.store.KeyByHash(ctx, identity.HashKey(key))
	if fault.Is(err, fault.NotFound) {
		return identity.Token{}, identity.Refuse(c, "unknown_key", errKey)
	}
	if err != nil {
		return identity.Token{}, err
	}
	a, err := s.store.Account(ctx, k.User, k.Org)
	if fault.Is(err, fault.NotFound) {
		return identity.Token{}, identity.Refuse(c, "unknown_user", errKey)
	}
	if err != nil {
		return identity.Token{}, err
	}
	c.Touch("user", a.ID)
	if !k.Live(c.Now) {
		return identity.Token{}, identity.RefuseAs(c, policy.KindUser, a.ID, a.Org, "key_not_live", errKey)
	}
	if err := s.identity.Admit(ctx, a.Org, policy.KindUser, c.IP); err != nil {
		return identity.Token{}, identity.RefuseAddress(c, err, policy.KindUser, a.ID, a.Org, errKey)
	}
	c.By(policy.KindUser, a.ID, a.Org)
	s.identity.NoteKey(k.ID, c.Now)
	return s.identity.IssueForKey(ctx, c, &a, &k)
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
