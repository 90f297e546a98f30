package dashboard_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/dashboard"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
)

// mailbox is the page over an outbox with two mails.
func mailbox(t *testing.T) (*dashboard.Pages, *httptest.Server) {
	t.Helper()
	outbox, err := mail.NewOutbox(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var d *dashboard.Pages
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.At(r.URL.Path).ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	d = dashboard.New(dashboard.Config{Dev: true, Outbox: outbox, PublicURL: s.URL})
	for i, subject := range []string{"The first", "Über <b>the second</b>"} {
		err := outbox.Send(t.Context(), mail.Message{
			ID: "m" + strings.Repeat("i", i+1), Date: time.Date(2026, 11, 23, 12, i, 0, 0, time.UTC), From: "oneclaw@example.com", To: "you@example.com",
			Subject: subject, Text: "Go to\n\n" + s.URL + "/verify-email?token=abc=\n\nor https://elsewhere.example/x <script>\n", HTML: "<p>html</p>",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return d, s
}

func TestTheMailsOfDevAreShownToWhoHasTheKey(t *testing.T) {
	d, s := mailbox(t)
	for _, at := range []string{"/dev/mail", "/dev/mail?key=x", "/dev/mail/x", "/dev/mail?key="} {
		if res, body := do(t, "GET", s.URL+at, "", ""); res.StatusCode != 401 || strings.Contains(body, "first") {
			t.Errorf("%s without the key: %d %s", at, res.StatusCode, body)
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	get := func(at string) (int, string, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var b strings.Builder
		if _, err := copyTo(&b, res); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, res.Request.URL.String(), b.String()
	}
	status, at, list := get(d.MailsURL())
	if status != 200 || strings.Contains(at, "key=") || strings.Index(list, "the second") > strings.Index(list, "The first") {
		t.Errorf("%d at %s: %s", status, at, list)
	}
	if strings.Contains(list, "<b>") || !strings.Contains(list, "Über &lt;b&gt;the second") {
		t.Errorf("the list is %s", list)
	}
	link := regexp.MustCompile(`/dev/mail/[^"]+`).FindString(list)
	status, _, one := get(s.URL + link)
	if status != 200 || !strings.Contains(one, `<a href="`+s.URL+`/verify-email?token=abc=">`) ||
		strings.Contains(one, `href="https://elsewhere`) || strings.Contains(one, "<script>") {
		t.Errorf("%d %s", status, one)
	}
	for _, name := range []string{"x", "..%2f..%2fetc%2fpasswd", "../x", "20261123T120000.000000Z-none.eml"} {
		if status, _, body := get(s.URL + "/dev/mail/" + name); status != 404 && status != 200 || strings.Contains(body, "root:") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if res, _ := do(t, "POST", d.MailsURL(), "", ""); res.StatusCode != 405 {
		t.Errorf("POST: %d", res.StatusCode)
	}
}

func copyTo(b *strings.Builder, res *http.Response) (int64, error) { return io.Copy(b, res.Body) }
