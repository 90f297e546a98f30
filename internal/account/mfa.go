package account

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// identityKEK is the key in the keystore under which second factors are sealed.
const identityKEK = "identity"

// SealOfTOTP says which key an authenticator's key is sealed with, and where.
func SealOfTOTP(user string) (kek string, at seal.Ref) { return identityKEK, totpRow(user) }

func totpRow(user string) seal.Ref {
	return seal.Ref{Org: "system", Vault: "totp", Path: user, Version: 1}
}

var (
	errMFAOn   = invalid("mfa_already_enabled", "A second factor is on already. Turn it off first to set up another.")
	errMFAOff  = invalid("mfa_not_enabled", "No second factor is on.")
	errNoSetup = invalid("mfa_not_set_up", "Nothing was set up yet: POST /v1/auth/mfa/setup first.")
	errCode    = invalid("wrong_code", "The code is wrong, too old, or was used already.")
	errNoProof = invalid("proof_required", "Send a code of the authenticator, or a recovery code, to turn the second factor off. The password alone does not.")
	errMFA     = fault.New(fault.Unauthenticated, "unauthenticated",
		"The code is wrong, too old or was used already, or the login has expired. Wait for the next code, or log in again.")
)

// MFAStatus reports whether the calling user's logins need a second factor.
func (s *Service) MFAStatus(ctx context.Context, c *call.Call) (bool, error) {
	a, err := s.self(ctx, c, policy.ReadMFA)
	return a.TOTP, err
}

// SetUpMFA makes the key of an authenticator. It counts for nothing until
// ConfirmMFA gets a code of it; another SetUpMFA takes its place.
func (s *Service) SetUpMFA(ctx context.Context, c *call.Call) (MFASetup, error) {
	a, err := s.self(ctx, c, policy.EnableMFA)
	if err != nil {
		return MFASetup{}, err
	}
	if a.TOTP {
		return MFASetup{}, errMFAOn
	}
	e, err := newSetup(a.Email)
	if err != nil {
		return MFASetup{}, err
	}
	box, err := s.sealTOTP(ctx, a.ID, e.Secret)
	if err != nil {
		return MFASetup{}, err
	}
	c.Succeed("user", a.ID)
	c.Event.Details.Reason = "set_up"
	if err := s.store.SetUpTOTP(ctx, a.Org, TOTP{User: a.ID, Box: box}, c.Now, c.Event); err != nil {
		if fault.Is(err, fault.Conflict) {
			err = errMFAOn
		}
		return MFASetup{}, err
	}
	return e, nil
}

// sealTOTP makes the key in the keystore when it is missing.
func (s *Service) sealTOTP(ctx context.Context, user string, key secret.Bytes) (seal.Box, error) {
	box, err := s.cfg.Sealer.Seal(ctx, identityKEK, totpRow(user), key)
	if !fault.Is(err, fault.NotFound) {
		return box, err
	}
	if err := s.cfg.Keys.CreateKEK(ctx, identityKEK); err != nil && !fault.Is(err, fault.Conflict) {
		return seal.Box{}, err
	}
	return s.cfg.Sealer.Seal(ctx, identityKEK, totpRow(user), key)
}

// ConfirmMFA turns the second factor on, once a code shows that the
// authenticator has the key. It returns the recovery codes, which are shown this
// once. All the user's tokens end but the one that asks.
func (s *Service) ConfirmMFA(ctx context.Context, c *call.Call, code string) ([]string, error) {
	a, err := s.self(ctx, c, policy.EnableMFA)
	if err != nil {
		return nil, err
	}
	t, err := s.store.TOTP(ctx, a.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, errNoSetup
	case err != nil:
		return nil, err
	case t.Enabled:
		return nil, errMFAOn
	}
	g := identity.AttemptAt(c, identity.AttemptCode, a.ID)
	done, err := s.identity.Try(ctx, c, g)
	if err != nil {
		return nil, err
	}
	defer done()
	f, err := s.factor(ctx, c, &t, plainCode(code))
	if err != nil {
		return nil, err
	}
	if f == nil || f.Step == 0 {
		return nil, errCode
	}
	t.LastStep = f.Step
	shown, hashes := newRecoveryCodes(a.ID)
	c.Succeed("user", a.ID)
	if err := s.store.EnableTOTP(ctx, a.Org, t, hashes, keptOf(c), c.Event); err != nil {
		if fault.Is(err, fault.NotFound) { // of two at once, one
			err = errCode
		}
		return nil, err
	}
	s.identity.Forgive(ctx, c, g, false)
	s.notice(ctx, &a, "A second factor was turned on for your account: logins now need a code from your authenticator. All other sessions have ended.")
	return shown, nil
}

// factor finds what a code is. nil means that it is nothing: the database still
// decides whether a Factor was accepted before.
func (s *Service) factor(ctx context.Context, c *call.Call, t *TOTP, plain string) (*Factor, error) {
	if !isTOTP(plain) {
		if !t.Enabled || plain == "" {
			return nil, nil
		}
		return &Factor{Recovery: recoveryHash(t.User, plain)}, nil
	}
	key, err := s.cfg.Sealer.Open(ctx, identityKEK, totpRow(t.User), t.Box)
	if err != nil {
		return nil, seal.KeyLost(err)
	}
	defer key.Wipe()
	step, ok := stepOf(key, plain, c.Now)
	if !ok || step <= t.LastStep {
		return nil, nil
	}
	return &Factor{Step: step}, nil
}

