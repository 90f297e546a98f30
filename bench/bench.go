package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// bench is one run over all engines.
type bench struct {
	options
	root   string
	errs   io.Writer
	report *report
}

// say tells how far the run is, apart from the report.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.errs, "bench: "+format+"\n", args...) }

// engine runs everything that was asked for on one engine.
func (b *bench) engine(ctx context.Context, name string) (err error) {
	if b.against != "" {
		return b.compare(ctx, name)
	}
	s, closing, err := b.open(name)
	defer func() { err = errors.Join(err, closing()) }()
	if errors.Is(err, errAbsent) {
		b.report.note("%s: %v", name, err)
		return nil
	}
	if err != nil {
		return err
	}
	b.report.binary(s.bin)
	if name == softhsm {
		return b.hsm(ctx, s)
	}
	srv, err := s.start(ctx)
	if err != nil {
		return err
	}
	f, err := b.build(ctx, s, srv)
	if err = errors.Join(err, srv.stop()); err != nil {
		return err
	}
	if b.wants(growth) {
		if err := b.growth(ctx, s, &f); err != nil {
			return fmt.Errorf("growth: %w", err)
		}
	}
	if err := b.loads(ctx, s, &f); err != nil {
		return err
	}
	if b.wants(start) {
		if err := b.starting(ctx, s, &f); err != nil {
			return fmt.Errorf("start: %w", err)
		}
	}
	if b.wants(oracleCase) {
		if err := b.oracles(ctx, s); err != nil {
			return fmt.Errorf("oracle: %w", err)
		}
	}
	if b.wants(revoke) {
		if err := b.revoking(ctx, s, &f); err != nil {
			return fmt.Errorf("revoke: %w", err)
		}
	}
	if b.wants(backup) {
		if err := b.backingUp(ctx, s, &f); err != nil {
			return fmt.Errorf("backup: %w", err)
		}
	}
	if b.wants(scale) && slices.Contains(b.scaleEngines, name) {
		if err := b.scaling(ctx, s, &f); err != nil {
			return fmt.Errorf("scale: %w", err)
		}
	}
	return nil
}

// request is the request of a case.
func (f *fixture) request(name string, o *options) request {
	switch name {
	case readJWT:
		return readOf(f.vault, f.agentJWT, o.secrets)
	case readKey:
		return readOf(f.vault, f.agentKey, o.secrets)
	case list:
		return listOf(f.vault, f.agentJWT)
	case token:
		return exchangeOf(f.agentKey)
	default:
		return writeOf(f.vault, f.agentJWT, o.secrets)
	}
}

// loads measures the cases on a server that was just started, and its memory
// before and after.
func (b *bench) loads(ctx context.Context, s *site, f *fixture) (err error) {
	srv, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	if err := b.memory(s, srv, "idle after the start"); err != nil {
		return err
	}
	for _, name := range loadCases {
		if !b.wants(name) {
			continue
		}
		for _, n := range b.conns {
			if _, err := b.measure(ctx, s, srv, name, n, f.request(name, &b.options)); err != nil {
				return fmt.Errorf("%s with %d connections: %w", name, n, err)
			}
		}
	}
	return b.memory(s, srv, "after the load")
}

// measure runs one case and adds it to the report.
func (b *bench) measure(ctx context.Context, s *site, srv *server, name string, conns int, q request) (f figures, err error) {
	b.say("%s %s, %d connections (server pid %d)", s.engine, name, conns, srv.pid())
	f, first, err := b.once(ctx, s, srv, name, conns, q)
	if err == nil {
		b.report.add(f, first)
	}
	return f, err
}

// once runs one case. first is the first wrong answer.
func (b *bench) once(ctx context.Context, s *site, srv *server, name string, conns int, q request) (f figures, first, err error) {
	var marks []usage
	var rec *recording
	l := load{
		addr: srv.addr, conns: conns, next: q.template(srv.addr).next, warm: b.warmup, measure: b.duration,
		mark: func() {
			u, e := usageNow(srv.pid(), s.databasePID)
			err = errors.Join(err, e)
			marks = append(marks, u)
			if b.record != "" && len(marks) == 1 {
				rec, e = record(ctx, b.record, fmt.Sprintf("%s-%s-%d", s.engine, name, conns), srv.pid())
				err = errors.Join(err, e)
			}
		},
	}
	out, runErr := l.run(ctx)
	if err = errors.Join(err, runErr, rec.stop()); err != nil {
		return f, nil, err
	}
	if len(out.latency) == 0 || len(marks) != 2 {
		return f, nil, errors.New("no answer came while it was measured: choose a longer -duration")
	}
	return row(name, s.engine, conns, out, marks[1].minus(marks[0])), out.first, nil
}

// idle is what a server is given before its memory counts as idle.
const idle = 2 * time.Second

func (b *bench) memory(s *site, srv *server, when string) error {
	if !b.wants(memory) {
		return nil
	}
	time.Sleep(idle)
	rss, anonymous, err := memoryOf(srv.pid())
	if err == nil {
		b.report.extra(s.engine, "memory, "+when, float64(rss)/1e6, "MB resident", fmt.Sprintf("%.1f MB of it its own, not pages of the binary", float64(anonymous)/1e6))
	}
	return err
}
