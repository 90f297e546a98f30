package executor

import (
	"context"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/broker/mint"
	"github.com/oneclaw-dev/oneclaw/internal/broker/postgres"
	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Result is what came back, without any credential.
type Result struct {
	Answer broker.Answer
	Table  *broker.Table // of a database
}

// sender is what an execution asks for, read and ready to go. target is what bounds are held against, and what is dialled.
type sender interface {
	target() binding.Target
	method() string // as the log says it
	send(ctx context.Context, u *use) (Result, error)
	late(err error) error // why it failed once its time was over
	ended() error         // what is told where the right to it ended after it was sent
}

// use is one use of a credential that is open and in the log.
type use struct {
	s       *Service
	who     string
	binding *execution.Binding
	version uint64
	kept    secret.Bytes
	stands  func(context.Context) error // decides about the use once more
	agent   Agent
	within  time.Duration
}

// read reads what is asked of a binding.
func read(b *execution.Binding, intent string, params []byte) (sender, error) {
	if b.Type == execution.Postgres {
		st, err := b.Statement(intent, params)
		if err != nil {
			return nil, err
		}
		return onDatabase(b, st)
	}
	q, err := b.Request(intent, params)
	if err != nil {
		return nil, err
	}
	return overHTTP(&q)
}

// probe asks whether the service takes the credential.
func probe(b *execution.Binding) (sender, error) {
	if b.Type == execution.Postgres {
		st, err := b.ProbeStatement()
		if err != nil {
			return nil, err
		}
		return onDatabase(b, st)
	}
	q, err := b.Probe()
	if err != nil {
		return nil, err
	}
	return overHTTP(&q)
}

// request is a sender over HTTP.
type request struct{ ready broker.Ready }

func overHTTP(q *execution.Request) (sender, error) {
	ready, err := broker.Read(&broker.Request{Method: q.Method, URL: q.URL, Headers: q.Headers, Query: q.Query, Body: q.Body, JSON: q.JSON})
	return &request{ready}, err
}

func (r *request) target() binding.Target { return r.ready.Target() }

func (r *request) method() string { return r.ready.Target().Method }

func (*request) late(err error) error {
	switch code := fault.CodeOf(err); {
	case code == broker.CodeFailed, code == broker.CodeNotReadable:
		return errTimeout
	case code == broker.CodeUnreachable, errors.Is(err, mint.ErrNone), !isFault(err):
		return errUnsent
	}
	return err
}

func (*request) ended() error { return errEnded }

// isFault reports whether an error says itself what went wrong.
func isFault(err error) bool {
	_, ok := errors.AsType[*fault.Error](err)
	return ok
}

func (r *request) send(ctx context.Context, u *use) (Result, error) {
	b := u.binding
	in, value, err := b.Placed(u.kept)
	if err != nil {
		return Result{}, err
	}
	defer value.Wipe()
	a, err := u.s.cfg.Broker.Send(ctx, &r.ready, &broker.Lent{
		Who: u.who, Of: b.ID, In: &in, Value: value, Whole: u.kept, Stands: u.stands,
		Keep: &broker.Keeping{Rests: broker.Rests{Binding: b.ID, Revision: b.Revision, SetBy: b.SetBy}, May: func(ctx context.Context) error { return u.s.mayRenew(ctx, u.agent, b) }},
		Key:  mint.Key{Org: b.Org, Vault: b.Vault, Path: b.Path, Version: u.version, Binding: b.ID},
	})
	return Result{Answer: a}, err
}

// statement is a sender to a database.
type statement struct {
	st execution.Statement
	to execution.Database
}

func onDatabase(b *execution.Binding, st execution.Statement) (sender, error) {
	to, err := b.Database()
	return &statement{st, to}, err
}

func (s *statement) target() binding.Target { return s.to.Target() }

func (s *statement) method() string { return s.st.Kind }

func (s *statement) late(err error) error {
	switch code := fault.CodeOf(err); {
	case code == broker.CodeFailed: // its commit has no answer
		return errTimeout
	case code == broker.CodeUnreachable:
		return errUnsent
	case code == postgres.CodeInterrupted, !isFault(err):
		return postgres.ErrTime
	}
	return err
}

func (s *statement) ended() error {
	if s.st.Write {
		return errDone
	}
	return errUndone
}

func (s *statement) send(ctx context.Context, u *use) (Result, error) {
	user, password, err := u.binding.Login(u.kept)
	if err != nil {
		return Result{}, err
	}
	defer password.Wipe()
	to := &postgres.Server{Host: s.to.Host.Name, Port: s.to.Host.Port, Database: s.to.Database, Plain: s.to.Plain, User: user, Password: password}
	st := &postgres.Statement{Text: s.st.Text, Params: s.st.Params, Write: s.st.Write, Rows: s.st.Rows, Within: u.within, Settle: func() error { return u.stands(ctx) }}
	out, redactions, err := u.s.cfg.Broker.Query(ctx, u.who, to, st, u.kept)
	return Result{Table: &out, Answer: broker.Answer{Redactions: redactions, Truncated: out.Truncated}}, err
}
