package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/budget"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
)

// budgets changes what requests may hold.
func budgets(change func(*gate.Budgets)) func(*setup) {
	return func(s *setup) {
		s.Budgets = gate.DefaultBudgets()
		change(&s.Budgets)
	}
}

// patience bounds waits for what comes at once on a machine that works.
const patience = 30 * time.Second

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// sized says how long the body is.
func sized(n int) func(*http.Request) {
	return func(r *http.Request) { r.ContentLength = int64(n) }
}

var large = `{"value":"` + strings.Repeat("v", 5<<20-12) + `"}`

// upload is a body under way.
type upload struct {
	*io.PipeWriter
	status chan int
}

func (w *world) upload(target, token string, change ...func(*http.Request)) upload {
	from, to := io.Pipe()
	r, _ := request(w.t, "PUT", target, token, io.Reader(from), change...)
	u := upload{to, make(chan int, 1)}
	go func() {
		u.status <- w.serve(r).status
		_ = from.Close()
	}()
	return u
}

// TestSlowBodiesOfOneHoldUpNobodyElse has one agent begin many large writes.
func TestSlowBodiesOfOneHoldUpNobodyElse(t *testing.T) {
	w := open(t, budgets(func(b *gate.Budgets) { b.Wait = time.Minute }))
	ada, bob := w.signup("ada"), w.signup("bob")
	v, other := ada.vaultNamed("v"), bob.vaultNamed("v")
	robot := ada.agent(nil) // without any grant
	var slow []upload
	for i := range 40 {
		change := []func(*http.Request){sized(len(large))}
		if i%2 == 1 {
			change = nil // in chunks, of unknown length
		}
		slow = append(slow, w.upload(secretAt(v, fmt.Sprint("slow/", i)), robot.token, change...))
	}
	used := func() int64 { in, _ := w.API.Used(); return in }
	if used() != 0 {
		t.Error("who sends nothing holds something")
	}
	// Each write returns once it was read: what was announced counts for nothing.
	for _, u := range slow {
		if _, err := io.WriteString(u, large[:100<<10]); err != nil {
			t.Fatal(err)
		}
	}
	if n := used(); n < 40*100<<10 || n > 2*40*100<<10 {
		t.Errorf("%d bytes are held for 40 times 100 KiB", n)
	}
	release := make(chan struct{})
	for _, u := range slow {
		go func() {
			_, _ = io.WriteString(u, large[100<<10:4<<20])
			<-release
			_, _ = io.WriteString(u, large[4<<20:])
			_ = u.Close()
		}()
	}
	share := gate.DefaultBudgets().In / 4
	eventually(t, "the agent meets its share", func() bool { return used() > share-(1<<20) })
	for _, body := range []any{large, io.Reader(strings.NewReader(large))} {
		w.do("PUT", secretAt(other, "large"), bob.token, body).want(201)
	}
	w.do("PUT", secretAt(v, "large"), ada.token, large).want(201) // another of its organisation
	w.do("PUT", secretAt(v, "small"), robot.token, `{"value":"x"}`).want(403)
	if n := used(); n > share+(5<<20) {
		t.Errorf("one agent holds %d bytes", n)
	}
	// None is stuck, though together they want ten times what they get.
	close(release)
	for i, u := range slow {
		select {
		case status := <-u.status:
			if status != 403 {
				t.Errorf("%d: %d", i, status)
			}
		case <-time.After(patience):
			t.Fatalf("upload %d is stuck", i)
		}
	}
	eventually(t, "all comes back", func() bool { return used() == 0 })
}

func TestACallerThatUsesItsWholeBudgetIsRefused(t *testing.T) {
	// A share is a quarter: one slow body has the part beyond it that somebody may have.
	w := open(t, budgets(func(b *gate.Budgets) { b.Wait, b.In = time.Millisecond, 12<<20 }))
	ada := w.signup("ada")
	v := ada.vaultNamed("v")
	slow := w.upload(secretAt(v, "slow"), ada.token, sized(len(large)))
	go func() { _, _ = io.WriteString(slow, large[:4<<20]) }()
	eventually(t, "the share is used up", func() bool { in, _ := w.API.Used(); return in >= 4<<20 })
	r := w.do("PUT", secretAt(v, "large"), ada.token, large).want(429, "too_much_at_once")
	if r.header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	_ = slow.CloseWithError(io.ErrUnexpectedEOF)
	<-slow.status
	w.do("PUT", secretAt(v, "large"), ada.token, large).want(201)
}

