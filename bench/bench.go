//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// underLoad is what the cases under load are to engine: each is asked for by its own name.
const underLoad = "load"

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
	for _, c := range []struct {
		name string
		run  func(context.Context, *site, *fixture) error
	}{
		{growth, b.growth}, {underLoad, b.loads}, {start, b.starting}, {oracleCase, b.oracles}, {revoke, b.revoking}, {sign, b.signing}, {shroud, b.shrouding}, {brokered, b.brokering}, {proxied, b.proxying}, {pagesCase, b.paging}, {backup, b.backingUp}, {scale, b.scaling},
	} {
		if c.name != underLoad && !b.wants(c.name) || c.name == scale && !slices.Contains(b.scaleEngines, name) {
			continue
		}
		if err := c.run(ctx, s, &f); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
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
