package sqldb

import (
	"bytes"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// An Exactly takes a column that has the type it should have and no other. SQLite
// keeps any type in any column, and database/sql would turn it back, so that
// damage which changes the type alone would not show.
type Exactly[T string | int64 | []byte] struct{ to *T }

// Strict is Exactly for a variable.
func Strict[T string | int64 | []byte](to *T) Exactly[T] { return Exactly[T]{to} }

// ErrColumn is the error of a column that Exactly or Columns did not take.
var ErrColumn = fault.New(fault.Damaged, audit.CodeDamaged, "The database is damaged: a column holds what it never should.")

// Parsed makes of the failure to read a stored text that the database is damaged: trying
// again is of no use. The reader's own words may quote the text.
func Parsed(err error) error {
	if err != nil {
		return ErrColumn
	}
	return nil
}

// Scan implements sql.Scanner.
func (e Exactly[T]) Scan(src any) error {
	v, ok := src.(T)
	if !ok {
		return ErrColumn
	}
	if b, isBytes := any(v).([]byte); isBytes {
		v, _ = any(bytes.Clone(b)).(T) // src is the driver's memory
	}
	*e.to = v
	return nil
}
