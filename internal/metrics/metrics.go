// Package metrics counts what a server does, and writes the counts as Prometheus reads them.
//
// Its promise: a label has no value but those that its counter was made with, and "other" for
// all else. So no name of anybody, no path and no text gets in, and there are never more
// series than were made.
package metrics

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Other is the value of a label that is none of its own.
const Other = "other"

// Label is a name and the values that it may have, beside Other.
type Label struct {
	Name   string
	Values []string
}

// Set is some counters. It is an http.Handler, which answers with all of them.
type Set struct{ families []family }

type family interface{ write(w *bytes.Buffer) }

// Counter counts what labels tell apart.
type Counter struct {
	name, help string
	labels     []Label
	counts     []atomic.Uint64 // by the values, the last label's next to each other
}

// Counter makes a counter that is in the set. It is made before the first answer.
func (s *Set) Counter(name, help string, labels ...Label) *Counter {
	n := 1
	for i := range labels {
		labels[i].Values = append(slices.Clone(labels[i].Values), Other)
		n *= len(labels[i].Values)
	}
	c := &Counter{name: name, help: help, labels: labels, counts: make([]atomic.Uint64, n)}
	s.families = append(s.families, c)
	return c
}

// Add counts n more with a value of each label, in their order.
func (c *Counter) Add(n uint64, values ...string) {
	at := 0
	for i, l := range c.labels {
		v := len(l.Values) - 1
		if i < len(values) {
			if known := slices.Index(l.Values, values[i]); known >= 0 {
				v = known
			}
		}
		at = at*len(l.Values) + v
	}
	c.counts[at].Add(n)
}

func (c *Counter) write(w *bytes.Buffer) {
	head(w, c.name, c.help, "counter")
	for at := range c.counts {
		n := c.counts[at].Load()
		if n == 0 && len(c.labels) > 0 {
			continue // most pairs of values never come together
		}
		var labels []string
		rest, size := at, len(c.counts)
		for _, l := range c.labels {
			size /= len(l.Values)
			labels = append(labels, l.Name+`="`+l.Values[rest/size]+`"`)
			rest %= size
		}
		name := c.name
		if len(labels) > 0 {
			name += "{" + strings.Join(labels, ",") + "}"
		}
		fmt.Fprintf(w, "%s %d\n", name, n)
	}
}

// Histogram counts durations by how long they are at most.
type Histogram struct {
	name, help string
	bounds     []time.Duration
	counts     []atomic.Uint64 // of each bound alone, and at the end of what is longer than all
	sum        atomic.Int64    // nanoseconds
}

// Histogram makes a histogram of seconds that is in the set, with bounds that grow.
func (s *Set) Histogram(name, help string, bounds ...time.Duration) *Histogram {
	h := &Histogram{name: name, help: help, bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
	s.families = append(s.families, h)
	return h
}

// Observe counts a duration. One below 0, which a clock that is set makes, counts as 0.
func (h *Histogram) Observe(d time.Duration) {
	d = max(d, 0)
	at, _ := slices.BinarySearch(h.bounds, d)
	h.counts[at].Add(1)
	h.sum.Add(int64(d))
}

func (h *Histogram) write(w *bytes.Buffer) {
	head(w, h.name, h.help, "histogram")
	var all uint64
	for i := range h.counts {
		bound := "+Inf"
		if i < len(h.bounds) {
			bound = fmt.Sprint(h.bounds[i].Seconds())
		}
		all += h.counts[i].Load()
		fmt.Fprintf(w, "%s_bucket{le=%q} %d\n", h.name, bound, all)
	}
	fmt.Fprintf(w, "%s_sum %v\n%[1]s_count %[3]d\n", h.name, time.Duration(h.sum.Load()).Seconds(), all)
}

func head(w *bytes.Buffer, name, help, kind string) {
	help = strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help)
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %[1]s %[3]s\n", name, help, kind)
}

// ServeHTTP implements http.Handler: GET /metrics, in version 0.0.4 of the text format.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/metrics":
		http.Error(w, "GET /metrics", http.StatusNotFound)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "GET /metrics", http.StatusMethodNotAllowed)
		return
	}
	var b bytes.Buffer
	for _, f := range s.families {
		f.write(&b)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // a scraper that is gone asks again
}
