package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// caller speaks plain HTTP to a server, as curl would.
type caller struct {
	base  string
	token string // bearer
	http  *http.Client
}

// plain is a caller without a credential and with connections of its own.
func plain(t testing.TB, base string) caller {
	return caller{base: base, http: over(t, &net.Dialer{})}
}

// over is an HTTP client on connections that d makes; they are closed with the test.
func over(t testing.TB, d *net.Dialer) *http.Client {
	tr := &http.Transport{DialContext: d.DialContext, MaxIdleConnsPerHost: 64}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

// as is the caller with another credential.
func (c caller) as(token string) caller {
	c.token = token
	return c
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// try sends a request. body is JSON text (a string), any other value to be
// encoded, or nil.
func (c caller) try(ctx context.Context, method, path string, body any) (*reply, error) {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(j)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, in)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return c.send(r)
}

func (c caller) send(r *http.Request) (*reply, error) {
	res, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return &reply{res.StatusCode, res.Header, b}, err
}

// do sends a request that gets an answer, whatever it says.
func (c caller) do(t testing.TB, method, path string, body any) *reply {
	t.Helper()
	r, err := c.try(t.Context(), method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

// want sends a request and wants the status; it returns the body's fields.
func (c caller) want(t testing.TB, status int, method, path string, body any) map[string]any {
	t.Helper()
	r := c.do(t, method, path, body)
	if r.status != status {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, r.status, status, r.body)
	}
	return r.fields(t)
}

func (r *reply) fields(t testing.TB) map[string]any {
	t.Helper()
	if len(r.body) == 0 {
		return nil
	}
	var m map[string]any
	if err := json.Unmarshal(r.body, &m); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
	return m
}

// text is a field of a decoded body, found by its path.
func text(t testing.TB, m map[string]any, path ...string) string {
	t.Helper()
	for _, name := range path[:len(path)-1] {
		m, _ = m[name].(map[string]any)
	}
	s, ok := m[path[len(path)-1]].(string)
	if !ok {
		t.Fatalf("no text %v in %v", path, m)
	}
	return s
}

// login logs the owner of "oneclaw dev" in.
func (s *server) login() caller {
	s.t.Helper()
	c := plain(s.t, s.APIURL)
	m := c.want(s.t, http.StatusOK, "POST", "/v1/auth/token", map[string]string{"email": s.Email, "password": s.Password})
	return c.as(text(s.t, m, "access_token"))
}

// at is the caller for another server that takes the same credentials.
func (c caller) at(s *server) caller {
	c.base = s.APIURL
	return c
}

// grant makes a vault and an agent that has the permissions on the pattern in it.
// It returns the vault's routes and the agent's key.
func grant(t testing.TB, owner caller, pattern string, permissions ...string) (vault, key string) {
	t.Helper()
	v := text(t, owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]string{"name": "main"}), "id")
	a := owner.want(t, http.StatusCreated, "POST", "/v1/agents", map[string]string{"name": "worker"})
	owner.want(t, http.StatusCreated, "POST", "/v1/vaults/"+v+"/policies", map[string]any{
		"secret_path_pattern": pattern, "principal_type": "agent", "principal_id": text(t, a, "agent", "id"), "permissions": permissions})
	return "/v1/vaults/" + v, text(t, a, "api_key")
}

// exchange is the caller with the JWT that an agent's key is exchanged for.
func (c caller) exchange(t testing.TB, key string) caller {
	t.Helper()
	m := c.as("").want(t, http.StatusOK, "POST", "/v1/auth/agent-token", map[string]string{"api_key": key})
	return c.as(text(t, m, "access_token"))
}

// verified asks the server whether its audit log is whole.
func (c caller) verified(t testing.TB) {
	t.Helper()
	if m := c.want(t, http.StatusOK, "GET", "/v1/audit/verify", nil); m["ok"] != true {
		t.Errorf("the audit log is not whole: %v", m)
	}
}

// eventually waits until ok says yes.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	late := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(late) {
			t.Fatalf("%s: not after %v", what, patience)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
