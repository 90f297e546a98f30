package identity

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// maxBearer is longer than any credential of ours: an agent bound to a thousand
// vaults has the longest token.
const maxBearer = 64 << 10

// Authenticate returns who the bearer of a token or key is. Any credential that
// is not good now, for whatever reason, is fault.Unauthenticated with one code.
func (s *Service) Authenticate(ctx context.Context, bearer string, now time.Time) (policy.Principal, error) {
	return s.AuthenticateOver(ctx, nil, bearer, now)
}

// Seen is the number of the latest change of anybody's rights that this server knows
// of. Ask before Authenticate: what it finds then knows of every change up to it.
func (s *Service) Seen() int64 { return s.store.Seen() }

// Look asks for the changes up to now. An call.ErrMoved says that there are some.
func (s *Service) Look(ctx context.Context) error { return s.store.Look(ctx) }

// AuthenticateOver is Authenticate for a connection with a client certificate,
// leaf first: a token that is bound to one is good only with that one.
func (s *Service) AuthenticateOver(ctx context.Context, chain []*x509.Certificate, bearer string, now time.Time) (policy.Principal, error) {
	if strings.HasPrefix(bearer, RouterKeyPrefix) {
		return policy.Principal{}, s.misused(ctx, bearer)
	}
	return s.AuthenticateCaller(ctx, chain, bearer, now)
}

// misused refuses a router key where none is taken. The log of its organisation tells.
func (s *Service) misused(ctx context.Context, bearer string) error {
	if len(bearer) > MaxKey {
		return ErrUnauthenticated
	}
	k, err := s.store.RouterKeyByHash(ctx, HashKey(bearer))
	switch {
	case fault.Is(err, fault.NotFound):
		return ErrUnauthenticated
	case err != nil:
		return err
	}
	return refusal(policy.KindAgent, k.Agent, k.Org, "router_key_elsewhere")
}

// AuthenticateCaller is AuthenticateOver that takes router keys too: for a surface that calls
// models. Whoever came with one is a Principal with Router set.
func (s *Service) AuthenticateCaller(ctx context.Context, chain []*x509.Certificate, bearer string, now time.Time) (policy.Principal, error) {
	if bearer == "" || len(bearer) > maxBearer {
		return policy.Principal{}, ErrUnauthenticated
	}
	sum := sha256.Sum256([]byte(bearer))
	e := s.known.get(sum)
	if e != nil && s.current(e) && before(now, e.until) && s.signedByUs(ctx, &e.session, now) && e.heldBy(chain, now) {
		s.used(e, now)
		return e.who, nil
	}
	began := s.Begin()
	fresh := &entry{}
	if e != nil { // its signature was verified before
		fresh.session = e.session
		fresh.noted.Store(e.noted.Load())
	} else {
		var ok bool
		if fresh.session, ok = s.read(ctx, bearer, now); !ok {
			return policy.Principal{}, ErrUnauthenticated
		}
	}
	if !fresh.heldBy(chain, now) {
		return policy.Principal{}, refusal(fresh.kind, fresh.id, fresh.org, "certificate_mismatch")
	}
	var err error
	if fresh.who, fresh.until, err = s.live(ctx, &fresh.session, now); err != nil {
		if fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.NotFound) {
			s.known.drop(sum)
			if _, known := errors.AsType[*refused](err); !known {
				err = ErrUnauthenticated
			}
		}
		return policy.Principal{}, err
	}
	s.keep(sum, fresh, began)
	s.used(fresh, now)
	return fresh.who, nil
}

// Moment is when the rows behind an entry were begun to be read.
type Moment struct{ epoch, revoked int64 }

// Begin comes before the rows: what has changed after it is not kept.
func (s *Service) Begin() Moment {
	epoch, _ := s.store.Epoch()
	return Moment{epoch, s.known.revocations()}
}

// keep puts an entry into the cache unless its organisation has changed, or its token
// was revoked, since the moment.
func (s *Service) keep(sum [sha256.Size]byte, e *entry, began Moment) {
	var exact bool
	if e.epoch, exact = s.store.EpochOf(e.who.Org); exact && e.epoch <= began.epoch {
		s.known.put(sum, e, began.revoked)
	}
}

