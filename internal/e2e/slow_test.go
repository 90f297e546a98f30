package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// idle and slow are connections that cost their owners nothing.
const (
	idleConnections = 1000
	slowConnections = 100
	// growth is what they may cost the server, in KiB: generous, and far below what
	// one buffered body of the allowed size for each would be (500 MiB).
	growth = 64 << 10
)

func TestIdleAndSlowClientsCostLittle(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.start()
	owner := s.login()
	vault, key := grant(t, owner, "**", "read", "write")
	agent := owner.exchange(t, key)
	owner.want(t, http.StatusCreated, "PUT", vault+"/secrets/a/b", map[string]string{"value": "v"})
	s.stop() // a login takes memory for its hash, which would hide what is measured
	s = p.start()
	agent = agent.at(s)
	read := func() {
		t.Helper()
		if m := agent.want(t, http.StatusOK, "GET", vault+"/secrets/a/b", nil); m["value"] != "v" {
			t.Errorf("got %v", m)
		}
	}
	for range 200 {
		read()
	}
	before := s.resident()

	addr := strings.TrimPrefix(s.APIURL, "http://")
	request := "GET " + vault + "/secrets/a/b HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + agent.token + "\r\n\r\n"
	for range idleConnections {
		conn := dial(t, addr)
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		if b := make([]byte, 12); must[int](t)(io.ReadFull(conn, b)) != 12 || string(b[9:]) != "200" {
			t.Fatalf("answer %q", b)
		}
	}
	// These send a byte now and then, of headers or of a body that is said to be
	// nearly as long as allowed, and never come to an end.
	stop := make(chan struct{})
	var slow sync.WaitGroup
	var headers []net.Conn
	for n := range slowConnections {
		conn := dial(t, addr)
		if n%2 == 0 {
			headers = append(headers, conn)
			slow.Go(func() { drip(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", stop) })
			continue
		}
		slow.Go(func() {
			drip(conn, fmt.Sprintf("PUT %s/secrets/slow/s%d HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 5000000\r\n\r\n{\"value\":\"", vault, n, agent.token), stop)
		})
	}
	for range 200 {
		read()
	}
	after := s.resident()
	t.Logf("%d KiB, and %d KiB with %d idle and %d slow connections", before, after, idleConnections, slowConnections)
	if after-before > growth {
		t.Errorf("grew from %d to %d KiB", before, after)
	}

	// Slow headers are cut off after a while. (So are slow bodies and idle
	// connections, but that takes minutes.)
	for _, conn := range headers {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(conn); isTimeout(err) {
			t.Fatalf("a connection with slow headers is still open: %q", b)
		}
	}
	read()

	// Nor do they keep the server from stopping: it ends with 0.
	s.stop()
	close(stop)
	slow.Wait()
	if strings.Contains(s.output(), "level=ERROR") {
		t.Errorf("output:\n%s", s.output())
	}
	s = p.start()
	agent = agent.at(s)
	read()
	if r := agent.do(t, "GET", vault+"/secrets?prefix=slow/", nil); !strings.Contains(string(r.body), `"secrets":[]`) {
		t.Errorf("half a body was stored: %s", r.body)
	}
	// A request that was cut off is in the log like any other.
	owner = owner.at(s)
	owner.verified(t)
	cut := 0
	for _, e := range export(t, owner) {
		if e.Action == "secret.write" && e.Details.Outcome == "failed" {
			cut++
		}
	}
	if cut != slowConnections/2 {
		t.Errorf("%d of %d requests that were cut off are in the log", cut, slowConnections/2)
	}
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// drip sends the start at once and then a byte every tenth of a second, until the
// other side has enough of it.
func drip(conn net.Conn, start string, stop <-chan struct{}) {
	_, err := io.WriteString(conn, start)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for err == nil {
		select {
		case <-stop:
			return
		case <-tick.C:
			_, err = io.WriteString(conn, "x")
		}
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error) //nolint:errorlint // as ReadAll gives it
	return ok && e.Timeout()
}

// resident is the memory of the process in KiB.
func (s *server) resident() int {
	s.t.Helper()
	b := must[[]byte](s.t)(os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid)))
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		s.t.Fatalf("no VmRSS in %s", b)
	}
	return must[int](s.t)(strconv.Atoi(string(m[1])))
}
