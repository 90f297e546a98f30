//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// hsm compares reads whose keys are in SoftHSM with reads whose keys are in
// files: the same binary and database, both servers up, measured in turns.
func (b *bench) hsm(ctx context.Context, s *site) (err error) {
	plain := &site{engine: "no hsm", bin: s.bin, dir: filepath.Join(s.dir, "plain"), command: "dev", size: s.size}
	if err := os.MkdirAll(filepath.Join(plain.dir, "data"), 0o700); err != nil {
		return err
	}
	sites := [2]*site{plain, s}
	var servers [2]*server
	var fixtures [2]fixture
	for i, site := range sites {
		if servers[i], err = site.start(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, servers[i].stop()) }()
		if fixtures[i], err = b.build(ctx, site, servers[i]); err != nil {
			return err
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
					return fmt.Errorf("%s with %d connections: %w", name, n, err)
				}
			}
			b.report.extra(s.engine, fmt.Sprintf("%s, SoftHSM adds, %d conns", name, n), rows[1].ServerCPU-rows[0].ServerCPU, "µs of CPU",
				fmt.Sprintf("p50 %+.0f µs", rows[1].P50-rows[0].P50))
		}
	}
	return nil
}
