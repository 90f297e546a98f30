package mail

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"time"
)

//go:embed templates
var files embed.FS

// The names of mails. Each has templates/NAME.txt (with the subject) and
// templates/NAME.html, set into the layouts.
const (
	verifyEmail       = "verify-email"
	enrollAgent       = "enroll-agent"
	approvalRequested = "approval-requested"
	secretsWanted     = "secrets-wanted"
	resetPassword     = "reset-password"
	accountNotice     = "account-notice"
	// noMail is written as resetPassword, sealed, kept and taken out like it, and
	// not sent.
	noMail        = "no-mail"
	shareReceived = "share-received"
	shareAccessed = "share-accessed"
	invitation    = "invitation"
)

// lives says how long each mail is worth sending: as long as the token in it
// works, and never longer than GiveUpAfter.
func lives() map[string]time.Duration {
	return map[string]time.Duration{
		verifyEmail:       24 * time.Hour,
		enrollAgent:       24 * time.Hour,
		approvalRequested: 24 * time.Hour,
		secretsWanted:     24 * time.Hour,
		resetPassword:     time.Hour,
		accountNotice:     48 * time.Hour,
		shareReceived:     24 * time.Hour,
		shareAccessed:     24 * time.Hour,
		invitation:        7 * 24 * time.Hour,
	}
}

// tokenPage is what a mail shows whose reader is to follow a link. Every text
// in it is of our making or was checked: none comes from a stranger as it is.
type tokenPage struct {
	Server string // base URL
	Page   string // where the link leads
	API    string // where the token can be sent instead
	Token  string
}

// noticePage is what a mail shows that tells of something done. What is one of
// our own sentences.
type noticePage struct {
	Server, What, At string
}

// template is what mails of one kind are written with.
type template struct {
	name string
	life time.Duration
	text *texttemplate.Template
	html *htmltemplate.Template
}

func parseTemplates() (map[string]*template, error) {
	all := map[string]*template{}
	for name, life := range lives() {
		text, err := texttemplate.New("layout.txt").Option("missingkey=error").
			ParseFS(files, "templates/layout.txt", "templates/"+name+".txt")
		if err != nil {
			return nil, fmt.Errorf("mail template: %w", err)
		}
		html, err := htmltemplate.New("layout.html").Option("missingkey=error").
			ParseFS(files, "templates/layout.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("mail template: %w", err)
		}
		all[name] = &template{name: name, life: min(life, GiveUpAfter), text: text, html: html}
	}
	return all, nil
}

// write fills in the template.
func (t *template) write(data any) (subject, text, html string, err error) {
	var b bytes.Buffer
	fill := func(run func() error) (out string) {
		if b.Reset(); err == nil {
			err = run()
		}
		return strings.TrimSpace(b.String())
	}
	subject = fill(func() error { return t.text.ExecuteTemplate(&b, "subject", data) })
	text = fill(func() error { return t.text.Execute(&b, data) })
	html = fill(func() error { return t.html.Execute(&b, data) })
	clear(b.Bytes()[:b.Cap()])
	if err != nil {
		return "", "", "", fmt.Errorf("write mail: %w", err)
	}
	return subject, text + "\n", html + "\n", nil
}
