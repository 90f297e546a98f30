package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/passkey"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

const (
	// passkeyLife is how long an authenticator's answer is waited for.
	passkeyLife = 5 * time.Minute
	// passkeyPrefix begins the token that an answer comes with.
	passkeyPrefix = "pkc_"
	maxPasskeys   = 20
)

// Passkey is the public key of an authenticator that a user signs in with.
type Passkey struct {
	ID, User, Name string
	passkey.Credential
	CreatedAt time.Time
	UsedAt    time.Time // zero: not yet
}

// PasskeyChallenge is what an authenticator has to sign. It is good for one answer.
type PasskeyChallenge struct {
	Hash      string // SHA-256 of its token in hexadecimal
	Text      string
	User      string // who adds a passkey; empty: somebody signs in
	With      string // the credential that adds it
	ExpiresAt time.Time
}

// PasskeyStore keeps passkeys, and the challenges that wait for an answer.
type PasskeyStore interface {
	// AddPasskeyChallenge stores a challenge, and forgets those that have ended.
	AddPasskeyChallenge(ctx context.Context, ch PasskeyChallenge, now time.Time, ev *audit.Event) error
	// TakePasskeyChallenge returns a challenge and forgets it. NotFound when it was
	// taken already, by whatever node, or has ended.
	TakePasskeyChallenge(ctx context.Context, hash string, now time.Time) (PasskeyChallenge, error)
	// AddPasskey returns Conflict when the user has most of them, or the authenticator's
	// credential is an account's already.
	AddPasskey(ctx context.Context, org string, p *Passkey, most int, ev *audit.Event) error
	// Passkeys returns those of a user, oldest first.
	Passkeys(ctx context.Context, user string) ([]Passkey, error)
	// PasskeyByCredential returns the passkey and its user in the home organisation, or NotFound.
	PasskeyByCredential(ctx context.Context, credential string) (Passkey, identity.Account, error)
	// UsePasskey notes a use. NotFound when the passkey is gone, or the count is not above
	// the last one; authenticators that do not count always say zero.
	UsePasskey(ctx context.Context, id string, count uint32, backedUp bool, at time.Time, ev *audit.Event) error
	// RenamePasskey returns NotFound unless the user has the passkey.
	RenamePasskey(ctx context.Context, org, user, id, name string, ev *audit.Event) error
	// RemovePasskey ends the passkey and the logins that it began. Unless keep is set,
	// what was made in them ends too, also of one that was removed before, and ev says
	// what. NotFound unless the user has or had it, Conflict when it is the last way in.
	RemovePasskey(ctx context.Context, org, user, id string, keep bool, at time.Time, ev *audit.Event) error
}

// PasskeyAsked is what a browser hands to the authenticator, and the token that the
// answer comes back with.
type PasskeyAsked struct {
	Token     string
	Options   []byte // JSON, as browsers take it
	ExpiresIn int64  // seconds
}

var (
	errPasskey = fault.New(fault.Unauthenticated, "unauthenticated",
		"This passkey lets nobody in: it is not known here, was removed, belongs to another address, or the answer took too long. Try again, or sign in another way.")
)

// badPasskey is an answer that makes no passkey. Why is for the log alone.
func badPasskey(why error) error {
	return fault.Wrap(why, fault.Invalid, "invalid_passkey",
		"The passkey was not added: the answer is for another address or another login, was used already, or took too long. Begin again.")
}

// BeginPasskey asks the calling user's authenticator for a new passkey. It takes a person.
func (s *Service) BeginPasskey(ctx context.Context, c *call.Call) (PasskeyAsked, error) {
	a, err := s.self(ctx, c, policy.AddPasskey)
	if err != nil {
		return PasskeyAsked{}, err
	}
	site, err := passkey.At(s.cfg.PublicURL)
	if err != nil {
		return PasskeyAsked{}, err
	}
	have, err := s.store.Passkeys(ctx, a.ID)
	if err != nil {
		return PasskeyAsked{}, err
	}
	known := make([]passkey.Credential, 0, len(have))
	for i := range have {
		known = append(known, have[i].Credential)
	}
	asked, err := site.Create(passkey.User{ID: a.ID, Name: a.Email, Shown: a.DisplayName}, known)
	if err != nil {
		return PasskeyAsked{}, err
	}
	c.Succeed("user", a.ID)
	c.Event.Details.Reason = "begun"
	return s.askPasskey(ctx, c, asked, PasskeyChallenge{User: a.ID, With: c.Who.Credential()})
}

