// Package metrics counts what a server does, and writes the counts as Prometheus reads them.
//
// Its promise: a label has no value but those that its counter was made with, and "other" for
// all else. So no name of anybody, no path and no text gets in, and there are never more
// series than were made.
package metrics

import (
	"net/http"
	"slices"
	"strconv"
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

type family interface{ appendTo(b []byte) []byte }

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

func (c *Counter) appendTo(b []byte) []byte {
	b = appendHead(b, c.name, c.help, "counter")
	for at := range c.counts {
		n := c.counts[at].Load()
		if n == 0 && len(c.labels) > 0 {
			continue // most pairs of values never come together
		}
		b = append(b, c.name...)
		rest, sep := at, byte('{')
		size := len(c.counts)
		for _, l := range c.labels {
			size /= len(l.Values)
			b = append(append(append(b, sep), l.Name...), `="`...)
			b = append(append(b, l.Values[rest/size]...), '"')
			rest, sep = rest%size, ','
		}
		if sep == ',' {
			b = append(b, '}')
		}
		b = append(strconv.AppendUint(append(b, ' '), n, 10), '\n')
	}
	return b
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

func (h *Histogram) appendTo(b []byte) []byte {
	b = appendHead(b, h.name, h.help, "histogram")
	seconds := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) }
	line := func(name, labels, value string) {
		b = append(append(append(append(append(b, name...), labels...), ' '), value...), '\n')
	}
	var all uint64
	for i := range h.counts {
		bound := "+Inf"
		if i < len(h.bounds) {
			bound = seconds(h.bounds[i])
		}
		all += h.counts[i].Load()
		line(h.name+"_bucket", `{le="`+bound+`"}`, strconv.FormatUint(all, 10))
	}
	line(h.name+"_sum", "", seconds(time.Duration(h.sum.Load())))
	line(h.name+"_count", "", strconv.FormatUint(all, 10))
	return b
}

func appendHead(b []byte, name, help, kind string) []byte {
	help = strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help)
	b = append(append(append(append(append(b, "# HELP "...), name...), ' '), help...), '\n')
	return append(append(append(append(append(b, "# TYPE "...), name...), ' '), kind...), '\n')
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
	var b []byte
	for _, f := range s.families {
		b = f.appendTo(b)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b) // a scraper that is gone asks again
}
