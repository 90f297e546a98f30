package account

import (
	"context"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/oidc"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// How the accounts that providers vouch for say that they log in.
const (
	methodGoogle = "google"
	methodOIDC   = "oidc"
	google       = "https://accounts.google.com"
)

// loginTenant is who the issuers of humans belong to, beside the organisations'.
const loginTenant = "login"

var (
	errNoProvider = invalid("oidc_not_configured", "No identity provider is set up here. Log in with a password, or ask the operator to set ONECLAW_OIDC_ISSUER.")
	errIDToken    = fault.New(fault.Unauthenticated, "unauthenticated",
		"The ID token is not good here: it must be new, from the provider and for the client that this server is set up with, and vouch for a mail address.")
	errProviderAway = &fault.Error{
		Kind: fault.Unavailable, Code: "identity_provider_unavailable", RetryAfter: 10 * time.Second,
		Detail: "The identity provider's keys can't be had now. Try again in a moment.",
	}
	errNotLinked = fault.New(fault.Denied, "account_not_linked",
		"There is an account with this mail address, and nobody has confirmed that address to this server yet. "+
			"Log in with its password and confirm the address, or reset the password by mail; then the provider's login works.")
	errLinkedMeanwhile = fault.New(fault.Conflict, "identity_linked", "The identity was linked meanwhile. Try again.")
	errOtherIdentity   = fault.New(fault.Denied, "account_of_other_identity",
		"The account with this mail address belongs to another identity at this provider. Its owner, or an owner of the organisation, can delete it; then this login makes a new one.")
)

// LoginWithIDToken logs in who an identity provider vouches for. A given nonce
// must be the token's. A token logs in once.
//
// Accounts are found by issuer and subject. Whoever comes for the first time
// gets the account with the mail address that the provider vouches for, if that
// account's own address is confirmed (an account that somebody made with another's
// address must not be waiting for its owner) and it has no identity at that issuer
// yet (the provider may have given the address to somebody else). Else a new account is made, if
// strangers may sign up or the address was invited.
func (s *Service) LoginWithIDToken(ctx context.Context, c *call.Call, token string, nonce *string) (identity.Token, error) {
	c.Touch("user", "")
	if len(s.cfg.Logins) == 0 || s.cfg.LoginKeys == nil {
		return identity.Token{}, errNoProvider
	}
	who, err := s.readIDToken(ctx, token, nonce, c.Now)
	if reason := oidc.Reason(""); errors.As(err, &reason) {
		if reason == oidc.Unreachable {
			return identity.Token{}, errProviderAway
		}
		return identity.Token{}, identity.Refuse(c, string(reason), errIDToken)
	}
	if err != nil {
		return identity.Token{}, err
	}
	err = s.store.SpendToken(ctx, identity.HashKey("id_token\x00"+oidc.SignedPart(token)), who.Expires.Add(2*oidc.Leeway), c.Now)
	if fault.Is(err, fault.Conflict) {
		return identity.Token{}, identity.Refuse(c, "token_replayed", errIDToken)
	}
	if err != nil {
		return identity.Token{}, err
	}
	return s.loginAs(ctx, c, &who)
}

// Reasons for refusing a token that its provider did sign.
const (
	wrongAudience  oidc.Reason = "wrong_audience"
	wrongNonce     oidc.Reason = "wrong_nonce"
	mailNotVouched oidc.Reason = "email_not_verified_by_provider"
	badSubject     oidc.Reason = "subject_missing"
)

// readIDToken returns whom a token vouches for.
func (s *Service) readIDToken(ctx context.Context, token string, nonce *string, now time.Time) (oidc.Claims, error) {
	said, err := oidc.Peek(token)
	if err != nil {
		return said, err
	}
	var at *LoginProvider
	for i, p := range s.cfg.Logins {
		if p.Issuer == said.Issuer && (at == nil || !forClient(said, at.ClientID)) {
			at = &s.cfg.Logins[i]
		}
	}
	if at == nil {
		return oidc.Claims{}, oidc.WrongIssuer
	}
	who, err := s.cfg.LoginKeys.Verify(ctx, loginTenant, at.Issuer, token, now)
	if err != nil {
		return who, err
	}
	who.Email, err = identity.NormalizeEmail(who.Email)
	switch {
	case !forClient(who, at.ClientID):
		return who, wrongAudience
	case nonce != nil && who.Nonce != *nonce:
		return who, wrongNonce
	case !oidc.Plausible(who.Subject) || who.Issued.IsZero():
		return who, badSubject
	case err != nil || !who.EmailVerified:
		return who, mailNotVouched
	}
	return who, nil
}

// forClient reports whether a token was made for the client alone, or for
// several audiences on the client's behalf (OpenID Connect Core 3.1.3.7).
func forClient(t oidc.Claims, client string) bool {
	return t.For(client) && (t.AuthorizedParty == client || t.AuthorizedParty == "" && len(t.Audience) == 1)
}

// loginAs finds or makes the account. Of many that come for the first time at
// once one makes it, and the others find it when they look again.
func (s *Service) loginAs(ctx context.Context, c *call.Call, who *oidc.Claims) (identity.Token, error) {
	for range 3 {
		t, err := s.tryLoginAs(ctx, c, who)
		if !fault.Is(err, fault.Conflict) {
			return t, err
		}
	}
	return identity.Token{}, identity.Refuse(c, "account_conflict", errIDToken)
}

func (s *Service) tryLoginAs(ctx context.Context, c *call.Call, who *oidc.Claims) (identity.Token, error) {
	a, err := s.store.AccountByLink(ctx, who.Issuer, who.Subject)
	if err == nil {
		c.By(policy.KindUser, a.ID, a.Org)
		c.Touch("user", a.ID)
		return s.finishLogin(ctx, c, &a, vouched(who, c.Now))
	}
	if !fault.Is(err, fault.NotFound) {
		return identity.Token{}, err
	}
	link := Link{Issuer: who.Issuer, Subject: who.Subject, CreatedAt: stamp.Of(c.Now)}
	a, err = s.store.AccountByEmail(ctx, who.Email)
	if fault.Is(err, fault.NotFound) {
		return s.signupAs(ctx, c, who, link)
	}
	if err != nil {
		return identity.Token{}, err
	}
	c.Touch("user", a.ID)
	if !a.EmailVerified {
		return identity.Token{}, identity.RefuseAs(c, policy.KindUser, a.ID, a.Org, "account_not_linked", errNotLinked)
	}
	if other, err := s.store.LinkedAt(ctx, who.Issuer, a.ID); err != nil || other {
		if err != nil {
			return identity.Token{}, err
		}
		if _, err := s.store.AccountByLink(ctx, who.Issuer, who.Subject); err == nil {
			return identity.Token{}, errLinkedMeanwhile // by the same identity, which asked more than once
		}
		return identity.Token{}, identity.RefuseAs(c, policy.KindUser, a.ID, a.Org, "account_of_other_identity", errOtherIdentity)
	}
	link.User = a.ID
	var t identity.Token
	err = c.Draft(func(c *call.Call) (err error) {
		c.By(policy.KindUser, a.ID, a.Org)
		t, err = s.finishLoginAs(ctx, c, &a, vouched(who, c.Now), func(ctx context.Context, ev *audit.Event) error {
			return s.store.LinkAccount(ctx, a.Org, link, ev)
		})
		return err
	})
	return t, err
}

// signupAs makes the account of somebody who has none.
func (s *Service) signupAs(ctx context.Context, c *call.Call, who *oidc.Claims, link Link) (identity.Token, error) {
	open := s.cfg.Signup
	if !open && s.cfg.Invited != nil {
		var err error
		if open, err = s.cfg.Invited(ctx, who.Email); err != nil {
			return identity.Token{}, err
		}
	}
	if !open {
		return identity.Token{}, identity.Refuse(c, "signup_closed", errClosed)
	}
	a, err := s.NewAccount(who.Email, who.Name, c.Now)
	if err != nil { // a name that is no good here is no reason to turn somebody away
		a, err = s.NewAccount(who.Email, "", c.Now)
	}
	if err != nil {
		return identity.Token{}, err
	}
	a.AuthMethod, a.EmailVerified = methodOIDC, true
	if who.Issuer == google {
		a.AuthMethod = methodGoogle
	}
	link.User = a.ID
	return s.finishLoginAs(ctx, c, &a, vouched(who, c.Now), func(ctx context.Context, ev *audit.Event) error {
		was := *ev
		c.By(policy.KindUser, a.ID, a.Org)
		c.Touch("user", a.ID)
		err := s.store.AddLinkedUser(ctx, a, a.DisplayName, link, ev)
		if err != nil {
			*ev = was
		}
		return err
	})
}
