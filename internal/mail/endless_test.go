package mail_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/mail"
)

// A server that never ends its line gets no more than a little memory.
func TestAServersEndlessLineIsCutOff(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	sent := make(chan int, 1)
	go func() {
		n := 0
		c, err := l.Accept()
		for err == nil && n < 64<<20 {
			var m int
			m, err = c.Write(bytes.Repeat([]byte("2"), 64<<10))
			n += m
		}
		sent <- n
		if c != nil {
			_ = c.Close()
		}
	}()
	m, err := mail.NewSMTP(mail.SMTPConfig{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Send(t.Context(), mail.Message{ID: "1", From: from, To: to}); err == nil {
		t.Error("a mail was sent")
	}
	if n := <-sent; n >= 64<<20 {
		t.Errorf("%d MiB were taken", n>>20)
	}
}

func TestTheMailOfAnEnrolmentHasIDAndKey(t *testing.T) {
	const id = "2d1c9a40-8a0b-4f0e-9d57-0f4c1c6d5a11"
	m := delivered(t, func(ctx context.Context, s *mail.Service) error {
		return s.EnrollAgent(ctx, to, "bot", "192.0.2.1", id, "ocv_"+token[4:], token)
	})
	for form, body := range map[string]string{"text": m.text, "html": m.html} {
		if !strings.Contains(body, id) || !strings.Contains(body, "ocv_"+token[4:]) {
			t.Errorf("the %s lacks id or key:\n%s", form, body)
		}
	}
}
