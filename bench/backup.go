//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// writerRate is how many secrets a second are written beside the reads of the case
// backup: a database that nobody writes to is copied without any work.
const writerRate = 50

// besideBackups are the numbers of connections that read beside a backup, by turns: eight use
// all processors of a small machine up, one does not.
var besideBackups = []int{1, 8}

// bigValue is the length of the values that make the database of the case backup
// large. Their bytes differ, so that nothing on the way makes them smaller.
const bigValue = 1 << 20

// backingUp compares reads beside a few writes with those while a backup runs too.
func (b *bench) backingUp(ctx context.Context, s *site, f *fixture) (err error) {
	srv, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	if err := b.swell(ctx, srv, f); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	stop := b.writeOn(ctx, srv, f)
	defer func() { err = errors.Join(err, stop()) }()
	q := readOf(f.vault, f.agentJWT, b.secrets)
	quiet, worst := map[int]figures{}, map[int]figures{}
	for _, conns := range besideBackups {
		if quiet[conns], err = b.measure(ctx, s, srv, "read, no backup", conns, q); err != nil {
			return err
		}
	}
	to := filepath.Join(s.dir, "backup")
	defer func() { err = errors.Join(err, os.RemoveAll(to)) }()
	cmd := exec.CommandContext(ctx, s.bin, "backup", "--data", filepath.Join(s.dir, "data"), "--to", to)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir}, s.env...)
	began := time.Now()
	var out []byte
	var failed error
	done := make(chan time.Duration, 1)
	go func() {
		out, failed = cmd.CombinedOutput()
		done <- time.Since(began)
	}()
	for n := 0; ; n++ {
		conns := besideBackups[n%len(besideBackups)]
		row, err := b.measure(ctx, s, srv, "read, backup", conns, q)
		if err != nil {
			return err
		}
		if row.P99 > worst[conns].P99 {
			worst[conns] = row
		}
		select {
		case took := <-done:
			size, sizeErr := sizeOf(to)
			for _, conns := range besideBackups {
				b.report.extra(s.engine, fmt.Sprintf("p99 of reads while a backup runs to p99 before, %d connections", conns), worst[conns].P99/quiet[conns].P99, "times",
					fmt.Sprintf("%.0f to %.0f us, the worst of the stretches; a backup of %.0f MB in %.1f s", worst[conns].P99, quiet[conns].P99, float64(size)/1e6, took.Seconds()))
			}
			if failed != nil {
				return fmt.Errorf("backup: %w\n%s", failed, out)
			}
			return sizeErr
		default:
		}
	}
}

// swell makes the database as large as was asked for.
func (b *bench) swell(ctx context.Context, srv *server, f *fixture) error {
	c, _, err := asOwner(ctx, srv, f.owner)
	if err != nil {
		return err
	}
	v, err := c.CreateVault(ctx, "bench-large", "")
	if err != nil {
		return fmt.Errorf("create a vault: %w", err)
	}
	began := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() {
			value := make([]byte, bigValue)
			for n := i; n < b.backupMB && errs[i] == nil; n += len(errs) {
				for at := range value {
					value[at] = byte('a' + rand.IntN(26))
				}
				_, errs[i] = c.PutSecret(ctx, v.ID, fmt.Sprintf("large/%d", n), client.NewValue(value), client.PutOptions{})
			}
		})
	}
	wg.Wait()
	b.say("%d values of 1 MiB written in %v", b.backupMB, time.Since(began).Round(time.Millisecond))
	return errors.Join(errs...)
}

// writeOn writes secrets until what it returns is called.
func (b *bench) writeOn(ctx context.Context, srv *server, f *fixture) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		c, err := client.New(srv.url(), client.WithAgentKey(f.agentKey))
		tick := time.NewTicker(time.Second / writerRate)
		defer tick.Stop()
		for n := 0; err == nil && ctx.Err() == nil; n++ {
			select {
			case <-ctx.Done():
			case <-tick.C:
				_, err = c.PutSecret(context.WithoutCancel(ctx), f.vault, fmt.Sprintf("api-keys/on-%d", n%100), client.ValueOf("the value of a secret that is written while reads go on"), client.PutOptions{})
			}
		}
		done <- err
	}()
	return func() error {
		cancel()
		return <-done
	}
}
