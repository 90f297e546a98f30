package e2e_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/base32"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/oneclaw-dev/oneclaw/internal/childproxy/authority"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/child"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// elsewhere is a service with TLS on an address of this machine that programs ask over a proxy.
func (d *drill) elsewhere(job string, ca *authority.Authority, admits func(*http.Request) bool, answer string) *httptest.Server {
	l := must[net.Listener](d.t)(net.Listen("tcp", "127.0.0.2:0"))
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !admits(r) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		d.did(job)
		_, _ = io.WriteString(w, answer+" "+r.Header.Get("Authorization"))
	}))
	_ = s.Listener.Close()
	s.Listener = l
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*must[*tls.Certificate](d.t)(ca.For("127.0.0.2"))}}
	s.StartTLS()
	d.t.Cleanup(s.Close)
	return s
}

// proxyJob has an unchanged program say a placeholder, and looks into the memory of all that runs meanwhile.
func proxyJob(d *drill) {
	key := random()
	s := d.elsewhere("a program behind the proxy", d.ca, func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer "+key }, "hello")
	host := strings.TrimPrefix(s.URL, "https://")
	d.keep("api-keys/proxied", key, map[string]any{"hosts": []string{host}, "in": "bearer"})
	script := `curl -sS -H "Authorization: Bearer $TOKEN" ` + s.URL + `/v1/x; echo " with $TOKEN"; read _`
	cmd := exec.CommandContext(d.t.Context(), binary, "proxy", "--env", "TOKEN=oneclaw://drill/api-keys/proxied", "--", "sh", "-c", script)
	cmd.Env, cmd.Dir = d.env(), d.home
	child.Tie(cmd)
	var out output
	cmd.Stdout, cmd.Stderr = &out, &out
	in := must[io.WriteCloser](d.t)(cmd.StdinPipe())
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	eventually(d.t, "the program's answer", func() bool { return strings.Contains(out.String(), " with ") })
	for _, pid := range family(cmd.Process.Pid) {
		d.dump(pid)
	}
	_ = in.Close()
	_ = cmd.Wait()
	_, _ = d.model.Write([]byte(out.String()))
	if !strings.Contains(out.String(), "hello") {
		d.t.Errorf("the program printed %q", out.String())
	}
}

// family are a process and those that it and they started.
func family(pid int) []int {
	all := []int{pid}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range tasks {
		b, _ := os.ReadFile(f)
		for _, c := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(c); err == nil {
				all = append(all, family(n)...)
			}
		}
	}
	return all
}

var writable = regexp.MustCompile(`^([0-9a-f]+)-([0-9a-f]+) rw`)

// dump searches what a core file of a process would hold: all memory that it can write.
func (d *drill) dump(pid int) {
	d.t.Helper()
	maps := must[[]byte](d.t)(os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid)))
	mem := must[*os.File](d.t)(os.Open(fmt.Sprintf("/proc/%d/mem", pid)))
	defer func() { _ = mem.Close() }()
	size := 0
	for line := range strings.Lines(string(maps)) {
		m := writable.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		from, to := must[uint64](d.t)(strconv.ParseUint(m[1], 16, 64)), must[uint64](d.t)(strconv.ParseUint(m[2], 16, 64))
		b := make([]byte, to-from)
		n, _ := mem.ReadAt(b, int64(from)) // some of it can't be read
		d.c.absent(fmt.Sprintf("the memory of %d", pid), b[:n])
		size += n
	}
	if size == 0 {
		d.t.Errorf("nothing of the memory of %d was read", pid)
	}
	d.dumped += size
}

func totpJob(d *drill) {
	seed := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(rand.Text()))
	d.keep("codes/portal", "otpauth://totp/portal:me?issuer=portal&secret="+seed)
	d.c.watch("the seed", seed)
	if out := d.uses("totp_code", map[string]any{"path": "codes/portal"}); !regexp.MustCompile(`[0-9]{6}`).MatchString(out) {
		d.t.Errorf("the code is %s", out)
	}
	d.did("a one-time code")
}

func executionJob(d *drill) {
	key := random()
	s := d.service("an execution", func(r *http.Request, _ []byte) bool { return r.Header.Get("Authorization") == "Bearer "+key },
		func(w http.ResponseWriter, r *http.Request, _ []byte) {
			_, _ = io.WriteString(w, "executed with "+r.Header.Get("Authorization"))
		})
	d.c.watch("the binding's credential", key)
	d.owner.want(d.t, http.StatusOK, "PATCH", "/v1/agents/"+d.agent, map[string]any{"execution_intents_enabled": true})
	d.owner.want(d.t, http.StatusCreated, "POST", "/v1/agents/"+d.agent+"/bindings", map[string]any{
		"name": "crm", "binding_type": "http", "config": map[string]any{"base_url": s.URL}, "guardrails": map[string]any{"allowed_hosts": []string{hostOf(s)}},
		"credential": map[string]any{"type": "bearer", "token": key}})
	if out := d.uses("execute_http", map[string]any{"binding": "crm", "method": "GET", "path": "/contacts"}); !strings.Contains(out, "executed with") {
		d.t.Errorf("the answer is %s", out)
	}
}

