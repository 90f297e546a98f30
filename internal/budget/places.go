package budget

import (
	"context"
	"hash/maphash"
	"sync"
)

// Places bounds how many of one key are in at a time. Keys do not share a lock,
// but by chance.
type Places struct {
	each   int
	seed   maphash.Seed
	shards [16]struct {
		mu sync.Mutex
		by map[Key]int
	}
}

// NewPlaces returns so many places for each key.
func NewPlaces(each int) *Places { return &Places{each: each, seed: maphash.MakeSeed()} }

// Enter takes a place, unless the key has none left. Leave gives it back.
func (p *Places) Enter(k Key) bool {
	s := &p.shards[maphash.Comparable(p.seed, k)%uint64(len(p.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[k] >= p.each {
		return false
	}
	if s.by == nil {
		s.by = map[Key]int{}
	}
	s.by[k]++
	return true
}

// Leave gives a place back that Enter gave.
func (p *Places) Leave(k Key) {
	s := &p.shards[maphash.Comparable(p.seed, k)%uint64(len(p.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[k]--; s.by[k] <= 0 {
		delete(s.by, k)
	}
}

// Turns lets so many of one key work at a time; the others of that key wait.
type Turns struct {
	each int
	mu   sync.Mutex
	by   map[string]*turn
}

type turn struct {
	free  chan struct{}
	users int // at work or waiting
}

// NewTurns returns so many turns for each key.
func NewTurns(each int) *Turns { return &Turns{each: each, by: map[string]*turn{}} }

// Wait waits for a turn of the key. Call done when the work is.
func (t *Turns) Wait(ctx context.Context, key string) (done func(), err error) {
	t.mu.Lock()
	mine := t.by[key]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, t.each)}
		t.by[key] = mine
	}
	mine.users++
	t.mu.Unlock()
	select {
	case mine.free <- struct{}{}:
		return func() { <-mine.free; t.leave(key, mine) }, nil
	case <-ctx.Done():
		t.leave(key, mine)
		return nil, ctx.Err()
	}
}

func (t *Turns) leave(key string, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(t.by, key)
	}
}
