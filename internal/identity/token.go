package identity

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// How long tokens live.
const (
	userTTL   = 15 * time.Minute
	agentTTL  = time.Hour
	deviceTTL = 24 * time.Hour
)

// clockSkew is how far in the future a token of another node may be issued.
const clockSkew = 5 * time.Second

// Token is an access token just issued.
type Token struct {
	Access    secret.Bytes // the JWT
	ExpiresIn int64        // seconds
	AgentID   string       // empty for a user's token
	VaultIDs  []string     // an agent's binding
	Email     string       // of a user
	Scopes    []string     // of an agent's token, or of one for a personal key
	// Challenge is there instead of Access when the user has a second factor:
	// with a code it becomes a token (VerifyMFA).
	Challenge secret.Bytes
}

// claims are what a token says. Scopes, vault_ids and intents_api_enabled are
// for the client to read: the server looks the principal up.
type claims struct {
	jwt.RegisteredClaims
	Org        string   `json:"org"`
	Scopes     []string `json:"scopes"`
	VaultIDs   []string `json:"vault_ids"`
	IntentsAPI *bool    `json:"intents_api_enabled,omitempty"`
	Shroud     *bool    `json:"shroud_enabled,omitempty"`
	Gen        int64    `json:"gen"`
	Term       string   `json:"term,omitempty"` // the user's membership, unless it is the account's first
	Confirm    *confirm `json:"cnf,omitempty"`
	Key        string   `json:"key_id,omitempty"` // the personal API key it was exchanged for
	Device     bool     `json:"device,omitempty"` // it was handed to a device that somebody let in
	// Session is the login that it belongs to, and AuthTime when a person proved to
	// be there for it: a token for another organisation has both of the one that it
	// was asked for with.
	Session string `json:"sid,omitempty"`
	// With is the credential of a human who took this token of an agent: what is made
	// with the token is made with that.
	With string `json:"made_with,omitempty"`
	// Until is the end of that credential unless a person was there: what is made with
	// the token is cut to it.
	Until    *jwt.NumericDate `json:"made_until,omitempty"`
	AuthTime *jwt.NumericDate `json:"auth_time,omitempty"`
}

// confirm binds a token to a certificate (RFC 8705).
type confirm struct {
	Thumbprint string `json:"x5t#S256"`
}

// session is what a credential was found to be, without what may change later.
type session struct {
	kind    policy.PrincipalKind
	id, org string
	gen     int64
	term    string    // of a user's membership
	jti     string    // empty for a bare key
	key     string    // id of the API key that a user's token was exchanged for
	keyHash string    // of a bare key
	routed  bool      // that is a router key
	router  string    // its id
	kid     string    // of a token
	device  bool      // a device has it, not who let the device in
	login   string    // id of the login that a user's token belongs to; empty where a key was exchanged
	person  time.Time // when a person proved to be there for it; zero: nobody did
	with    string    // the credential of the human who took an agent's token
	until   time.Time // when what is made with the token ends at the latest; zero: never
	cert    string    // thumbprint of the certificate that a token is bound to
	exp     time.Time
}

// parser reads tokens of ours.
type parser struct {
	ring             *keyring
	issuer, audience string
	formerUntil      time.Time
	opts             []jwt.ParserOption
}

func newParser(ring *keyring, cfg Config) *parser {
	return &parser{ring: ring, issuer: cfg.Issuer, audience: cfg.Audience, formerUntil: cfg.FormerUntil, opts: []jwt.ParserOption{
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithStrictDecoding(), jwt.WithExpirationRequired(),
	}}
}

// former is iss and aud of the tokens of every server, before installations had names.
const former = "oneclaw"

// ours reports whether a token was issued by this installation and for it: a copy of its
// keys elsewhere signs as well.
func (p *parser) ours(c *claims) bool {
	if c.Issuer == former && slices.Contains(c.Audience, former) && c.IssuedAt.Before(p.formerUntil) {
		return true
	}
	return c.Issuer == p.issuer && slices.Contains(c.Audience, p.audience)
}

// parse verifies the signature and what the token says of itself.
func (p *parser) parse(ctx context.Context, bearer string, now time.Time) (session, bool) {
	if strings.ContainsAny(bearer, "\r\n") { // which base64 skips
		return session{}, false
	}
	var c claims
	var kid string
	opts := append(p.opts[:len(p.opts):len(p.opts)], jwt.WithTimeFunc(func() time.Time { return now }))
	_, err := jwt.NewParser(opts...).ParseWithClaims(bearer, &c, func(t *jwt.Token) (any, error) {
		kid, _ = t.Header["kid"].(string)
		if k, ok := p.ring.public(ctx, kid, now); ok {
			return k, nil
		}
		return nil, jwt.ErrTokenUnverifiable
	})
	if err != nil || c.IssuedAt == nil || c.IssuedAt.After(now.Add(clockSkew)) || c.ID == "" || !p.ours(&c) {
		return session{}, false
	}
	kind, id, _ := strings.Cut(c.Subject, ":")
	s := session{
		kind: policy.PrincipalKind(kind), id: id, org: c.Org, gen: c.Gen, term: c.Term,
		jti: c.ID, key: c.Key, device: c.Device, kid: kid, exp: c.ExpiresAt.Time,
	}
	if s.with = c.With; c.Until != nil {
		s.until = c.Until.Time
	}
	if s.login = c.Session; c.AuthTime != nil {
		s.person = c.AuthTime.Time
	}
	if c.Confirm != nil {
		if s.cert = c.Confirm.Thumbprint; s.cert == "" { // bound to what is not known here
			return session{}, false
		}
	}
	if s.kind != policy.KindUser && s.kind != policy.KindAgent {
		return session{}, false
	}
	return s, uuid.Validate(id) == nil && uuid.Validate(s.org) == nil
}

// credential names a session in the log: the id of the token, or for an agent's
// bare key a part of its hash, from which nothing of a 256-bit key can be told.
func (se *session) credential() string {
	if se.routed {
		return se.router
	}
	if se.keyHash != "" {
		return se.keyHash[:16]
	}
	return se.jti
}
