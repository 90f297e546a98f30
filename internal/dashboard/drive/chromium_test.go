// Package drive_test opens the dashboard in a real Chromium: it reads, types and clicks as
// a person does, and attacks the pages as a stranger would.
package drive_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds every wait for the browser. It is no expectation.
const patience = time.Minute

// chromium is the one browser of this process. Each tab of a test is a profile of its own.
var chromium = sync.OnceValues(startChromium)

var stopChromium = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	stopChromium()
	os.Exit(code)
}

func startChromium() (context.Context, error) {
	program, err := exec.LookPath("chromium")
	if err != nil {
		return nil, fmt.Errorf("%w: `make test-deps` installs it", err)
	}
	home, err := os.MkdirTemp("", "oneclaw-drive-")
	if err != nil {
		return nil, err
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(filepath.Join(home, "profile")),
		chromedp.NoInheritEnv, chromedp.Env("HOME="+home, "PATH="+os.Getenv("PATH")),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-US"),
		chromedp.WindowSize(1280, 900))
	ctx, stopAllocator := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, stop := chromedp.NewContext(ctx)
	stopChromium = func() {
		stop()
		stopAllocator() // it waits for the process
		_ = os.RemoveAll(home)
	}
	return ctx, chromedp.Do(ctx)
}

// tab is a page of the browser, with cookies and storage that it shares with no other test.
type tab struct {
	t    *testing.T
	url  string // of the server
	ctx  context.Context
	mu   sync.Mutex
	said []string // what the browser complains of
}

// open opens a tab. What the browser complained of fails the test at its end, unless the
// test took it with complaints.
func open(t *testing.T, url string) *tab {
	t.Helper()
	all, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	ctx, done := chromedp.NewContext(all, chromedp.WithNewBrowserContext())
	b := &tab{t: t, url: url, ctx: ctx}
	t.Cleanup(func() {
		for _, line := range b.complaints() {
			t.Error("the browser says: " + line)
		}
		done()
	})
	b.prepare()
	return b
}

// beside is another tab of the same profile.
func (b *tab) beside() *tab {
	b.t.Helper()
	ctx, done := chromedp.NewContext(b.ctx)
	b.t.Cleanup(done)
	other := &tab{t: b.t, url: b.url, ctx: ctx}
	other.prepare()
	return other
}

func (b *tab) prepare() {
	b.t.Helper()
	b.must("open a tab", chromedp.Do(b.ctx))
	b.must("listen", chromedp.Listen(b.ctx, b.hear))
	_, err := chromedp.Call(b.ctx, log.Enable, struct{}{})
	b.must("listen to the log", err)
	_, err = chromedp.Call(b.ctx, network.Enable, network.EnableParams{})
	b.must("listen to the network", err)
}

// hear notes what no page should cause: a violation of its policy, an error of a script, a
// request that failed.
func (b *tab) hear(event any) {
	line := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			line = fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			line = "console." + e.Type.String()
			for _, a := range e.Args {
				line += " " + a.Description + string(a.Value)
			}
		}
	case *runtime.EventExceptionThrown:
		line = "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			line += " " + e.ExceptionDetails.Exception.Description
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			line = "failed request: " + e.ErrorText
		}
	}
	if line != "" {
		b.mu.Lock()
		b.said = append(b.said, line)
		b.mu.Unlock()
	}
}

// complaints takes what the browser complained of so far.
func (b *tab) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	said := b.said
	b.said = nil
	return said
}

// refused takes the complaint of a page that answers with a status of a refusal, which the
// browser logs, and no other.
func (b *tab) refused(status int) {
	b.t.Helper()
	want := fmt.Sprintf("the server responded with a status of %d", status)
	said := b.complaints()
	rest := slices.DeleteFunc(slices.Clone(said), func(line string) bool { return strings.Contains(line, want) })
	if len(rest) > 0 || len(said) == 0 {
		b.t.Errorf("the browser says %q, want the status %d alone", said, status)
	}
}

func (b *tab) must(what string, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// do runs steps that stay on the page.
func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, done := context.WithTimeout(b.ctx, patience)
	defer done()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.where())
	}
}

// goes runs steps that lead to another page, and returns its status.
func (b *tab) goes(what string, steps ...chromedp.Action[chromedp.Void]) int {
	b.t.Helper()
	ctx, done := context.WithTimeout(b.ctx, patience)
	defer done()
	res, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.where())
	}
	return int(res.Status)
}

// where says what the tab shows, for the message of a test.
func (b *tab) where() string {
	ctx, done := context.WithTimeout(b.ctx, 5*time.Second)
	defer done()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + location.search + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}