// databaseJob has the server log in to a database, which says the password in rows and names of columns.
func databaseJob(d *drill) {
	dsn := pgtest.Shared(d.t).DSN(d.t)
	at := must[*url.URL](d.t)(url.Parse(dsn))
	name, password := strings.TrimPrefix(at.Path, "/"), rand.Text()+rand.Text()
	run := pgtest.Session(d.t, dsn)
	run(`CREATE ROLE "drill_` + name + `" LOGIN PASSWORD '` + password + `'`)
	run(`CREATE TABLE kept AS SELECT 1 AS id, '` + password + `'::text AS note`)
	run(`GRANT SELECT ON kept TO "drill_` + name + `"`)
	d.c.watch("the database's password", password)
	d.owner.want(d.t, http.StatusOK, "PATCH", "/v1/agents/"+d.agent, map[string]any{"execution_intents_enabled": true})
	d.owner.want(d.t, http.StatusCreated, "POST", "/v1/agents/"+d.agent+"/bindings", map[string]any{
		"name": "shop", "binding_type": "postgres", "credential": password,
		"config": map[string]any{"host": at.Hostname(), "port": must[int](d.t)(strconv.Atoi(at.Port())), "database": name, "username": "drill_" + name, "sslmode": "disable"}})
	for _, sql := range []string{"SELECT id, note, 'hi' FROM kept", "SELECT encode(convert_to(note, 'UTF8'), 'base64') FROM kept", "SELECT row(note, id) FROM kept"} {
		if out := d.uses("execute_query", map[string]any{"binding": "shop", "query": sql}); !strings.Contains(out, "REDACTED") {
			d.t.Errorf("%s: the answer is %s", sql, out)
		}
	}
	_, _ = d.tool("execute_query", map[string]any{"binding": "shop", "query": "SELECT note::int FROM kept"}) // the server's error has it
	if out := d.program(binary, "agent", "execute", "shop", "--sql", "SELECT note, current_user FROM kept"); !strings.Contains(out, "drill_"+name) {
		d.t.Errorf("the command printed %q", out)
	}
	d.did("a query of a database")
}

// wantedJob asks people for a secret, and uses what one of them gave.
func wantedJob(d *drill) {
	key := random()
	s := d.service("a secret that was asked for", func(r *http.Request, _ []byte) bool { return r.Header.Get("Authorization") == "Bearer "+key },
		func(w http.ResponseWriter, r *http.Request, _ []byte) {
			_, _ = io.WriteString(w, "thanks for "+r.Header.Get("Authorization"))
		})
	d.c.watch("what a person gave", key)
	var asked struct {
		ID string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(d.uses("request_secret", map[string]any{"path": "api-keys/wanted", "reason": "to say thanks"})), &asked); err != nil {
		d.t.Fatal(err)
	}
	d.owner.want(d.t, http.StatusOK, "POST", "/v1/secret-requests/"+asked.ID+"/fill", map[string]any{"value": key, "bindings": []map[string]any{{"hosts": []string{hostOf(s)}}}})
	if out := d.uses("request_secret", map[string]any{"request_id": asked.ID}); !strings.Contains(out, "filled") {
		d.t.Errorf("the request is %s", out)
	}
	if out := d.uses("http_request", map[string]any{"method": "GET", "url": s.URL + "/", "headers": map[string]any{"Authorization": "Bearer {{secret:api-keys/wanted}}"}}); !strings.Contains(out, "thanks for") {
		d.t.Errorf("the answer is %s", out)
	}
}

// sshJob signs a text with a key that stays in the vault.
func sshJob(d *drill) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	block := must[*pem.Block](d.t)(ssh.MarshalPrivateKey(key, ""))
	text := string(pem.EncodeToMemory(block))
	d.c.watch("the SSH key", string(key.Seed()))
	d.c.watch("a line of the SSH key", strings.Split(text, "\n")[3])
	d.owner.want(d.t, http.StatusCreated, "PUT", d.vault+"/secrets/people/ada", map[string]string{"value": text, "type": "ssh_key"})
	d.owner.want(d.t, http.StatusOK, "PUT", d.vault+"/secret-bindings/people/ada", map[string]any{"bindings": []map[string]any{{"in": "sshsig", "namespaces": []string{"git"}}}})
	public := filepath.Join(d.home, "ada.pub")
	if err := os.WriteFile(public, ssh.MarshalAuthorizedKey(must[ssh.PublicKey](d.t)(ssh.NewPublicKey(key.Public()))), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.program(binary, "ssh-agent", "--key", "oneclaw://drill/people/ada", "--", "ssh-keygen", "-Y", "sign", "-f", public, "-n", "git", filepath.Join(d.home, "README"))
	if b, err := os.ReadFile(filepath.Join(d.home, "README.sig")); err != nil || !strings.Contains(string(b), "SSH SIGNATURE") {
		d.t.Errorf("the signature is %q, %v", b, err)
	}
	d.did("a signature over SSH")
}
