package e2e_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/child"
)

// TestTheLeakDrill has an agent that is shown nothing do real jobs with secrets, and finds no byte of
// them in what the model, the logs, other processes or files have (make drill).
func TestTheLeakDrill(t *testing.T) {
	d := openDrill(t)
	for _, job := range []func(*drill){bearerJob, bodyJob, basicJob, awsJob, commandJob, echoJob, proxyJob, totpJob, executionJob, databaseJob, wantedJob, sshJob, valueTools} {
		job(d)
	}
	d.search()
	if len(d.jobs) < 10 {
		t.Errorf("only these jobs were done: %q", d.jobs)
	}
	t.Logf("jobs: %s", strings.Join(d.jobs, ", "))
}

// TestTheDrillBites plants leaks, each of which the search has to find where it is.
func TestTheDrillBites(t *testing.T) {
	d := openDrill(t)
	heard := &hearing{TB: t}
	value := rand.Text() + rand.Text()
	d.keep("planted", value)
	d.c.t = heard
	d.search()
	if len(heard.said) != 0 {
		t.Fatalf("there was a leak before any was planted: %q", heard.said)
	}
	for _, of := range []struct {
		place string
		leak  func()
	}{
		{"the transcript", func() { _, _ = d.model.Write([]byte(base64.StdEncoding.EncodeToString([]byte("x" + value + "yz")))) }},
		{"a process's cmdline", func() { d.runs(value, nil, "sh", "-c", "read _; : "+value) }},
		{"a process's environ", func() { d.runs("KEPT=", []string{"KEPT=" + value}, "/bin/cat") }},
		{d.home, func() { d.program("sh", "-c", "printf %s "+hex.EncodeToString([]byte(value))+" > kept") }},
		{"the audit log", func() { d.owner.do(t, "GET", d.vault+"/secrets/"+value, nil) }},
		{filepath.Dir(d.server.cmd.Args[len(d.server.cmd.Args)-1]), func() {}}, // where the audit log is stored
	} {
		of.leak()
		d.search()
		if !slices.ContainsFunc(heard.said, func(s string) bool { return strings.HasPrefix(s, of.place) }) {
			t.Errorf("%s: a leak was planted, and not found", of.place)
		}
		heard.said = nil
	}
}

// runs starts a program that waits for its input, and ends it once the spy has seen it.
func (d *drill) runs(sign string, env []string, name string, args ...string) {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), name, args...)
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
	child.Tie(cmd)
	in := must[io.WriteCloser](d.t)(cmd.StdinPipe())
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	eventually(d.t, "a look at the program", func() bool { return d.spy.saw(sign) })
	_ = in.Close()
	_ = cmd.Wait()
}

// hearing keeps errors in place of failing the test.
type hearing struct {
	testing.TB
	said []string
}

func (h *hearing) Errorf(format string, args ...any) {
	h.said = append(h.said, fmt.Sprintf(format, args...))
}

func random() string { return "sk_live_" + rand.Text() + "/+" + rand.Text() }

func bearerJob(d *drill) {
	key := random()
	s := d.service("bearer", func(r *http.Request, _ []byte) bool { return r.Header.Get("Authorization") == "Bearer "+key },
		func(w http.ResponseWriter, r *http.Request, _ []byte) { _, _ = io.WriteString(w, `{"balance":12}`) })
	d.keep("api-keys/pay", key, map[string]any{"hosts": []string{hostOf(s)}, "methods": []string{"GET"}, "in": "bearer"})
	if out := d.uses("http_request", map[string]any{"method": "GET", "url": s.URL + "/v1/balance", "headers": map[string]any{"Authorization": "Bearer {{secret:api-keys/pay}}"}}); !strings.Contains(out, `balance`) {
		d.t.Errorf("the answer is %s", out)
	}
}

func bodyJob(d *drill) {
	key := d.c.odd("api-keys/body")
	s := d.service("a JSON body", func(r *http.Request, body []byte) bool {
		var in struct{ Token string }
		return json.Unmarshal(body, &in) == nil && in.Token == key
	}, func(w http.ResponseWriter, r *http.Request, body []byte) { _, _ = w.Write(body) }) // it sends all back
	d.keep("api-keys/body", key, map[string]any{"hosts": []string{hostOf(s)}, "in": "body:/token"})
	d.uses("http_request", map[string]any{"method": "POST", "url": s.URL + "/login", "headers": map[string]any{"Content-Type": "application/json"}, "body": `{"token":"{{secret:api-keys/body}}","x":1}`})
}

