package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

func TestAKilledServerLosesNothingThatItAcknowledged(t *testing.T) {
	crash(t, newPlace(t), 50)
}

func TestAKilledServerOnPostgreSQLLosesNothingThatItAcknowledged(t *testing.T) {
	p := newPlace(t)
	p.command = "serve"
	file := func(name, content string) string {
		f := filepath.Join(p.home, name)
		if err := os.WriteFile(f, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	p.env = []string{
		"ONECLAW_DATABASE_URL_FILE=" + file("dsn", pgtest.Shared(t).DSN(t)),
		"ONECLAW_OWNER_EMAIL=" + ownerEmail, "ONECLAW_OWNER_PASSWORD_FILE=" + file("password", ownerPassword),
	}
	crash(t, p, 12)
}

// The owner of a server that was not started with "dev".
const (
	ownerEmail    = "owner@example.com"
	ownerPassword = "Correct-Horse7-Battery-Staple"
)

// crash kills the server with SIGKILL again and again while it serves writes and
// reads. After each time every acknowledged write must be there, and at the end
// every served read and write in the log, and the log whole.
func crash(t *testing.T, p *place, rounds int) {
	s := p.start()
	if p.command == "serve" {
		s.Email, s.Password = ownerEmail, ownerPassword
	}
	owner := s.login()
	vault, key := grant(t, owner, "**", "read", "write")
	agent := owner.exchange(t, key)
	l := &ledger{t: t, vault: vault, latest: map[string]state{}, counts: map[string]int{}, open: map[string]bool{}}
	for n := range rounds {
		if n > 0 {
			s = p.start()
			l.lastAcknowledged(owner.at(s))
		}
		l.burst(s, agent.at(s), n)
		if n%10 == 9 {
			s = p.start()
			owner.at(s).verified(t)
			s.stop()
		}
	}
	s = p.start()
	owner = owner.at(s)
	owner.verified(t)
	l.everyAcknowledged(owner)
	l.inTheLog(owner)
	t.Logf("%d kills, %d writes and %d reads acknowledged", rounds, len(l.acked), l.reads)
	if len(l.acked) < rounds || l.reads < rounds {
		t.Errorf("only %d writes and %d reads: nothing was tested", len(l.acked), l.reads)
	}
}

// state is what a path holds.
type state struct {
	version float64
	value   string
}

// ledger is what the callers of a server know.
type ledger struct {
	t     testing.TB
	vault string

	mu     sync.Mutex
	latest map[string]state  // newest acknowledged write of each path
	acked  []acknowledgement // every one
	reads  int
	recent int             // index in acked where the last burst began
	counts map[string]int  // answers by address and action
	open   map[string]bool // path=value of writes without an answer
}

type acknowledgement struct {
	path string
	state
}

// burst lets writers and readers loose, each from an address of its own, and kills
// the server under them.
func (l *ledger) burst(s *server, agent caller, round int) {
	l.recent = len(l.acked)
	before := l.reads
	var callers sync.WaitGroup
	for n := range 4 {
		callers.Go(func() { l.write(agent, address(round, n), n, round) })
		callers.Go(func() { l.read(agent, address(round, 100+n), n) })
	}
	l.served(&callers, before)
	time.Sleep(time.Duration(20+rand.IntN(180)) * time.Millisecond) // when it strikes is up to chance
	s.kill9()
	callers.Wait()
}

// served waits until a write and a read of this burst are acknowledged, or all callers have ended: on
// a busy machine a server may be killed before it has done anything.
func (l *ledger) served(callers *sync.WaitGroup, reads int) {
	ended := make(chan struct{})
	go func() {
		callers.Wait()
		close(ended)
	}()
	for tick := time.NewTicker(time.Millisecond); ; {
		l.mu.Lock()
		done := len(l.acked) > l.recent && l.reads > reads
		l.mu.Unlock()
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		if done {
			tick.Stop()
			return
		}
	}
}

// address is one of this machine's addresses, so that the log tells callers apart.
func address(round, n int) string { return fmt.Sprintf("127.%d.%d.1", 1+round, n) }

func from(t testing.TB, ip string) *http.Client {
	return over(t, &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}})
}

