package driver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/files"
)

// Refused reports whether the PostgreSQL server itself said no, and lives on. A
// server that is going down may have done what it does not confirm.
func Refused(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Severity == "ERROR"
}

// Busy reports whether another process holds SQLite's file.
func Busy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlitelib.SQLITE_BUSY
}

// Damaged reports whether the database says that its own files are broken.
func Damaged(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		code := e.Code() & 0xff
		return code == sqlitelib.SQLITE_CORRUPT || code == sqlitelib.SQLITE_NOTADB
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == "XX001" || e.Code == "XX002"
	}
	return false
}

// Unwritable reports whether SQLite could not reach or write its files.
func Unwritable(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case sqlitelib.SQLITE_FULL, sqlitelib.SQLITE_IOERR, sqlitelib.SQLITE_READONLY, sqlitelib.SQLITE_CANTOPEN,
		sqlitelib.SQLITE_CORRUPT, sqlitelib.SQLITE_NOTADB:
		return true
	}
	return false
}

// SafeToRetry reports whether nothing of a statement was sent to PostgreSQL: the session
// had died since it was last used.
func SafeToRetry(err error) bool { return pgconn.SafeToRetry(err) }

// Late reports whether something ended by its deadline.
func Late(err error) bool { return errors.Is(err, context.DeadlineExceeded) }

// DiskFull reports whether there was no space for what was to be written to a file.
func DiskFull(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() {
		case sqlitelib.SQLITE_FULL, sqlitelib.SQLITE_IOERR_WRITE, sqlitelib.SQLITE_IOERR_SHMSIZE:
			return true
		}
	}
	return files.Full(err)
}

// badText reports whether PostgreSQL refused a text that is none (NUL, bad UTF-8).
func badText(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "22021" || e.Code == "22P05")
}

// unreachable says in one line why PostgreSQL took no connection: the driver takes one for
// each address that it tried.
type unreachable struct{ err error }

func (e *unreachable) Error() string {
	if said, ok := errors.AsType[*pgconn.PgError](e.err); ok {
		return "PostgreSQL refused the connection: " + said.Message
	}
	if failed, ok := errors.AsType[*net.OpError](e.err); ok {
		return "PostgreSQL can't be reached: " + failed.Error()
	}
	return "PostgreSQL can't be reached: " + strings.Join(strings.Fields(e.err.Error()), " ")
}

func (e *unreachable) Unwrap() error { return e.err }

// Wrap turns an error of the driver into a fault. The caller is told nothing
// about it but that the database could not serve; the cause is for the log.
func Wrap(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.Unavailable, "request_cancelled", "The request was given up before it was done.")
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		err = &unreachable{err}
	}
	switch {
	case Damaged(err):
		return fault.Wrap(fmt.Errorf("%s: %w", what, err), fault.Damaged, audit.CodeDamaged, "The database is damaged.")
	case badText(err):
		return fault.Wrap(err, fault.Invalid, "invalid_text", "A text holds characters that can't be stored.")
	}
	e := fault.Wrap(fmt.Errorf("%s: %w", what, err), fault.Unavailable, "storage_unavailable",
		"The database can't serve this request now. Nothing was changed. Try again.")
	e.RetryAfter = time.Second
	return e
}
