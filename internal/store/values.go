package store

import (
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

// stmt is a statement with its arguments.
func stmt(query string, args ...any) commit.Stmt { return commit.Stmt{Query: query, Args: args} }

func micros(t time.Time) int64 { return t.UnixMicro() }

// fromMicros is the time of a row. One that RFC 3339 has no form for, which only damage
// writes, becomes the nearest that it has: an answer with it can be encoded.
func fromMicros(n int64) time.Time { return time.UnixMicro(min(max(n, firstMicro), lastMicro)).UTC() }

// The first and the last microsecond of the years 1 to 9999, but for the zero time: that
// one means never, which damage must not grant.
const (
	firstMicro = -62_135_596_799_999_999
	lastMicro  = 253_402_300_799_999_999
)

// nullMicros is NULL for the zero time.
func nullMicros(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func fromNull(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return fromMicros(n.Int64)
}

// placeIn is an expression for the place that a column's value has in a list of the
// domain's own words, from 0; -1 for one that is not in it.
func placeIn[T ~string](column string, list []T) string {
	var b strings.Builder
	b.WriteString("CASE " + column)
	for i, word := range list {
		b.WriteString(" WHEN '" + string(word) + "' THEN " + strconv.Itoa(i))
	}
	return b.String() + " ELSE -1 END"
}
