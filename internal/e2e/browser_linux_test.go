package e2e_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// browser is a real Chromium with one page, driven through the pipe that its debugging
// protocol has. It is not trusted with less than a person's is: every page is loaded, laid
// out and clicked in it.
type browser struct {
	t       testing.TB
	in      *os.File
	said    chan cdp
	session string
	n       int
}

type cdp struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// openBrowser starts it. It ends with the test.
func openBrowser(t testing.TB) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("there is no chromium: `make test-deps` installs it")
	}
	theirs, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--remote-debugging-pipe", "--user-data-dir="+filepath.Join(t.TempDir(), "profile"), "about:blank")
	cmd.ExtraFiles = []*os.File{theirs, theirOut} // 3 and 4
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = theirs.Close(), theirOut.Close()
	b := &browser{t: t, in: in, said: make(chan cdp, 1000)}
	go func() {
		defer close(b.said)
		lines := bufio.NewReader(out)
		for {
			text, err := lines.ReadBytes(0)
			if err != nil {
				return
			}
			var m cdp
			if json.Unmarshal(text[:len(text)-1], &m) == nil {
				b.said <- m
			}
		}
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // with its children, which are its own group
		_ = cmd.Wait()
		_, _ = in.Close(), out.Close()
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	b.call("Page.enable", nil, nil)
	return b
}

// call sends a command and waits for its answer.
func (b *browser) call(method string, params map[string]any, result any) {
	b.t.Helper()
	b.n++
	m := map[string]any{"id": b.n, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	text, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		b.t.Fatal(err)
	}
	answer := b.await(method, func(m cdp) bool { return m.ID == b.n })
	if len(answer.Error) > 0 {
		b.t.Fatalf("%s: %s", method, answer.Error)
	}
	if result != nil {
		if err := json.Unmarshal(answer.Result, result); err != nil {
			b.t.Fatalf("%s: %s", method, answer.Result)
		}
	}
}

func (b *browser) await(what string, is func(cdp) bool) cdp {
	b.t.Helper()
	late := time.After(patience)
	for {
		select {
		case m, ok := <-b.said:
			if !ok {
				b.t.Fatalf("the browser ended during %s", what)
			}
			if is(m) {
				return m
			}
		case <-late:
			b.t.Fatalf("the browser does not get done with %s", what)
		}
	}
}

// loaded waits for the next page.
func (b *browser) loaded() {
	b.t.Helper()
	b.await("loading a page", func(m cdp) bool { return m.Method == "Page.loadEventFired" })
}

// visit opens an address.
func (b *browser) visit(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	b.loaded()
}

// eval returns what an expression of JavaScript gives, as text.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	var out struct{ Result struct{ Value any } }
	b.call("Runtime.evaluate", map[string]any{"expression": "String(" + expression + ")", "returnByValue": true}, &out)
	text, _ := out.Result.Value.(string)
	return text
}

// text is what a person reads on the page.
func (b *browser) text() string {
	b.t.Helper()
	return b.eval("document.body.innerText")
}

// press clicks what a selector finds, and waits for the page that follows.
func (b *browser) press(selector string) {
	b.t.Helper()
	b.call("Runtime.evaluate", map[string]any{"expression": `setTimeout(() => document.querySelector('` + selector + `').click(), 0)`}, nil)
	b.loaded()
}
