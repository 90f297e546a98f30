package e2e_test

import (
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// put is a write that was tried.
type put struct {
	path, value string
	acked       bool
}

func TestSIGTERMUnderLoadCutsNoRequestOff(t *testing.T) {
	for name, program := range map[string]func() (string, error){
		"as it is shipped":       func() (string, error) { return binary, nil },
		"with the race detector": withRace,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.binary = must[string](t)(program())
			s := p.start()
			owner := s.login()
			vault, key := grant(t, owner, "**", "read", "write")
			agent := owner.exchange(t, key)

			var served atomic.Int64
			var load sync.WaitGroup
			tried := make([][]put, 8)
			for n := range tried {
				load.Go(func() { tried[n] = writeUntilRefused(t, agent, vault, "w"+strconv.Itoa(n), &served) })
			}
			eventually(t, "200 writes", func() bool { return served.Load() > 200 })
			s.stop()
			load.Wait()
			if out := s.output(); strings.Contains(out, "DATA RACE") || strings.Contains(out, "level=ERROR") {
				t.Errorf("output:\n%s", out)
			}

			agent = agent.at(p.start())
			for _, all := range tried {
				sameAsTried(t, agent, vault, all)
			}
		})
	}
}

// writeUntilRefused writes new versions on one connection after the other, until
// the port is closed.
func writeUntilRefused(t testing.TB, c caller, vault, folder string, served *atomic.Int64) (tried []put) {
	var reused bool
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
	c.http = over(t, &net.Dialer{})
	for i := 0; ; i++ {
		p := put{path: folder + "/s" + strconv.Itoa(i%7), value: strconv.Itoa(i)}
		reused = false
		r, err := c.try(ctx, "PUT", vault+"/secrets/"+p.path, map[string]string{"value": p.value})
		switch {
		case err != nil:
			// A new connection is refused, or was never accepted. One that served
			// before is not closed without having said so.
			if reused {
				t.Errorf("%s: cut off: %v", folder, err)
			}
			return append(tried, p)
		case r.status != http.StatusCreated:
			t.Errorf("%s: %d %s", folder, r.status, r.body)
			return tried
		}
		p.acked = true
		tried = append(tried, p)
		served.Add(1)
	}
}

// sameAsTried wants the newest value that was acknowledged at every path, and
// nothing of what was not.
func sameAsTried(t testing.TB, c caller, vault string, tried []put) {
	t.Helper()
	last := map[string]string{}
	for _, p := range tried {
		if p.acked {
			last[p.path] = p.value
		}
	}
	for path, value := range last {
		if m := c.want(t, http.StatusOK, "GET", vault+"/secrets/"+path, nil); m["value"] != value {
			t.Errorf("%s is %v, want %s", path, m["value"], value)
		}
	}
}
