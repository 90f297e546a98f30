package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject"
)

// worstShare is what of a source may be above the first threshold.
const worstShare = 0.035

// limit is the margin that this share of the harmless texts is above, and of no source
// more than another share.
func limit(records []record, margins []float64, share, most float64) float64 {
	highest := quantile(records, margins, share)
	of := map[string][]float64{}
	for i, r := range records {
		if !r.attack() {
			of[r.Source] = append(of[r.Source], margins[i])
		}
	}
	for _, all := range of {
		slices.Sort(all)
		highest = max(highest, all[len(all)-1-int(most*float64(len(all)))])
	}
	return highest
}

// quantile is the margin that this share of the harmless texts is above, each source
// with the same weight: a large one must not hide that a small one is all false alarms.
func quantile(records []record, margins []float64, share float64) float64 {
	count := map[string]float64{}
	for _, r := range records {
		if !r.attack() {
			count[r.Source]++
		}
	}
	type point struct{ margin, weight float64 }
	var points []point
	for i, r := range records {
		if !r.attack() {
			points = append(points, point{margins[i], 1 / count[r.Source] / float64(len(count))})
		}
	}
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(b.margin, a.margin) })
	above := 0.0
	for _, p := range points {
		if above += p.weight; above > share {
			return p.margin
		}
	}
	return points[len(points)-1].margin
}

// spare keeps the harmless text that decides below the threshold.
const spare = 0.01

// bonus is what hidden words are worth: as much as makes of no harmless text a false
// alarm that isn't one by what it says.
func bonus(records []record, margins, hidden []float64, threshold float64) float64 {
	highest := math.Inf(-1)
	for i, r := range records {
		if !r.attack() && margins[i] <= threshold {
			highest = max(highest, hidden[i])
		}
	}
	if math.IsInf(highest, -1) {
		return 0
	}
	return max(0, threshold-highest-spare)
}

// row counts the texts of a group that are above the two thresholds.
type row struct{ texts, one, tenth int }

func (r row) String() string {
	return fmt.Sprintf("%6d  %.3f  %.3f", r.texts, float64(r.one)/float64(r.texts), float64(r.tenth)/float64(r.texts))
}

// table prints the share above the thresholds by group.
func table(w io.Writer, title string, records []record, scores []float64, group func(record) string) {
	rows := map[string]row{}
	for i, r := range records {
		g := group(r)
		if g == "" {
			continue
		}
		n := rows[g]
		n.texts++
		if scores[i] > inject.Threshold {
			n.one++
		}
		if scores[i] > inject.Certain {
			n.tenth++
		}
		rows[g] = n
	}
	fmt.Fprintf(w, "\n%-28s   texts  > 0.7  > 0.9\n", title)
	for _, g := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(w, "  %-26s %s\n", g, rows[g])
	}
}
