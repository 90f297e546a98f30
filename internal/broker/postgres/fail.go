package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// CodeInterrupted is of a statement whose connection ended before it was done.
const CodeInterrupted = "statement_interrupted"

var (
	errLogin = fault.New(fault.Unprocessable, "database_login_failed", "The database did not take the credential of the binding, or has no such database. Nothing was done.")
	// ErrSession says that there was no session: the dialer may say why.
	ErrSession   = fault.New(fault.Unprocessable, "upstream_unreachable", "Nothing was sent: there is no session with the database. It refuses connections, does not answer, or speaks no TLS.")
	errPlain     = fault.New(fault.Unprocessable, "database_login_failed", "The database did not take the login. Where it demands TLS, set sslmode of the binding to verify-full (--sslmode verify-full). Nothing was done.")
	errNoTLS     = fault.New(fault.Unprocessable, "upstream_unreachable", "Nothing was sent: the database takes no TLS. Have it switched on there, or for a host that the operator allowed set sslmode of the binding to disable (--sslmode disable).")
	errStatement = fault.New(fault.Unprocessable, "statement_refused", "The database refused the statement. Nothing was changed.")
	errBroken    = fault.New(fault.Unprocessable, CodeInterrupted, "The connection to the database ended before the statement was done. Nothing was changed.")
	errUnknown   = fault.New(fault.Unprocessable, "upstream_failed", "The connection to the database ended while the change was committed. Whether it was done is not known.")
	errRow       = fault.New(fault.Unprocessable, "row_too_large", "A row of the answer is larger than what is handed back. Nothing was changed. Ask for fewer or shorter columns.")
	// ErrTime says that the statement took too long. Nothing was changed.
	ErrTime = fault.New(fault.Unprocessable, "execution_timeout", "The execution reached its time limit: the statement took longer than it may. Nothing was changed.")
)

// classes are those of errors of PostgreSQL (appendix A of its manual), in words. What else a server says may
// have values in it.
var classes = map[string]string{
	"0A": "not supported", "21": "more than one row", "22": "a value that does not fit", "23": "a constraint of the table", "25": "the transaction reads alone",
	"28": "login", "34": "no such cursor", "3D": "no such database", "3F": "no such schema", "40": "a conflict with another transaction: try again",
	"42": "a mistake in the statement, no such table or column, or no right to it", "44": "a constraint of the view", "53": "the database is short of something",
	"54": "the statement is too large", "55": "what it needs is in use or not ready", "57": "the database stopped it", "58": "the system of the database",
	"P0": "a function raised an error", "XX": "an error within the database",
}

// loginFailed is why there is no session. The error of a guard or of a certificate stays in it, for who knows
// those; texts of pgx have the host and the user.
func loginFailed(err error, to *Server, s *session) error {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Internal {
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case e.Code == "28000" && to.Plain: // no rule of the server lets this user in so; a wrong password is another code
			return errPlain
		case class(e) == "28", class(e) == "3D":
			return errLogin
		}
		return refused(e)
	}
	if !to.Plain && s.refusedTLS() {
		return errNoTLS
	}
	return fault.Wrap(err, ErrSession.Kind, ErrSession.Code, ErrSession.Detail)
}

// failed is why a statement was not done.
func failed(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refused(e)
	}
	if _, ok := errors.AsType[*pgproto3.ExceededMaxBodyLenErr](err); ok {
		return errRow
	}
	return errBroken
}

// notCommitted is failed for the last step.
func notCommitted(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refused(e)
	}
	return errUnknown
}

func class(e *pgconn.PgError) string {
	if len(e.Code) != 5 {
		return ""
	}
	return e.Code[:2]
}

// refused is what is told of an error of the server: its class alone.
func refused(e *pgconn.PgError) error {
	if e.Code == "57014" {
		return ErrTime
	}
	words, ok := classes[class(e)]
	if !ok {
		return errStatement
	}
	told := *errStatement
	told.Detail += " SQLSTATE class " + class(e) + ": " + words + "."
	return &told
}
