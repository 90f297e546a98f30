package mail_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// received is one mail that the server took, or refused.
type received struct {
	helo, from string
	to         []string
	raw        []byte
}

// server is a real SMTP server on loopback.
type server struct {
	port int
	mode string // of mail.SMTPConfig.TLS
	ca   *x509.CertPool

	user       string // empty: nobody has to log in
	mechanisms []string
	answer     func(step, arg string) error // "mail", "rcpt", "data"; nil takes all

	mu       sync.Mutex
	got      []received
	logins   int
	messages []string // Message-IDs of every DATA, refused ones too
	arrived  chan struct{}
}

func (s *server) mails() []received { s.mu.Lock(); defer s.mu.Unlock(); return s.got }

// serve starts the server for the certificate's names.
func serve(t *testing.T, s *server, names ...string) *server {
	t.Helper()
	s.arrived = make(chan struct{}, 1000)
	if s.mechanisms == nil {
		s.mechanisms = []string{sasl.Plain}
	}
	cert, ca := certificate(t, names)
	s.ca = ca
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{s: s, conn: c, in: s.user == ""}, nil
	}))
	srv.Domain, srv.ErrorLog = "mx.test", log.New(io.Discard, "", 0)
	srv.ReadTimeout, srv.WriteTimeout = time.Minute, time.Minute
	tlsConfig := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	switch s.mode {
	case mail.STARTTLS:
		srv.TLSConfig = tlsConfig
	case mail.ImplicitTLS:
		l = tls.NewListener(l, tlsConfig)
	default:
		srv.AllowInsecureAuth = true
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return s
}

// sender returns an SMTP that talks to the server.
func (s *server) sender(t *testing.T, change func(*mail.SMTPConfig)) *mail.SMTP {
	t.Helper()
	cfg := mail.SMTPConfig{Host: "127.0.0.1", Port: s.port, TLS: s.mode, RootCAs: s.ca}
	if s.user != "" {
		cfg.Username, cfg.Password = s.user, secret.FromString(password)
	}
	if change != nil {
		change(&cfg)
	}
	m, err := mail.NewSMTP(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type session struct {
	s    *server
	conn *smtp.Conn
	in   bool
	now  received
}

func (x *session) AuthMechanisms() []string {
	if x.s.user == "" {
		return nil
	}
	return x.s.mechanisms
}

func (x *session) Auth(mech string) (sasl.Server, error) {
	check := func(user, pass string) error {
		x.s.mu.Lock()
		defer x.s.mu.Unlock()
		x.s.logins++
		if user != x.s.user || pass != password {
			return &smtp.SMTPError{Code: 535, Message: "no: " + user + " " + pass}
		}
		x.in = true
		return nil
	}
	if mech == "LOGIN" {
		return &login{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, pass string) error { return check(user, pass) }), nil
}

// login is the mechanism that some servers still offer alone.
type login struct {
	check func(user, pass string) error
	step  int
	user  string
}

func (l *login) Next(response []byte) ([]byte, bool, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

func (x *session) ask(step, arg string) error {
	if !x.in {
		return smtp.ErrAuthRequired
	}
	if x.s.answer == nil {
		return nil
	}
	return x.s.answer(step, arg)
}

func (x *session) Reset()        { x.now = received{} }
func (x *session) Logout() error { return nil }

func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	x.now = received{helo: x.conn.Hostname(), from: from}
	return x.ask("mail", from)
}

func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.now.to = append(x.now.to, to)
	return x.ask("rcpt", to)
}

func (x *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	x.now.raw = raw
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if id, ok := strings.CutPrefix(line, "Message-ID: "); ok {
			x.s.messages = append(x.s.messages, id)
		}
	}
	if err := x.ask("data", ""); err != nil {
		return err
	}
	x.s.got = append(x.s.got, x.now)
	x.s.arrived <- struct{}{}
	return nil
}

// certificate makes a CA and a server certificate for the names.
func certificate(t *testing.T, names []string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, DNSNames: names,
	}
	if len(names) == 0 {
		leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	rootKey, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	key, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rootDER, err3 := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	der, err4 := x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), rootKey)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(rootDER)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
