package identity

import (
	"context"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// ErrScope refuses scopes that are asked for where the agent or key has none.
var ErrScope = fault.New(fault.Invalid, "invalid_scope",
	"A token has the scopes of its agent or key, and no narrower ones: leave scope out, and cap the agent or key by its scopes.")

// Record is how the event of a new token gets into the log.
type Record func(ctx context.Context, ev *audit.Event) error

// IssueForKey issues a token for a personal key.
func (s *Service) IssueForKey(ctx context.Context, c *call.Call, a *Account, k *UserKey) (Token, error) {
	g := &grant{
		session: session{kind: policy.KindUser, id: a.ID, org: a.Org, term: a.Term, gen: a.TokenGen, jti: ids.New(), key: k.ID},
		ttl:     userTTL, scopes: k.Scopes,
	}
	text, seconds, err := s.issueToken(ctx, c, g, k.ExpiresAt, s.store.Append)
	return Token{Access: text, ExpiresIn: seconds, Email: a.Email, Scopes: g.scopes}, err
}

// IssueLogin issues the token of a login once its event is in the log.
func (s *Service) IssueLogin(ctx context.Context, c *call.Call, a *Account, p Proof, log Record) (Token, error) {
	g := &grant{session: session{
		kind: policy.KindUser, id: a.ID, org: a.Org, term: a.Term, gen: a.TokenGen, jti: ids.New(), login: ids.New(), person: p.Person,
	}, ttl: userTTL, begins: &audit.Login{Kind: p.Kind, Client: c.Client, Address: AddressText(c.IP), With: p.With}}
	text, seconds, err := s.issueToken(ctx, c, g, time.Time{}, log)
	return Token{Access: text, ExpiresIn: seconds, Email: a.Email}, err
}

// IssueForAgent issues a token of an agent as it was at that moment. With the
// thumbprint of a certificate the token is bound to that.
func (s *Service) IssueForAgent(ctx context.Context, c *call.Call, a *State, began Moment, cert string) (Token, error) {
	if err := s.lookUpPatterns(ctx, a, c.Now); err != nil {
		return Token{}, err
	}
	g := &grant{
		session: session{kind: policy.KindAgent, id: a.ID, org: a.Org, gen: a.TokenGen, jti: ids.New(), cert: cert},
		ttl:     agentTTL, scopes: a.Scopes, vaults: a.VaultIDs, state: a,
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
			return s.store.TakeToken(ctx, Taken{g.jti, g.org, g.id, g.gen, c.Who.ID, stamp.Of(c.Now), g.exp}, ev)
		}
	}
	text, seconds, err := s.issueToken(ctx, c, g, end, log)
	if err != nil {
		return Token{}, err
	}
	s.remember(text.Reveal(), &g.session, a, began)
	return Token{Access: text, ExpiresIn: seconds, AgentID: a.ID, VaultIDs: orEmpty(a.VaultIDs), Scopes: g.scopes}, nil
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

// IssueForDevice issues the token of a device that somebody let in. The login says
// where the device is, and with which credential it was let in.
func (s *Service) IssueForDevice(ctx context.Context, c *call.Call, a *Account, l *audit.Login, log Record) (Token, error) {
	g := &grant{
		session: session{kind: policy.KindUser, id: a.ID, org: a.Org, term: a.Term, gen: a.TokenGen, jti: ids.New(), device: true, login: ids.New()},
		ttl:     deviceTTL, begins: l,
	}
	text, seconds, err := s.issueToken(ctx, c, g, time.Time{}, log)
	return Token{Access: text, ExpiresIn: seconds, Email: a.Email}, err
}

// issueToken is where every way to a token ends.
func (s *Service) issueToken(ctx context.Context, c *call.Call, g *grant, end time.Time, log Record) (secret.Bytes, int64, error) {
	if c.Scoped && len(g.scopes) == 0 {
		return secret.Bytes{}, 0, ErrScope
	}
	// A human who asks for its agent's token was
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
		b.ID, b.User, b.Org, b.At, b.Expires = g.login, g.id, g.org, stamp.Of(c.Now), g.exp
		c.Event.Begins = b
	}
	if err := log(ctx, c.Event); err != nil {
		c.Event.Begins = nil // the event will be another: of a login that was not
		text.Wipe()
		return secret.Bytes{}, 0, err
	}
	return text, seconds, nil
}

// How a session began.
const (
	ByPassword = "password" // a sign-up sets one, too
	ByProvider = "provider" // an identity provider vouched for it
	ByMail     = "mail"     // with the link that confirms an address
	ByDevice   = "device"   // let in by a human who was signed in elsewhere
	ByPasskey  = "passkey"  // with the signature of an authenticator
	// A key of a day or less that a program keeps as its login is listed as "key".
)

// Proof is how somebody logs in, and when a person proved to be there: zero when
// that was not proven.
type Proof struct {
	Kind   string // one of the By constants
	Person time.Time
	With   string // the passkey that it is by: the login ends with that
}

// IssueDerived issues a token for another organisation, of the same login as
// the one that it is asked for with: it ends with that and is no newer proof of a
// person.
func (s *Service) IssueDerived(ctx context.Context, c *call.Call, a *Account, log Record) (Token, error) {
	g := &grant{session: session{
		kind: policy.KindUser, id: a.ID, org: a.Org, term: a.Term, gen: a.TokenGen, jti: ids.New(), login: c.Who.Session, person: c.Who.Person,
	}, ttl: userTTL}
	text, seconds, err := s.issueToken(ctx, c, g, c.Who.Until, log)
	return Token{Access: text, ExpiresIn: seconds, Email: a.Email}, err
}

// grant is what a token is to be issued for.
type grant struct {
	session
	ttl    time.Duration
	scopes []string
	vaults []string
	state  *State       // agents
	begins *audit.Login // of the first token of a login
}

// issue signs a token for g. The end of what it is based on (an agent, an API
// key) is its end too.
func (s *Service) issue(ctx context.Context, g *grant, now, end time.Time) (secret.Bytes, int64, error) {
	issued := now.UTC().Truncate(time.Second)
	g.exp = issued.Add(g.ttl)
	if !end.IsZero() && end.Before(g.exp) {
		g.exp = end
	}
	g.exp = g.exp.Truncate(time.Second)
	set := s.ring.current(ctx, now)
	g.kid = set.id
	c := &claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.cfg.Issuer, Subject: string(g.kind) + ":" + g.id, Audience: jwt.ClaimStrings{s.cfg.Audience},
			ExpiresAt: jwt.NewNumericDate(g.exp), IssuedAt: jwt.NewNumericDate(issued), ID: g.jti,
		},
		Org: g.org, Scopes: orEmpty(g.scopes), VaultIDs: orEmpty(g.vaults), Gen: g.gen, Term: g.term, Key: g.key, Device: g.device, With: g.with,
	}
	if c.Session = g.login; !g.person.IsZero() {
		c.AuthTime = jwt.NewNumericDate(g.person)
	}
	if !g.until.IsZero() {
		c.Until = jwt.NewNumericDate(g.until)
	}
	if g.cert != "" {
		c.Confirm = &confirm{Thumbprint: g.cert}
	}
	if g.state != nil {
		c.IntentsAPI, c.Shroud = &g.state.Intents, &g.state.Shroud
	}
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	t.Header["kid"] = set.id
	text, err := t.SignedString(set.signer)
	if err != nil {
		return secret.Bytes{}, 0, err
	}
	return secret.FromString(text), int64(g.exp.Sub(issued) / time.Second), nil
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
