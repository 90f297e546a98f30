package docstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The receiver of docs/webhooks.md takes what is signed with its secret, and refuses all else
// without an error.
func TestTheReceiverOfTheWebhooksPageChecksSignatures(t *testing.T) {
	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```python\n(.*?)```").FindSubmatch(page)
	if code == nil {
		t.Fatal("there is no receiver on the page")
	}
	const secret, body = "whsec_x", `{"type":"secret.write"}`
	signed := func(at time.Time, key string) string {
		h := hmac.New(sha256.New, []byte(key))
		fmt.Fprintf(h, "%d.%s", at.Unix(), body)
		return fmt.Sprintf("t=%d,v1=%x", at.Unix(), h.Sum(nil))
	}
	good := signed(time.Now(), secret)
	for name, c := range map[string]struct{ signature, want string }{
		"genuine":         {good, "True"},
		"another secret":  {signed(time.Now(), "whsec_y"), "False"},
		"an hour old":     {signed(time.Now().Add(-time.Hour), secret), "False"},
		"nothing":         {"", "False"},
		"no time":         {good[strings.Index(good, "v1="):], "False"},
		"no pairs":        {"x,y", "False"},
		"other letters":   {strings.Replace(good, "v1=", "v1=é", 1), "False"},
		"a time too long": {strings.Replace(good, "t=", "t="+strings.Repeat("9", 5000), 1), "False"},
		"cut off":         {good[:len(good)-1], "False"},
	} {
		t.Run(name, func(t *testing.T) {
			run := string(code[1]) + "\nimport sys\nprint(genuine(sys.argv[1], sys.argv[2], sys.argv[3].encode()))\n"
			out, err := exec.CommandContext(t.Context(), "python3", "-c", run, secret, c.signature, body).CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) != c.want {
				t.Errorf("%s %v, want %s", out, err, c.want)
			}
		})
	}
}
