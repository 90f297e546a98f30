// Package prom reads the text format of Prometheus (version 0.0.4) strictly, for tests.
package prom

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Read returns the value of each series, by its name with its labels as they are written. What
// Prometheus would refuse or misread fails the test: a series without its head or outside of its
// family, one that is there twice, a bad name or number, buckets that do not grow.
func Read(t testing.TB, text string) map[string]float64 {
	t.Helper()
	head := regexp.MustCompile(`^# (HELP|TYPE) ([a-z][a-z0-9_]*) (.+)$`)
	sample := regexp.MustCompile(`^([a-z][a-z0-9_]*)((?:\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})?) (\S+)$`)
	out, heads := map[string]float64{}, map[string]bool{}
	family, kind, bucket := "", "", 0.0
	lines, ended := strings.CutSuffix(text, "\n")
	if !ended {
		t.Errorf("the last line does not end: %q", text)
	}
	for line := range strings.SplitSeq(lines, "\n") {
		if m := head.FindStringSubmatch(line); m != nil {
			if heads[m[1]+m[2]] || m[1] == "TYPE" && (m[2] != family || m[3] != "counter" && m[3] != "histogram") {
				t.Errorf("%q is out of place", line)
			}
			heads[m[1]+m[2]] = true
			if family, bucket = m[2], 0; m[1] == "TYPE" {
				kind = m[3]
			}
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("%q is no line of the format", line)
			continue
		}
		v, err := strconv.ParseFloat(m[3], 64)
		name := m[1]
		if kind == "histogram" {
			for _, end := range []string{"_bucket", "_sum", "_count"} {
				name = strings.TrimSuffix(name, end)
			}
			if strings.HasSuffix(m[1], "_bucket") {
				if v < bucket || !strings.HasPrefix(m[2], `{le="`) {
					t.Errorf("%q: buckets are counted up", line)
				}
				bucket = v
			}
			if strings.HasSuffix(m[1], "_count") && v != bucket {
				t.Errorf("%q is not the last bucket", line)
			}
		} else if !strings.HasSuffix(name, "_total") {
			t.Errorf("%q: a counter ends in _total", line)
		}
		if _, twice := out[m[1]+m[2]]; twice || err != nil || v < 0 || math.IsNaN(v) || name != family || !heads["TYPE"+family] {
			t.Errorf("%q is out of place, or its value is none", line)
		}
		out[m[1]+m[2]] = v
	}
	return out
}
