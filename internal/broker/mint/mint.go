// Package mint gets access tokens of OAuth 2 from authorization servers (RFC 6749), with client
// credentials or a refresh token, and keeps them until they end.
//
// Its promise: a grant goes to the address of the caller's binding and nowhere else; requests that
// need the same token at once have it asked for once; tokens are in memory alone, each under a key
// that names who may have it; and who is given no token is given an error, never an old one.
package mint

import (
	"context"
	"crypto/subtle"
	"net/http"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Key says whose token it is: what differs in one of these shares none.
type Key struct {
	Org, Vault, Path string
	Version          uint64 // of the secret; of one that was stored for a refresh token, the version of a person that it came of
	Binding          string // all of it, as text
}

// From is where a token comes from.
type From struct {
	URL   string
	Scope string
	Body  bool // the client's credentials go into the body, and not into Authorization
}

const (
	// longest is how long a token is kept, whatever its server says.
	longest = time.Hour
	// unsaid is how long one is kept whose server does not say.
	unsaid = 5 * time.Minute
	// early is how long before its end a token is not used any more, but at most a tenth of its time.
	early = time.Minute
	// patience is how long an authorization server may take.
	patience = 15 * time.Second
	// most bounds the tokens that are kept.
	most = 4096
)

// ErrNone says that there is no token.
var ErrNone = fault.New(fault.Unprocessable, "token_not_minted",
	"The authorization server of the binding (token_url) gave no access token: it could not be reached, refused, or answered with something else. Nothing was sent to the host.")

// Mint is safe for concurrent use.
type Mint struct {
	http *http.Client
	now  func() time.Time

	mu     sync.Mutex
	tokens map[Key]*token
}

// New returns a Mint. The client is guarded, and follows no redirects.
func New(client *http.Client, now func() time.Time) *Mint {
	return &Mint{http: client, now: now, tokens: map[Key]*token{}}
}

// Minted is an access token, and what came with it that no answer may show either.
type Minted struct {
	Token   secret.Bytes
	Refresh secret.Bytes // empty: there was none
}

// Wipe wipes both.
func (t *Minted) Wipe() {
	t.Token.Wipe()
	t.Refresh.Wipe()
}

func (t *Minted) clone() Minted { return Minted{copied(t.Token), copied(t.Refresh)} }

// token is one that is kept, or that is being asked for.
type token struct {
	ready chan struct{} // closed when the rest is set
	value Minted
	ends  time.Time // from here on it is not given out
	err   error

	readers int // who have no copy of it yet
}

// done reports whether a token is kept, and not being asked for.
func (t *token) done() bool {
	select {
	case <-t.ready:
		return true
	default:
		return false
	}
}

// Token returns a copy of the token of a key, and whether it was waited for. Wipe it. keep is for a grant with a refresh
// token; nil: one that is replaced is lost.
func (m *Mint) Token(ctx context.Context, k Key, from From, g *Grant, keep Keeper) (value Minted, waited bool, err error) {
	m.mu.Lock()
	t := m.tokens[k]
	if t != nil && t.done() && !m.now().Before(t.ends) {
		m.drop(k)
		t = nil
	}
	if t == nil {
		m.room()
		t = &token{ready: make(chan struct{})}
		m.tokens[k] = t
		// Whoever asked first may hang up: the others wait for the same answer.
		go m.fetch(context.WithoutCancel(ctx), k, t, from, g.clone(), keep)
	} else if keep != nil {
		keep.Close()
	}
	t.readers++
	waited = !t.done()
	m.mu.Unlock()
	select {
	case <-ctx.Done():
		err = ErrNone
	case <-t.ready:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		if err = t.err; err == nil {
			value = t.value.clone()
		}
	}
	t.readers--
	m.clean(k, t)
	return value, waited, err
}

// fetch asks for a token. One that was not given is not kept: who asks next has it asked for anew.
func (m *Mint) fetch(ctx context.Context, k Key, t *token, from From, g Grant, keeper Keeper) {
	defer g.Wipe()
	if keeper != nil {
		defer keeper.Close()
	}
	asked := m.now()
	value, keep, err := m.asked(ctx, from, &g, keeper)
	m.mu.Lock()
	defer m.mu.Unlock()
	t.value, t.err, t.ends = value, err, asked.Add(keep)
	close(t.ready)
	if keep <= 0 {
		delete(m.tokens, k) // those who wait for it have it
		m.clean(k, t)
	}
}

// Drop forgets the token of a key: a host did not take it. A newer one is kept.
func (m *Mint) Drop(k Key, refused secret.Bytes) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.tokens[k]; t != nil && t.done() && t.err == nil && subtle.ConstantTimeCompare(t.value.Token.Reveal(), refused.Reveal()) == 1 {
		m.drop(k)
	}
}

func (m *Mint) drop(k Key) {
	t := m.tokens[k]
	delete(m.tokens, k)
	m.clean(k, t)
}

// clean wipes a token that is not kept, when the last who waited for it has a copy.
func (m *Mint) clean(k Key, t *token) {
	if t.readers == 0 && t.done() && m.tokens[k] != t {
		t.value.Wipe()
	}
}

// room makes room for one more: what ended goes, and else what ends first.
func (m *Mint) room() {
	if len(m.tokens) < most {
		return
	}
	var first Key
	var at *token
	for k, t := range m.tokens {
		switch {
		case !t.done():
		case !m.now().Before(t.ends):
			m.drop(k)
		case at == nil || t.ends.Before(at.ends):
			first, at = k, t
		}
	}
	if len(m.tokens) >= most && at != nil {
		m.drop(first)
	}
}
