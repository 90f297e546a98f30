package identity

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// How long a browser stays signed in: since it was last used, and in all.
const (
	BrowserIdle  = 30 * time.Minute
	BrowserTotal = 12 * time.Hour
)

// seenEvery is how often the row of a browser is told that it is used.
const seenEvery = time.Minute

// tokenEvery is how often the token of a browser changes: the same text within that
// time is verified once and found in the cache then.
const tokenEvery = 5 * time.Minute

// Browser is a login that a browser keeps with a cookie. It has what the token of the
// login said, so that whatever ends that login ends it.
type Browser struct {
	Hash                  string // of the cookie
	Session, User, Org    string
	Term                  string // of the membership
	Token                 string // id of the token of the login, and of all that are issued for it
	Gen                   int64
	Person                time.Time // when a person proved to be there; zero: nobody did
	At, SeenAt, ExpiresAt time.Time
}

// Here reports whether a person proved to be there within the time that actions with a
// person ask for.
func (b *Browser) Here(now time.Time) bool {
	p := policy.Principal{Kind: policy.KindUser, Person: b.Person}
	return p.Here(now)
}

// BrowserStore keeps the logins of browsers, for all nodes.
type BrowserStore interface {
	// KeepBrowser adds a row, and lets the session that it is of go on until then. It
	// returns session_not_found for a session that has ended.
	KeepBrowser(ctx context.Context, b *Browser) error
	// Browser returns ErrUnauthenticated when there is no such row.
	Browser(ctx context.Context, hash string) (Browser, error)
	// ReplaceBrowser puts a row in the place of another, or returns ErrUnauthenticated when that is gone.
	ReplaceBrowser(ctx context.Context, hash string, b *Browser) error
	SeeBrowser(ctx context.Context, hash string, now time.Time) error
	DropBrowser(ctx context.Context, hash string) error
}

// KeepLogin lets a browser keep a login: it returns the cookie. The token must be of a
// login that a person made, not of a device, a key or an agent.
func (s *Service) KeepLogin(ctx context.Context, token string, now time.Time) (cookie secret.Bytes, err error) {
	b, err := s.browserOf(ctx, token, now)
	if err != nil {
		return cookie, err
	}
	text := RandomText()
	b.Hash = HashKey(text)
	if err := s.store.KeepBrowser(ctx, &b); err != nil {
		return cookie, err
	}
	return secret.FromString(text), nil
}

// browserOf is a row without a cookie.
func (s *Service) browserOf(ctx context.Context, token string, now time.Time) (b Browser, err error) {
	who, err := s.Authenticate(ctx, token, now)
	if err != nil {
		return b, err
	}
	se, ok := s.parser.parse(ctx, token, now)
	if !ok || who.Kind != policy.KindUser || who.Session == "" || who.Device || who.Key != "" {
		return b, ErrUnauthenticated
	}
	return Browser{
		Session: se.login, User: se.id, Org: se.org, Term: se.term, Token: se.jti, Gen: se.gen, Person: se.person,
		At: stamp.Of(now), SeenAt: stamp.Of(now), ExpiresAt: stamp.Of(now.Add(BrowserTotal)),
	}, nil
}

// Browse returns the login of a cookie, and a token for it that lives for minutes. A
// cookie that is not known, or that was not used for BrowserIdle, is Unauthenticated. What
// has ended the login since is found where the token is used. With used the browser counts as
// in use now: what it asks for by itself, such as a log that is followed, is no use.
func (s *Service) Browse(ctx context.Context, cookie string, used bool, now time.Time) (b Browser, token secret.Bytes, err error) {
	b, err = s.store.Browser(ctx, HashKey(cookie))
	if err != nil {
		return b, token, err
	}
	if !now.Before(b.ExpiresAt) || now.Sub(b.SeenAt) > BrowserIdle {
		_ = s.store.DropBrowser(ctx, b.Hash) // a row that stays is refused again
		return b, token, ErrUnauthenticated
	}
	if used && now.Sub(b.SeenAt) > seenEvery {
		if err := s.store.SeeBrowser(ctx, b.Hash, now); err != nil {
			return b, token, err
		}
	}
	g := &grant{session: session{
		kind: policy.KindUser, id: b.User, org: b.Org, term: b.Term, gen: b.Gen, jti: b.Token, login: b.Session, person: b.Person,
	}, ttl: userTTL}
	token, _, err = s.issue(ctx, g, now.Truncate(tokenEvery), b.ExpiresAt)
	return b, token, err
}

// ErrOtherPerson is the error of a proof that was somebody else's.
var ErrOtherPerson = fault.New(fault.Denied, "other_person", "That is another account than the one that is signed in here.")

// Confirm notes that the person of a browser has just signed in again, with a token of
// that, and returns the cookie that takes the place of the old one. A token of another
// person is ErrOtherPerson, and the login goes on as it was.
func (s *Service) Confirm(ctx context.Context, cookie, token string, now time.Time) (next secret.Bytes, err error) {
	b, err := s.store.Browser(ctx, HashKey(cookie))
	if err != nil {
		return next, err
	}
	again, err := s.browserOf(ctx, token, now)
	if err != nil {
		return next, err
	}
	if again.User != b.User {
		return next, ErrOtherPerson
	}
	text, old := RandomText(), b.Hash
	b.Hash, b.Person, b.SeenAt = HashKey(text), again.Person, again.SeenAt
	if err := s.store.ReplaceBrowser(ctx, old, &b); err != nil {
		return next, err
	}
	return secret.FromString(text), nil
}

// Move lets a browser go on in another organisation, with a token for that.
func (s *Service) Move(ctx context.Context, cookie, token string, now time.Time) (next secret.Bytes, err error) {
	b, err := s.store.Browser(ctx, HashKey(cookie))
	if err != nil {
		return next, err
	}
	there, err := s.browserOf(ctx, token, now)
	if err != nil {
		return next, err
	}
	if there.User != b.User || there.Session != b.Session {
		return next, ErrUnauthenticated
	}
	text := RandomText()
	there.Hash, there.ExpiresAt = HashKey(text), b.ExpiresAt
	if err := s.store.ReplaceBrowser(ctx, b.Hash, &there); err != nil {
		return next, err
	}
	return secret.FromString(text), nil
}

// Forget drops the row of a cookie.
func (s *Service) Forget(ctx context.Context, cookie string) error {
	return s.store.DropBrowser(ctx, HashKey(cookie))
}
