package mcpserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
)

// TestMain lets the test binary stand in for "oneclaw mcp", so that signals and
// the real standard streams are tested.
func TestMain(m *testing.M) {
	if os.Getenv("MCPSERVER_TEST_AS_COMMAND") != "1" {
		os.Exit(m.Run())
	}
	cmd := mcpserver.Command(mcpserver.Deps{
		Version: "1", Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Server: func() (string, error) { return os.Getenv("MCPSERVER_TEST_SERVER"), nil },
	})
	cmd.SetArgs(os.Args[1:])
	if err := cmd.ExecuteContext(context.Background()); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// process starts the command with env and nothing else.
func process(t *testing.T, env ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), self)
	cmd.Env = append(env, "MCPSERVER_TEST_AS_COMMAND=1")
	cmd.WaitDelay = 10 * time.Second
	stderr = new(bytes.Buffer)
	cmd.Stderr = stderr
	return cmd, stderr
}

const hello = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
`

func TestStdioAnswersAndEndsWithItsInput(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "ONECLAW_BASE_URL="+a.URL)
	// The input ends right behind the call: its answer must come all the same.
	cmd.Stdin = strings.NewReader(hello + `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get_secret","arguments":{"path":"db/password"}}}` + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != 2 || !strings.Contains(lines[1], "hunter2") {
		t.Errorf("stdout:\n%s", out)
	}
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			t.Errorf("not the protocol: %s", l)
		}
	}
	if stderr.Len() != 0 {
		t.Errorf("stderr: %s", stderr)
	}
}

// TestStdioAnswersAllAndEnds: the process ends with its input whatever the requests are
// that nobody has answered by then.
func TestStdioAnswersAllAndEnds(t *testing.T) {
	const get = `,"method":"tools/call","params":{"name":"get_secret","arguments":{"path":"db/password"}}}` + "\n"
	call := func(id string) string { return `{"jsonrpc":"2.0","id":` + id + get }
	old := strings.Replace(hello, "2025-06-18", "2025-03-26", 1)
	for name, c := range map[string]struct {
		sent    string
		answers int // but for that to initialize; those with an error are refused
		refused int
		twins   int // of these, those that are refused for their id alone
	}{
		"an id twice":               {hello + call("2") + call("2"), 2, 1, 1},
		"an id three times":         {hello + call("2") + call("2") + call("2"), 3, 2, 2},
		"a text as id":              {hello + call(`"a"`) + call(`"a"`), 2, 1, 1},
		"a text and a number":       {hello + call(`"2"`) + call("2"), 2, 0, 0},
		"a number in two ways":      {hello + call("2") + call("2.0"), 2, 1, 1},
		"a number below zero":       {hello + call("-2") + call("-2"), 2, 1, 1},
		"no id":                     {hello + `{"jsonrpc":"2.0"` + get + `{"jsonrpc":"2.0"` + get + call("2"), 1, 0, 0},
		"null as id":                {hello + call("null") + call("null") + call("2"), 1, 0, 0},
		"a notification with an id": {hello + `{"jsonrpc":"2.0","id":2,"method":"notifications/initialized"}` + "\n" + call("3"), 2, 1, 0},
		"an unknown method":         {hello + `{"jsonrpc":"2.0","id":2,"method":"none"}` + "\n" + call("3"), 2, 1, 0},
		"a second initialize":       {hello + strings.Split(hello, "\n")[0] + "\n" + call("3"), 2, 1, 0},
		"an answer to nothing":      {hello + `{"jsonrpc":"2.0","id":2,"result":{}}` + "\n" + call("2"), 1, 0, 0},
		"a batch after its twin":    {old + call("2") + "[" + strings.TrimSpace(call("2")) + "]\n", 2, 1, 1},
		"a batch before its twin":   {old + "[" + strings.TrimSpace(call("2")) + "]\n" + call("2"), 2, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := newContractAPI(t)
			seeded(a)
			cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "ONECLAW_BASE_URL="+a.URL)
			cmd.Stdin = strings.NewReader(c.sent)
			a.mu.Lock() // the API answers once all twins are refused
			out := &untilErrors{left: c.twins, then: sync.OnceFunc(a.mu.Unlock)}
			defer out.then()
			cmd.Stdout = out
			_, _ = out.Write(nil)
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v: %s", err, stderr)
			}
			said := out.all.String()
			if n := strings.Count(said, `"jsonrpc"`) - 1; n != c.answers {
				t.Errorf("%d answers: %s", n, said)
			}
			if n := strings.Count(said, `"error":`); n != c.refused {
				t.Errorf("%d refused: %s", n, said)
			}
		})
	}
}

