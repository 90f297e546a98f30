package drive_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// pageTree are the frames of a page.
var pageTree = page.GetFrameTree

// submitForm submits the form of the other site.
func submitForm(ctx context.Context, _ *chromedp.Target) error {
	return chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`document.getElementById("f").submit()`))
}

// newSite is another site, of another host name: what it answers depends on the path.
func newSite(t *testing.T, answer func(path string) string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/favicon.ico" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = io.WriteString(w, answer(r.URL.Path))
	}))
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}
