package e2e_test

import (
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mailServer runs a real SMTP server that keeps mails in a folder, and returns its port.
func mailServer(t *testing.T, box string) int {
	t.Helper()
	at := must[[]string](t)(freePorts(1))[0]
	cmd := exec.Command("/usr/bin/aiosmtpd", "-n", "-l", at, "-c", "aiosmtpd.handlers.Mailbox", box)
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: `make test-deps` installs it", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, "the mail server", func() bool {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return must[*net.TCPAddr](t)(net.ResolveTCPAddr("tcp", at)).Port
}

// linkIn waits for a mail in a folder and returns the first link of that kind in it.
func linkIn(t *testing.T, box, kind string) (link string) {
	t.Helper()
	pattern := regexp.MustCompile(`https?://[^\s"'<>]+` + regexp.QuoteMeta(kind) + `[^\s"'<>]+`)
	eventually(t, "a mail with a link", func() bool {
		for _, file := range must[[]string](t)(filepath.Glob(filepath.Join(box, "new", "*"))) {
			text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(string(must[[]byte](t)(os.ReadFile(file))))))
			if link = pattern.FindString(string(text)); link != "" {
				return true
			}
			if err != nil && len(text) == 0 {
				t.Error(err)
			}
		}
		return false
	})
	return link
}

// TestAMailedShareIsOpenedInABrowser: by a person without an account, on a server that takes
// none; only the button spends an access.
func TestAMailedShareIsOpenedInABrowser(t *testing.T) {
	t.Parallel()
	box := filepath.Join(t.TempDir(), "box")
	p, files := newPlace(t), t.TempDir()
	p.command, p.listen = "serve", must[[]string](t)(freePorts(1))[0]
	p.env = append(p.env, "ONECLAW_PUBLIC_URL=http://"+p.listen, "ONECLAW_OWNER_EMAIL="+ownerEmail,
		"ONECLAW_OWNER_PASSWORD_FILE="+writeFile(t, files, "password", ownerPassword),
		"ONECLAW_ROOT_PASSPHRASE_FILE="+writeFile(t, files, "passphrase", "five words and no more"), "ONECLAW_SMTP_HOST=127.0.0.1", fmt.Sprint("ONECLAW_SMTP_PORT=", mailServer(t, box)),
		"ONECLAW_SMTP_TLS=none", "ONECLAW_MAIL_FROM=oneclaw@example.com")
	s := p.start()
	s.Email, s.Password = ownerEmail, ownerPassword
	owner := s.login()
	const value = "the <value>\nof two lines"
	vault := text(t, owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]string{"name": "main"}), "id")
	secret := text(t, owner.want(t, http.StatusCreated, "PUT", "/v1/vaults/"+vault+"/secrets/db/password", map[string]string{"type": "password", "value": value}), "id")
	plain(t, s.APIURL).want(t, http.StatusForbidden, "POST", "/v1/auth/signup", map[string]string{"email": "zoe@example.com", "password": "Quite-8-Good-Words"})
	share := text(t, owner.want(t, http.StatusCreated, "POST", "/v1/secrets/"+secret+"/share",
		map[string]any{"recipient_type": "external_email", "email": "zoe@example.com", "max_access_count": 2}), "id")
	link := linkIn(t, box, "/share/")
	reads := func() any {
		return owner.want(t, http.StatusOK, "GET", "/v1/shares/"+share, nil)["access_count"]
	}

	b := openBrowser(t)
	for range 2 {
		b.visit(link)
		if got := b.text(); !strings.Contains(got, "Somebody shared a secret with you") || strings.Contains(got, "two lines") {
			t.Fatalf("the page says %s", got)
		}
	}
	if n := reads(); n != 0.0 {
		t.Errorf("looking spent %v", n)
	}
	b.press("button")
	if got := b.eval("document.getElementById('secret').textContent"); got != value {
		t.Errorf("the page shows %q: %s", got, b.text())
	}
	if n := reads(); n != 1.0 {
		t.Errorf("the button spent %v", n)
	}
	// The same link on a command line, where nobody is logged in and no server is known.
	cmd := exec.Command(binary, "share", "get", link)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != value {
		t.Errorf("on the command line: %v %q", err, out)
	}
	b.visit(link)
	b.press("button")
	if got := b.text(); !strings.Contains(got, "This share is over") {
		t.Errorf("used up: %s", got)
	}
}

// TestALinkIsOpenedInABrowser: the address that the API gives leads people to a button.
func TestALinkIsOpenedInABrowser(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := s.login()
	vault := text(t, owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]string{"name": "main"}), "id")
	secret := text(t, owner.want(t, http.StatusCreated, "PUT", "/v1/vaults/"+vault+"/secrets/db/password", map[string]string{"type": "password", "value": "hunter2"}), "id")
	made := owner.want(t, http.StatusCreated, "POST", "/v1/secrets/"+secret+"/share",
		map[string]any{"recipient_type": "anyone_with_link", "max_access_count": 1, "passphrase": "open sesame"})
	b := openBrowser(t)
	b.visit(text(t, made, "share_url"))
	if at := must[*url.URL](t)(url.Parse(b.eval("location.href"))); at.Path != "/share/"+text(t, made, "id") {
		t.Errorf("led to %s", at)
	}
	b.press("button")
	if got := b.text(); !strings.Contains(got, "needs its passphrase") {
		t.Errorf("without the passphrase: %s", got)
	}
	b.eval("document.querySelector('[name=passphrase]').value = 'open sesame'")
	b.press("button")
	if got := b.text(); !strings.Contains(got, "hunter2") || !strings.Contains(got, "It cannot be shown again") {
		t.Errorf("with it: %s", got)
	}

	// One for a person by name takes their login.
	mine := owner.want(t, http.StatusCreated, "POST", "/v1/secrets/"+secret+"/share",
		map[string]any{"recipient_type": "user", "recipient_id": text(t, owner.want(t, http.StatusOK, "GET", "/v1/auth/me", nil), "id")})
	b.visit(text(t, mine, "share_url"))
	b.press("button")
	b.eval("document.querySelector('[name=email]').value = '" + s.Email + "'")
	b.eval("document.querySelector('[name=password]').value = '" + s.Password + "'")
	b.press("button")
	if got := b.text(); !strings.Contains(got, "hunter2") {
		t.Errorf("as the recipient: %s", got)
	}
}
