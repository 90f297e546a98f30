package identity

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

var (
	errLogin = fault.New(fault.Unauthenticated, "unauthenticated", "The mail address and password do not belong together.")
	errKey   = fault.New(fault.Unauthenticated, "unauthenticated",
		"The key is wrong, revoked or expired, or belongs to another or an inactive agent.")
	errUnverified = fault.New(fault.Denied, "email_not_verified",
		"Confirm your mail address first: follow the link in the mail that was sent to you.")
)

// Login exchanges a mail address and password for a token. Whether the address
// or the password was wrong can't be told, from the answer or from its time.
func (s *Service) Login(ctx context.Context, c *call.Call, email string, password secret.Bytes) (Token, error) {
	c.Touch("user", "")
	a, known := Account{PasswordHash: nobody}, false
	address, bad := normalizeEmail(email)
	if bad != nil {
		address = "" // all that are no addresses are one
	}
	g := guessAt(c, guessPassword, address)
	done, err := s.admit(ctx, c, g)
	if err != nil {
		return Token{}, err
	}
	defer done()
	if bad == nil {
		// Accounts are told apart in the log. So are addresses without one, or
		// the time of a second try would tell them from each other.
		c.Event.Apart = hashKey(address)
		found, err := s.store.AccountByEmail(ctx, address)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return Token{}, err
		}
		if err == nil && found.PasswordHash != "" {
			a, known = found, true
		}
	}
	same, stale, err := s.matches(ctx, password.Reveal(), a.PasswordHash)
	switch {
	case err != nil:
		return Token{}, err
	case !known:
		return Token{}, refuse(c, "unknown_user", errLogin)
	case !same:
		return Token{}, refuseAs(c, policy.KindUser, a.ID, a.Org, "wrong_password", errLogin)
	}
	// From an address that the organisation keeps out, a good password is no
	// different from a bad one.
	if err := s.Admit(ctx, a.Org, policy.KindUser, c.IP); err != nil {
		return Token{}, refusedAddress(c, err, policy.KindUser, a.ID, a.Org, errLogin)
	}
	c.Touch("user", a.ID)
	// Who also needs a second factor is not trusted before that was seen.
	if err := s.right(ctx, c, g, !a.TOTP && (a.EmailVerified || !s.cfg.VerifyEmail)); err != nil {
		return Token{}, err
	}
	if s.cfg.VerifyEmail && !a.EmailVerified {
		return Token{}, refuseAs(c, policy.KindUser, a.ID, a.Org, "email_not_verified", errUnverified)
	}
	if a.Org == "" {
		return Token{}, refuseAs(c, policy.KindUser, a.ID, "", "no_organisation", errNoOrg)
	}
	c.By(policy.KindUser, a.ID, a.Org)
	if stale {
		s.rehash(ctx, &a, password)
	}
	return s.finishLogin(ctx, c, &a, proof{byPassword, c.Now})
}

// rehash stores the password's hash with today's parameters. A login does not
// fail since that did.
func (s *Service) rehash(ctx context.Context, a *Account, password secret.Bytes) {
	hash, err := s.hash(ctx, password.Reveal())
	if err == nil {
		err = s.store.Rehash(ctx, a.ID, a.PasswordHash, hash)
	}
	if err != nil {
		s.cfg.Log.Warn("a password keeps its old hash", slog.String("user", a.ID), slog.Any("error", err))
	}
}

