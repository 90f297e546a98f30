package oidc

import (
	"context"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// How long an issuer's keys are used, and how often it is asked.
const (
	fresh     = 10 * time.Minute // then they are asked for again
	stale     = time.Hour        // ... and while the issuer does not answer, used until here
	askAgain  = 10 * time.Second // between two questions, whatever was asked for and answered
	fetchTime = 10 * time.Second // for all that one question takes
)

// Bounds of what all issuers together may hold.
const (
	maxIssuers   = 1024
	maxFetches   = 32 // at a time
	maxPerTenant = 2  // of them
	maxWaiting   = 64 // requests that wait for one issuer
)

// keys are the keys of issuers as they were a moment ago.
type keys struct {
	client Doer
	slots  chan struct{}

	mu      sync.Mutex
	issuers map[string]*issuer
	tenants map[string]int // fetches under way
}

// issuer is what is known of one. It is guarded by keys.mu.
type issuer struct {
	by      map[string][]jose.JSONWebKey // by kid; nil before the first answer
	got     time.Time                    // when by came
	asked   time.Time                    // when it was last asked for
	used    time.Time
	waiting int
	done    chan struct{} // closed when the question under way is over; nil when none is
}

func newKeys(client Doer) *keys {
	return &keys{client: client, slots: make(chan struct{}, maxFetches), issuers: map[string]*issuer{}, tenants: map[string]int{}}
}

// find returns the keys of an issuer that a key id stands for, none when there
// is no such key. Unreachable when it could not be found out.
func (k *keys) find(ctx context.Context, tenant, name, kid string, now time.Time) ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	is := k.get(name, now)
	found := is.keysOf(kid, now)
	age := now.Sub(is.got)
	if len(found) > 0 && age < fresh {
		k.mu.Unlock()
		return found, nil
	}
	done := k.ask(tenant, name, is, now)
	if len(found) > 0 { // what is known will do until the answer is there
		k.mu.Unlock()
		return found, nil
	}
	known := is.usable(now)
	if done == nil || is.waiting >= maxWaiting {
		k.mu.Unlock()
		if known {
			return nil, nil
		}
		return nil, Unreachable
	}
	is.waiting++
	k.mu.Unlock()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	is.waiting--
	if err == nil && !is.usable(now) {
		err = Unreachable
	}
	return is.keysOf(kid, now), err
}

// get returns what is known of an issuer. When too many are known, the one that
// was not used for longest is forgotten.
func (k *keys) get(name string, now time.Time) *issuer {
	is := k.issuers[name]
	if is == nil {
		if len(k.issuers) >= maxIssuers {
			k.forget()
		}
		is = &issuer{}
		k.issuers[name] = is
	}
	is.used = now
	return is
}

func (k *keys) forget() {
	var oldest string
	var at time.Time
	for name, is := range k.issuers {
		if is.done == nil && (oldest == "" || is.used.Before(at)) {
			oldest, at = name, is.used
		}
	}
	delete(k.issuers, oldest)
}

// ask sees that the issuer is being asked, unless it was a moment ago or there
// is no room. It returns what to wait for, or nil.
func (k *keys) ask(tenant, name string, is *issuer, now time.Time) <-chan struct{} {
	switch {
	case is.done != nil:
		return is.done
	case !is.asked.IsZero() && now.Sub(is.asked) < askAgain, k.tenants[tenant] >= maxPerTenant:
		return nil
	}
	select {
	case k.slots <- struct{}{}:
	default:
		return nil
	}
	k.tenants[tenant]++
	is.asked, is.done = now, make(chan struct{})
	// Apart from the request that made it: one that goes away must not take the
	// answer from the others.
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
		defer cancel()
		by, err := fetch(ctx, k.client, name)
		k.mu.Lock()
		defer k.mu.Unlock()
		if err == nil {
			is.by, is.got = by, now
		}
		if k.tenants[tenant]--; k.tenants[tenant] == 0 {
			delete(k.tenants, tenant)
		}
		<-k.slots
		close(is.done)
		is.done = nil
	}()
	return is.done
}

func (is *issuer) usable(now time.Time) bool { return is.by != nil && now.Sub(is.got) < stale }

// keysOf returns the keys with the id. A token without one is taken when the
// issuer has one key, as the specification says.
func (is *issuer) keysOf(kid string, now time.Time) []jose.JSONWebKey {
	if !is.usable(now) {
		return nil
	}
	if kid == "" && len(is.by) == 1 {
		for _, list := range is.by {
			if len(list) == 1 {
				return list
			}
		}
		return nil
	}
	if kid == "" {
		return nil
	}
	return is.by[kid]
}
