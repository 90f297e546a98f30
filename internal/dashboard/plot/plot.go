// Package plot is pictures of bars for pages, made here and drawn as SVG by a template.
package plot

import (
	"strconv"
	"time"
)

// Plot is a picture of bars. What it shows is in a table below
// it too, for those who do not see it.
type Plot struct {
	Title       string
	Width, High int
	Bars        []Bar
	Most        string // the number at the upper line
	Columns     []string
}

// Bar is one place of a plot. Part is of the whole, and drawn over it.
type Bar struct {
	Label        string
	Whole, Part  int64
	Shown        string // the number in words, where it is none that people read
	X, Y, W, H   int
	PartY, PartH int
	LabelX       int
	Named        bool // its label has room below it
}

// Size of plots, in the units of their drawing.
const (
	width  = 720
	height = 160
	below  = 20 // for labels
)

// Draw gives bars their places. columns are the heads of the table: what the labels are,
// the wholes, and the parts if there are any.
func Draw(title string, bars []Bar, columns ...string) Plot {
	p := Plot{Title: title, Width: width, High: height + below, Bars: bars, Columns: columns}
	most := int64(1)
	for _, b := range bars {
		most = max(most, b.Whole)
	}
	p.Most = strconv.FormatInt(most, 10)
	if len(bars) == 0 {
		return p
	}
	place := width / len(bars)
	every := max(1, 70/max(place, 1))
	for i := range bars {
		b := &bars[i]
		b.X, b.W = i*width/len(bars)+1, max(place-2, 1)
		b.H, b.PartH = tall(b.Whole, most), tall(b.Part, most)
		b.Y, b.PartY = height-b.H, height-b.PartH
		b.LabelX, b.Named = b.X+b.W/2, i%every == 0
		if b.Shown == "" {
			b.Shown = strconv.FormatInt(b.Whole, 10)
		}
	}
	return p
}

// tall is how high a bar is; one that is not nothing can be seen.
func tall(n, most int64) int {
	if n <= 0 {
		return 0
	}
	return max(2, int(float64(n)/float64(most)*(height-16)))
}

// Two reports whether the bars have parts.
func (p Plot) Two() bool { return len(p.Columns) > 2 }

// Slots counts times in equal parts of a period that ends at now. at says when one was, and
// whether it counts to the part.
func Slots[T any](list []T, now time.Time, step time.Duration, n int, label string, at func(T) (when time.Time, part bool)) []Bar {
	return Counted(list, now, step, n, label, func(one T) (time.Time, int64, int64) {
		when, part := at(one)
		if part {
			return when, 1, 1
		}
		return when, 1, 0
	})
}

// Counted is Slots of what was counted already: so many at a time, and so many of the part.
func Counted[T any](list []T, now time.Time, step time.Duration, n int, label string, at func(T) (when time.Time, whole, part int64)) []Bar {
	bars := make([]Bar, n)
	end := now.UTC().Truncate(step).Add(step)
	for i := range bars {
		bars[i].Label = end.Add(time.Duration(i-n) * step).Format(label)
	}
	for _, one := range list {
		when, whole, part := at(one)
		// A time at the edge of a slot is in the later one.
		i := n - 1 - int((end.Sub(when.UTC())-1)/step)
		if !when.UTC().Before(end) || i < 0 || i >= n {
			continue
		}
		bars[i].Whole += whole
		bars[i].Part += part
	}
	return bars
}