// AgentToken exchanges an agent's key for a token. A given agent id must be the
// id of the key's agent.
func (s *Service) AgentToken(ctx context.Context, c *call.Call, key, agentID string) (Token, error) {
	c.Touch("agent", "")
	if !strings.HasPrefix(key, agentKeyPrefix) || len(key) > maxKey {
		return Token{}, refuse(c, "unknown_key", errKey)
	}
	a, began, err := s.standingOf(ctx, key, c.Now)
	if fault.Is(err, fault.NotFound) {
		return Token{}, refuse(c, "unknown_key", errKey)
	}
	if err != nil {
		return Token{}, err
	}
	c.Touch("agent", a.ID)
	switch {
	case agentID != "" && !strings.EqualFold(agentID, a.ID):
		return Token{}, refuseAs(c, policy.KindAgent, a.ID, a.Org, "agent_mismatch", errKey)
	case !a.live(c.Now):
		return Token{}, refuseAs(c, policy.KindAgent, a.ID, a.Org, a.deadReason(), errKey)
	}
	if err := s.Admit(ctx, a.Org, policy.KindAgent, c.IP); err != nil {
		return Token{}, refusedAddress(c, err, policy.KindAgent, a.ID, a.Org, errKey)
	}
	c.By(policy.KindAgent, a.ID, a.Org)
	s.activity.note(s.activity.agents, a.ID, c.Now)
	return s.agentToken(ctx, c, &a, began)
}

// maxKey is longer than any key of ours.
const maxKey = 256

// APIKeyToken exchanges a personal key or an agent's key for a token.
func (s *Service) APIKeyToken(ctx context.Context, c *call.Call, key string) (Token, error) {
	if strings.HasPrefix(key, agentKeyPrefix) {
		return s.AgentToken(ctx, c, key, "")
	}
	c.Touch("user", "")
	if !strings.HasPrefix(key, userKeyPrefix) || len(key) > maxKey {
		return Token{}, refuse(c, "unknown_key", errKey)
	}
	k, err := s.store.KeyByHash(ctx, hashKey(key))
	if fault.Is(err, fault.NotFound) {
		return Token{}, refuse(c, "unknown_key", errKey)
	}
	if err != nil {
		return Token{}, err
	}
	a, err := s.store.Account(ctx, k.User, k.Org)
	if fault.Is(err, fault.NotFound) {
		return Token{}, refuse(c, "unknown_user", errKey)
	}
	if err != nil {
		return Token{}, err
	}
	c.Touch("user", a.ID)
	if !k.live(c.Now) {
		return Token{}, refuseAs(c, policy.KindUser, a.ID, a.Org, "key_not_live", errKey)
	}
	if err := s.Admit(ctx, a.Org, policy.KindUser, c.IP); err != nil {
		return Token{}, refusedAddress(c, err, policy.KindUser, a.ID, a.Org, errKey)
	}
	c.By(policy.KindUser, a.ID, a.Org)
	s.activity.note(s.activity.keys, k.ID, c.Now)
	return s.keyToken(ctx, c, &a, &k)
}

// refusedAddress makes errAddress one more credential that is not good: only the
// log tells. Other errors stay what they are.
func refusedAddress(c *call.Call, err error, kind policy.PrincipalKind, id, org string, as error) error {
	if !fault.Is(err, fault.Denied) {
		return err
	}
	return refuseAs(c, kind, id, org, "address_not_allowed", as)
}

// record is how the event of a new token gets into the log.
type record func(ctx context.Context, ev *audit.Event) error

// keyToken hands out a token for a personal key.
func (s *Service) keyToken(ctx context.Context, c *call.Call, a *Account, k *UserKey) (Token, error) {
	g := &grant{
		session: session{kind: policy.KindUser, id: a.ID, org: a.Org, term: a.Term, gen: a.TokenGen, jti: newID(), key: k.ID},
		ttl:     userTTL, scopes: k.Scopes,
	}
	text, seconds, err := s.handOut(ctx, c, g, k.ExpiresAt, s.store.Append)
	return Token{Access: text, ExpiresIn: seconds, Email: a.Email}, err
}

// loginToken hands out the token of a login once its event is in the log.
func (s *Service) loginToken(ctx context.Context, c *call.Call, a *Account, p proof, log record) (Token, error) {
	g := &grant{session: session{
		kind: policy.KindUser, id: a.ID, org: a.Org, term: a.Term, gen: a.TokenGen, jti: newID(), login: newID(), person: p.person,
	}, ttl: userTTL, begins: &audit.Login{Kind: p.kind, Client: c.Client, Address: addressText(c.IP)}}
	text, seconds, err := s.handOut(ctx, c, g, time.Time{}, log)
	return Token{Access: text, ExpiresIn: seconds, Email: a.Email}, err
}