// untilErrors calls then once that many errors are written.
type untilErrors struct {
	all  bytes.Buffer
	left int
	then func()
}

func (u *untilErrors) Write(b []byte) (int, error) {
	if u.left -= bytes.Count(b, []byte(`"error":`)); u.left <= 0 {
		u.then()
	}
	return u.all.Write(b)
}

func TestStdioEndsOnSIGTERM(t *testing.T) {
	a := newContractAPI(t)
	cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "ONECLAW_BASE_URL="+a.URL)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, hello); err != nil {
		t.Fatal(err)
	}
	if n, err := out.Read(make([]byte, 1)); n != 1 { // it runs
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, stderr)
	}
}

func TestCommandSaysWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"no key":                    {nil, "set ONECLAW_AGENT_API_KEY"},
		"a human's key":             {[]string{"ONECLAW_AGENT_API_KEY=1ck_" + canary}, "begins with ocv_"},
		"a key with a line end":     {[]string{"ONECLAW_AGENT_API_KEY=ocv_a\nb" + canary}, "a character that no token has"},
		"a base URL that is none":   {[]string{"ONECLAW_AGENT_API_KEY=" + agentKey, "ONECLAW_BASE_URL=" + canary}, "base URL"},
		"plain http to the network": {[]string{"ONECLAW_AGENT_API_KEY=" + agentKey, "ONECLAW_BASE_URL=http://" + canary}, "--allow-plain-http"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, stderr := process(t, c.env...)
			out, err := cmd.Output()
			if err == nil || len(out) != 0 {
				t.Errorf("err = %v, stdout %q", err, out)
			}
			if !strings.Contains(stderr.String(), c.want) || strings.Contains(stderr.String(), canary) || strings.Contains(stderr.String(), "client:") {
				t.Errorf("stderr: %s", stderr)
			}
		})
	}
}

// TestWhatIsWrongShowsAtTheStart: the people who set a client up see its stderr,
// and the model sees the tools.
func TestWhatIsWrongShowsAtTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		env  []string
		down bool
		want string // "" is silence
	}{
		"all is well":           {[]string{"ONECLAW_AGENT_API_KEY=" + agentKey, "ONECLAW_VAULT_ID=" + vaultOne}, false, ""},
		"all is well by name":   {[]string{"ONECLAW_AGENT_API_KEY=" + agentKey, "ONECLAW_VAULT_ID=main"}, false, ""},
		"no server":             {[]string{"ONECLAW_AGENT_API_KEY=" + agentKey}, true, "127.0.0.1"},
		"a vault not there":     {[]string{"ONECLAW_AGENT_API_KEY=" + agentKey, "ONECLAW_VAULT_ID=" + vaultTwo}, false, "ONECLAW_VAULT_ID"},
		"no vault of that name": {[]string{"ONECLAW_AGENT_API_KEY=" + agentKey, "ONECLAW_VAULT_ID=" + canary}, false, "ONECLAW_VAULT_ID"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newContractAPI(t)
			seeded(a)
			if c.down {
				a.Close()
			}
			cmd, stderr := process(t, append(c.env, "ONECLAW_BASE_URL="+a.URL)...)
			cmd.Stdin = strings.NewReader(hello + `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get_secret","arguments":{"path":"db/password"}}}` + "\n")
			out, err := cmd.Output()
			if err != nil || strings.Contains(string(out), "hunter2") != (c.want == "") && name != "a vault not there" {
				t.Errorf("%v: %s", err, out)
			}
			lines := strings.Count(stderr.String(), "\n")
			if c.want == "" && lines != 0 || c.want != "" && (lines != 1 || !strings.Contains(stderr.String(), "level=WARN") || !strings.Contains(stderr.String(), c.want)) {
				t.Errorf("stderr: %s", stderr)
			}
			if strings.Contains(stderr.String()+string(out), canary) {
				t.Errorf("repeated: %s %s", stderr, out)
			}
		})
	}
}

