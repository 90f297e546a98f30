//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
)

// side is one of the two binaries of a comparison.
type side struct {
	site *site
	srv  *server
	f    fixture
	mark []figures
}

// compare runs the load cases on both binaries in turns.
func (b *bench) compare(ctx context.Context, name string) (err error) {
	provider := httptest.NewServer(http.HandlerFunc(stubProvider))
	defer provider.Close()
	sides := [2]*side{}
	for i, bin := range []string{b.against, b.bin} {
		s, closing, e := b.openIn(name, bin, filepath.Join(b.root, fmt.Sprintf("%s-%d", name, i)))
		defer func() { err = errors.Join(err, closing()) }()
		if errors.Is(e, errAbsent) {
			b.report.note("%s: %v", name, e)
			return nil
		}
		if e != nil {
			return e
		}
		srv, e := s.upstream(provider.URL).start(ctx)
		if e != nil {
			return e
		}
		defer func() { err = errors.Join(err, srv.stop()) }()
		sides[i] = &side{site: s, srv: srv}
		if sides[i].f, e = b.build(ctx, s, srv); e != nil {
			return e
		}
	}
	for _, kind := range loadCases {
		if !b.wants(kind) {
			continue
		}
		for _, n := range b.conns {
			c, err := b.turn(ctx, sides, kind, n)
			if err != nil {
				return fmt.Errorf("%s with %d connections: %w", kind, n, err)
			}
			b.report.Comparisons = append(b.report.Comparisons, c)
		}
	}
	if b.wants(shroud) {
		return b.shroudingInTurns(ctx, sides)
	}
	return nil
}

// shroudingInTurns compares calls of models, one after the other.
func (b *bench) shroudingInTurns(ctx context.Context, sides [2]*side) (err error) {
	keys := [2]string{}
	for i, s := range sides {
		if keys[i], err = modelCaller(ctx, s.srv, &s.f); err != nil {
			return err
		}
	}
	for _, kind := range callsOfModels() {
		marks := [2][]figures{}
		for turn := range b.turns + 1 {
			for k := range sides {
				i := (turn + k) % 2 // each is first every other time
				c := calls{"http://" + sides[i].srv.model.String(), keys[i], kind.body, sides[i].srv.pid(), nil, 0}
				if err := c.turn(ctx, b.duration, true); err != nil {
					return fmt.Errorf("%s: %w", kind.name, err)
				}
				if turn > 0 { // the first warms up
					marks[i] = append(marks[i], c.figures())
				}
			}
		}
		rate := func(f figures) float64 { return 1e6 / f.P50 }
		b.report.Comparisons = append(b.report.Comparisons, comparisonOf(kind.name, sides[0].site.engine, 1, marks, rate))
	}
	return nil
}

func (b *bench) turn(ctx context.Context, sides [2]*side, kind string, conns int) (comparison, error) {
	for _, s := range sides {
		s.mark = s.mark[:0]
	}
	for i := range b.turns {
		for k := range sides {
			s := sides[(i+k)%2] // each is first every other time
			f, first, err := b.once(ctx, s.site, s.srv, kind, conns, s.f.request(kind, &b.options))
			if err = errors.Join(err, first); err != nil {
				return comparison{}, err
			}
			s.mark = append(s.mark, f)
		}
	}
	rate := func(f figures) float64 { return f.Rate }
	return comparisonOf(kind, sides[0].site.engine, conns, [2][]figures{sides[0].mark, sides[1].mark}, rate), nil
}

func comparisonOf(kind, engine string, conns int, marks [2][]figures, rate func(figures) float64) comparison {
	before, now := marks[0], marks[1]
	cpu := func(f figures) float64 { return f.ServerCPU + f.DatabaseCPU }
	c := comparison{Case: kind, Engine: engine, Conns: conns, Turns: len(now), BeforeCPU: median(each(before, cpu)), NowCPU: median(each(now, cpu))}
	c.CPUChange, c.CPUError = change(each(before, cpu), each(now, cpu))
	c.RateChange, c.RateError = change(each(before, rate), each(now, rate))
	return c
}

func each(of []figures, what func(figures) float64) []float64 {
	out := make([]float64, len(of))
	for i, f := range of {
		out[i] = what(f)
	}
	return out
}

// change is the median of the changes from before to now, in percent, and its
// standard error, taken from the middle half so that single turns that
// something disturbed don't count.
func change(before, now []float64) (percent, standardError float64) {
	changes := make([]float64, len(before))
	for i := range before {
		changes[i] = 100 * (now[i]/before[i] - 1)
	}
	slices.Sort(changes)
	n := len(changes)
	spread := (changes[(3*n)/4] - changes[n/4]) / 1.349            // of a normal distribution
	return median(changes), 1.253 * spread / math.Sqrt(float64(n)) // of a median
}
