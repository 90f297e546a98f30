package broker

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/broker/postgres"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// Table is the answer of a database.
type Table = postgres.Table

// Query executes a statement on a database, and returns the rows with the password taken out of them, and with
// every text of whole, the secret that it is a part of; and how often they stood there. The caller decided about the
// use, has it in the log, and tells what came of it. Nothing is done twice.
func (s *Service) Query(ctx context.Context, who string, to *postgres.Server, st *postgres.Statement, whole secret.Bytes) (Table, int, error) {
	if (&binding.Binding{In: "bearer"}).Short(to.Password.Reveal(), true) {
		return Table{}, 0, errShort
	}
	if to.User == "" {
		return Table{}, 0, errNoUser
	}
	leave, err := s.requests.enter(who)
	if err != nil {
		return Table{}, 0, err
	}
	defer leave()
	st.Bytes = MaxAnswer
	out, err := s.cfg.Postgres.Run(ctx, to, st)
	if err != nil {
		return Table{}, 0, noSession(err)
	}
	const label = "credential"
	hidden := append(parts(label, "", whole), known.Value{Label: label, Value: to.Password}, known.Value{Label: label, Value: whole})
	r := &redactor{set: known.New(longEnough(append(hidden, quotedValues(hidden)...)))}
	for i := range out.Columns {
		out.Columns[i].Name = r.text(out.Columns[i].Name, len(out.Columns[i].Name))
	}
	for _, row := range out.Rows {
		for _, v := range row {
			if v != nil {
				*v = r.text(*v, len(*v))
			}
		}
	}
	return out, r.n, nil
}

// quotedValues are the values as PostgreSQL writes them in records, identifiers and literals, where that
// differs: marks are doubled there.
func quotedValues(values []known.Value) (out []known.Value) {
	for _, v := range values {
		text := string(v.Value.Reveal())
		for _, double := range [][]string{{`"`}, {`"`, `\`}, {`'`}, {`'`, `\`}} {
			quoted := text
			for _, mark := range double {
				quoted = strings.ReplaceAll(quoted, mark, mark+mark)
			}
			if quoted != text {
				out = append(out, known.Value{Label: v.Label, Value: secret.FromString(quoted)})
			}
		}
	}
	return out
}

var errNoUser = fault.New(fault.Conflict, "value_not_usable", "The binding says no user of the database: config has username, or the credential is of the type basic.")

// noSession is what is told of an error before there was a session: refusedBy knows why.
func noSession(err error) error {
	f, ok := asFault(err)
	if !ok || f.Code != postgres.ErrSession.Code || f.Err == nil { // without a cause it says itself why
		return err
	}
	if why := refusedBy(f.Err); fault.CodeOf(why) != CodeFailed {
		return why
	}
	return postgres.ErrSession
}
