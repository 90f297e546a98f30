package client

import (
	"context"
	"sync"
	"time"
)

// authorizer gives the token to send. refused tells it that the server did not
// take used; it reports whether asking again may bring a better one.
type authorizer interface {
	token(ctx context.Context) (string, error)
	refused(used string) bool
}

// fixed is a token that never changes. The zero value sends none.
type fixed struct{ text Value }

func (f fixed) token(context.Context) (string, error) { return string(f.text.Reveal()), nil }
func (fixed) refused(string) bool                     { return false }

const (
	refreshEarly    = 60 * time.Second
	exchangeTimeout = 60 * time.Second
)

// exchanger turns an agent's key into tokens. Callers that need one at the same
// time share one exchange; one caller giving up does not end it for the others.
type exchanger struct {
	client *Client
	key    Value

	mu      sync.Mutex
	current *AgentToken
	until   time.Time
	flight  *flight
}

type flight struct {
	done chan struct{}
	tok  *AgentToken
	err  error
}

func (x *exchanger) token(ctx context.Context) (string, error) {
	t, err := x.get(ctx)
	if err != nil {
		return "", err
	}
	return string(t.AccessToken.Reveal()), nil
}

func (x *exchanger) get(ctx context.Context) (*AgentToken, error) {
	x.mu.Lock()
	if x.current != nil && x.client.now().Before(x.until) {
		defer x.mu.Unlock()
		return x.current, nil
	}
	f := x.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		x.flight = f
		go x.run(context.WithoutCancel(ctx), f)
	}
	x.mu.Unlock()
	select {
	case <-f.done:
		return f.tok, f.err
	case <-ctx.Done():
		return nil, unreachable(x.client.base, ctx.Err())
	}
}

func (x *exchanger) run(ctx context.Context, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	f.tok, f.err = x.client.ExchangeAgentKey(ctx, x.key)
	x.mu.Lock()
	x.flight = nil
	if f.err == nil {
		ttl := time.Duration(f.tok.ExpiresIn) * time.Second
		// A quarter of a very short life, so that such a token is used at all.
		x.current, x.until = f.tok, x.client.now().Add(ttl-min(refreshEarly, ttl/4))
	}
	x.mu.Unlock()
	close(f.done)
}

// refused drops the token, unless another call has replaced it already.
func (x *exchanger) refused(used string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.current != nil && string(x.current.AccessToken.Reveal()) == used {
		x.current = nil
	}
	return true
}
