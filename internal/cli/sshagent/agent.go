// Package sshagent is an agent of SSH keys that are in a vault: each signature is asked for
// at the server, and no key is here.
//
// Its promise: its socket is its user's alone; a login is signed only with what the client said
// of the server (session-bind@openssh.com), and not for whoever the connection to the agent
// was handed on to.
package sshagent

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/oneclaw-dev/oneclaw/client"
)

// Key is a key of the vault.
type Key struct {
	Public []byte // as SSH sends it
	Label  string
	Sign   func(context.Context, client.SSHRequest) ([]byte, error)
}

// Agent serves keys on a socket.
type Agent struct {
	Path string // of the socket

	keys  []Key
	ctx   context.Context //nolint:containedctx // connections end with it
	warn  func(error)
	at    net.Listener
	group sync.WaitGroup
}

// Listen opens the socket in a directory of its own. Errors of signatures go to warn, since
// SSH clients are told only that there is none.
func Listen(ctx context.Context, keys []Key, warn func(error)) (*Agent, error) {
	dir, err := os.MkdirTemp("", "oneclaw-ssh-") // only its user may enter
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "agent.sock")
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	a := &Agent{Path: path, keys: keys, ctx: ctx, warn: warn, at: l}
	a.group.Go(a.accept)
	return a, nil
}

// Close ends the agent and takes its socket away.
func (a *Agent) Close() {
	_ = a.at.Close()
	_ = os.RemoveAll(filepath.Dir(a.Path))
	a.group.Wait()
}

func (a *Agent) accept() {
	for {
		conn, err := a.at.Accept()
		if err != nil {
			return
		}
		a.group.Go(func() {
			stop := context.AfterFunc(a.ctx, func() { _ = conn.Close() })
			defer stop()
			defer func() { _ = conn.Close() }()
			_ = agent.ServeAgent(&connection{agent: a}, conn) // how a client hangs up is nobody's matter
		})
	}
}

// connection is what one client of the agent sees.
type connection struct {
	agent *Agent

	bound     []bind
	forwarded bool
}

// bind is what a client said of a server that it is connected to.
type bind struct{ hostKey, session, signature []byte }

var (
	errReadOnly  = errors.New("the keys are the vault's")
	errNoKey     = errors.New("no such key")
	errForwarded = errors.New("the connection to the agent was handed on to another host")
)

// mostBound bounds what a client may say on one connection.
const mostBound = 16

// List implements agent.Agent.
func (c *connection) List() ([]*agent.Key, error) {
	out := make([]*agent.Key, 0, len(c.agent.keys))
	for _, k := range c.agent.keys {
		pub, err := ssh.ParsePublicKey(k.Public)
		if err != nil {
			return nil, err
		}
		out = append(out, &agent.Key{Format: pub.Type(), Blob: k.Public, Comment: k.Label})
	}
	return out, nil
}

// Sign implements agent.Agent.
func (c *connection) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	return c.SignWithFlags(key, data, 0)
}

// SignWithFlags implements agent.ExtendedAgent.
func (c *connection) SignWithFlags(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	if c.forwarded {
		c.agent.warn(errForwarded)
		return nil, errForwarded
	}
	for _, k := range c.agent.keys {
		if !bytes.Equal(k.Public, key.Marshal()) {
			continue
		}
		r := client.SSHRequest{Data: data}
		switch {
		case flags&agent.SignatureFlagRsaSha512 != 0 && key.Type() == ssh.KeyAlgoRSA:
			r.Algorithm = ssh.KeyAlgoRSASHA512
		case flags&agent.SignatureFlagRsaSha256 != 0 && key.Type() == ssh.KeyAlgoRSA:
			r.Algorithm = ssh.KeyAlgoRSASHA256
		}
		for _, b := range c.bound {
			if bytes.HasPrefix(data, ssh.Marshal(struct{ Session []byte }{b.session})) {
				r.HostKey, r.HostSignature = b.hostKey, b.signature
			}
		}
		raw, err := k.Sign(c.agent.ctx, r)
		if err != nil {
			c.agent.warn(err)
			return nil, err
		}
		sig := new(ssh.Signature)
		return sig, ssh.Unmarshal(raw, sig)
	}
	return nil, errNoKey
}

// Extension implements agent.ExtendedAgent: OpenSSH says which server a connection is for, before
// it asks for a signature.
func (c *connection) Extension(name string, contents []byte) ([]byte, error) {
	if name != "session-bind@openssh.com" {
		return nil, agent.ErrExtensionUnsupported
	}
	var b struct {
		HostKey, Session, Signature []byte
		Forwarding                  bool
	}
	if err := ssh.Unmarshal(contents, &b); err != nil || len(c.bound) == mostBound {
		return nil, errors.New("it can't be bound")
	}
	c.bound = append(c.bound, bind{bytes.Clone(b.HostKey), bytes.Clone(b.Session), bytes.Clone(b.Signature)})
	c.forwarded = c.forwarded || b.Forwarding
	return nil, nil
}

// Add implements agent.Agent.
func (*connection) Add(agent.AddedKey) error { return errReadOnly }

// Remove implements agent.Agent.
func (*connection) Remove(ssh.PublicKey) error { return errReadOnly }

// RemoveAll implements agent.Agent.
func (*connection) RemoveAll() error { return errReadOnly }

// Lock implements agent.Agent.
func (*connection) Lock([]byte) error { return errReadOnly }

// Unlock implements agent.Agent.
func (*connection) Unlock([]byte) error { return errReadOnly }

// Signers implements agent.Agent.
func (*connection) Signers() ([]ssh.Signer, error) { return nil, errReadOnly }
