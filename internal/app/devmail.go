package app

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"html/template"
	"net/http"
	"regexp"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/mail"
)

const devMailPath = "/dev/mail"

var devMailTemplate = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>oneclaw: mails</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:3rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f1f1f4;padding:1rem}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}
@media(prefers-color-scheme:dark){body{color:#e6e6ea;background:#16161a}pre{background:#26262c}a{color:#9ab8ff}}</style></head>
<body><h1>oneclaw: mails</h1>
{{if .Problem}}<p role="alert">{{.Problem}}</p>
{{else if .One}}<p><a href="/dev/mail">All mails</a></p><h2>{{.One.Subject}}</h2><p>To {{.One.To}}, {{.One.Date.UTC.Format "2006-01-02 15:04:05 UTC"}}</p>
<pre>{{range .Text}}{{if .Link}}<a href="{{.Link}}">{{.Link}}</a>{{else}}{{.Plain}}{{end}}{{end}}</pre>
{{else if .All}}<table><tr><th>When (UTC)</th><th>To</th><th>Subject</th></tr>
{{range .All}}<tr><td>{{.Date.UTC.Format "01-02 15:04:05"}}</td><td>{{.To}}</td><td><a href="/dev/mail/{{.Name}}">{{.Subject}}</a></td></tr>
{{end}}</table>
{{else}}<p>No mails yet. What this server would send shows here.</p>{{end}}</body></html>
`))

type devMailPage struct {
	Problem string
	All     []mail.Kept
	One     *mail.Kept
	Text    []piece
}

// piece is a part of a mail's text: a link to this server, or plain text.
type piece struct{ Link, Plain string }

// devMail shows the mails of `oneclaw dev`, which go nowhere else. They hold
// tokens, and every program of this machine reaches the port, so the page opens
// only with the key that dev prints: the link with it sets a cookie.
type devMail struct {
	outbox *mail.Outbox // nil: mails go to a real server
	base   string       // of links that may be followed
	key    string
}

func newDevMail(outbox *mail.Outbox, base string) *devMail {
	return &devMail{outbox: outbox, base: base, key: rand.Text()}
}

// address is where the page opens, with the key.
func (d *devMail) address() string { return d.base + devMailPath + "?key=" + d.key }

// ServeHTTP implements http.Handler.
func (d *devMail) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pageHeaders(w, "form-action 'none'")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		d.show(w, http.StatusMethodNotAllowed, devMailPage{Problem: "This page is read only."})
		return
	}
	if key := r.URL.Query().Get("key"); key != "" && d.opens(key) {
		//nolint:gosec // G124: no Secure, since dev speaks plain HTTP on this machine
		http.SetCookie(w, &http.Cookie{Name: "oneclaw_dev_mail", Value: key, Path: devMailPath, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		w.Header().Set("Location", devMailPath) // the key does not stay in the address
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	if c, err := r.Cookie("oneclaw_dev_mail"); err != nil || !d.opens(c.Value) {
		d.show(w, http.StatusUnauthorized, devMailPage{Problem: "Open the address that oneclaw dev printed, which has a key in it. It is in dev-credentials.json too."})
		return
	}
	if d.outbox == nil {
		d.show(w, http.StatusNotFound, devMailPage{Problem: "Mails go to the mail server that is configured."})
		return
	}
	d.mails(w, strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, devMailPath), "/"))
}

func (d *devMail) mails(w http.ResponseWriter, name string) {
	if name == "" {
		all, err := d.outbox.Kept()
		if err != nil {
			d.show(w, http.StatusInternalServerError, devMailPage{Problem: "The outbox can't be read."})
			return
		}
		d.show(w, http.StatusOK, devMailPage{All: all})
		return
	}
	one, err := d.outbox.Read(name)
	if err != nil {
		d.show(w, http.StatusNotFound, devMailPage{Problem: "There is no such mail."})
		return
	}
	d.show(w, http.StatusOK, devMailPage{One: &one, Text: d.linked(one.Text)})
}

// opens compares hashes, which have one length.
func (d *devMail) opens(key string) bool {
	got, want := sha256.Sum256([]byte(key)), sha256.Sum256([]byte(d.key))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

var links = regexp.MustCompile(`https?://[^\s"'<>\\]+`)

// linked cuts a text into links to this server and the rest.
func (d *devMail) linked(text string) []piece {
	var out []piece
	at := 0
	for _, m := range links.FindAllStringIndex(text, -1) {
		if link := text[m[0]:m[1]]; strings.HasPrefix(link, d.base+"/") {
			out = append(out, piece{Plain: text[at:m[0]]}, piece{Link: link})
			at = m[1]
		}
	}
	return append(out, piece{Plain: text[at:]})
}

func (d *devMail) show(w http.ResponseWriter, status int, p devMailPage) {
	w.WriteHeader(status)
	// A write fails when the client is gone.
	_ = devMailTemplate.Execute(w, p)
}