// current reports whether nothing has changed since an entry was made.
func (s *Service) current(e *entry) bool {
	epoch, exact := s.store.EpochOf(e.who.Org)
	return exact && e.epoch == epoch && !e.dead.Load()
}

// read finds what a credential is: a bare key by its prefix, else a token.
func (s *Service) read(ctx context.Context, bearer string, now time.Time) (session, bool) {
	switch {
	case strings.HasPrefix(bearer, AgentKeyPrefix):
		return session{kind: policy.KindAgent, keyHash: HashKey(bearer)}, true
	case strings.HasPrefix(bearer, UserKeyPrefix):
		return session{kind: policy.KindUser, keyHash: HashKey(bearer)}, true
	case strings.HasPrefix(bearer, RouterKeyPrefix):
		return session{kind: policy.KindAgent, keyHash: HashKey(bearer), routed: true}, true
	default:
		return s.parser.parse(ctx, bearer, now)
	}
}

// signedByUs is false for a token of a key that is not in the keystore any more.
func (s *Service) signedByUs(ctx context.Context, se *session, now time.Time) bool {
	if se.keyHash != "" {
		return true
	}
	_, ok := s.ring.public(ctx, se.kid, now)
	return ok
}

// live builds the principal of a session from the rows as they are now, and
// says until when it is good if they do not change.
func (s *Service) live(ctx context.Context, se *session, now time.Time) (policy.Principal, time.Time, error) {
	if se.keyHash == "" {
		if !now.Before(se.exp) || !s.signedByUs(ctx, se, now) {
			return policy.Principal{}, time.Time{}, ErrUnauthenticated
		}
		revoked, err := s.store.Revoked(ctx, se.jti)
		if err == nil && revoked {
			err = refusal(se.kind, se.id, se.org, "token_revoked")
		}
		if err != nil {
			return policy.Principal{}, time.Time{}, err
		}
	}
	if se.kind == policy.KindAgent {
		return s.liveAgent(ctx, se, now)
	}
	return s.liveUser(ctx, se, now)
}

func (s *Service) liveAgent(ctx context.Context, se *session, now time.Time) (who policy.Principal, until time.Time, err error) {
	var a State
	switch {
	case se.routed:
		err = s.liveRouter(ctx, se, now)
		if err == nil {
			a, err = s.store.AgentState(ctx, se.id)
		}
	case se.keyHash != "":
		a, err = s.store.AgentStateByKey(ctx, se.keyHash)
	default:
		a, err = s.store.AgentState(ctx, se.id)
	}
	named := se.keyHash == "" || se.routed
	switch {
	case err != nil:
		return who, until, err
	case named && a.Org != se.org:
		return who, until, ErrUnauthenticated
	case !a.Live(now):
		return who, until, refusal(policy.KindAgent, a.ID, a.Org, a.DeadReason())
	case named && a.TokenGen != se.gen:
		return who, until, refusal(policy.KindAgent, a.ID, a.Org, "token_revoked")
	}
	return agentPrincipal(&a, se), Earlier(se.exp, a.ExpiresAt), nil
}

// liveRouter fills in whose a router key is.
func (s *Service) liveRouter(ctx context.Context, se *session, now time.Time) error {
	k, err := s.store.RouterKeyByHash(ctx, se.keyHash)
	if err != nil {
		return err
	}
	if !k.Live(now) {
		return refusal(policy.KindAgent, k.Agent, k.Org, "key_not_live")
	}
	se.router, se.id, se.org, se.gen, se.with, se.exp = k.ID, k.Agent, k.Org, k.Gen, k.With, k.ExpiresAt
	return nil
}

