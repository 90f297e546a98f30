//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// growth measures what a read adds to the database: its audit event. The server
// is stopped before and after, so that nothing is still in a log of the engine.
func (b *bench) growth(ctx context.Context, s *site, f *fixture) error {
	const reads = 20_000
	before, err := s.size(ctx)
	if err != nil {
		return err
	}
	srv, err := s.start(ctx)
	if err != nil {
		return err
	}
	q := readOf(f.vault, f.agentJWT, b.secrets)
	t := q.template(srv.addr)
	left := reads
	l := load{addr: srv.addr, conns: 8, mark: func() {}, next: func(buf []byte) (_, _ []byte, ok bool) {
		if left--; left < 0 {
			return nil, nil, false
		}
		return t.next(buf)
	}}
	out, err := l.run(ctx)
	if err = errors.Join(err, out.first, srv.stop()); err != nil {
		return err
	}
	after, err := s.size(ctx)
	if err == nil {
		b.report.extra(s.engine, "database per audit event", float64(after-before)/reads, "bytes", fmt.Sprintf("%d reads", reads))
	}
	return err
}

// starting measures from the exec of the server to the first secret served, on
// the data that the cases left.
func (b *bench) starting(ctx context.Context, s *site, f *fixture) error {
	took := make([]time.Duration, b.starts)
	for i := range took {
		b.say("%s start %d of %d", s.engine, i+1, b.starts)
		began := time.Now()
		srv, err := s.launch(ctx)
		if err != nil {
			return err
		}
		err = firstRead(ctx, srv, readOf(f.vault, f.agentJWT, b.secrets))
		took[i] = time.Since(began)
		if err = errors.Join(err, srv.stop()); err != nil {
			return err
		}
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.report.extra(s.engine, "start to first served read", ms(took[len(took)/2]), "ms",
		fmt.Sprintf("median of %d, %.1f to %.1f", len(took), ms(took[0]), ms(took[len(took)-1])))
	return nil
}

// firstRead connects as soon as it can and reads one secret.
func firstRead(ctx context.Context, srv *server, q request) error {
	t := q.template(srv.addr)
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Microsecond) {
		asked := false
		l := load{addr: srv.addr, conns: 1, mark: func() {}, next: func(buf []byte) ([]byte, []byte, bool) {
			if asked {
				return nil, nil, false
			}
			asked = true
			return t.next(buf)
		}}
		out, err := l.run(ctx)
		if err == nil {
			return out.first
		}
		if !errors.Is(err, syscall.ECONNREFUSED) || srv.gone() || time.Now().After(deadline) {
			return fmt.Errorf("%w\n%s", err, srv.said())
		}
	}
}

// scaling compares reads from a vault of many secrets with reads from the small
// one, on the same server, in turns, so that both see the same machine.
func (b *bench) scaling(ctx context.Context, s *site, f *fixture) (err error) {
	srv, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	b.say("%s fills a vault with %d secrets", s.engine, b.scale)
	if f.large, err = b.fill(ctx, srv, f, "bench-large", b.scale); err != nil {
		return err
	}
	for _, n := range []int{1, 8} {
		var rows [2]figures
		for i, of := range []struct {
			vault string
			n     int
		}{{f.vault, b.secrets}, {f.large, b.scale}} {
			name := fmt.Sprintf("read of %d", of.n)
			if rows[i], err = b.measure(ctx, s, srv, name, n, readOf(of.vault, f.agentJWT, of.n)); err != nil {
				return err
			}
		}
		b.report.extra(s.engine, fmt.Sprintf("p50 of %d secrets to that of %d, %d conns", b.scale, b.secrets, n), rows[1].P50/rows[0].P50, "times",
			fmt.Sprintf("server CPU %.2f times", rows[1].ServerCPU/rows[0].ServerCPU))
	}
	return nil
}
