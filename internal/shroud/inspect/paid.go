package inspect

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// keys remembers the sets of providers' keys in use, under keyed hashes of them.
type keys struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]paid
}

// paid are the sets of a key: for texts, and for names of headers.
type paid struct{ texts, names *known.Set }

const maxKeys = 256

func (k *keys) of(with [32]byte, key secret.Bytes) paid {
	h := hmac.New(sha256.New, with[:])
	_, _ = h.Write(key.Reveal()) // never fails
	id := [sha256.Size]byte(h.Sum(nil))
	k.mu.Lock()
	defer k.mu.Unlock()
	if found, ok := k.all[id]; ok {
		return found
	}
	if k.all == nil || len(k.all) >= maxKeys {
		k.all = map[[sha256.Size]byte]paid{}
	}
	values := []known.Value{{Label: "provider-key", Value: key}}
	k.all[id] = paid{known.New(values), known.Names(values)}
	return k.all[id]
}

// Paid says with which key the provider is called. Whatever the settings are, it is in no
// text of the answer: providers tell of keys, and models repeat what they were told. What is
// no text to anybody, Unkeyed looks at.
func (s *Session) Paid(key secret.Bytes) {
	if len(key.Reveal()) >= known.Shortest {
		sets := s.keys.of(s.own, key)
		s.paid, s.paidNames = sets.texts, sets.names
	}
}

// NamesKey reports whether the name of a header has the provider's key in it.
func (s *Session) NamesKey(name string) bool {
	if s.paidNames == nil || !known.Named(s.paidNames, name) {
		return false
	}
	s.secrets, s.filtered = true, true
	return true
}

// Unkeyed is a whole answer, an event of a stream or a header as it is sent, without the
// provider's key wherever it stands in it. It returns what it got where the key is not there.
func (s *Session) Unkeyed(sent []byte) []byte {
	if s.paid == nil {
		return sent
	}
	text := string(sent)
	out := s.paid.Redact(text, func(m known.Match) string { return redacted(m.Label) })
	if out == text {
		return sent
	}
	s.secrets, s.filtered = true, true
	return []byte(out)
}
