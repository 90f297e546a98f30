// Package mailbox is a mail server on loopback that keeps what it is sent, for
// tests and benchmarks of a server that must confirm addresses.
package mailbox

import (
	"context"
	"io"
	"log"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Box is a running mail server. Close it.
type Box struct {
	Port int

	server *smtp.Server
	mu     sync.Mutex
	tokens map[string]string // of the last mail to each address
	came   chan struct{}     // closed and made anew with every mail
}

// Open starts a mail server that takes every mail, without TLS.
func Open(ctx context.Context) (*Box, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &Box{Port: l.Addr().(*net.TCPAddr).Port, tokens: map[string]string{}, came: make(chan struct{})}
	b.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{box: b}, nil }))
	b.server.Domain, b.server.ErrorLog = "mx.test", log.New(io.Discard, "", 0)
	go func() { _ = b.server.Serve(l) }() // ends with Close
	return b, nil
}

// Close stops the server.
func (b *Box) Close() error { return b.server.Close() }

// Token waits for a mail with a link to the address and returns the link's token.
// A token is returned once.
func (b *Box) Token(ctx context.Context, to string) (string, error) {
	for {
		b.mu.Lock()
		t, came := b.tokens[to], b.came
		delete(b.tokens, to)
		b.mu.Unlock()
		if t != "" {
			return t, nil
		}
		select {
		case <-came:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

var link = regexp.MustCompile(`\?token=([A-Za-z0-9_-]+)`)

func (b *Box) take(to []string, raw string) {
	// Quoted-printable breaks lines and escapes the sign before the token.
	m := link.FindStringSubmatch(strings.NewReplacer("=\r\n", "", "=\n", "", "=3D", "=").Replace(raw))
	if m == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range to {
		b.tokens[t] = m[1]
	}
	close(b.came)
	b.came = make(chan struct{})
}

// session is one connection of a sender.
type session struct {
	box *Box
	to  []string
}

func (s *session) Mail(string, *smtp.MailOptions) error { s.to = nil; return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = append(s.to, to); return nil }

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err == nil {
		s.box.take(s.to, string(raw))
	}
	return err
}

func (s *session) Reset() { s.to = nil }

func (s *session) Logout() error { return nil }

// Patience is how long a mail may take.
const Patience = 30 * time.Second
