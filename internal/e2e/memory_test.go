package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// A value, a password or a key that passed through is kept nowhere. What handles it
// wipes it, or lets the collector do so; net/http's buffers, which nobody can wipe,
// hold it until other requests pass through them, so others are sent, longer than
// the buffers.
//
// Now and then net/http drops such a buffer, and it lies in free memory that is not
// used again. So this is tried a few times: whatever keeps values on purpose, such
// as a cache, keeps them every time.
func TestNothingKeepsValuesInMemory(t *testing.T) {
	for range 8 {
		left := passThrough(t)
		if len(left) == 0 {
			return
		}
		t.Logf("still in memory: %v", left)
	}
	t.Error("secrets stay in the server's memory")
}

// passThrough sends secrets through a new server, then other things, and returns
// which secrets are still in its memory.
func passThrough(t *testing.T) (left []string) {
	s := newPlace(t).start()
	owner := s.login()
	vault, key := grant(t, owner, "**", "read", "write")
	agent := owner.exchange(t, key)

	sought := map[string]string{"an agent's key": key}
	for _, name := range []string{"a value", "another value"} {
		value := randomWord()
		sought[name] = value
		path := vault + "/secrets/canary/" + strings.ReplaceAll(name, " ", "-")
		owner.want(t, http.StatusCreated, "PUT", path, map[string]string{"value": value})
		for range 3 {
			if m := agent.want(t, http.StatusOK, "GET", path, nil); m["value"] != value {
				t.Fatalf("%s: another value", name)
			}
		}
		owner.want(t, http.StatusOK, "GET", strings.Replace(path, "/secrets/", "/secret-versions/", 1)+"?version=1", nil)
	}
	sought["a password"] = "Qz7!" + randomWord()
	account := map[string]string{"email": "second@example.com", "password": sought["a password"]}
	if r := owner.as("").do(t, "POST", "/v1/auth/signup", account); r.status > 299 {
		t.Fatalf("signup: %d %s", r.status, r.body)
	}
	owner.as("").want(t, http.StatusOK, "POST", "/v1/auth/token", account)
	if left := s.holds(sought); len(left) == 0 {
		t.Error("not even net/http's buffers hold what was just sent: the search finds nothing")
	}

	owner.http.CloseIdleConnections()
	agent.http.CloseIdleConnections()
	for range 15 {
		for i := range 50 {
			path := fmt.Sprintf("%s/secrets/other/s%d", vault, i)
			agent.want(t, http.StatusCreated, "PUT", path, map[string]string{"value": strings.Repeat("y", 6000)})
			agent.want(t, http.StatusOK, "GET", path, nil)
		}
		if left = s.holds(sought); len(left) == 0 {
			break
		}
	}
	return left
}

// holds says which of the texts are in the process's memory.
func (s *server) holds(texts map[string]string) (found []string) {
	s.t.Helper()
	pid := s.cmd.Process.Pid
	mem := must[*os.File](s.t)(os.Open(fmt.Sprintf("/proc/%d/mem", pid)))
	defer mem.Close()
	lines := bufio.NewScanner(bytes.NewReader(must[[]byte](s.t)(os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid)))))
	const chunk, overlap = 1 << 20, 64
	b := make([]byte, chunk+overlap)
	for lines.Scan() {
		var from, to uint64
		var access string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &access); err != nil {
			s.t.Fatal(err)
		}
		for ; strings.HasPrefix(access, "rw") && from < to; from += chunk {
			n, err := mem.ReadAt(b[:min(to-from, uint64(len(b)))], int64(from))
			if err != nil {
				s.t.Fatalf("%s: %v", lines.Text(), err)
			}
			for name, text := range texts {
				if bytes.Contains(b[:n], []byte(text)) {
					found = append(found, name)
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
