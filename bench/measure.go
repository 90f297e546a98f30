//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
