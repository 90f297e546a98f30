package mail_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

func TestAMailArrivesBy(t *testing.T) {
	for name, s := range map[string]*server{
		"STARTTLS and a login":             {mode: mail.STARTTLS, user: "postman"},
		"STARTTLS and the LOGIN mechanism": {mode: mail.STARTTLS, user: "postman", mechanisms: []string{"LOGIN"}},
		"STARTTLS without a login":         {mode: mail.STARTTLS},
		"implicit TLS and a login":         {mode: mail.ImplicitTLS, user: "postman"},
		"plain SMTP to this machine":       {mode: mail.NoTLS},
		"plain SMTP with a login":          {mode: mail.NoTLS, user: "postman"},
	} {
		t.Run(name, func(t *testing.T) {
			serve(t, s)
			at := newClock()
			n := open(t, setup{dir: ready.Dir(t), sender: s.sender(t, nil), now: at.Now})
			n.verify(t)
			if tries := n.DeliverDue(t.Context()); tries != 1 || len(s.mails()) != 1 {
				t.Fatalf("%d tries, %d mails; log:\n%s", tries, len(s.mails()), n.log)
			}
			n.empty(t)
			if s.user != "" && s.logins != 1 {
				t.Errorf("%d logins", s.logins)
			}
			checkMail(t, s.mails()[0], at.Now())
		})
	}
}

// checkMail looks at the one mail that there is so far, as its reader would.
func checkMail(t *testing.T, got received, sent time.Time) {
	t.Helper()
	if got.from != "oneclaw@vault.example.com" || len(got.to) != 1 || got.to[0] != to {
		t.Errorf("the envelope went from %q to %q", got.from, got.to)
	}
	l := parse(t, got.raw)
	for name, want := range map[string]string{
		"From": `"Our vault" <oneclaw@vault.example.com>`, "To": "<" + to + ">", "Cc": "", "Bcc": "",
		"Subject": "Confirm your mail address", "User-Agent": "", "X-Mailer": "", "Auto-Submitted": "auto-generated",
	} {
		if v := l.header.Get(name); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
	if d, err := l.header.Date(); err != nil || !d.Equal(sent) {
		t.Errorf("the date is %v, %v", d, err)
	}
	if id := l.header.Get("Message-Id"); !strings.HasSuffix(id, "@vault.example.com>") || len(id) < 40 {
		t.Errorf("the message id is %q", id)
	}
	if host, err := os.Hostname(); err != nil || got.helo != "vault.example.com" || strings.Contains(string(got.raw), host) {
		t.Errorf("the name of this machine went out: HELO %q, %v", got.helo, err)
	}
	page := public + "/verify-email?token=" + token
	for what, body := range map[string]string{"text": l.text, "HTML": l.html} {
		for _, want := range []string{page, public + "/v1/auth/verify-email", `{"token":"` + token + `"}`} {
			if !strings.Contains(body, want) {
				t.Errorf("the %s lacks %s:\n%s", what, want, body)
			}
		}
	}
	if !strings.Contains(l.text, "\n"+token+"\r\n") || !strings.Contains(l.html, `<a href="`+page+`">`) {
		t.Errorf("the token has no line, or the link no anchor:\n%s\n%s", l.text, l.html)
	}
}

func TestNoMailAndNoPasswordGoesTo(t *testing.T) {
	foreign := serve(t, &server{mode: mail.STARTTLS})
	for name, c := range map[string]struct {
		server *server
		names  []string
		change func(*mail.SMTPConfig)
		logins int
	}{
		"a server that does not offer STARTTLS": {
			server: &server{mode: mail.NoTLS}, change: func(c *mail.SMTPConfig) { c.TLS = mail.STARTTLS },
		},
		"a server that an unknown CA vouches for": {
			server: &server{mode: mail.STARTTLS}, change: func(c *mail.SMTPConfig) { c.RootCAs = foreign.ca },
		},
		"a server that the system's CAs do not vouch for": {
			server: &server{mode: mail.STARTTLS}, change: func(c *mail.SMTPConfig) { c.RootCAs = nil },
		},
		"a server with another name":                   {server: &server{mode: mail.STARTTLS}, names: []string{"mx.other.example"}},
		"a server with another name over implicit TLS": {server: &server{mode: mail.ImplicitTLS}, names: []string{"mx.other.example"}},
		"an implicit TLS server without a known CA": {
			server: &server{mode: mail.ImplicitTLS}, change: func(c *mail.SMTPConfig) { c.RootCAs = x509.NewCertPool() },
		},
		"a server that refuses the password": {
			server: &server{mode: mail.STARTTLS}, change: func(c *mail.SMTPConfig) { c.Username = "fresh.reader" }, logins: 1,
		},
		"a server with login mechanisms that we do not speak": {server: &server{mode: mail.STARTTLS, mechanisms: []string{"ODD"}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.server.user = "postman"
			serve(t, c.server, c.names...)
			m := c.server.sender(t, c.change)
			err := m.Send(t.Context(), mail.Message{ID: "1", From: from, To: to, Subject: "s", Text: token, HTML: token})
			if err == nil || len(c.server.mails()) != 0 || c.server.logins != c.logins {
				t.Fatalf("err %v, %d mails, %d logins", err, len(c.server.mails()), c.server.logins)
			}
			hides(t, "the error", err.Error())
		})
	}
}

// noticed is a connection that says when somebody waits for the other side.
type noticed struct {
	net.Conn
	reading func()
}

func (c *noticed) Read(p []byte) (int, error) {
	c.reading()
	return c.Conn.Read(p)
}

func TestASendEndsWithItsContextWhenTheServerFallsSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	closed := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil { // and then it never greets
			_, err = c.Read(make([]byte, 1))
		}
		closed <- err
	}()
	m, err := mail.NewSMTP(mail.SMTPConfig{
		Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			return &noticed{c, cancel}, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	// Not by the deadline that each connection has anyway.
	if err := m.Send(ctx, mail.Message{ID: "1", From: from, To: to}); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("it ended with %v", err)
	}
	if err := <-closed; err == nil {
		t.Fatal("the connection stayed open")
	}
}

