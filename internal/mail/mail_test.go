package mail_test

import (
	"context"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

var (
	_ account.Mailer = (*mail.Service)(nil)
	_ agent.Mailer   = (*mail.Service)(nil)
	_ org.Mailer     = (*mail.Service)(nil)
)

// wants checks for a fault of kind Invalid with the code, or for no error.
func wants(t *testing.T, err error, code string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if !fault.Is(err, fault.Invalid) || fault.CodeOf(err) != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	hides(t, "the error", err.Error())
}

// unused is a sender that must not be asked.
type unused struct{ t *testing.T }

func (u unused) Send(context.Context, mail.Message) error {
	u.t.Error("a mail was sent")
	return nil
}

func TestConfiguration(t *testing.T) {
	for name, c := range map[string]struct{ from, public, code string }{
		"an address and an https URL":            {"oneclaw@example.com", "https://vault.example.com", ""},
		"a name in UTF-8, a port and a path":     {"Tresor Zürich <oneclaw@example.com>", "http://127.0.0.1:8210/vault/", ""},
		"no sender":                              {"", public, "invalid_mail_from"},
		"two senders":                            {"a@example.com, b@example.com", public, "invalid_mail_from"},
		"a line break in the sender's name":      {"A\r\nBcc: x@example.org <a@example.com>", public, "invalid_mail_from"},
		"a line break hidden in an encoded word": {"=?utf-8?b?QQ0KQmNjOiB4?= <a@example.com>", public, "invalid_mail_from"},
		"a line break in a quoted sender":        {"\"a\r\n\"@example.com", public, "invalid_mail_from"},
		"no URL":                                 {from, "", "invalid_public_url"},
		"a host without a scheme":                {from, "vault.example.com", "invalid_public_url"},
		"another scheme":                         {from, "javascript://vault.example.com/", "invalid_public_url"},
		"a URL with a password":                  {from, "https://u:" + password + "@vault.example.com", "invalid_public_url"},
		"a URL with a query":                     {from, "https://vault.example.com/?a=b", "invalid_public_url"},
		"a URL with a fragment":                  {from, "https://vault.example.com/#a", "invalid_public_url"},
		"a URL that would end a shell word":      {from, "https://vault.example.com/'$(id)", "invalid_public_url"},
		"a URL with a line break":                {from, "https://vault.example.com/\r\nx", "invalid_public_url"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mail.New(mail.Config{From: c.from, PublicURL: c.public})
			wants(t, err, c.code)
		})
	}
}

func TestRecipientsAndTokens(t *testing.T) {
	n := open(t, setup{dir: ready.Dir(t), sender: unused{t}, now: newClock().Now})
	for name, c := range map[string]struct{ to, token, code string }{
		"a header after the address":     {to + "\r\nBcc: x@example.org", token, "invalid_recipient"},
		"a header after a line feed":     {to + "\nBcc: x@example.org", token, "invalid_recipient"},
		"a command after the address":    {to + ">\r\nRCPT TO:<x@example.org", token, "invalid_recipient"},
		"two recipients":                 {to + ", x@example.org", token, "invalid_recipient"},
		"a name":                         {"Reader <" + to + ">", token, "invalid_recipient"},
		"a quoted local part":            {`"a b"@example.net`, token, "invalid_recipient"},
		"a source route":                 {"@x.example:" + to, token, "invalid_recipient"},
		"two at signs":                   {"a@b@example.net", token, "invalid_recipient"},
		"a NUL":                          {"a\x00@example.net", token, "invalid_recipient"},
		"a space":                        {"a @example.net", token, "invalid_recipient"},
		"a non-ASCII address":            {"ä@example.net", token, "invalid_recipient"},
		"bad UTF-8":                      {"a\xff@example.net", token, "invalid_recipient"},
		"no address":                     {"", token, "invalid_recipient"},
		"an address of 300 bytes":        {strings.Repeat("a", 300) + "@example.net", token, "invalid_recipient"},
		"no token":                       {to, "", "invalid_mail_token"},
		"a token with markup":            {to, "<b>" + token, "invalid_mail_token"},
		"a token that ends a shell word": {to, token + "'", "invalid_mail_token"},
		"a token with a second line":     {to, token + "\n.", "invalid_mail_token"},
		"a token of 300 letters":         {to, strings.Repeat("a", 300), "invalid_mail_token"},
	} {
		t.Run(name, func(t *testing.T) {
			wants(t, n.VerifyEmail(t.Context(), c.to, c.token), c.code)
		})
	}
	n.empty(t)
}

func TestASenderRefusesHeadersThatWouldSplit(t *testing.T) {
	s := serve(t, &server{mode: mail.STARTTLS})
	box, err := mail.NewOutbox(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]mail.Message{
		"a line break in the subject":           {From: from, To: to, Subject: "a\r\nBcc: x@example.org"},
		"a line separator in the subject":       {From: from, To: to, Subject: "a\u2028b"},
		"a line break in the recipient":         {From: from, To: to + "\r\nBcc: x@example.org", Subject: "a"},
		"a second sender":                       {From: from + ", x@example.org", To: to, Subject: "a"},
		"a line break at the end of the sender": {From: from + "\r\nBcc: x@example.org", To: to, Subject: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, sender := range []mail.Sender{s.sender(t, nil), box} {
				if err := sender.Send(t.Context(), m); !fault.Is(err, fault.Invalid) {
					t.Fatalf("%T: %v", sender, err)
				}
			}
		})
	}
	if len(s.mails()) != 0 {
		t.Fatal("something was sent")
	}
}