// agentToken hands out a token of an agent as it was at that moment.
func (s *Service) agentToken(ctx context.Context, c *call.Call, a *Standing, began moment) (Token, error) {
	return s.agentTokenBound(ctx, c, a, began, "")
}

// agentTokenBound is agentToken for a token that is bound to a certificate, given
// by its thumbprint.
func (s *Service) agentTokenBound(ctx context.Context, c *call.Call, a *Standing, began moment, cert string) (Token, error) {
	if err := s.lookUpPatterns(ctx, a, c.Now); err != nil {
		return Token{}, err
	}
	g := &grant{
		session: session{kind: policy.KindAgent, id: a.ID, org: a.Org, gen: a.TokenGen, jti: newID(), cert: cert},
		ttl:     agentTTL, scopes: a.Scopes, vaults: a.VaultIDs, standing: a,
	}
	if len(g.scopes) == 0 {
		g.scopes = a.Patterns
	}
	if a.TokenTTL > 0 {
		g.ttl = time.Duration(a.TokenTTL) * time.Second
	}
	end, log := a.ExpiresAt, s.store.Append
	if c.Who.Kind == policy.KindUser {
		end, g.with = takenUntil(c, end), c.Who.Credential()
		if !c.PersonHere() {
			g.until = c.Who.Ends
		}
		log = func(ctx context.Context, ev *audit.Event) error {
			return s.store.TakeToken(ctx, Taken{g.jti, g.org, g.id, g.gen, c.Who.ID, stamp(c.Now), g.exp}, ev)
		}
	}
	text, seconds, err := s.handOut(ctx, c, g, end, log)
	if err != nil {
		return Token{}, err
	}
	s.remember(text.Reveal(), &g.session, a, began)
	return Token{Access: text, ExpiresIn: seconds, AgentID: a.ID, VaultIDs: orEmpty(a.VaultIDs)}, nil
}

// takenUntil is the end of a token that a human takes of an agent that ends at end.
// It is revoked with the credential that asked; with nobody there it is gone also
// when that expires, and within an hour.
func takenUntil(c *call.Call, end time.Time) time.Time {
	if c.PersonHere() {
		return end
	}
	for _, e := range []time.Time{c.Who.Ends, c.Now.Add(agentTTL)} {
		if !e.IsZero() && (end.IsZero() || e.Before(end)) {
			end = e
		}
	}
	return end
}

func (s *Service) handOut(ctx context.Context, c *call.Call, g *grant, end time.Time, log record) (secret.Bytes, int64, error) {
	// Every way to a token ends here. A human who asks for its agent's token was
	// let in as what it is; the token is held to the rules where it is used.
	if c.Who.Kind != policy.KindUser || g.kind == policy.KindUser {
		if err := s.Admit(ctx, g.org, g.kind, c.IP); err != nil {
			return secret.Bytes{}, 0, err
		}
	}
	text, seconds, err := s.issue(ctx, g, c.Now, end)
	if err != nil {
		return secret.Bytes{}, 0, err
	}
	c.Event.Details.Outcome = audit.Success
	if c.Event.Details.Token == "" {
		c.Event.Details.Token = g.jti
	} else { // somebody's who is signed in already
		c.Event.Details.Target = g.jti
	}
	if b := g.begins; b != nil {
		b.ID, b.User, b.Org, b.At, b.Expires = g.login, g.id, g.org, stamp(c.Now), g.exp
		c.Event.Begins = b
	}
	if err := log(ctx, c.Event); err != nil {
		c.Event.Begins = nil // the event will be another: of a login that was not
		text.Wipe()
		return secret.Bytes{}, 0, err
	}
	return text, seconds, nil
}
