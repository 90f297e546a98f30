//go:build pkcs11 && cgo

package pkcs11

import (
	"sync"
	"sync/atomic"
	"time"

	p11 "github.com/miekg/pkcs11"
)

const (
	maxKeys   = 10_000
	maxCopies = 4_096
	samples   = 16          // keys looked at to find one that makes room
	idleAfter = time.Minute // a copy unused for so long may make room for another
)

// key is one key of the token, as this process knows it.
type key struct {
	label  string
	object p11.ObjectHandle // the durable object, which alone says whether the key exists
	id     []byte           // its CKA_ID: handles may come to mean another object
	cached bool

	asked   atomic.Int64  // when the token was last asked for object
	copy    atomic.Uint64 // handle of the session copy; 0 is none
	refused atomic.Bool   // the token makes no copy that is of use

	// users counts who may still pass copy to the token, the cache being one.
	// The last one destroys it: a handle that is free may come to mean another
	// key, and nothing must be wrapped under that.
	users atomic.Int32
}

func newKey(label string, object p11.ObjectHandle, id []byte, asked int64) *key {
	k := &key{label: label, object: object, id: id}
	k.asked.Store(asked)
	k.users.Store(1)
	return k
}

// handle is what to work with.
func (k *key) handle() p11.ObjectHandle {
	if c := k.copy.Load(); c != 0 {
		return p11.ObjectHandle(c)
	}
	return k.object
}

// due reports that the token must be asked again.
func (k *key) due(now time.Time) bool {
	age := now.UnixNano() - k.asked.Load()
	return age < 0 || age >= int64(askEvery)
}

// keyCache keeps keys by label.
type keyCache struct {
	mu     sync.Mutex
	keys   map[string]*key
	gen    uint64 // counts drops: what was found before one must not be put after it
	copies int    // session copies in the token
	limit  int    // of copies
}

// get returns the key, for the caller to release, or nil.
func (c *keyCache) get(label string) (*key, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.keys[label]
	if k != nil {
		k.users.Add(1)
	}
	return k, c.gen
}

// put returns the key to work with, for the caller to release, and a key that
// had to go, which it must release too.
func (c *keyCache) put(k *key, gen uint64) (use, gone *key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if gen != c.gen {
		return k, nil
	}
	if there := c.keys[k.label]; there != nil {
		there.users.Add(1)
		return there, nil
	}
	if c.keys == nil {
		c.keys = map[string]*key{}
	}
	if len(c.keys) >= maxKeys {
		gone = c.oldest(func(*key) bool { return true })
		delete(c.keys, gone.label)
	}
	k.cached = true
	k.users.Add(1)
	c.keys[k.label] = k
	return k, gone
}

// oldest returns, of some keys that fit, the one that was not used for longest.
func (c *keyCache) oldest(fits func(*key) bool) (found *key) {
	n := 0
	for _, k := range c.keys { // in random order
		if fits(k) && (found == nil || k.asked.Load() < found.asked.Load()) {
			found = k
		}
		if n++; n == samples {
			break
		}
	}
	return found
}

// room reports whether one more copy may be made, and returns a key that gives
// up its copy for that, which the caller must release. While every copy is in
// use nothing gives way: a token that takes turns copying would be slower than
// one that is asked for the durable objects.
func (c *keyCache) room(now time.Time) (ok bool, gone *key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.copies < c.limit {
		return true, nil
	}
	before := now.Add(-idleAfter).UnixNano()
	gone = c.oldest(func(k *key) bool { return k.copy.Load() != 0 && k.asked.Load() <= before })
	if gone == nil {
		return false, nil
	}
	bare := newKey(gone.label, gone.object, gone.id, gone.asked.Load())
	bare.cached = true
	c.keys[gone.label] = bare
	return true, gone
}

// drop takes the key under label out of the cache, for the caller to release;
// only that one key when it is given. It returns what get returns after it.
func (c *keyCache) drop(label string, only *key) (gone *key, gen uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	k := c.keys[label]
	if k == nil || only != nil && k != only {
		return nil, c.gen
	}
	delete(c.keys, label)
	return k, c.gen
}

func (c *keyCache) counted(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.copies += n
}

// clear forgets all keys. Nobody may hold one, and closing the sessions has
// destroyed the copies.
func (c *keyCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys = nil
	c.copies = 0
	c.gen++
}
