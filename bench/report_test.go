//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make([]uint32, 100)
	for i := range hundred {
		hundred[i] = uint32(i+1) * 1000
	}
	for name, tc := range map[string]struct {
		sorted []uint32
		p      int
		want   float64
	}{
		"half of a hundred":      {hundred, 50, 50},
		"99 of a hundred":        {hundred, 99, 99},
		"99 of ten is the last":  {hundred[:10], 99, 10},
		"one sample is all":      {hundred[:1], 50, 1},
		"half of three is two":   {hundred[:3], 50, 2},
		"95 of twenty is the 19": {hundred[:20], 95, 19},
	} {
		t.Run(name, func(t *testing.T) {
			if got := percentile(tc.sorted, tc.p); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestReport(t *testing.T) {
	newReport := func() *report { return &report{Machine: machine{CPU: "a processor", Cores: 2}} }
	out := outcome{elapsed: 2 * time.Second, latency: []uint32{3000, 1000, 2000, 4000}}
	used := usage{server: 400 * time.Microsecond, self: 40 * time.Microsecond, machine: 440 * time.Microsecond}

	t.Run("has the same figures in print and in JSON", func(t *testing.T) {
		r := newReport()
		r.add(row(readJWT, sqlite, 8, out, used), nil)
		r.extra(sqlite, "size", 12.5, "MB", "")
		var text bytes.Buffer
		r.print(&text)
		for _, want := range []string{"a processor", "read-jwt sqlite 8 2 2 4 4 100 0 10 0.0 0", "12.5 MB"} {
			if !strings.Contains(strings.Join(strings.Fields(text.String()), " "), want) {
				t.Errorf("no %q in\n%s", want, &text)
			}
		}
		if strings.Contains(text.String(), "note:") {
			t.Errorf("a warning in\n%s", &text)
		}
		file := filepath.Join(t.TempDir(), "r.json")
		if err := r.writeJSON(file, nil); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var back report
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if len(back.Cases) != 1 || back.Cases[0] != r.Cases[0] || back.Cases[0].Rate != 2 || back.Cases[0].LoadCPU != 10 {
			t.Errorf("%+v", back.Cases)
		}
	})
	t.Run("fails for one wrong answer", func(t *testing.T) {
		r := newReport()
		bad := out
		bad.failures = 1
		r.add(row(write, sqlite, 8, bad, used), errors.New("conflict"))
		if err := r.failed(); err == nil || !strings.Contains(err.Error(), "1 wrong answers, the first: conflict") {
			t.Error(err)
		}
	})
	t.Run("warns when the load costs too much or the machine is not quiet", func(t *testing.T) {
		r := newReport()
		r.add(row(readJWT, sqlite, 8, out, usage{server: 10, self: 6, machine: 16}), nil)
		r.add(row(readJWT, sqlite, 8, out, usage{server: time.Second, machine: 2 * time.Second}), nil)
		if w := r.warnings(); len(w) != 2 || !strings.Contains(w[0], "38%") || !strings.Contains(w[1], "in 1 of 2 cases something else kept up to 0.5 of 2") {
			t.Errorf("%q", w)
		}
	})
}

func TestProc(t *testing.T) {
	u, err := usageNow(os.Getpid(), os.Getppid())
	if err != nil {
		t.Fatal(err)
	}
	for u.self < 30*tick { // burn until the kernel's coarser clock must have moved too
		if u, err = usageNow(os.Getpid(), os.Getppid()); err != nil {
			t.Fatal(err)
		}
	}
	if u.server < u.self/2 || u.server > 2*u.self || u.machine < u.server || u.database < u.server {
		t.Errorf("server %v, self %v, machine %v, family of the parent %v", u.server, u.self, u.machine, u.database)
	}
	rss, anonymous, err := memoryOf(os.Getpid())
	if err != nil || rss < 1<<20 || anonymous > rss {
		t.Errorf("rss %d, anonymous %d, error %v", rss, anonymous, err)
	}
}

func TestOptions(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"an unknown case":      {[]string{"-cases", "reed"}, `no "reed"`},
		"an unknown engine":    {[]string{"-engines", "oracle"}, `no "oracle"`},
		"no connections":       {[]string{"-conns", "0"}, "no number of connections"},
		"no time":              {[]string{"-duration", "0s"}, "above zero"},
		"a word without flag":  {[]string{"fast"}, "unexpected"},
		"more than fit a name": {[]string{"-scale", "1000001"}, "1 to 1000000"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tc.args, new(bytes.Buffer))
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}