// VerifyMFA finishes a login with a code of the authenticator, or a recovery
// code. Each code is accepted once.
func (s *Service) VerifyMFA(ctx context.Context, c *call.Call, token, code string) (identity.Token, error) {
	c.Touch("user", "")
	if !strings.HasPrefix(token, challengePrefix) || len(token) > identity.MaxKey {
		return identity.Token{}, identity.Refuse(c, "unknown_challenge", errMFA)
	}
	ch, err := s.store.TryChallenge(ctx, identity.HashKey(token), maxAttempts, c.Now)
	if fault.Is(err, fault.NotFound) {
		return identity.Token{}, identity.Refuse(c, "unknown_challenge", errMFA)
	}
	if err != nil {
		return identity.Token{}, err
	}
	c.Touch("user", ch.User)
	g := identity.AttemptAt(c, identity.AttemptCode, ch.User)
	done, err := s.identity.Try(ctx, c, g)
	if err != nil {
		return identity.Token{}, err
	}
	defer done()
	a, err := s.store.Account(ctx, ch.User, ch.Org)
	var t TOTP
	if err == nil {
		t, err = s.store.TOTP(ctx, ch.User)
	}
	if fault.Is(err, fault.NotFound) || err == nil && (a.TokenGen != ch.TokenGen || !a.TOTP || !t.Enabled) {
		return identity.Token{}, identity.RefuseAs(c, policy.KindUser, ch.User, ch.Org, "challenge_ended", errMFA)
	}
	if err != nil {
		return identity.Token{}, err
	}
	f, err := s.factor(ctx, c, &t, plainCode(code))
	if err != nil {
		return identity.Token{}, err
	}
	if f == nil {
		return identity.Token{}, identity.RefuseAs(c, policy.KindUser, a.ID, a.Org, "wrong_code", errMFA)
	}
	c.By(policy.KindUser, a.ID, a.Org)
	if f.Recovery != "" {
		c.Event.Details.Reason = "recovery_code"
	}
	var out identity.Token
	err = c.Draft(func(c *call.Call) (err error) {
		out, err = s.identity.IssueLogin(ctx, c, &a, identity.Proof{Kind: ch.Kind, Person: c.Now}, func(ctx context.Context, ev *audit.Event) error {
			return s.store.FinishChallenge(ctx, ch, *f, ev)
		})
		return err
	})
	if fault.Is(err, fault.NotFound) { // a recovery code that is none, or of two at once the second
		return identity.Token{}, identity.RefuseAs(c, policy.KindUser, a.ID, a.Org, "wrong_code", errMFA)
	}
	if err != nil {
		return identity.Token{}, err
	}
	s.identity.Forgive(ctx, c, g, true)
	s.identity.Forgive(ctx, c, identity.AttemptAt(c, identity.AttemptPassword, a.Email), true)
	if f.Recovery != "" {
		s.notice(ctx, &a, "A recovery code was used to log in to your account. It does not work again.")
	}
	return out, nil
}

// DisableMFA turns the second factor off with a code: of the authenticator, or a
// recovery code. The password alone is what a second factor guards against. All the
// user's tokens end but the one that asks.
func (s *Service) DisableMFA(ctx context.Context, c *call.Call, code string) error {
	a, err := s.self(ctx, c, policy.DisableMFA)
	if err != nil {
		return err
	}
	if code == "" {
		return errNoProof
	}
	t, err := s.store.TOTP(ctx, a.ID)
	if fault.Is(err, fault.NotFound) || err == nil && !t.Enabled {
		return errMFAOff
	}
	if err != nil {
		return err
	}
	g := identity.AttemptAt(c, identity.AttemptCode, a.ID)
	f, err := s.proveByCode(ctx, c, g, &t, code)
	if err != nil {
		return err
	}
	c.Succeed("user", a.ID)
	if err := s.store.DisableTOTP(ctx, a.Org, a.ID, *f, keptOf(c), c.Event); err != nil {
		if fault.Is(err, fault.NotFound) {
			err = errCode
		}
		return err
	}
	s.identity.Forgive(ctx, c, g, false)
	s.notice(ctx, &a, "The second factor of your account was turned off: logins need the password alone. All other sessions have ended.")
	return nil
}

func (s *Service) proveByCode(ctx context.Context, c *call.Call, g *identity.Attempt, t *TOTP, code string) (*Factor, error) {
	done, err := s.identity.Try(ctx, c, g)
	if err != nil {
		return nil, err
	}
	defer done()
	f, err := s.factor(ctx, c, t, plainCode(code))
	if err == nil && f == nil {
		err = errCode
	}
	return f, err
}

// ProveByPassword checks the password of somebody who is signed in. Attempts are
// counted like those at the login.
func (s *Service) ProveByPassword(ctx context.Context, c *call.Call, a *identity.Account, password secret.Bytes) error {
	if a.PasswordHash == "" {
		return invalid("no_password", "This account logs in without a password.")
	}
	g := identity.AttemptAt(c, identity.AttemptPassword, a.Email)
	done, err := s.identity.Try(ctx, c, g)
	if err != nil {
		return err
	}
	defer done()
	same, _, err := s.identity.MatchPassword(ctx, password.Reveal(), a.PasswordHash)
	if err != nil {
		return err
	}
	if !same {
		return invalid("wrong_password", "The current password is not right.")
	}
	s.identity.Forgive(ctx, c, g, false)
	return nil
}
