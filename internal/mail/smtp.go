package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// SMTPConfig says which mail server to use.
type SMTPConfig struct {
	Host     string
	Port     int
	TLS      string // STARTTLS (also when empty), ImplicitTLS or NoTLS
	Username string // empty: no login
	Password secret.Bytes

	// RootCAs are those that may vouch for the server, nil for the system's.
	RootCAs *x509.CertPool
	// Dial makes the TCP connection, nil for an ordinary one.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// The values of SMTPConfig.TLS.
const (
	STARTTLS    = "starttls" // mandatory: a server that does not offer it gets no mail
	ImplicitTLS = "implicit"
	NoTLS       = "none" // to this machine only
)

// Rejected is the answer of a mail server that will not change.
type Rejected struct{ Code int }

// Error gives the code alone: the server's words may quote the recipient.
func (r *Rejected) Error() string { return fmt.Sprintf("the mail server answered %d", r.Code) }

// SMTP is a Sender that hands mails to a server.
type SMTP struct{ cfg SMTPConfig }

// NewSMTP returns an SMTP. It is fault.Invalid when the configuration can't
// work or would send mails in the clear. It makes no connection.
func NewSMTP(cfg SMTPConfig) (*SMTP, error) {
	if cfg.TLS == "" {
		cfg.TLS = STARTTLS
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Dial == nil {
		cfg.Dial = new(net.Dialer).DialContext
	}
	return &SMTP{cfg: cfg}, nil
}

// stepTime bounds the login, and then the transfer.
const stepTime = 25 * time.Second

// Send implements Sender. It is done when the server has taken the message.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	msg, err := m.mime()
	if err != nil {
		return err
	}
	// Whatever is still open at the end is closed: the library forgets the
	// connection when the handshake fails.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := s.connect(ctx, m.domain())
	if err != nil {
		return plain("connect to the mail server", err)
	}
	defer func() { _ = client.Close() }()
	if err := s.login(client); err != nil {
		return plain("log in to the mail server", err)
	}
	if err := client.UpdateDeadline(stepTime); err != nil {
		return plain("send mail", err)
	}
	if err := transfer(client, msg); err != nil {
		return final(plain("send mail", err))
	}
	_ = client.Quit() // it is delivered, whatever comes now
	return nil
}

func (s *SMTP) connect(ctx context.Context, helo string) (*smtp.Client, error) {
	roots := &tls.Config{ServerName: s.cfg.Host, RootCAs: s.cfg.RootCAs, MinVersion: tls.VersionTLS12}
	options := []gomail.Option{
		gomail.WithPort(s.cfg.Port), gomail.WithTimeout(stepTime), gomail.WithHELO(helo), gomail.WithTLSConfig(roots),
		gomail.WithoutSMTPUTF8(), gomail.WithTLSPolicy(gomail.TLSMandatory),
		gomail.WithDialContextFunc(func(dialing context.Context, network, _ string) (net.Conn, error) {
			return s.dial(ctx, dialing, network, roots)
		}),
	}
	switch s.cfg.TLS {
	case ImplicitTLS:
		options = append(options, gomail.WithSSL()) // the dialer has done it
	case NoTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	c, err := gomail.NewClient(s.cfg.Host, options...)
	if err != nil {
		return nil, err
	}
	return c.DialToSMTPClientWithContext(ctx)
}

// dial connects. The connection ends with ctx, also in the middle of a command,
// which the library by itself does not see to.
func (s *SMTP) dial(ctx, dialing context.Context, network string, roots *tls.Config) (net.Conn, error) {
	conn, err := s.cfg.Dial(dialing, network, net.JoinHostPort(s.cfg.Host, strconv.Itoa(s.cfg.Port)))
	if err != nil {
		return nil, err
	}
	bound := &boundConn{Conn: conn}
	bound.release = context.AfterFunc(ctx, func() { _ = conn.Close() })
	if s.cfg.TLS != ImplicitTLS {
		return bound, nil
	}
	over := tls.Client(bound, roots)
	if err := over.HandshakeContext(dialing); err != nil {
		return nil, errors.Join(err, bound.Close())
	}
	return over, nil
}

// boundConn is a connection that takes only so many bytes from the server: a line that
// never ends would be held in memory.
type boundConn struct {
	net.Conn
	release func() bool
	taken   int
}

// mostOfServer is far more than a server says about one mail, a TLS handshake included.
const mostOfServer = 1 << 20

var errTalks = errors.New("the server sends without end")

// Read implements net.Conn.
func (c *boundConn) Read(b []byte) (int, error) {
	if c.taken >= mostOfServer {
		return 0, errTalks
	}
	n, err := c.Conn.Read(b[:min(len(b), mostOfServer-c.taken)])
	c.taken += n
	return n, err
}

func (c *boundConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// login uses the strongest way to log in that both sides know. The password
// itself crosses the wire inside TLS alone, or on this machine.
func (s *SMTP) login(client *smtp.Client) error {
	if s.cfg.Username == "" {
		return nil
	}
	_, offer := client.Extension("AUTH")
	offered := strings.Fields(strings.ToUpper(offer))
	user, password := s.cfg.Username, string(s.cfg.Password.Reveal())
	clear := s.cfg.TLS == NoTLS
	switch {
	case slices.Contains(offered, "SCRAM-SHA-256"):
		return client.Auth(smtp.ScramSHA256Auth(user, password))
	case slices.Contains(offered, "PLAIN"):
		return client.Auth(smtp.PlainAuth("", user, password, s.cfg.Host, clear))
	case slices.Contains(offered, "LOGIN"):
		return client.Auth(smtp.LoginAuth(user, password, s.cfg.Host, clear))
	}
	return errors.New("it offers none of SCRAM-SHA-256, PLAIN and LOGIN")
}

func transfer(client *smtp.Client, msg *gomail.Msg) error {
	from, err := msg.GetSender(false)
	if err != nil {
		return err
	}
	to, err := msg.GetRecipients()
	if err != nil {
		return err
	}
	if err := client.Mail(from); err != nil {
		return err
	}
	for _, address := range to {
		if err := client.Rcpt(address); err != nil {
			return err
		}
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := msg.WriteTo(w); err != nil {
		return err // without the closing dot: the server drops the half that it has
	}
	return w.Close()
}

// answer is what a server said, without its words.
type answer struct{ code int }

func (a *answer) Error() string { return fmt.Sprintf("the server answered %d", a.code) }

// plain keeps what a server says out of errors: it may quote an address, or
// what was sent.
func plain(what string, err error) error {
	if t, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Errorf("%s: %w", what, &answer{t.Code})
	}
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok {
		return fmt.Errorf("%s: the server does not speak SMTP", what)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// final turns the answers that will not change into Rejected. 502, 503 and 530
// to 538 are not about the mail but about the login or the server's set-up: the
// operator can mend that while the mail waits.
func final(err error) error {
	a, ok := errors.AsType[*answer](err)
	if !ok || a.code < 500 || a.code == 502 || a.code == 503 || a.code >= 530 && a.code <= 538 {
		return err
	}
	return &Rejected{Code: a.code}
}
