// Package ids makes the ids of things, and says what is one.
//
// Its promise: an id that is made here is a UUID in its usual form, 36 characters in
// lower case, which nobody can guess and no two things share.
package ids

import (
	"crypto/rand"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"
)

// New returns a random id.
func New() string { return uuid.Must(uuid.NewRandomFromReader(rand.Reader)).String() }

// NewSorted returns an id that begins with the time: ids sort as they were made.
func NewSorted() string { return uuid.Must(uuid.NewV7FromReader(rand.Reader)).String() }

// Valid reports whether s is an id, in letters of either case.
func Valid(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }

// Like reports whether s reads as an id, or as the eight characters of one that tables show and commands
// take. A thing of such a name could be taken for another.
func Like(s string) bool {
	if len(s) != 8 {
		return Valid(s)
	}
	_, err := hex.DecodeString(s)
	return err == nil
}

// Exact reports whether s is an id as New writes it. Where an id is compared letter
// by letter, one thing must not have two spellings.
func Exact(s string) bool { return Valid(s) && s == strings.ToLower(s) }
