package mail_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

// What stands for a mail to nobody is kept and taken out like one, and not sent.
func TestAMailToNobodyIsTakenOutUnsent(t *testing.T) {
	s := serve(t, &server{mode: mail.STARTTLS})
	at := newClock()
	n := open(t, setup{dir: ready.Dir(t), sender: s.sender(t, nil), now: at.Now})
	if err := n.NoMail(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.due(t) // there is one
	if tries := n.DeliverDue(t.Context()); tries != 1 || len(s.messages) != 0 {
		t.Errorf("%d tries, the server saw %v", tries, s.messages)
	}
	n.empty(t)
	// A mail to somebody goes out all the same.
	if err := n.ResetPassword(t.Context(), "ann@example.com", "token"); err != nil {
		t.Fatal(err)
	}
	if n.DeliverDue(t.Context()) != 1 || len(s.mails()) != 1 {
		t.Errorf("%d mails", len(s.mails()))
	}
}
