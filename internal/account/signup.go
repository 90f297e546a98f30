package account

import (
	"context"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// mailTokenTTL is how long a mailed token works.
const mailTokenTTL = 24 * time.Hour

var (
	errClosed    = fault.New(fault.Denied, "signup_closed", "This server does not take new accounts. Ask its owner for one.")
	errMailTaken = fault.New(fault.Conflict, "email_taken", "There is an account with this mail address already.")
	errMailToken = invalid("invalid_token", "The link is wrong, was used already, or is older than a day.")
)

// Joined is the answer to a signup.
type Joined struct {
	Email string
	Token *identity.Token // nil: a mail was sent, to be followed first
}

// Signup makes a user with an organisation of its own, which it owns.
func (s *Service) Signup(ctx context.Context, c *call.Call, email string, password secret.Bytes, name string) (Joined, error) {
	c.Touch("user", "")
	if !s.cfg.Signup {
		return Joined{}, errClosed
	}
	a, err := s.NewAccount(email, name, c.Now)
	if err == nil {
		err = checkPassword(password.Reveal(), a.Email, a.DisplayName)
	}
	if err != nil {
		return Joined{}, err
	}
	if _, err := s.store.AccountByEmail(ctx, a.Email); !fault.Is(err, fault.NotFound) {
		if err == nil {
			err = errMailTaken
		}
		return Joined{}, err
	}
	if a.PasswordHash, err = s.identity.HashPassword(ctx, password.Reveal()); err != nil {
		return Joined{}, err
	}
	add := func(t *MailToken) identity.Record {
		return func(ctx context.Context, ev *audit.Event) error { return s.addUser(ctx, c, a, t) }
	}
	if !s.cfg.VerifyEmail {
		t, err := s.identity.IssueLogin(ctx, c, &a, identity.Proof{Kind: identity.ByPassword, Person: c.Now}, add(nil))
		return Joined{Email: a.Email, Token: &t}, err
	}
	// The mail comes first: an account that nobody can confirm would keep its
	// address taken, while a mail whose account was not made does no harm.
	token := identity.RandomText()
	if err := s.cfg.Mailer.VerifyEmail(ctx, a.Email, token); err != nil {
		return Joined{}, err
	}
	c.Event.Details.Outcome = audit.Success
	t := &MailToken{Hash: identity.HashKey(token), Purpose: PurposeVerify, ExpiresAt: c.Now.Add(mailTokenTTL)}
	return Joined{Email: a.Email}, add(t)(ctx, c.Event)
}

// addUser stores the account. Until it is stored the event is nobody's.
func (s *Service) addUser(ctx context.Context, c *call.Call, a identity.Account, t *MailToken) error {
	return c.Draft(func(c *call.Call) error {
		c.By(policy.KindUser, a.ID, a.Org)
		c.Touch("user", a.ID)
		return s.store.AddUser(ctx, a, a.DisplayName, t, c.Event)
	})
}

// VerifyEmail confirms an address with the token that was mailed to it, and
// logs its owner in.
func (s *Service) VerifyEmail(ctx context.Context, c *call.Call, token string) (identity.Token, error) {
	c.Touch("user", "")
	hash := identity.HashKey(token)
	a, err := s.store.MailToken(ctx, hash, PurposeVerify, c.Now)
	if fault.Is(err, fault.NotFound) {
		return identity.Token{}, errMailToken
	}
	if err != nil {
		return identity.Token{}, err
	}
	c.By(policy.KindUser, a.ID, a.Org)
	c.Touch("user", a.ID)
	// Whoever has the link may be a program that reads mail.
	t, err := s.finishLoginAs(ctx, c, &a, identity.Proof{Kind: identity.ByMail}, func(ctx context.Context, ev *audit.Event) error {
		return s.store.VerifyEmail(ctx, a.Org, a.ID, hash, ev)
	})
	if fault.Is(err, fault.NotFound) { // of two at once, one
		err = errMailToken
	}
	return t, err
}

// EnsureOwner makes the first user of a server that has none, an owner and the
// server's administrator, and reports whether it did. Once it did, it never
// does again. The password's rules are everybody's.
func (s *Service) EnsureOwner(ctx context.Context, email string, password secret.Bytes) (bool, error) {
	// Most starts end here, before the time that a hash takes.
	if some, err := s.store.HasUsers(ctx); err != nil || some {
		return false, err
	}
	now := s.cfg.Now()
	a, err := s.firstOwner(ctx, email, password, "", now)
	if err != nil {
		return false, err
	}
	return s.store.AddFirstOwner(ctx, a, a.DisplayName, &audit.Event{
		ID: ids.New(), Org: a.Org, At: now, Action: string(policy.Signup), ActorKind: string(policy.KindUser), ActorID: a.ID,
		ResourceType: "user", ResourceID: a.ID, Details: audit.Details{Outcome: audit.Success, Reason: reasonFirst},
	})
}

// NewAccount returns an account that is not stored yet, of a good address and name.
func (s *Service) NewAccount(email, name string, now time.Time) (identity.Account, error) {
	address, err := identity.NormalizeEmail(email)
	if err != nil {
		return identity.Account{}, err
	}
	if name = strings.TrimSpace(name); name == "" {
		name, _, _ = strings.Cut(address, "@")
	}
	if err := identity.CheckText("display_name", name, 255); err != nil {
		return identity.Account{}, err
	}
	org := ids.New()
	return identity.Account{
		User: identity.User{
			ID: ids.New(), Email: address, DisplayName: name, AuthMethod: "password", HomeOrg: org, CreatedAt: stamp.Of(now),
		},
		Org: org, Role: policy.RoleOwner, TokenGen: 1,
	}, nil
}