// StateOf returns the state of the agent of a key, live or not. A live one is kept like
// the bearer of that key: exchanges and requests with the key share an entry.
func (s *Service) StateOf(ctx context.Context, key string, now time.Time) (State, Moment, error) {
	sum := sha256.Sum256([]byte(key))
	began := s.Begin()
	if e := s.known.get(sum); e != nil && e.state != nil && s.current(e) && before(now, e.until) {
		return *e.state, began, nil
	}
	se := session{kind: policy.KindAgent, keyHash: hex.EncodeToString(sum[:])}
	a, err := s.store.AgentStateByKey(ctx, se.keyHash)
	if err == nil && a.Live(now) {
		err = s.lookUpPatterns(ctx, &a, now)
	}
	if err == nil && a.Live(now) {
		s.keep(sum, &entry{session: se, who: agentPrincipal(&a, &se), state: &a, until: a.ExpiresAt}, began)
	}
	return a, began, err
}

// lookUpPatterns fills in what tokens of an agent without scopes tell.
func (s *Service) lookUpPatterns(ctx context.Context, a *State, now time.Time) (err error) {
	if len(a.Scopes) == 0 && a.Patterns == nil {
		a.Patterns, err = s.store.PatternsOf(ctx, a.ID, now, maxPatterns)
	}
	return err
}

// maxPatterns bounds the patterns in a token, which travels in a header.
const maxPatterns = 32

// remember keeps a token that was just issued for rows of that moment, so that
// its first use need not verify what was signed here.
func (s *Service) remember(text []byte, se *session, a *State, began Moment) {
	e := &entry{session: *se, who: agentPrincipal(a, se), until: Earlier(se.exp, a.ExpiresAt)}
	s.keep(sha256.Sum256(text), e, began)
}

func (s *Service) liveUser(ctx context.Context, se *session, now time.Time) (who policy.Principal, until time.Time, err error) {
	user, org, until := se.id, se.org, se.exp
	var key UserKey
	switch {
	case se.keyHash != "":
		key, err = s.store.KeyByHash(ctx, se.keyHash)
		user, org = key.User, key.Org
	case se.key != "":
		key, err = s.store.Key(ctx, se.key)
	}
	if err != nil {
		return who, until, err
	}
	if key.ID != "" {
		if key.User != user || key.Org != org {
			return who, until, ErrUnauthenticated
		}
		if !key.Live(now) {
			return who, until, refusal(policy.KindUser, user, org, "key_not_live")
		}
		until = Earlier(until, key.ExpiresAt)
	}
	if se.keyHash == "" && key.ID == "" {
		if err := s.liveSession(ctx, se); err != nil {
			return who, until, err
		}
	}
	a, err := s.store.Account(ctx, user, org)
	switch {
	case err != nil:
		return who, until, err
	case se.keyHash == "" && a.TokenGen != se.gen && (a.TokenKept == "" || a.TokenKept != se.jti):
		return who, until, refusal(policy.KindUser, a.ID, a.Org, "token_revoked")
	case se.keyHash == "" && a.Term != se.term: // it was removed, and came back
		return who, until, refusal(policy.KindUser, a.ID, a.Org, "before_membership")
	}
	who = userPrincipal(&a, se.credential())
	who.Scopes, who.Key, who.Until, who.Device = key.Scopes, key.ID, se.exp, se.device
	who.Session, who.Person, who.Ends = se.login, se.person, se.exp
	if key.ID != "" {
		who.Ends = key.ExpiresAt
	}
	if se.keyHash != "" {
		who.TokenID = key.ID
	}
	return who, until, nil
}

// NoteAgent notes that an agent used its key, or what else it proves itself with.
func (s *Service) NoteAgent(id string, now time.Time) { s.activity.note(s.activity.agents, id, now) }

// NoteKey notes that a personal API key was used.
func (s *Service) NoteKey(id string, now time.Time) { s.activity.note(s.activity.keys, id, now) }

// used notes the use of a credential. Most calls end at the first line: a
// credential is noted at most once in a while.
func (s *Service) used(e *entry, now time.Time) {
	last := e.noted.Load()
	if now.UnixNano()-last < int64(activityAge)/4 || !e.noted.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	switch {
	case e.who.Kind == policy.KindAgent:
		s.activity.note(s.activity.agents, e.who.ID, now)
		if e.router != "" {
			s.activity.note(s.activity.routers, e.router, now)
		}
	case e.keyHash != "":
		s.activity.note(s.activity.keys, e.who.TokenID, now)
	case e.login != "":
		s.activity.note(s.activity.sessions, e.login, now)
	}
}
