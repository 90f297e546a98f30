// Package sought keeps the sets that answers are searched with, for secrets that are used again soon: to
// make one costs more than the rest of a small request.
//
// Its promise: what is kept has no value in it, only what a known.Set has, under a keyed hash of the values
// and of whose they are; so what changed is not found, and nobody learns from the time that a
// request takes what others keep. What was not used for two minutes is forgotten.
package sought

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

const (
	// turn is how often what was not used since the last time is forgotten.
	turn = time.Minute
	// mostSets and mostBytes bound what is kept of a turn: sets, and bytes of their values.
	mostSets  = 1024
	mostBytes = 1 << 20
	// longest is the size of the values of a set that is kept at most.
	longest = 8 << 10
)

// name is what a set is kept under.
type name [sha256.Size]byte

// Cache is safe for concurrent use.
type Cache struct {
	key [32]byte

	mu     sync.Mutex
	recent map[name]*known.Set // used since the last turn
	before map[name]*known.Set // used in the turn before, and not since
	bytes  int                 // of the values of recent
	turns  bool                // a turn is to come
}

// New returns an empty Cache.
func New() *Cache {
	c := &Cache{recent: map[name]*known.Set{}}
	_, _ = rand.Read(c.key[:]) // never fails
	return c
}

// What a set is made of values for.
const (
	together = "together"
	names    = "names"
)

// Of says whose values they are: what differs in one of these shares no set.
type Of struct {
	Org, Vault, Path string
	Version          uint64
}

// All is one set of all values. All methods may be called with values that are wiped after it.
func (c *Cache) All(of []Of, values []known.Value) *known.Set {
	return c.get(together, of, values, known.New)
}

// Names is the set of the values for names of headers.
func (c *Cache) Names(of []Of, values []known.Value) *known.Set {
	return c.get(names, of, values, known.Names)
}

// Each are sets of each of the values by itself.
func (c *Cache) Each(of []Of, values []known.Value) (out []*known.Set) {
	for i, v := range values {
		same := func(o known.Value) bool { return bytes.Equal(o.Value.Reveal(), v.Value.Reveal()) }
		if !slices.ContainsFunc(values[:i], same) {
			out = append(out, c.All(of, values[i:i+1]))
		}
	}
	return out
}

func (c *Cache) get(what string, of []Of, values []known.Value, build func([]known.Value) *known.Set) *known.Set {
	size := 0
	for _, v := range values {
		size += v.Value.Len()
	}
	if size > longest {
		return build(values)
	}
	under := c.name(what, of, values)
	if s := c.find(under, size); s != nil {
		return s
	}
	s := build(values)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(under, s, size)
	return s
}

func (c *Cache) find(under name, size int) *known.Set {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.recent[under]; s != nil {
		return s
	}
	s := c.before[under]
	if s != nil {
		delete(c.before, under)
		c.keep(under, s, size)
	}
	return s
}

func (c *Cache) keep(under name, s *known.Set, size int) {
	if len(c.recent) >= mostSets || c.bytes+size > mostBytes {
		c.next()
	}
	c.recent[under] = s
	c.bytes += size
	if !c.turns {
		c.turns = true
		time.AfterFunc(turn, c.turn)
	}
}

func (c *Cache) next() {
	c.recent, c.before, c.bytes = map[name]*known.Set{}, c.recent, 0
}

// turn forgets what was not used for a turn, until nothing is left.
func (c *Cache) turn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next()
	if c.turns = len(c.before) > 0; c.turns {
		time.AfterFunc(turn, c.turn)
	}
}

// Kept is how many sets there are.
func (c *Cache) Kept() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.recent) + len(c.before)
}

// name is a keyed hash of all that a set is made of, each part with its length.
func (c *Cache) name(what string, of []Of, values []known.Value) (out name) {
	head := bytes.Clone(c.key[:])
	part := func(text string) {
		head = binary.BigEndian.AppendUint64(head, uint64(len(text)))
		head = append(head, text...)
	}
	part(what)
	head = binary.BigEndian.AppendUint64(head, uint64(len(of)))
	for _, o := range of {
		part(o.Org)
		part(o.Vault)
		part(o.Path)
		head = binary.BigEndian.AppendUint64(head, o.Version)
	}
	for _, v := range values {
		part(v.Label)
		head = binary.BigEndian.AppendUint64(head, uint64(v.Value.Len()))
	}
	erase.Do(func() {
		h := sha256.New()
		h.Write(head)
		for _, v := range values {
			h.Write(v.Value.Reveal())
		}
		h.Sum(out[:0])
	})
	return out
}