// BeginPasskeyLogin asks whoever is there to sign in with a passkey. It knows of no
// account, so that it tells of none.
func (s *Service) BeginPasskeyLogin(ctx context.Context, c *call.Call) (PasskeyAsked, error) {
	c.Touch("user", "")
	site, err := passkey.At(s.cfg.PublicURL)
	if err != nil {
		return PasskeyAsked{}, err
	}
	asked, err := site.Ask()
	if err != nil {
		return PasskeyAsked{}, err
	}
	c.Succeed("user", "")
	return s.askPasskey(ctx, c, asked, PasskeyChallenge{})
}

func (s *Service) askPasskey(ctx context.Context, c *call.Call, asked passkey.Asked, ch PasskeyChallenge) (PasskeyAsked, error) {
	token := passkeyPrefix + identity.RandomText()
	ch.Hash, ch.Text, ch.ExpiresAt = identity.HashKey(token), asked.Challenge, stamp.Of(c.Now.Add(passkeyLife))
	if err := s.store.AddPasskeyChallenge(ctx, ch, c.Now, c.Event); err != nil {
		return PasskeyAsked{}, err
	}
	return PasskeyAsked{Token: token, Options: asked.Options, ExpiresIn: int64(passkeyLife / time.Second)}, nil
}

// takeChallenge spends the challenge of a token. NotFound when there is none.
func (s *Service) takeChallenge(ctx context.Context, token string, now time.Time) (PasskeyChallenge, error) {
	if !strings.HasPrefix(token, passkeyPrefix) || len(token) > identity.MaxKey {
		return PasskeyChallenge{}, fault.New(fault.NotFound, "challenge_not_found", "There is no such challenge.")
	}
	return s.store.TakePasskeyChallenge(ctx, identity.HashKey(token), now)
}

// AddPasskey stores the passkey that an authenticator made. The answer must be to a
// challenge of the same login.
func (s *Service) AddPasskey(ctx context.Context, c *call.Call, token, name string, answer []byte) (Passkey, error) {
	a, err := s.self(ctx, c, policy.AddPasskey)
	if err != nil {
		return Passkey{}, err
	}
	name = strings.TrimSpace(name)
	if err := identity.CheckText("name", name, 100); err != nil {
		return Passkey{}, err
	}
	site, err := passkey.At(s.cfg.PublicURL)
	if err != nil {
		return Passkey{}, err
	}
	ch, err := s.takeChallenge(ctx, token, c.Now)
	if fault.Is(err, fault.NotFound) || err == nil && (ch.User != a.ID || ch.With != c.Who.Credential()) {
		return Passkey{}, badPasskey(errors.New("no such challenge of this login"))
	}
	if err != nil {
		return Passkey{}, err
	}
	made, err := site.Created(ch.Text, passkey.User{ID: a.ID, Name: a.Email, Shown: a.DisplayName}, answer)
	if err != nil {
		return Passkey{}, badPasskey(err)
	}
	p := Passkey{ID: ids.New(), User: a.ID, Name: name, Credential: made, CreatedAt: stamp.Of(c.Now)}
	c.Succeed("passkey", p.ID)
	if err := s.store.AddPasskey(ctx, a.Org, &p, maxPasskeys, c.Event); err != nil {
		return Passkey{}, err
	}
	s.notice(ctx, &a, "A passkey was added to your account. Whoever has it can sign in with it alone. If that was not you, remove it and change your password.")
	return p, nil
}

