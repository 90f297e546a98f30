//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// patience bounds every wait for a server.
const patience = 60 * time.Second

// site is where a server lives between its starts: its data and how to run it.
type site struct {
	engine, bin, dir string
	command          string   // dev or serve
	env              []string // beside what every server gets
	databasePID      int      // 0: the database is part of the server
	size             func(context.Context) (int64, error)
	settle           func(context.Context) error // does now what the database puts off
}

// server is a running child.
type server struct {
	cmd   *exec.Cmd
	addr  netip.AddrPort
	model netip.AddrPort // where Shroud listens
	log   string
	ended chan struct{}
	err   error // valid when ended is closed
}

// launch starts the server and returns at once.
func (s *site) launch(ctx context.Context) (*server, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	model, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(filepath.Join(s.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), s.bin, s.command,
		"--listen", addr.String(), "--shroud-listen", model.String(), "--data", filepath.Join(s.dir, "data"))
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "ONECLAW_RATE_AUTH=off", "ONECLAW_OUTBOUND_ALLOW=127.0.0.0/8"}, s.env...)
	cmd.Stdout, cmd.Stderr = out, out
	// Setpgid: a Ctrl-C is ours to handle.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	srv := &server{cmd: cmd, addr: addr, model: model, log: out.Name(), ended: make(chan struct{})}
	go func() {
		srv.err = cmd.Wait()
		close(srv.ended)
	}()
	return srv, nil
}

// start returns when the server answers; of dev, when it has written how to log in.
func (s *site) start(ctx context.Context) (*server, error) {
	srv, err := s.launch(ctx)
	if err != nil {
		return nil, err
	}
	c, err := client.New(srv.url())
	if err != nil {
		return nil, errors.Join(err, srv.stop())
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if _, err = c.Health(ctx); err == nil && s.command == "dev" {
			_, err = os.Stat(s.credentials())
		}
		switch {
		case err == nil:
			return srv, nil
		case ctx.Err() != nil, time.Now().After(deadline), srv.gone():
			return nil, errors.Join(fmt.Errorf("the server does not start: %w\n%s", err, srv.said()), srv.stop())
		}
	}
}

func (s *site) credentials() string { return filepath.Join(s.dir, "data", "dev-credentials.json") }

func (s *server) pid() int { return s.cmd.Process.Pid }

func (s *server) url() string { return "http://" + s.addr.String() }

func (s *server) gone() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// said is the end of what the server wrote.
func (s *server) said() []byte {
	b, _ := os.ReadFile(s.log) // it may never have written
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-20):], []byte("\n"))
}

// stop ends the server in order; one that does not end well is an error.
func (s *server) stop() error {
	if !s.gone() {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may end by itself just now
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	if s.err != nil {
		return fmt.Errorf("the server ended badly: %w\n%s", s.err, s.said())
	}
	return nil
}

// freeAddr picks a port that was free a moment ago.
func freeAddr(ctx context.Context) (netip.AddrPort, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, err
	}
	addr, err := netip.ParseAddrPort(l.Addr().String())
	return addr, errors.Join(err, l.Close())
}
