// Package ids makes the ids of things, and says what is one.
//
// Its promise: an id that is made here is a UUID in its usual form, 36 characters in
// lower case, which nobody can guess and no two things share.
package ids

import (
	"crypto/rand"
	"strings"

	"github.com/google/uuid"
)

// New returns a random id.
func New() string { return uuid.Must(uuid.NewRandomFromReader(rand.Reader)).String() }

// NewSorted returns an id that begins with the time: ids sort as they were made.
func NewSorted() string { return uuid.Must(uuid.NewV7FromReader(rand.Reader)).String() }

// Valid reports whether s is an id, in letters of either case.
func Valid(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }

// Exact reports whether s is an id as New writes it. Where an id is compared letter
// by letter, one thing must not have two spellings.
func Exact(s string) bool { return Valid(s) && s == strings.ToLower(s) }
