//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// hsm compares what stands on keys in SoftHSM with the same on keys in files: the same binary
// and database.
func (b *bench) hsm(ctx context.Context, s *site) error {
	plain := &site{engine: "no hsm", bin: s.bin, dir: filepath.Join(s.dir, "plain"), command: "dev", size: s.size}
	if err := os.MkdirAll(filepath.Join(plain.dir, "data"), 0o700); err != nil {
		return err
	}
	sites := [2]*site{plain, s}
	fixtures, err := b.hsmReads(ctx, sites)
	if err != nil || !b.wants(sign) {
		return err
	}
	for i, site := range sites {
		if err := b.signing(ctx, site, &fixtures[i]); err != nil {
			return fmt.Errorf("%s: %w", sign, err)
		}
	}
	return nil
}

// hsmReads measures reads in turns, with both servers up.
func (b *bench) hsmReads(ctx context.Context, sites [2]*site) (fixtures [2]fixture, err error) {
	var servers [2]*server
	for i, site := range sites {
		if servers[i], err = site.start(ctx); err != nil {
			return fixtures, err
		}
		defer func() { err = errors.Join(err, servers[i].stop()) }()
		if fixtures[i], err = b.build(ctx, site, servers[i]); err != nil {
			return fixtures, err
		}
	}
	for _, name := range []string{readJWT, token} {
		for _, n := range b.conns {
			if !b.wants(name) || n > 8 {
				continue
			}
			var rows [2]figures
			for i, site := range sites {
				if rows[i], err = b.measure(ctx, site, servers[i], name, n, fixtures[i].request(name, &b.options)); err != nil {
					return fixtures, fmt.Errorf("%s with %d connections: %w", name, n, err)
				}
			}
			b.report.extra(sites[1].engine, fmt.Sprintf("%s, SoftHSM adds, %d conns", name, n), rows[1].ServerCPU-rows[0].ServerCPU, "µs of CPU",
				fmt.Sprintf("p50 %+.0f µs", rows[1].P50-rows[0].P50))
		}
	}
	return fixtures, nil
}