// TestAnonymousUploadsHoldNobodyUp has 1,100 anonymous callers of one address send 64 KiB each, in
// chunks that do not end.
func TestAnonymousUploadsHoldNobodyUp(t *testing.T) {
	for name, addr := range map[string]string{"of one network": "192.0.2.1:1", "through a proxy that was not named": "127.0.0.1:1"} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			ada := w.signup("ada")
			v := ada.vaultNamed("v")
			var slow []upload
			for range 1100 {
				from, to := io.Pipe()
				r, _ := request(w.t, "POST", "/v1/auth/agent-token", "", io.Reader(from))
				r.RemoteAddr = addr
				u := upload{to, make(chan int, 1)}
				go func() {
					u.status <- w.serve(r).status
					_ = from.Close()
				}()
				go func() { _, _ = io.WriteString(u, strings.Repeat(" ", 64<<10)) }()
				slow = append(slow, u)
			}
			eventually(t, "they hold what they may", func() bool { in, _ := w.API.Used(); return in >= 8<<20 })
			w.do("PUT", secretAt(v, "large"), ada.token, large).want(201)
			w.do("POST", "/v1/auth/agent-token", "", object{"api_key": ada.agent(nil).key}, from("198.51.100.1:1")).want(200)
			for _, u := range slow {
				_ = u.CloseWithError(io.ErrUnexpectedEOF)
			}
			for _, u := range slow {
				<-u.status
			}
		})
	}
}

// TestASlowBodyIsRefused sends a body byte by byte over a real connection.
func TestASlowBodyIsRefused(t *testing.T) {
	w := open(t, budgets(func(b *gate.Budgets) {
		b.Pace = budget.Pace{Grace: 100 * time.Millisecond, Rate: 16 << 10, Within: patience}
	}))
	ada := w.signup("ada")
	s := httptest.NewServer(w.API)
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100000\r\n\r\n", secretAt(ada.vaultNamed("v"), "p"), ada.token); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			if _, err := io.WriteString(conn, " "); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestTimeout {
		t.Errorf("%d", res.StatusCode)
	}
}

// TestAnswersThatAreNotReadAreCutOff asks for many large values over real connections, and
// reads none of them.
func TestAnswersThatAreNotReadAreCutOff(t *testing.T) {
	w := open(t, budgets(func(b *gate.Budgets) {
		b.Pace.Grace, b.Wait = 200*time.Millisecond, time.Minute
	}))
	ada, bob := w.signup("ada"), w.signup("bob")
	v, other := ada.vaultNamed("v"), bob.vaultNamed("v")
	w.do("PUT", secretAt(v, "large"), ada.token, large).want(201)
	w.do("PUT", secretAt(other, "large"), bob.token, large).want(201)
	s := httptest.NewServer(w.API)
	defer s.Close()
	var conns []net.Conn
	for range 40 {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", secretAt(v, "large"), ada.token); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	out := func() int64 { _, out := w.API.Used(); return out }
	share := gate.DefaultBudgets().Out / 4
	eventually(t, "answers wait", func() bool { return out() > share/2 })
	if n := out(); n > share+(11<<20) {
		t.Errorf("answers of one principal hold %d bytes", n)
	}
	if got := w.do("GET", secretAt(other, "large"), bob.token, nil).want(200); len(got.body) < 5<<20-12 {
		t.Errorf("%d bytes", len(got.body))
	}
	// Who reads goes on; who does not is cut off, and makes room for those who wait.
	eventually(t, "all are cut off", func() bool { return out() == 0 })
	for _, conn := range conns {
		_ = conn.Close()
	}
}

// TestOpenRequestsOfOneAreBounded opens as many as one may, and one more.
func TestOpenRequestsOfOneAreBounded(t *testing.T) {
	w := open(t, budgets(func(b *gate.Budgets) { b.Open = 4 }))
	ada, bob := w.signup("ada"), w.signup("bob")
	v := ada.vaultNamed("v")
	var opened []upload
	for i := range 4 {
		u := w.upload(secretAt(v, fmt.Sprint(i)), ada.token)
		if _, err := io.WriteString(u, `{"value":`); err != nil { // it is in
			t.Fatal(err)
		}
		opened = append(opened, u)
	}
	r := w.do("GET", "/v1/vaults", ada.token, nil).want(429, "too_many_open_requests")
	if r.header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	w.do("GET", "/v1/vaults", bob.token, nil).want(200)
	for _, u := range opened {
		if _, err := io.WriteString(u, `"x"}`); err != nil {
			t.Fatal(err)
		}
		_ = u.Close()
		if status := <-u.status; status != 201 {
			t.Errorf("%d", status)
		}
	}
	w.do("GET", "/v1/vaults", ada.token, nil).want(200)
}
