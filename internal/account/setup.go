package account

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// setupTTL is how long the code of a start works. The next start has another.
const setupTTL = 24 * time.Hour

var (
	errOwned     = fault.New(fault.Conflict, "has_users", "This server has an owner already. Sign in, or ask its owner for an account.")
	errSetupCode = fault.New(fault.Denied, "wrong_setup_code", "The code is wrong, or older than a day. The server printed it as it started, and prints another when it starts again.")
)

// OfferSetup makes a code with which one person can make themselves the first owner. It
// is for the log of the server's start, which no stranger reads.
func (s *Service) OfferSetup(ctx context.Context) (code string, err error) {
	text := rand.Text()
	if err := s.store.AddSetupCode(ctx, identity.HashKey(text), s.cfg.Now().Add(setupTTL)); err != nil {
		return "", err
	}
	for len(text) > 5 {
		code, text = code+text[:5]+"-", text[5:]
	}
	return code + text, nil
}

// Owned reports whether anybody has an account.
func (s *Service) Owned(ctx context.Context) (bool, error) { return s.store.HasUsers(ctx) }

// Setup makes the first user of a server that has none, its owner and administrator, and
// signs it in. It takes a code of OfferSetup. Of several at once one gets it.
func (s *Service) Setup(ctx context.Context, c *call.Call, code, email string, password secret.Bytes, name string) (identity.Token, error) {
	c.Touch("user", "")
	some, err := s.store.HasUsers(ctx)
	if err == nil && some {
		err = errOwned
	}
	if err != nil {
		return identity.Token{}, err
	}
	plain := strings.NewReplacer("-", "", " ", "").Replace(strings.ToUpper(code))
	good, err := s.store.SetupCode(ctx, identity.HashKey(plain), c.Now)
	if err == nil && !good {
		err = errSetupCode
	}
	if err != nil {
		return identity.Token{}, err
	}
	a, err := s.firstOwner(ctx, email, password, name, c.Now)
	if err != nil {
		return identity.Token{}, err
	}
	c.Event.Details.Reason = reasonFirst
	return s.identity.IssueLogin(ctx, c, &a, identity.Proof{Kind: identity.ByPassword, Person: c.Now}, func(ctx context.Context, _ *audit.Event) error {
		return c.Draft(func(c *call.Call) error {
			c.By(policy.KindUser, a.ID, a.Org)
			c.Touch("user", a.ID)
			made, err := s.store.AddFirstOwner(ctx, a, a.DisplayName, c.Event)
			if err == nil && !made {
				err = errOwned
			}
			return err
		})
	})
}

// reasonFirst is the reason of the event of the first owner.
const reasonFirst = "first_owner"

// firstOwner is the account of the first owner, which is not stored yet.
func (s *Service) firstOwner(ctx context.Context, email string, password secret.Bytes, name string, now time.Time) (identity.Account, error) {
	a, err := s.NewAccount(email, name, now)
	if err == nil {
		err = checkPassword(password.Reveal(), a.Email, a.DisplayName)
	}
	if err == nil {
		a.PasswordHash, err = s.identity.HashPassword(ctx, password.Reveal())
	}
	a.PlatformAdmin, a.EmailVerified = true, true
	return a, err
}
