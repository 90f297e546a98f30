package identity

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
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
	Token *Token // nil: a mail was sent, to be followed first
	Known bool   // the address had an account, which joined: it logs in as always
}

// Signup makes a user with an organisation of its own, which it owns.
func (s *Service) Signup(ctx context.Context, c *call.Call, email string, password secret.Bytes, name string) (Joined, error) {
	c.Touch("user", "")
	if !s.cfg.Signup {
		return Joined{}, errClosed
	}
	a, err := newAccount(email, name, c.Now)
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
	if a.PasswordHash, err = s.hash(ctx, password.Reveal()); err != nil {
		return Joined{}, err
	}
	add := func(t *MailToken) record {
		return func(ctx context.Context, ev *audit.Event) error { return s.addUser(ctx, c, a, t) }
	}
	if !s.cfg.VerifyEmail {
		t, err := s.loginToken(ctx, c, &a, proof{byPassword, c.Now}, add(nil))
		return Joined{Email: a.Email, Token: &t}, err
	}
	// The mail comes first: an account that nobody can confirm would keep its
	// address taken, while a mail whose account was not made does no harm.
	token := randomText()
	if err := s.cfg.Mailer.VerifyEmail(ctx, a.Email, token); err != nil {
		return Joined{}, err
	}
	c.Event.Details.Outcome = audit.Success
	t := &MailToken{Hash: hashKey(token), Purpose: PurposeVerify, ExpiresAt: c.Now.Add(mailTokenTTL)}
	return Joined{Email: a.Email}, add(t)(ctx, c.Event)
}

// addUser stores the account. Until it is stored the event is nobody's.
func (s *Service) addUser(ctx context.Context, c *call.Call, a Account, t *MailToken) error {
	return c.Draft(func(c *call.Call) error {
		c.By(policy.KindUser, a.ID, a.Org)
		c.Touch("user", a.ID)
		return s.store.AddUser(ctx, a, a.DisplayName, t, c.Event)
	})
}

// VerifyEmail confirms an address with the token that was mailed to it, and
// logs its owner in.
func (s *Service) VerifyEmail(ctx context.Context, c *call.Call, token string) (Token, error) {
	c.Touch("user", "")
	hash := hashKey(token)
	a, err := s.store.MailToken(ctx, hash, PurposeVerify, c.Now)
	if fault.Is(err, fault.NotFound) {
		return Token{}, errMailToken
	}
	if err != nil {
		return Token{}, err
	}
	c.By(policy.KindUser, a.ID, a.Org)
	c.Touch("user", a.ID)
	// Whoever has the link may be a program that reads mail.
	t, err := s.finishLoginAs(ctx, c, &a, proof{kind: byMail}, func(ctx context.Context, ev *audit.Event) error {
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
	a, err := newAccount(email, "", now)
	if err == nil {
		err = checkPassword(password.Reveal(), a.Email, a.DisplayName)
	}
	if err != nil {
		return false, err
	}
	if a.PasswordHash, err = s.hash(ctx, password.Reveal()); err != nil {
		return false, err
	}
	a.PlatformAdmin, a.EmailVerified = true, true
	return s.store.AddFirstOwner(ctx, a, a.DisplayName, &audit.Event{
		ID: newID(), Org: a.Org, At: now, Action: string(policy.Signup), ActorKind: string(policy.KindUser), ActorID: a.ID,
		ResourceType: "user", ResourceID: a.ID, Details: audit.Details{Outcome: audit.Success, Reason: "first_owner"},
	})
}

func newAccount(email, name string, now time.Time) (Account, error) {
	address, err := normalizeEmail(email)
	if err != nil {
		return Account{}, err
	}
	if name = strings.TrimSpace(name); name == "" {
		name, _, _ = strings.Cut(address, "@")
	}
	if err := checkText("display_name", name, 255); err != nil {
		return Account{}, err
	}
	org := newID()
	return Account{
		User: User{
			ID: newID(), Email: address, DisplayName: name, AuthMethod: "password", HomeOrg: org, CreatedAt: stamp(now),
		},
		Org: org, Role: policy.RoleOwner, TokenGen: 1,
	}, nil
}

// checkText accepts 1 to limit characters without control characters.
func checkText(field, text string, limit int) error {
	n := utf8.RuneCountInString(text)
	if n < 1 || n > limit || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return invalid("invalid_"+field, field+" must be text without control characters, neither empty nor too long.")
	}
	return nil
}