// Who tries the command by hand while no server is there finds out where it looked, and a script by
// the exit code. A client's session goes on, since the server may yet come.
func TestAServerThatIsNotThereIsNamed(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	a.Close()
	for sent, code := range map[string]int{"": 1, "\n": 1, hello: 0} {
		cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "MCPSERVER_TEST_SERVER="+a.URL)
		cmd.Stdin = strings.NewReader(sent)
		out, _ := cmd.Output()
		if got := cmd.ProcessState.ExitCode(); got != code || strings.Contains(string(out), "serverInfo") != (sent == hello) {
			t.Errorf("%q: exit %d, %s", sent, got, out)
		}
		for _, want := range []string{a.URL, "Start the server, or set ONECLAW_BASE_URL"} {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("%q: stderr lacks %q: %s", sent, want, stderr)
			}
		}
		if strings.Contains(stderr.String(), "before an MCP client began a session") != (sent != hello) {
			t.Errorf("%q: stderr %s", sent, stderr)
		}
	}
	// With a server there, no input is no fault.
	up := newContractAPI(t)
	cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "MCPSERVER_TEST_SERVER="+up.URL)
	if out, err := cmd.Output(); err != nil || len(out) > 0 || stderr.Len() > 0 {
		t.Errorf("%v: %q %s", err, out, stderr)
	}
}

// A refused credential ends the session before it begins: a person sees a client's program
// that failed, and would not see what the tools tell the model.
func TestAWrongCredentialEndsTheSession(t *testing.T) {
	for variable, value := range map[string]string{"ONECLAW_AGENT_API_KEY": "ocv_" + canary, "ONECLAW_AGENT_TOKEN": canary} {
		a := newContractAPI(t)
		cmd, stderr := process(t, variable+"="+value, "ONECLAW_BASE_URL="+a.URL)
		in, err := cmd.StdinPipe() // which the client leaves open
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(in, hello); err != nil {
			t.Fatal(err)
		}
		out, err := cmd.Output()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || len(out) != 0 {
			t.Errorf("%s: %v, stdout %q", variable, err, out)
		}
		if strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), variable+" is wrong, expired or revoked") || strings.Contains(stderr.String(), canary) {
			t.Errorf("%s: stderr %q", variable, stderr)
		}
	}
}

func TestPlainHTTPIsAllowedOnRequest(t *testing.T) {
	a := newContractAPI(t)
	// The name has no address: a proxy stands in for that network.
	cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "ONECLAW_BASE_URL=http://vault.example", "http_proxy="+a.URL)
	cmd.Args = append(cmd.Args, "--allow-plain-http")
	cmd.Stdin = strings.NewReader(hello)
	if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), `"serverInfo"`) {
		t.Errorf("%v: %s %s", err, out, stderr)
	}
}

func TestCommandTakesATokenInPlaceOfAKey(t *testing.T) {
	a := newContractAPI(t)
	a.direct = []string{"a-token"}
	cmd, stderr := process(t, "ONECLAW_AGENT_TOKEN=a-token", "ONECLAW_BASE_URL="+a.URL, "ONECLAW_VAULT_ID="+vaultTwo)
	cmd.Stdin = strings.NewReader(hello + `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"list_secrets"}}` + "\n")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "No such vault") {
		t.Errorf("%v: %s %s", err, out, stderr)
	}
}

func TestStdioDoesNotRepeatWhatIsNoMessage(t *testing.T) {
	for name, line := range map[string]string{
		"not JSON":           canary,
		"JSON of another":    `{"` + canary + `":1}`,
		"a wrong type":       `{"jsonrpc":"2.0","id":{"` + canary + `":1},"method":"ping"}`,
		"too deep":           strings.Repeat("[", 100000) + canary,
		"params of no shape": `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":{"` + canary + `":1}}}`,
		"a batch of twins":   `[{"jsonrpc":"2.0","id":"` + canary + `","method":"ping"},{"jsonrpc":"2.0","id":"` + canary + `","method":"ping"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "ONECLAW_BASE_URL="+newContractAPI(t).URL)
			cmd.Stdin = strings.NewReader(hello + line + "\n")
			out, _ := cmd.Output()
			// An answer carries the id of its request; that is not repeating a value.
			said := strings.ReplaceAll(string(out), `"id":"`+canary+`"`, "")
			if strings.Contains(said, canary) || strings.Contains(stderr.String(), canary) || strings.Contains(stderr.String(), "goroutine") {
				t.Errorf("stdout: %s\nstderr: %s", out, stderr)
			}
		})
	}
}

// held is an input that stays open until it is closed.
type held struct {
	once sync.Once
	end  chan struct{}
}

func (h *held) Read([]byte) (int, error) { <-h.end; return 0, io.EOF }
func (h *held) Close() error             { h.once.Do(func() { close(h.end) }); return nil }

func TestRunStdioEndsCleanlyWithItsContext(t *testing.T) {
	a := newContractAPI(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	s := serverFor(t, a)
	go func() { done <- mcpserver.RunStdio(ctx, s, &held{end: make(chan struct{})}, io.Discard) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
