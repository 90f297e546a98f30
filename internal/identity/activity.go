package identity

import (
	"context"
	"sync"
	"time"
)

// A time of last use is written within activityEvery of the use, and at most
// once in activityAge for each agent, key, session and router key.
const (
	activityEvery = time.Second
	activityAge   = time.Minute
)

// activity collects when agents, personal keys, sessions and router keys were used.
type activity struct {
	mu       *sync.Mutex
	agents   map[string]use
	keys     map[string]use
	sessions map[string]use
	routers  map[string]use
}

// use is when something was used last, and when that was last written.
type use struct {
	at, written time.Time
	dirty       bool
}

func newActivity() activity {
	return activity{mu: &sync.Mutex{}, agents: map[string]use{}, keys: map[string]use{}, sessions: map[string]use{}, routers: map[string]use{}}
}

// FlushUse writes when agents, keys, sessions and router keys were last used, as far as it is due.
func (s *Service) FlushUse(ctx context.Context) error {
	return s.activity.flush(ctx, s.store, s.cfg.Now())
}

func (a *activity) note(of map[string]use, id string, now time.Time) {
	a.mu.Lock()
	u := of[id]
	u.at, u.dirty = now, true
	of[id] = u
	a.mu.Unlock()
}

// flush writes what is due and forgets what was not used for a while.
func (a *activity) flush(ctx context.Context, st Store, now time.Time) error {
	agents, keys, sessions, routers := a.due(a.agents, now), a.due(a.keys, now), a.due(a.sessions, now), a.due(a.routers, now)
	if len(agents)+len(keys)+len(sessions)+len(routers) == 0 {
		return nil
	}
	return st.NoteUse(ctx, agents, keys, sessions, routers)
}

func (a *activity) due(of map[string]use, now time.Time) map[string]time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	var due map[string]time.Time
	for id, u := range of {
		if now.Sub(u.written) < activityAge {
			continue
		}
		if !u.dirty {
			delete(of, id)
			continue
		}
		if due == nil {
			due = map[string]time.Time{}
		}
		due[id] = u.at
		u.written, u.dirty = now, false
		of[id] = u
	}
	return due
}
