package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"regexp"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/mail"
)

const devMailPath = "/dev/mail"

type mailView struct {
	Problem string
	All     []mail.OutboxMail
	One     *mail.OutboxMail
	Text    []piece
}

// piece is a part of a mail's text: a link to this server, or plain text.
type piece struct{ Link, Plain string }

// devMail shows the mails of `oneclaw dev`, which go nowhere else. They hold
// tokens, and every program of this machine reaches the port, so the page opens
// only with the key that dev prints: the link with it sets a cookie.
type devMail struct {
	*site
	outbox *mail.Outbox // nil: mails go to a real server
	base   string       // of links that may be followed
	key    string
	links  *regexp.Regexp
}

func newDevMail(s *site, outbox *mail.Outbox, base string) *devMail {
	return &devMail{site: s, outbox: outbox, base: base, key: rand.Text(), links: regexp.MustCompile(`https?://[^\s"'<>\\]+`)}
}

// address is where the page opens, with the key.
func (d *devMail) address() string { return d.base + devMailPath + "?key=" + d.key }

// ServeHTTP implements http.Handler.
func (d *devMail) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	headers(w, "form-action 'none'")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		d.view(w, http.StatusMethodNotAllowed, mailView{Problem: "This page is read only."})
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
		d.view(w, http.StatusUnauthorized, mailView{Problem: "Open the address that oneclaw dev printed, which has a key in it. It is in dev-credentials.json too."})
		return
	}
	if d.outbox == nil {
		d.view(w, http.StatusNotFound, mailView{Problem: "Mails go to the mail server that is configured."})
		return
	}
	d.mails(w, strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, devMailPath), "/"))
}

func (d *devMail) mails(w http.ResponseWriter, name string) {
	if name == "" {
		all, err := d.outbox.List()
		if err != nil {
			d.view(w, http.StatusInternalServerError, mailView{Problem: "The outbox can't be read."})
			return
		}
		d.view(w, http.StatusOK, mailView{All: all})
		return
	}
	one, err := d.outbox.Read(name)
	if err != nil {
		d.view(w, http.StatusNotFound, mailView{Problem: "There is no such mail."})
		return
	}
	d.view(w, http.StatusOK, mailView{One: &one, Text: d.linked(one.Text)})
}

// opens compares hashes, which have one length.
func (d *devMail) opens(key string) bool {
	got, want := sha256.Sum256([]byte(key)), sha256.Sum256([]byte(d.key))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// linked cuts a text into links to this server and the rest.
func (d *devMail) linked(text string) []piece {
	var out []piece
	at := 0
	for _, m := range d.links.FindAllStringIndex(text, -1) {
		if link := text[m[0]:m[1]]; strings.HasPrefix(link, d.base+"/") {
			out = append(out, piece{Plain: text[at:m[0]]}, piece{Link: link})
			at = m[1]
		}
	}
	return append(out, piece{Plain: text[at:]})
}

func (d *devMail) view(w http.ResponseWriter, status int, v mailView) {
	d.show(w, "mails.html", status, v)
}
