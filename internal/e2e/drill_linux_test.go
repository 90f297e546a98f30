package e2e_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/internal/childproxy/authority"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/child"
)

// drill is the leak drill: an agent that is shown nothing works with secrets, over MCP and with
// programs of its machine, and all that anybody else could read meanwhile is searched for them.
type drill struct {
	t      *testing.T
	server *server
	owner  caller
	vault  string // its path
	agent  string // its id
	key    string // the agent's
	home   string // of the agent's machine, with its working folder
	c      *canaries
	model  transcript
	tools  *mcp.ClientSession
	spy    *spy
	ca     *authority.Authority // of services elsewhere
	dumped int                  // bytes of memory that were searched

	mu   sync.Mutex
	jobs []string // what other servers did for whoever had the credential
}

// transcript is all that the model sees: messages of MCP, and what programs print.
type transcript struct{ output }

func (d *drill) did(job string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.jobs = append(d.jobs, job)
}

func openDrill(t *testing.T) *drill {
	p := newPlace(t)
	ca := must[*authority.Authority](t)(authority.New(time.Now))
	roots := filepath.Join(p.home, "roots.pem")
	if err := os.WriteFile(roots, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	p.env = []string{"ONECLAW_LOG_LEVEL=debug", "SSL_CERT_FILE=" + roots}
	d := &drill{t: t, server: p.start(), home: t.TempDir(), c: newCanaries(t), ca: ca}
	d.owner = d.server.login()
	d.vault = "/v1/vaults/" + text(t, d.owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]string{"name": "drill"}), "id")
	a := d.owner.want(t, http.StatusCreated, "POST", "/v1/agents", map[string]any{"name": "driller", "reveal": "never", "intents_api_enabled": true})
	d.agent, d.key = text(t, a, "agent", "id"), text(t, a, "api_key")
	d.owner.want(t, http.StatusCreated, "POST", d.vault+"/policies", map[string]any{
		"principal_type": "agent", "principal_id": d.agent, "secret_path_pattern": "**", "permissions": []string{"read", "use"}})
	for name, content := range map[string]string{"README": "A project.\n", ".env": "KEY={{secret:api-keys/pay}}\n", "main.py": "print()\n"} {
		if err := os.WriteFile(filepath.Join(d.home, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(binary, "mcp")
	cmd.Env = d.env()
	child.Tie(cmd)
	c := mcp.NewClient(&mcp.Implementation{Name: "drill", Version: "1"}, nil)
	s, err := c.Connect(t.Context(), &mcp.LoggingTransport{Transport: &mcp.CommandTransport{Command: cmd}, Writer: &d.model}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.tools = s
	t.Cleanup(func() { _ = s.Close() })
	d.spy = watchProcesses(t)
	return d
}

func (d *drill) env() []string {
	return []string{"HOME=" + d.home, "PATH=" + os.Getenv("PATH"), "ONECLAW_BASE_URL=" + d.server.APIURL, "ONECLAW_AGENT_API_KEY=" + d.key}
}

// keep stores a value that nobody may see, with its bindings.
func (d *drill) keep(path, value string, bindings ...map[string]any) {
	d.t.Helper()
	d.c.watch(path, value)
	d.owner.want(d.t, http.StatusCreated, "PUT", d.vault+"/secrets/"+path, map[string]string{"value": value})
	if len(bindings) > 0 {
		d.owner.want(d.t, http.StatusOK, "PUT", d.vault+"/secret-bindings/"+path, map[string]any{"bindings": bindings})
	}
}

// tool calls an MCP tool, as a model would.
func (d *drill) tool(name string, arguments map[string]any) (text string, failed bool) {
	d.t.Helper()
	r, err := d.tools.CallTool(d.t.Context(), &mcp.CallToolParams{Name: name, Arguments: arguments})
	if err != nil {
		d.t.Fatalf("%s: %v", name, err)
	}
	for _, c := range r.Content {
		if is, ok := c.(*mcp.TextContent); ok {
			text += is.Text
		}
	}
	return text, r.IsError
}

// uses calls an MCP tool that must work.
func (d *drill) uses(name string, arguments map[string]any) string {
	d.t.Helper()
	text, failed := d.tool(name, arguments)
	if failed {
		d.t.Errorf("%s: %s", name, text)
	}
	return text
}

// program runs a program of the agent's machine, and has the model read what it prints.
func (d *drill) program(name string, args ...string) string {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), name, args...)
	cmd.Env, cmd.Dir = d.env(), d.home
	child.Tie(cmd)
	out, err := cmd.CombinedOutput()
	_, _ = d.model.Write(out)
	if err != nil {
		d.t.Errorf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// service is another server that does its job only for who has the credential.
func (d *drill) service(job string, admits func(*http.Request, []byte) bool, answer func(w http.ResponseWriter, r *http.Request, body []byte)) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !admits(r, body) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		d.did(job)
		answer(w, r, body)
	}))
	d.t.Cleanup(s.Close)
	return s
}

func hostOf(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }

// spy reads what this machine tells of its processes: command lines and environments.
type spy struct {
	mu   sync.Mutex
	seen map[string][]byte // by file and content
	n    int
}

// watchProcesses samples until the test ends.
func watchProcesses(t *testing.T) *spy {
	s := &spy{seen: map[string][]byte{}}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			s.sample()
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return s
}

// sample looks at every process but this one, which knows the secrets.
func (s *spy) sample() {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		if filepath.Base(dir) == strconv.Itoa(os.Getpid()) {
			continue
		}
		for _, file := range []string{"cmdline", "environ"} {
			b, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil || len(b) == 0 {
				continue // it has ended, or is the kernel's
			}
			s.mu.Lock()
			s.n++
			s.seen[file+" "+string(b)] = b
			s.mu.Unlock()
		}
	}
}

// search searches all that anybody could have read, and says how much that was.
func (d *drill) search() {
	d.t.Helper()
	d.c.absent("the transcript", []byte(d.model.String()))
	d.c.absent("the server's log", []byte(d.server.output()))
	d.spy.mu.Lock()
	for name, b := range d.spy.seen {
		kind, _, _ := strings.Cut(name, " ")
		d.c.absent("a process's "+kind, b)
	}
	samples, different := d.spy.n, len(d.spy.seen)
	d.spy.mu.Unlock()
	events := d.owner.do(d.t, "GET", "/v1/audit/export", nil)
	d.c.absent("the audit log", events.body)
	d.c.absentBelow(filepath.Dir(d.server.cmd.Args[len(d.server.cmd.Args)-1]), "dev-owner.json", "dev-credentials.json")
	d.c.absentBelow(d.home)
	d.t.Logf("%d secrets in %d spellings; %d MB of memory, a transcript of %d bytes, a server's log of %d, an audit log of %d, %d samples of %d command lines and environments",
		len(d.c.sought), d.spellings(), d.dumped/1_000_000, len(d.model.String()), len(d.server.output()), len(events.body), samples, different)
}

func (d *drill) spellings() (n int) {
	for _, s := range d.c.sought {
		n += len(s)
	}
	return n
}

// saw reports whether a process was seen with a text in a file of its own.
func (s *spy) saw(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.seen {
		if strings.Contains(name, text) {
			return true
		}
	}
	return false
}