func basicJob(d *drill) {
	password := random()
	s := d.service("basic", func(r *http.Request, _ []byte) bool {
		u, p, ok := r.BasicAuth()
		return ok && u == "robot" && p == password
	}, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		w.Header().Set("X-Seen", r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, "welcome")
	})
	d.keep("api-keys/registry", password, map[string]any{"hosts": []string{hostOf(s)}, "in": "basic", "user": "robot"})
	d.uses("http_request", map[string]any{"method": "GET", "url": s.URL + "/v2/", "headers": map[string]any{"Authorization": "Basic {{secret:api-keys/registry}}"}})
}

func awsJob(d *drill) {
	secret := rand.Text() + "/" + rand.Text()
	s := d.service("AWS", func(r *http.Request, _ []byte) bool {
		return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIADRILL/")
	}, func(w http.ResponseWriter, r *http.Request, _ []byte) { w.WriteHeader(http.StatusNoContent) })
	d.keep("cloud/aws", `{"access_key_id":"AKIADRILL","secret_access_key":"`+secret+`"}`, map[string]any{"hosts": []string{hostOf(s)}, "in": "sigv4", "region": "eu-west-1", "service": "s3"})
	d.c.watch("the secret access key", secret)
	d.uses("http_request", map[string]any{"method": "PUT", "url": s.URL + "/bucket/key", "headers": map[string]any{"Authorization": "{{secret:cloud/aws}}"}, "body": "content"})
}

func commandJob(d *drill) {
	key := random()
	s := d.service("the command", func(r *http.Request, _ []byte) bool { return r.Header.Get("X-Api-Key") == key },
		func(w http.ResponseWriter, r *http.Request, _ []byte) {
			_, _ = io.WriteString(w, "done for "+r.Header.Get("X-Api-Key"))
		})
	d.keep("api-keys/command", key, map[string]any{"hosts": []string{hostOf(s)}, "in": "header:X-Api-Key"})
	if out := d.program(binary, "request", s.URL+"/do", "-H", "X-Api-Key: {{secret:api-keys/command}}"); !strings.Contains(out, "done for ") {
		d.t.Errorf("the command printed %q", out)
	}
}

// echoJob has a server say the value in every spelling that the product promises to find.
func echoJob(d *drill) {
	key := random()
	s := d.service("an echo", func(r *http.Request, _ []byte) bool { return r.URL.Query().Get("key") == key },
		func(w http.ResponseWriter, r *http.Request, _ []byte) {
			b := []byte(key)
			quoted, _ := json.Marshal(map[string]string{"key": key})
			for i := range 3 {
				_, _ = fmt.Fprintln(w, base64.StdEncoding.EncodeToString(append([]byte(strings.Repeat("x", i)), b...)))
			}
			_, _ = fmt.Fprintln(w, key, hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), url.QueryEscape(key), url.PathEscape(key), string(quoted))
			_, _ = fmt.Fprintln(w, base64.RawURLEncoding.EncodeToString(b))
		})
	d.keep("api-keys/echo", key, map[string]any{"hosts": []string{hostOf(s)}, "in": "query:key"})
	if out := d.uses("http_request", map[string]any{"method": "GET", "url": s.URL + "/", "query": map[string]any{"key": "{{secret:api-keys/echo}}"}}); !strings.Contains(out, "[REDACTED:") {
		d.t.Errorf("the answer is %s", out)
	}
}

// valueTools tries the tools of the contract that hand values out: each has to refuse.
func valueTools(d *drill) {
	d.keep("app/env", "TOKEN="+random()+"\n")
	for _, of := range []struct {
		tool string
		args map[string]any
	}{
		{"get_secret", map[string]any{"path": "api-keys/pay"}},
		{"get_env_bundle", map[string]any{"path": "app/env"}},
		{"share_secret", map[string]any{"path": "api-keys/pay", "recipient_type": "anyone_with_link"}},
	} {
		if out, failed := d.tool(of.tool, of.args); !failed {
			d.t.Errorf("%s answered %s", of.tool, out)
		}
	}
}
