package identity

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/access"
	"github.com/oneclaw-dev/oneclaw/internal/oidc"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// How a session began.
const (
	byPassword = "password" // a sign-up sets one, too
	byProvider = "provider" // an identity provider vouched for it
	byMail     = "mail"     // with the link that confirms an address
	byDevice   = "device"   // let in by a human who was signed in elsewhere
)

// proof is how somebody logs in, and when a person proved to be there: zero when
// that was not proven.
type proof struct {
	kind   string
	person time.Time
}

// vouched is the proof of an ID token. The provider may know its human by a cookie
// of last week, and a token may have lain around: the earlier time counts.
func vouched(who *oidc.Claims, now time.Time) proof {
	p := proof{byProvider, earlier(who.Authenticated, who.Issued)}
	if p.person.After(now) {
		p.person = now
	}
	return p
}

// derivedToken hands out a token for another organisation, of the same login as
// the one that it is asked for with: it ends with that and is no newer proof of a
// person.
func (s *Service) derivedToken(ctx context.Context, c *access.Call, a *Account, log record) (Token, error) {
	g := &grant{session: session{
		kind: policy.KindUser, id: a.ID, org: a.Org, gen: a.TokenGen, jti: newID(), login: c.Who.Session, person: c.Who.Person,
	}, ttl: userTTL}
	text, seconds, err := s.handOut(ctx, c, g, c.Who.Until, log)
	return Token{Access: text, ExpiresIn: seconds, Email: a.Email}, err
}
