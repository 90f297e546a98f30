//go:build linux

// Command bench drives the real binary with load over loopback HTTP/1.1 and
// prints what it cost: requests per second, latency, and the server's CPU time
// per request.
//
// Its promise: every figure of a report comes from the run that printed it, an
// answer that is not what was asked for fails the run, and what the load itself
// cost is printed beside what it measured. Nothing stays behind: servers and
// data are gone when it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

func main() {
	// A child that is to die with its parent dies with the thread that started
	// it. The main thread is the one that lasts.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if len(os.Args) == 4 && os.Args[1] == bareProxy {
		err = bare(ctx, os.Args[2], os.Args[3])
	} else {
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	stop()
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures on every engine that was asked for, and reports what it has also
// when something failed on the way.
func run(ctx context.Context, args []string, out, errs io.Writer) (err error) {
	opts, err := parse(args, errs)
	if err != nil {
		return err
	}
	if opts.dir != "" { // the database server's data goes there too
		if err := os.Setenv("TMPDIR", opts.dir); err != nil {
			return err
		}
	}
	root, err := os.MkdirTemp("", "oneclaw-bench-")
	if err != nil {
		return err
	}
	defer func() {
		if opts.keep {
			fmt.Fprintln(errs, "kept:", root)
		} else {
			err = errors.Join(err, os.RemoveAll(root))
		}
	}()
	b := &bench{options: opts, root: root, errs: errs, report: &report{Machine: machineNow(ctx, opts)}}
	if b.wants(redact) {
		if err = b.redacting(); err != nil || len(opts.cases) == 1 {
			opts.engines = nil // it asks no server
		}
	}
	for _, name := range opts.engines {
		if err = b.engine(ctx, name); err != nil {
			err = fmt.Errorf("%s: %w", name, err)
			break
		}
	}
	err = errors.Join(err, b.report.failed())
	b.report.print(out)
	if opts.json != "" {
		err = errors.Join(err, b.report.writeJSON(opts.json, out))
	}
	return err
}
