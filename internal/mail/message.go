package mail

import (
	"fmt"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Message is a mail on its way to a Sender.
type Message struct {
	ID      string // unique, the same in every attempt
	From    string // an address, maybe with a name
	To      string // one bare address
	Subject string
	Text    string
	HTML    string
	Date    time.Time
}

// mime builds the message's MIME form. It names neither this machine nor the
// software: the Message-ID ends with the sender's domain.
func (m Message) mime() (*gomail.Msg, error) {
	if err := checkRecipient(m.To); err != nil {
		return nil, err
	}
	if err := checkLine(m.Subject); err != nil {
		return nil, err
	}
	g := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	if err := g.From(m.From); err != nil {
		return nil, badSender()
	}
	if err := g.To(m.To); err != nil {
		return nil, badRecipient()
	}
	g.Subject(m.Subject)
	g.SetDateWithValue(m.Date.UTC())
	g.SetMessageIDWithValue(m.ID + "@" + m.domain())
	g.SetGenHeader("Auto-Submitted", "auto-generated")
	g.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	g.SetBodyString(gomail.TypeTextPlain, m.Text)
	g.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return g, nil
}

// domain is the sender's.
func (m Message) domain() string {
	a, err := netmail.ParseAddress(m.From)
	if err != nil {
		return "localhost"
	}
	return a.Address[strings.LastIndexByte(a.Address, '@')+1:]
}

// checkRecipient accepts one bare ASCII address. Whatever could end a header or
// an SMTP command, or name a second recipient, is refused.
func checkRecipient(to string) error {
	if !plainAddress(to) {
		return badRecipient()
	}
	return nil
}

func badRecipient() error {
	return fault.New(fault.Invalid, "invalid_recipient", "A mail goes to one plain address such as name@example.com.")
}

// sender accepts an address with or without a name, and returns it in one form.
func sender(from string) (string, error) {
	if !utf8.ValidString(from) || strings.ContainsFunc(from, unicode.IsControl) {
		return "", badSender()
	}
	a, err := netmail.ParseAddress(from)
	// The name may have been written as an encoded word, which hides what it is.
	if err != nil || !plainAddress(a.Address) || checkLine(a.Name) != nil {
		return "", badSender()
	}
	return a.String(), nil
}

func badSender() error {
	return fault.New(fault.Invalid, "invalid_mail_from",
		"The sender of mails must be an address such as oneclaw@example.com, or Name <oneclaw@example.com>.")
}

func plainAddress(s string) bool {
	if len(s) > 254 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) ||
		strings.ContainsAny(s, `"(),:;<>[\]`) || strings.Count(s, "@") != 1 {
		return false
	}
	a, err := netmail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
}

// checkLine accepts text that fits into one header.
func checkLine(s string) error {
	if len(s) > 500 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) ||
		strings.ContainsAny(s, "\u2028\u2029") {
		return fault.New(fault.Invalid, "invalid_mail_header", "Text in a mail's header must be one short line without control characters.")
	}
	return nil
}

// checkToken accepts what may stand in a link, in a shell command and in JSON
// as it is.
func checkToken(token string) error {
	ok := token != "" && len(token) <= 256
	for i := 0; ok && i < len(token); i++ {
		c := token[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
	}
	if !ok {
		return fault.New(fault.Invalid, "invalid_mail_token", "A mailed token has 1 to 256 letters, digits and - _.")
	}
	return nil
}

// baseURL accepts the http or https URL that users reach the server at.
func baseURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.ContainsAny(s, "#'\"`$\\<>") {
		return "", fault.New(fault.Invalid, "invalid_public_url",
			"The public URL must be an http or https address without login, query and fragment, such as https://vault.example.com.")
	}
	return strings.TrimRight(fmt.Sprintf("%s://%s%s", u.Scheme, u.Host, u.EscapedPath()), "/"), nil
}