func TestAnswersOfTheServer(t *testing.T) {
	type outcome struct{ sent, kept bool }
	for name, c := range map[string]struct {
		step string
		code int
		want outcome
	}{
		"451 for the recipient: tried again":       {"rcpt", 451, outcome{kept: true}},
		"421 for the sender: tried again":          {"mail", 421, outcome{kept: true}},
		"452 for the content: tried again":         {"data", 452, outcome{kept: true}},
		"550 for the recipient: dropped":           {"rcpt", 550, outcome{}},
		"553 for the sender: dropped":              {"mail", 553, outcome{}},
		"554 for the content: dropped":             {"data", 554, outcome{}},
		"530, a login is missing: tried again":     {"mail", 530, outcome{kept: true}},
		"535 in the middle: tried again":           {"rcpt", 535, outcome{kept: true}},
		"502, not now: tried again":                {"mail", 502, outcome{kept: true}},
		"nothing to complain about: sent and gone": {"", 0, outcome{sent: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, &server{mode: mail.STARTTLS, answer: func(step, arg string) error {
				if step != c.step {
					return nil
				}
				return &smtp.SMTPError{Code: c.code, Message: "about " + to + " and " + token}
			}})
			at := newClock()
			n := open(t, setup{dir: ready.Dir(t), sender: s.sender(t, nil), now: at.Now})
			n.verify(t)
			if tries := n.DeliverDue(t.Context()); tries != 1 {
				t.Fatalf("%d tries", tries)
			}
			_, kept, err := n.db.MailDue(t.Context())
			if got := (outcome{len(s.mails()) == 1, kept}); got != c.want || err != nil {
				t.Fatalf("got %+v, %v; log:\n%s", got, err, n.log)
			}
			if !c.want.kept && !c.want.sent && !strings.Contains(n.log.String(), `"level":"ERROR"`) {
				t.Fatal("the log does not say that a mail is lost")
			}
		})
	}
}

func TestSMTPConfiguration(t *testing.T) {
	good := func() mail.SMTPConfig { return mail.SMTPConfig{Host: "mx.example.com", Port: 587} }
	for name, c := range map[string]struct {
		change func(*mail.SMTPConfig)
		code   string
	}{
		"a host and a port are enough":     {func(*mail.SMTPConfig) {}, ""},
		"an IPv6 address":                  {func(c *mail.SMTPConfig) { c.Host = "2001:db8::1" }, ""},
		"plain to localhost":               {func(c *mail.SMTPConfig) { c.Host, c.TLS = "localhost", mail.NoTLS }, ""},
		"plain to ::1":                     {func(c *mail.SMTPConfig) { c.Host, c.TLS = "::1", mail.NoTLS }, ""},
		"plain to another machine":         {func(c *mail.SMTPConfig) { c.TLS = mail.NoTLS }, "unsafe_smtp"},
		"plain to a private address":       {func(c *mail.SMTPConfig) { c.Host, c.TLS = "10.0.0.1", mail.NoTLS }, "unsafe_smtp"},
		"plain to a name that looks local": {func(c *mail.SMTPConfig) { c.Host, c.TLS = "localhost.evil.example", mail.NoTLS }, "unsafe_smtp"},
		"no host":                          {func(c *mail.SMTPConfig) { c.Host = "" }, "invalid_smtp_host"},
		"a host with a port":               {func(c *mail.SMTPConfig) { c.Host = "mx.example.com:25" }, "invalid_smtp_host"},
		"a socket":                         {func(c *mail.SMTPConfig) { c.Host = "unix:///run/smtp" }, "invalid_smtp_host"},
		"a host with a line break":         {func(c *mail.SMTPConfig) { c.Host = "mx\r\nDATA" }, "invalid_smtp_host"},
		"port 0":                           {func(c *mail.SMTPConfig) { c.Port = 0 }, "invalid_smtp_port"},
		"port 65536":                       {func(c *mail.SMTPConfig) { c.Port = 65536 }, "invalid_smtp_port"},
		"TLS if there happens to be some":  {func(c *mail.SMTPConfig) { c.TLS = "opportunistic" }, "invalid_smtp_tls"},
		"a user without a password":        {func(c *mail.SMTPConfig) { c.Username = "u" }, "incomplete_smtp_login"},
		"a password without a user":        {func(c *mail.SMTPConfig) { c.Password = secret.FromString(password) }, "incomplete_smtp_login"},
		"a password with a new line": {
			func(c *mail.SMTPConfig) { c.Username, c.Password = "u", secret.FromString(password+"\n") }, "invalid_smtp_login",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			c.change(&cfg)
			_, err := mail.NewSMTP(cfg)
			wants(t, err, c.code)
		})
	}
}
