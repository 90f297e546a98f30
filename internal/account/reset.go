package account

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/network"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// PurposeReset is the purpose of tokens that set a new password.
const PurposeReset = "reset_password"

const (
	resetTTL = time.Hour
	// resetTime bounds how long the mail may take to be queued.
	resetTime = 30 * time.Second
	// maxResets bounds the mails that are being queued at a time.
	maxResets = 8
)

var errResetToken = invalid("invalid_token", "The link is wrong, was used already, or is older than an hour. Ask for another.")

// forgot is what is counted when mails are asked for.
const forgot = "forgot"

// nobodyID is whose token it is when there is no such account: of nobody.
const nobodyID = ""

// ForgotPassword has a token for a new password mailed to an address. Whether
// there is such an account can't be told, from the answer or from its time: what
// differs is done after the answer, and takes as long for an unknown address.
func (s *Service) ForgotPassword(ctx context.Context, c *call.Call, email string) error {
	c.Touch("user", "")
	address, err := identity.NormalizeEmail(email)
	if err != nil {
		address = ""
	}
	c.Event.CoalesceKey = identity.HashKey(address)
	from := network.Of(c.IP)
	err = s.store.CountAttempt(ctx, &identity.Attempt{
		Here: identity.Counter{ID: identity.HashKey(forgot + " here " + address + "\n" + from), Free: 3, Base: 10 * time.Minute, Max: time.Hour, Forget: 2 * time.Hour},
		Others: []identity.Counter{
			{ID: identity.HashKey(forgot + " account " + address), Free: 6, Base: 10 * time.Minute, Max: time.Hour, Forget: 2 * time.Hour},
			{ID: identity.HashKey(forgot + " network " + from), Free: 30, Base: 10 * time.Second, Max: 10 * time.Minute, Forget: time.Hour},
		},
	}, c.Now)
	if fault.Is(err, fault.RateLimited) {
		c.Event.Details.Reason = "too_many_mails"
		return nil // the same answer, and no mail
	}
	if err != nil {
		return err
	}
	select {
	case s.resets <- struct{}{}:
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Unavailable, "request_cancelled", "The request was given up before it was done.")
	}
	s.working.Go(func() {
		defer func() { <-s.resets }()
		work, stop := context.WithTimeout(context.WithoutCancel(ctx), resetTime)
		defer stop()
		if err := s.mailReset(work, address, c.Now); err != nil {
			s.cfg.Log.Warn("a mail for a new password was not queued", slog.Any("error", err))
		}
	})
	return nil
}

// Wait returns when the mails that were asked for are queued. No more may be
// asked for meanwhile.
func (s *Service) Wait() { s.working.Wait() }

// mailReset does the same work for an account that there is and for one that
// there is not, so that the requests that follow take as long.
func (s *Service) mailReset(ctx context.Context, address string, now time.Time) error {
	a, err := s.store.AccountByEmail(ctx, address)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	known := err == nil && a.PasswordHash != ""
	token := identity.RandomText()
	t := MailToken{Hash: identity.HashKey(token), Purpose: PurposeReset, ExpiresAt: now.Add(resetTTL)}
	if !known {
		a = identity.Account{User: identity.User{ID: nobodyID}}
	}
	if err := s.store.AddMailToken(ctx, a.ID, t); err != nil {
		return err
	}
	if !known {
		return s.cfg.Mailer.NoMail(ctx)
	}
	return s.cfg.Mailer.ResetPassword(ctx, a.Email, token)
}

// FirstProof reports whether a mailed token is the first that shows whose the address of an
// account is: its keys, passkeys and second factor end then, since they may be of somebody else who
// made the account.
func FirstProof(verified bool) bool { return !verified }

// ResetPassword sets a new password with a token that was mailed. All the user's
// tokens end; the second factor stays, unless nobody had confirmed the address
// before, and nobody is logged in by it.
func (s *Service) ResetPassword(ctx context.Context, c *call.Call, token string, password secret.Bytes) error {
	c.Touch("user", "")
	hash := identity.HashKey(token)
	a, err := s.store.MailToken(ctx, hash, PurposeReset, c.Now)
	if fault.Is(err, fault.NotFound) {
		return errResetToken
	}
	if err != nil {
		return err
	}
	if err := checkPassword(password.Reveal(), a.Email, a.DisplayName); err != nil {
		return err
	}
	phc, err := s.identity.HashPassword(ctx, password.Reveal())
	if err != nil {
		return err
	}
	err = c.Draft(func(c *call.Call) error {
		org := cmp.Or(a.Org, audit.SystemOrg) // somebody removed may be in none
		c.By(policy.KindUser, a.ID, org)
		c.Succeed("user", a.ID)
		return s.store.ResetPassword(ctx, org, a.ID, hash, phc, c.Now, c.Event)
	})
	if err != nil {
		if fault.Is(err, fault.NotFound) { // of two at once, one
			err = errResetToken
		}
		return err
	}
	// Whoever could read the mail is the owner: failures elsewhere don't bar the way
	// from here.
	s.identity.Forgive(ctx, c, identity.AttemptAt(c, identity.AttemptPassword, a.Email), true)
	keys := "personal API keys that last longer than a day have not."
	if !a.EmailVerified {
		keys = "so have personal API keys, passkeys and the second factor, since nobody had confirmed the address before."
	}
	s.notice(ctx, &a, "The password of your account was set anew through a mailed link. All sessions have ended; "+keys)
	return nil
}
