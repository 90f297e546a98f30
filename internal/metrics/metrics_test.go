package metrics_test

import (
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/metrics"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/prom"
)

func TestWhatIsWritten(t *testing.T) {
	var s metrics.Set
	c := s.Counter("a_total", "Of a\nand \\ b.", metrics.Label{Name: "kind", Values: []string{"x", "y"}}, metrics.Label{Name: "outcome", Values: []string{"good", "bad"}})
	plain := s.Counter("plain_total", "Without labels.")
	h := s.Histogram("h_seconds", "How long.", 100*time.Millisecond, time.Second)
	c.Add(2, "x", "good")
	c.Add(1, "y", "bad")
	c.Add(3, "\"}\nevil 1", "good")
	c.Add(1, "x")
	c.Add(1, "x", "good", "more")
	for _, d := range []time.Duration{-time.Hour, 0, 100 * time.Millisecond, 101 * time.Millisecond, time.Second, time.Minute} {
		h.Observe(d)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	want := `# HELP a_total Of a\nand \\ b.
# TYPE a_total counter
a_total{kind="x",outcome="good"} 3
a_total{kind="x",outcome="other"} 1
a_total{kind="y",outcome="bad"} 1
a_total{kind="other",outcome="good"} 3
# HELP plain_total Without labels.
# TYPE plain_total counter
plain_total 0
# HELP h_seconds How long.
# TYPE h_seconds histogram
h_seconds_bucket{le="0.1"} 3
h_seconds_bucket{le="1"} 5
h_seconds_bucket{le="+Inf"} 6
h_seconds_sum 61.201
h_seconds_count 6
`
	if got := w.Body.String(); w.Code != 200 || got != want || w.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("%d %v\n%s", w.Code, w.Header(), got)
	}
	if got := prom.Read(t, w.Body.String()); got[`a_total{kind="x",outcome="good"}`] != 3 || got["h_seconds_sum"] != 61.201 {
		t.Errorf("%v", got)
	}
	plain.Add(1)
	for _, c := range []struct {
		method, path string
		status       int
	}{{"HEAD", "/metrics", 200}, {"POST", "/metrics", 405}, {"GET", "/", 404}, {"GET", "/metrics/", 404}, {"GET", "/v1/health", 404}} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil))
		if w.Code != c.status || c.status != 200 && strings.Contains(w.Body.String(), "plain_total") {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
}

func TestManyCountAtOnce(t *testing.T) {
	var s metrics.Set
	c := s.Counter("a_total", "A.", metrics.Label{Name: "kind", Values: []string{"x"}})
	h := s.Histogram("h_seconds", "H.", time.Second)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				c.Add(1, "x")
				h.Observe(time.Minute)
				s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
			}
		})
	}
	all.Wait()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if got := prom.Read(t, w.Body.String()); got[`a_total{kind="x"}`] != 8000 || got["h_seconds_count"] != 8000 || got["h_seconds_sum"] != 480_000 {
		t.Errorf("%v", got)
	}
}
