package mail

import (
	"errors"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// OutboxMail is a mail in an outbox, as a person reads it.
type OutboxMail struct {
	Name    string // of its file
	To      string
	Subject string
	Date    time.Time
	Text    string // empty in a list
}

// outboxName is what Send calls its files.
var outboxName = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[A-Za-z0-9-]{1,64}\.eml$`)

var errNoMail = fault.New(fault.NotFound, "mail_not_found", "There is no such mail in the outbox.")

// maxOutboxMail bounds what is read of one mail.
const maxOutboxMail = 1 << 20

// List returns the mails of the outbox, newest first. One that can't be read is
// left out.
func (o *Outbox) List() ([]OutboxMail, error) {
	entries, err := os.ReadDir(o.dir) // sorted by name, and so by age
	if err != nil {
		return nil, err
	}
	slices.Reverse(entries)
	var out []OutboxMail
	for _, e := range entries {
		if one, err := o.Read(e.Name()); err == nil {
			one.Text = ""
			out = append(out, one)
		}
	}
	return out, nil
}

// Read returns one mail. NotFound when there is none of that name.
func (o *Outbox) Read(name string) (OutboxMail, error) {
	if !outboxName.MatchString(name) {
		return OutboxMail{}, errNoMail
	}
	f, err := os.Open(filepath.Join(o.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return OutboxMail{}, errNoMail
	}
	if err != nil {
		return OutboxMail{}, err
	}
	defer f.Close()
	m, err := netmail.ReadMessage(io.LimitReader(f, maxOutboxMail))
	if err != nil {
		return OutboxMail{}, err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return OutboxMail{}, err
	}
	one := OutboxMail{Name: name, To: m.Header.Get("To"), Subject: subject}
	if one.Date, err = m.Header.Date(); err != nil {
		return OutboxMail{}, err
	}
	one.Text, err = plainText(m)
	return one, err
}

// plainText returns the part of a mail that is text/plain.
func plainText(m *netmail.Message) (string, error) {
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return decoded(m.Body, m.Header.Get("Content-Transfer-Encoding"))
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if err != nil {
			return "", err
		}
		if kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type")); err == nil && kind == "text/plain" {
			return decoded(p, p.Header.Get("Content-Transfer-Encoding"))
		}
	}
}

func decoded(r io.Reader, encoding string) (string, error) {
	if strings.EqualFold(encoding, "quoted-printable") {
		r = quotedprintable.NewReader(r)
	}
	b, err := io.ReadAll(r)
	return string(b), err
}
