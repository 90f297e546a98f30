//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

// report is what a run found. Its JSON is the same as what is printed.
type report struct {
	Machine     machine      `json:"machine"`
	Cases       []figures    `json:"cases"`
	Comparisons []comparison `json:"comparisons,omitempty"`
	Extras      []extra      `json:"others"`
	Notes       []string     `json:"notes"`

	binaries []string
	firsts   []error
}

// figures are one row: a case on an engine. Times are microseconds; CPU is per
// request.
type figures struct {
	Case     string  `json:"case"`
	Engine   string  `json:"engine"`
	Conns    int     `json:"conns"`
	Requests int     `json:"requests"`
	Rate     float64 `json:"requests_per_second"`
	P50      float64 `json:"p50_us"`
	P95      float64 `json:"p95_us"`
	P99      float64 `json:"p99_us"`
	// ServerCPU is the oneclaw process, user and kernel; DatabaseCPU all
	// processes of PostgreSQL.
	ServerCPU   float64 `json:"server_cpu_us"`
	DatabaseCPU float64 `json:"database_cpu_us"`
	LoadCPU     float64 `json:"load_cpu_us"`
	// Others is how many processors were busy with anything else, on average.
	Others float64 `json:"other_processors"`
	Errors int     `json:"errors"`
}

// extra is a figure that is not of a load.
type extra struct {
	Engine string  `json:"engine,omitempty"`
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Detail string  `json:"detail,omitempty"`
}

// row computes the figures of a load.
func row(name, engine string, conns int, out outcome, used usage) figures {
	slices.Sort(out.latency)
	n := float64(len(out.latency))
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / n }
	others := used.machine + used.steal - used.server - used.database - used.self - used.beside
	return figures{
		Case: name, Engine: engine, Conns: conns, Requests: len(out.latency), Rate: n / out.elapsed.Seconds(),
		P50: percentile(out.latency, 50), P95: percentile(out.latency, 95), P99: percentile(out.latency, 99),
		ServerCPU: each(used.server), DatabaseCPU: each(used.database), LoadCPU: each(used.self),
		Others: max(0, others.Seconds()/out.elapsed.Seconds()),
		Errors: out.failures,
	}
}

// percentile is the smallest sample that p percent of them do not exceed, in
// microseconds. sorted must not be empty.
func percentile(sorted []uint32, p int) float64 {
	rank := (len(sorted)*p + 99) / 100
	return float64(sorted[max(rank, 1)-1]) / 1000
}

func (r *report) add(f figures, first error) {
	r.Cases = append(r.Cases, f)
	if f.Errors > 0 {
		r.firsts = append(r.firsts, fmt.Errorf("%s on %s with %d connections: %d wrong answers, the first: %w", f.Case, f.Engine, f.Conns, f.Errors, first))
	}
}

func (r *report) extra(engine, name string, value float64, unit, detail string) {
	r.Extras = append(r.Extras, extra{Engine: engine, Name: name, Value: value, Unit: unit, Detail: detail})
}

func (r *report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// binary adds the size of a binary, once.
func (r *report) binary(path string) {
	if slices.Contains(r.binaries, path) {
		return
	}
	r.binaries = append(r.binaries, path)
	if info, err := os.Stat(path); err == nil {
		r.extra("", "size of "+filepath.Base(path), float64(info.Size())/1e6, "MB", "")
	}
}

// failed says which answers were wrong.
func (r *report) failed() error { return errors.Join(r.firsts...) }

const (
	loadShare   = 1.0 / 3 // of the CPU that a case took
	othersLimit = 0.1     // processors
)

// warnings are what a reader of the figures should know.
func (r *report) warnings() (out []string) {
	disturbed, worst := 0, 0.0
	for _, f := range r.Cases {
		where := fmt.Sprintf("%s on %s with %d connections", f.Case, f.Engine, f.Conns)
		if all := f.LoadCPU + f.ServerCPU + f.DatabaseCPU; f.LoadCPU > loadShare*all {
			out = append(out, fmt.Sprintf("%s: the load itself took %.0f%% of the CPU, so the server could do more", where, 100*f.LoadCPU/all))
		}
		if f.Others > othersLimit {
			disturbed++
			worst = max(worst, f.Others)
		}
	}
	if disturbed > 0 {
		out = append(out, fmt.Sprintf("in %d of %d cases something else kept up to %.1f of %d processors busy (column others): run it again on a quiet machine",
			disturbed, len(r.Cases), worst, r.Machine.Cores))
	}
	return append(out, r.Notes...)
}

func (r *report) print(w io.Writer) {
	fmt.Fprintln(w, r.Machine)
	if len(r.Cases) > 0 {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "\ncase\tengine\tconns\trequests/s\tp50 µs\tp95 µs\tp99 µs\tserver CPU µs\tdatabase CPU µs\tload CPU µs\tothers\terrors\t")
		for _, f := range r.Cases {
			fmt.Fprintf(t, "%s\t%s\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t%d\t\n",
				f.Case, f.Engine, f.Conns, f.Rate, f.P50, f.P95, f.P99, f.ServerCPU, f.DatabaseCPU, f.LoadCPU, f.Others, f.Errors)
		}
		_ = t.Flush()
	}
	if len(r.Comparisons) > 0 {
		printComparisons(w, r.Comparisons)
	}
	if len(r.Extras) > 0 {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t)
		for _, e := range r.Extras {
			fmt.Fprintf(t, "%s\t%s\t%.4g %s\t%s\n", e.Name, e.Engine, e.Value, e.Unit, e.Detail)
		}
		_ = t.Flush()
	}
	for i, warning := range r.warnings() {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "note:", warning)
	}
}

func (r *report) writeJSON(path string, out io.Writer) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if path == "-" {
		_, err = out.Write(b)
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

// comparison is one case of two binaries that took turns. Both ran for the
// whole time, each on data of its own, so that what disturbs the machine for
// longer than a turn disturbs both.
type comparison struct {
	Case   string `json:"case"`
	Engine string `json:"engine"`
	Conns  int    `json:"conns"`
	Turns  int    `json:"turns"`
	// CPU is of the server and its database, microseconds a request, medians.
	BeforeCPU float64 `json:"before_cpu_us"`
	NowCPU    float64 `json:"now_cpu_us"`
	// CPUChange and RateChange are percent, medians over the pairs of turns;
	// the errors are standard errors of those medians.
	CPUChange  float64 `json:"cpu_change_percent"`
	CPUError   float64 `json:"cpu_change_error"`
	RateChange float64 `json:"rate_change_percent"`
	RateError  float64 `json:"rate_change_error"`
}

func printComparisons(w io.Writer, all []comparison) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\ncase\tengine\tconns\tCPU µs before\tCPU µs now\tCPU change\t±\trate change\t±\tturns\t")
	for _, c := range all {
		fmt.Fprintf(t, "%s\t%s\t%d\t%.1f\t%.1f\t%+.1f%%\t%.1f\t%+.1f%%\t%.1f\t%d\t\n",
			c.Case, c.Engine, c.Conns, c.BeforeCPU, c.NowCPU, c.CPUChange, c.CPUError, c.RateChange, c.RateError, c.Turns)
	}
	_ = t.Flush()
}
