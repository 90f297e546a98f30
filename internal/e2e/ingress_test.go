package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// message is a call of a tool.
func message(tool string, arguments map[string]any) string {
	b, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": map[string]any{"name": tool, "arguments": arguments}})
	return string(b)
}

// posted is the start of a request to /mcp with a body of so many bytes.
func posted(key, vault string, length int) string {
	return fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nX-Vault-ID: %s\r\nAccept: application/json, text/event-stream\r\n"+
		"Content-Type: application/json\r\nMCP-Protocol-Version: 2025-06-18\r\nContent-Length: %d\r\n\r\n", key, strings.TrimPrefix(vault, "/v1/vaults/"), length)
}

// answer reads one, or returns 0 when the connection was closed.
func answer(conn net.Conn) (status int, body string) {
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

// most is the largest that the process has been, in MiB.
func (s *server) most() int {
	s.t.Helper()
	b := must[[]byte](s.t)(os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid)))
	return must[int](s.t)(strconv.Atoi(string(regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(b)[1]))) >> 10
}

// TestMessagesToMCPCostLittle sends a hundred of the largest at once, for an agent
// that may write nothing. They took 6.9 GB.
func TestMessagesToMCPCostLittle(t *testing.T) {
	p := newPlace(t)
	s := p.start()
	owner := s.login()
	vault, key := grant(t, owner, "other/**", "read")
	addr := strings.TrimPrefix(s.APIURL, "http://")
	m := message("put_secret", map[string]any{"path": "x", "value": strings.Repeat("v", 5<<20)})
	var all sync.WaitGroup
	for range 100 {
		conn := dial(t, addr)
		all.Go(func() {
			if _, err := io.WriteString(conn, posted(key, vault, len(m))+m); err == nil {
				answer(conn)
			}
		})
	}
	all.Wait()
	if most := s.most(); most > 1024 {
		t.Errorf("the process had %d MiB", most)
	}
	conn := dial(t, addr)
	must[int](t)(io.WriteString(conn, posted(key, vault, len(m))+m))
	if status, body := answer(conn); status != 200 || !strings.Contains(body, "isError") {
		t.Errorf("afterwards: %d %.300s", status, body)
	}
}

// TestASlowSenderHoldsNobodyUp has one agent send sixty messages and twenty
// bodies that come to no end.
func TestASlowSenderHoldsNobodyUp(t *testing.T) {
	s := newPlace(t).start()
	owner := s.login()
	vault, key := grant(t, owner, "**", "read", "write")
	owner.want(t, http.StatusCreated, "PUT", vault+"/secrets/a", map[string]string{"value": "hunter2"})
	addr := strings.TrimPrefix(s.APIURL, "http://")
	m := message("put_secret", map[string]any{"path": "x", "value": strings.Repeat("v", 1<<20)})
	for range 60 {
		must[int](t)(io.WriteString(dial(t, addr), posted(key, vault, len(m))+m[:200<<10]))
	}
	for i := range 20 {
		must[int](t)(io.WriteString(dial(t, addr), fmt.Sprintf("PUT %s/secrets/s%d HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 5000000\r\n\r\n%s",
			vault, i, key, strings.Repeat(" ", 200<<10))))
	}
	get := message("get_secret", map[string]any{"path": "a"})
	conn := dial(t, addr)
	must[int](t)(io.WriteString(conn, posted(key, vault, len(get))+get))
	if status, body := answer(conn); status != 200 || !strings.Contains(body, "hunter2") {
		t.Errorf("get_secret: %d %s", status, body)
	}
	owner.want(t, http.StatusCreated, "PUT", vault+"/secrets/b", map[string]string{"value": strings.Repeat("v", 1<<20)})
	// Nor do they keep the server from stopping.
	s.stop()
}

// TestAnswersThatNobodyReadsCostLittle asks for the largest value 300 times. That
// took 1.6 GB, and they were not given back.
func TestAnswersThatNobodyReadsCostLittle(t *testing.T) {
	s := newPlace(t).start()
	owner := s.login()
	vault, key := grant(t, owner, "**", "read")
	owner.want(t, http.StatusCreated, "PUT", vault+"/secrets/a", map[string]string{"value": strings.Repeat("v", 5<<20-12)})
	addr := strings.TrimPrefix(s.APIURL, "http://")
	var conns []net.Conn
	for range 300 {
		conn := dial(t, addr)
		must[int](t)(fmt.Fprintf(conn, "GET %s/secrets/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", vault, key))
		conns = append(conns, conn)
	}
	for range 20 {
		owner.want(t, http.StatusOK, "GET", vault+"/secrets/a", nil)
	}
	for _, conn := range conns {
		_ = conn.Close()
	}
	if most := s.most(); most > 900 {
		t.Errorf("the process had %d MiB", most)
	}
	eventually(t, "memory comes back", func() bool { return s.resident() < 250<<10 })
}

// TestIdleConnectionsMakeRoom opens more connections than the process has
// descriptors.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	p := newPlace(t)
	script := filepath.Join(t.TempDir(), "few")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nulimit -n 1024\nexec "+p.binary+` "$@"`+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.binary = script
	s := p.start()
	owner := s.login()
	vault, _ := grant(t, owner, "**", "read")
	addr := strings.TrimPrefix(s.APIURL, "http://")
	open := dial(t, addr)
	read := bufio.NewReader(open)
	ask := func() {
		t.Helper()
		must[int](t)(fmt.Fprintf(open, "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", vault, owner.token))
		res := must[*http.Response](t)(http.ReadResponse(read, nil))
		defer res.Body.Close()
		if b := must[[]byte](t)(io.ReadAll(res.Body)); res.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", res.StatusCode, b)
		}
	}
	ask()
	for i := range 1200 {
		_ = dial(t, addr) // never says anything
		if i%300 == 0 {
			ask()
		}
	}
	ask()
	owner.http.CloseIdleConnections()
	for i := range 20 {
		owner.http.CloseIdleConnections()
		owner.want(t, http.StatusCreated, "PUT", vault+"/secrets/a"+strconv.Itoa(i), map[string]string{"value": "v"})
	}
	// Nor do they keep the server from stopping.
	s.stop()
}

// TestValuesOfEachLengthComeOverMCP stores values below and above what a body may hold
// without a part of the budget.
func TestValuesOfEachLengthComeOverMCP(t *testing.T) {
	t.Parallel()
	s := newPlace(t).start()
	owner := s.login()
	vault, key := grant(t, owner, "**", "read", "write")
	conn := dial(t, strings.TrimPrefix(s.APIURL, "http://"))
	for _, length := range []int{1, 8 << 10, 8<<10 + 1, 64 << 10, 1 << 20, 4 << 20} {
		value := strings.Repeat("v", length)
		m := message("put_secret", map[string]any{"path": "x", "value": value})
		must[int](t)(io.WriteString(conn, posted(key, vault, len(m))+m))
		if status, body := answer(conn); status != 200 || strings.Contains(body, "isError\":true") {
			t.Errorf("%d bytes: %d %.300s", length, status, body)
			continue
		}
		if got := owner.want(t, http.StatusOK, "GET", vault+"/secrets/x", nil)["value"]; got != value {
			t.Errorf("%d bytes came back as %d", length, len(fmt.Sprint(got)))
		}
	}
}
