package mail_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

const (
	to       = "fresh.reader@example.net"
	token    = "Zt8bQ3xk_J1vCanary-0mW5sYpE7uHnLd2RgTfXa4Kq"
	from     = "Our vault <oneclaw@vault.example.com>"
	public   = "https://vault.example.com"
	password = "mail-pass-canary-91"
)

// newClock stands at a time without fractions of a second, which a mail's date has not.
func newClock() *world.Clock {
	c := world.NewClock()
	c.Set(time.Date(2026, 8, 3, 9, 30, 0, 0, time.UTC))
	return c
}

// node is a server's worth of mail: a database, a keystore and the service.
type node struct {
	*mail.Service
	db   *store.DB
	keys *soft.Store
	log  *world.Log
	stop func() // may be called more than once
}

type setup struct {
	dir    string // of the database and the keystore
	dsn    string // PostgreSQL instead
	sender mail.Sender
	now    func() time.Time
	public string
}

// open starts a node. Whatever it logs must not show what a mail says or to
// whom it goes.
func open(t *testing.T, s setup) *node {
	t.Helper()
	ctx := context.Background() // Cleanup runs after t.Context is over
	if s.public == "" {
		s.public = public
	}
	n := &node{log: &world.Log{}}
	var err error
	if n.keys, err = soft.Open(ctx, soft.Config{Dir: filepath.Join(s.dir, "keystore")}); err != nil {
		t.Fatal(err)
	}
	cfg := store.Config{PostgresDSN: s.dsn} // nodes of one database share the keystore, and no data folder
	if s.dsn == "" {
		cfg.Dir = s.dir
	}
	if n.db, err = store.Open(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	once := sync.OnceFunc(func() { n.close(t) })
	n.stop = once
	t.Cleanup(once)
	n.Service, err = mail.New(mail.Config{
		Queue: n.db, Sealer: seal.New(n.keys), Keys: n.keys, Sender: s.sender, Now: s.now, From: from, PublicURL: s.public,
		Log: slog.New(slog.NewJSONHandler(n.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) close(t *testing.T) {
	if err := errors.Join(n.db.Close(), n.keys.Close()); err != nil {
		t.Error(err)
	}
	hides(t, "the log", n.log.String())
}

// twin is a second service in the same process.
func (n *node) twin(t *testing.T, sender mail.Sender, now func() time.Time) *node {
	t.Helper()
	s, err := mail.New(mail.Config{
		Queue: n.db, Sealer: seal.New(n.keys), Keys: n.keys, Sender: sender, Now: now, From: from, PublicURL: public,
		Log: slog.New(slog.NewJSONHandler(n.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &node{Service: s, db: n.db, keys: n.keys, log: n.log}
}

// hides fails when text shows the token, the reader or the password.
func hides(t *testing.T, what, text string) {
	t.Helper()
	for _, canary := range []string{token, to, "fresh.reader", password} {
		if strings.Contains(text, canary) {
			t.Errorf("%s shows %q:\n%s", what, canary, text)
		}
	}
}

// verify queues one mail.
func (n *node) verify(t *testing.T) {
	t.Helper()
	if err := n.VerifyEmail(t.Context(), to, token); err != nil {
		t.Fatal(err)
	}
}

// empty fails when the queue still has a mail.
func (n *node) empty(t *testing.T) {
	t.Helper()
	if at, found, err := n.db.MailDue(t.Context()); found || err != nil {
		t.Fatalf("a mail is still there, due at %v (%v)", at, err)
	}
}

// due is when the next mail is due.
func (n *node) due(t *testing.T) time.Time {
	t.Helper()
	at, found, err := n.db.MailDue(t.Context())
	if !found || err != nil {
		t.Fatalf("the queue is empty (%v)", err)
	}
	return at
}

// mailed is a mail as a reader's program sees it.
type mailed struct {
	header     netmail.Header
	text, html string
}

func parse(t *testing.T, raw []byte) mailed {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q: %v", kind, err)
	}
	l := mailed{header: m.Header}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return l
		}
		if err != nil {
			t.Fatal(err)
		}
		if enc := p.Header.Get("Content-Transfer-Encoding"); enc != "quoted-printable" {
			t.Fatalf("encoding %q", enc)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		switch kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); kind {
		case "text/plain":
			l.text = string(body)
		case "text/html":
			l.html = string(body)
		default:
			t.Fatalf("a part of type %q", kind)
		}
	}
}