func (l *ledger) write(c caller, ip string, n, round int) {
	c.http = from(l.t, ip)
	for i := 0; ; i++ {
		path, value := fmt.Sprintf("w%d/s%d", n, i%5), fmt.Sprintf("%d-%d-%d", round, n, i)
		l.mu.Lock()
		l.open[path+"="+value] = true
		l.mu.Unlock()
		r, err := c.try(l.t.Context(), "PUT", l.vault+"/secrets/"+path, map[string]string{"value": value})
		if err != nil {
			return
		}
		var m struct{ Version float64 }
		if err := json.Unmarshal(r.body, &m); r.status != http.StatusCreated || err != nil {
			l.t.Errorf("write: %d %s %v", r.status, r.body, err)
			return
		}
		l.mu.Lock()
		delete(l.open, path+"="+value)
		if old := l.latest[path]; m.Version <= old.version {
			l.t.Errorf("%s: version %v came after %v", path, m.Version, old.version)
		}
		l.latest[path] = state{m.Version, value}
		l.acked = append(l.acked, acknowledgement{path, state{m.Version, value}})
		l.counts[ip+" secret.write"]++
		l.mu.Unlock()
	}
}

func (l *ledger) read(c caller, ip string, n int) {
	c.http = from(l.t, ip)
	for i := 0; ; i++ {
		r, err := c.try(l.t.Context(), "GET", fmt.Sprintf("%s/secrets/w%d/s%d", l.vault, n, i%5), nil)
		if err != nil {
			return
		}
		var m struct {
			Path    string
			Version float64
		}
		if err := json.Unmarshal(r.body, &m); (r.status != http.StatusOK && r.status != http.StatusNotFound) || err != nil {
			l.t.Errorf("read: %d %s %v", r.status, r.body, err)
			return
		}
		l.mu.Lock()
		l.counts[ip+" secret.read"]++
		if r.status == http.StatusOK {
			l.reads++
			l.counts[fmt.Sprintf("%s secret.read %s@%v", ip, m.Path, m.Version)]++
		}
		l.mu.Unlock()
	}
}

// lastAcknowledged wants the newest state of every path: what was acknowledged, or
// what was being written when the server died.
func (l *ledger) lastAcknowledged(c caller) {
	l.t.Helper()
	for path, want := range l.latest {
		m := c.want(l.t, http.StatusOK, "GET", l.vault+"/secrets/"+path, nil)
		got := state{m["version"].(float64), text(l.t, m, "value")}
		if got != want && (got.version <= want.version || !l.open[path+"="+got.value]) {
			l.t.Errorf("%s is %v; acknowledged was %v", path, got, want)
		}
	}
	for _, a := range l.acked[l.recent:] {
		l.holds(c, a)
	}
}

// everyAcknowledged wants all versions of all rounds.
func (l *ledger) everyAcknowledged(c caller) {
	l.t.Helper()
	for _, a := range l.acked {
		l.holds(c, a)
	}
}

func (l *ledger) holds(c caller, a acknowledgement) {
	l.t.Helper()
	m := c.want(l.t, http.StatusOK, "GET", fmt.Sprintf("%s/secret-versions/%s?version=%v", l.vault, a.path, a.version), nil)
	if m["value"] != a.value {
		l.t.Errorf("version %v of %s is %v, want %s", a.version, a.path, m["value"], a.value)
	}
}

// inTheLog wants an event for every answer that a caller got. A server that dies
// may leave one more of each caller: that of the answer that did not arrive.
func (l *ledger) inTheLog(owner caller) {
	l.t.Helper()
	logged := map[string]int{}
	for _, e := range export(l.t, owner) {
		logged[e.IP+" "+e.Action]++
		if e.Details.Version > 0 {
			logged[fmt.Sprintf("%s %s %s@%d", e.IP, e.Action, e.Details.Path, e.Details.Version)]++
		}
	}
	for what, answered := range l.counts {
		if n := logged[what]; n < answered || n > answered+1 {
			l.t.Errorf("%s: %d answers and %d events", what, answered, n)
		}
	}
}

// event is a line of the log's export.
type event struct {
	Kind, ID, Action string
	Seq              uint64
	IP               string `json:"ip_address"`
	DetailsText      string `json:"details"`
	Details          struct {
		Outcome, Path, Reason string
		Version               uint64
	} `json:"-"`
}

// export reads the whole log.
func export(t testing.TB, c caller) (events []event) {
	t.Helper()
	r := c.do(t, "GET", "/v1/audit/export", nil)
	if r.status != http.StatusOK {
		t.Fatalf("export: %d %s", r.status, r.body)
	}
	lines := bufio.NewScanner(bytes.NewReader(r.body))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("line %d of the export: %v", n, err)
		}
		if e.Kind != "event" {
			continue
		}
		if err := json.Unmarshal([]byte(e.DetailsText), &e.Details); err != nil {
			t.Fatalf("details of event %s: %v", strconv.FormatUint(e.Seq, 10), err)
		}
		events = append(events, e)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}