// PasskeyLogin signs in with an authenticator's answer. The authenticator has asked for a
// PIN or a finger, so that it is both factors: no code is asked for.
func (s *Service) PasskeyLogin(ctx context.Context, c *call.Call, token string, answer []byte) (identity.Token, error) {
	c.Touch("user", "")
	site, err := passkey.At(s.cfg.PublicURL)
	if err != nil {
		return identity.Token{}, err
	}
	said, err := passkey.Read(answer)
	if err != nil {
		return identity.Token{}, identity.Refuse(c, "invalid_answer", errPasskey)
	}
	g := identity.AttemptAt(c, identity.AttemptPasskey, said.Credential())
	done, err := s.identity.Try(ctx, c, g)
	if err != nil {
		return identity.Token{}, err
	}
	defer done()
	ch, err := s.takeChallenge(ctx, token, c.Now)
	if fault.Is(err, fault.NotFound) || err == nil && ch.User != "" {
		return identity.Token{}, identity.Refuse(c, "unknown_challenge", errPasskey)
	}
	if err != nil {
		return identity.Token{}, err
	}
	p, a, err := s.store.PasskeyByCredential(ctx, said.Credential())
	if fault.Is(err, fault.NotFound) {
		return identity.Token{}, identity.Refuse(c, "unknown_passkey", errPasskey)
	}
	if err != nil {
		return identity.Token{}, err
	}
	refuse := func(reason string) error {
		return identity.RefuseAs(c, policy.KindUser, a.ID, a.Org, reason, errPasskey)
	}
	c.Touch("user", a.ID)
	used, err := site.Answered(ch.Text, passkey.User{ID: a.ID, Name: a.Email, Shown: a.DisplayName}, p.Credential, said)
	if err != nil {
		return identity.Token{}, refuse("wrong_passkey_answer")
	}
	if used.Count <= p.Count && used.Count+p.Count > 0 {
		return identity.Token{}, s.copied(ctx, &a, refuse)
	}
	if err := s.identity.Admit(ctx, a.Org, policy.KindUser, c.IP); err != nil {
		return identity.Token{}, identity.RefuseAddress(c, err, policy.KindUser, a.ID, a.Org, errPasskey)
	}
	switch {
	case s.cfg.VerifyEmail && !a.EmailVerified:
		return identity.Token{}, identity.RefuseAs(c, policy.KindUser, a.ID, a.Org, "email_not_verified", errUnverified)
	case a.Org == "":
		return identity.Token{}, identity.RefuseAs(c, policy.KindUser, a.ID, "", "no_organisation", errNoOrg)
	}
	var out identity.Token
	err = c.Draft(func(c *call.Call) (err error) {
		c.By(policy.KindUser, a.ID, a.Org)
		c.Event.Details.Reason, c.Event.Details.Target = "passkey", "passkey:"+p.ID
		proof := identity.Proof{Kind: identity.ByPasskey, Person: c.Now, With: "passkey:" + p.ID}
		out, err = s.identity.IssueLogin(ctx, c, &a, proof, func(ctx context.Context, ev *audit.Event) error {
			return s.store.UsePasskey(ctx, p.ID, used.Count, used.BackedUp, c.Now, ev)
		})
		return err
	})
	if fault.Is(err, fault.NotFound) { // removed meanwhile, or a copy was here at the same time
		return identity.Token{}, refuse("passkey_gone_or_copied")
	}
	if err != nil {
		return identity.Token{}, err
	}
	s.identity.Forgive(ctx, c, g, true)
	return out, nil
}

// copied refuses an authenticator whose count has gone back: somebody has a copy of it,
// and nobody knows which of the two this one is.
func (s *Service) copied(ctx context.Context, a *identity.Account, refuse func(string) error) error {
	err := refuse("passkey_copied")
	s.notice(ctx, a, "A passkey of your account was refused: its counter has gone back, as that of a copy does. If you did not restore the authenticator from a backup, remove the passkey.")
	return err
}

// Passkeys returns the calling user's passkeys, oldest first.
func (s *Service) Passkeys(ctx context.Context, c *call.Call) ([]Passkey, error) {
	if _, err := s.self(ctx, c, policy.ListPasskeys); err != nil {
		return nil, err
	}
	return s.store.Passkeys(ctx, c.Who.ID)
}

// RenamePasskey gives one of the calling user's passkeys another name.
func (s *Service) RenamePasskey(ctx context.Context, c *call.Call, id, name string) error {
	c.Touch("passkey", id)
	if err := c.Authorize(policy.RenamePasskey, c.Own()); err != nil {
		return err
	}
	name = strings.TrimSpace(name)
	if err := identity.CheckText("name", name, 100); err != nil {
		return err
	}
	c.Succeed("passkey", id)
	return s.store.RenamePasskey(ctx, c.Who.Org, c.Who.ID, id, name, c.Event)
}

// RemovePasskey ends one of the calling user's passkeys, the logins that it began and,
// unless keep is set, what was made in them. It takes a person.
func (s *Service) RemovePasskey(ctx context.Context, c *call.Call, id string, keep bool) error {
	c.Touch("passkey", id)
	if err := c.Authorize(policy.RemovePasskey, c.Own()); err != nil {
		return err
	}
	c.Succeed("passkey", id)
	if err := s.store.RemovePasskey(ctx, c.Who.Org, c.Who.ID, id, keep, c.Now, c.Event); err != nil {
		return err
	}
	if a, err := s.store.Account(ctx, c.Who.ID, c.Who.Org); err == nil {
		s.notice(ctx, &a, "A passkey was removed from your account, and the logins that it began have ended.")
	}
	return nil
}
