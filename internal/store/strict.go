package store

import (
	"bytes"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// exactly takes a column that has the type it should have and no other. SQLite
// keeps any type in any column, and database/sql would turn it back, so that
// damage which changes the type alone would not show.
type exactly[T string | int64 | []byte] struct{ to *T }

func strict[T string | int64 | []byte](to *T) exactly[T] { return exactly[T]{to} }

var errColumn = fault.New(fault.Damaged, audit.CodeDamaged, "The database is damaged: a column holds what it never should.")

// parsed makes of the failure to read a stored text that the database is damaged: trying
// again is of no use. The reader's own words may quote the text.
func parsed(err error) error {
	if err != nil {
		return errColumn
	}
	return nil
}

// Scan implements sql.Scanner.
func (e exactly[T]) Scan(src any) error {
	v, ok := src.(T)
	if !ok {
		return errColumn
	}
	if b, isBytes := any(v).([]byte); isBytes {
		v, _ = any(bytes.Clone(b)).(T) // src is the driver's memory
	}
	*e.to = v
	return nil
}
