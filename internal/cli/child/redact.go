package child

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// Shortest is the size of the shortest value that is taken out of what a program writes.
const Shortest = known.Shortest

// pause is how long a program is silent before what could be the beginning of an unusual
// spelling is shown all the same: somebody may wait for a prompt.
const pause = 30 * time.Millisecond

// sure is how many letters of a value must stand at the end of what a program wrote for them
// to be held back until more comes. What a person types is echoed letter by letter.
const sure = 3

// filter writes what a program writes, without the values. What was shown stays in its window,
// so that the rest of a value is taken out also where its beginning was shown.
type filter struct {
	mu     sync.Mutex
	out    io.Writer
	sets   []*known.Set // each value by itself, so that none hides a part of another
	begins []string     // spellings that are held back while they may go on
	reach  int          // how much a value may take in any spelling
	window string
	shown  int // how much of the window was written
	timer  *time.Timer
	err    error
}

func newFilter(out io.Writer, values []Value) *filter {
	f := &filter{out: out}
	for _, v := range values {
		for _, part := range parts(v) {
			set := known.New([]known.Value{part})
			f.sets = append(f.sets, set)
			f.reach = max(f.reach, 8*set.Longest())
			f.begins = append(f.begins, spellings(part.Value.Reveal())...)
		}
	}
	f.timer = time.AfterFunc(time.Hour, f.idle)
	return f
}

// parts are the value, and its texts where it is JSON.
func parts(v Value) []known.Value {
	out := []known.Value{{Label: v.Label, Value: v.Value}}
	var all any
	if json.Unmarshal(v.Value.Reveal(), &all) == nil {
		var walk func(any)
		walk = func(x any) {
			switch x := x.(type) {
			case string:
				out = append(out, known.Value{Label: v.Label, Value: secret.FromString(x)})
			case []any:
				for _, y := range x {
					walk(y)
				}
			case map[string]any:
				for _, y := range x {
					walk(y)
				}
			}
		}
		walk(all)
	}
	return slices.DeleteFunc(out, func(p known.Value) bool { return len(squeezed(string(p.Value.Reveal()))) < Shortest })
}

// spellings are the usual ways to write a value, without line breaks.
func spellings(value []byte) []string {
	text := string(value)
	out := []string{text, hex.EncodeToString(value), strings.ToUpper(hex.EncodeToString(value)), url.QueryEscape(text), url.PathEscape(text)}
	out = append(out, fmt.Sprintf("% x", value), fmt.Sprintf("% X", value)) // as od and xxd show bytes
	if quoted, err := json.Marshal(text); err == nil {
		out = append(out, strings.Trim(string(quoted), `"`))
	}
	for cut := range min(3, len(value)) { // base64 at the three places where a value may begin in a longer text
		out = append(out, base64.StdEncoding.EncodeToString(value[cut:]), base64.URLEncoding.EncodeToString(value[cut:]))
	}
	for i, s := range out {
		out[i] = squeezed(s)
	}
	return out
}

// Write implements io.Writer.
func (f *filter) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.window += string(b)
	f.show(len(f.window) - f.reach)
	f.timer.Reset(pause)
	return len(b), f.err
}

// Close shows the rest.
func (f *filter) Close() {
	f.timer.Stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.show(len(f.window))
	f.window, f.shown, f.begins = "", 0, nil
}

func (f *filter) idle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.show(len(f.window) - f.begun())
}

// begun is how many bytes at the end, shown or not, may be the beginning of a value.
func (f *filter) begun() (n int) {
	flat := squeezed(f.window)
	for _, s := range f.begins {
		for k := min(len(s), len(flat)); k >= sure; k-- {
			if strings.HasSuffix(flat, s[:k]) {
				n = max(n, k)
				break
			}
		}
	}
	at := len(f.window)
	for left := n; left > 0; { // the line breaks within are held back, too
		if at--; !isBreak(f.window[at]) {
			left--
		}
	}
	return len(f.window) - at
}

// show writes what comes before a place, and forgets what no value can reach back to.
func (f *filter) show(before int) {
	if before <= f.shown {
		return
	}
	var found []known.Match
	for _, s := range f.sets {
		found = append(found, s.Find(f.window)...)
	}
	slices.SortFunc(found, func(a, b known.Match) int { return a.Start - b.Start })
	var out strings.Builder
	for _, m := range found {
		if m.Start >= before {
			break
		}
		if m.End <= f.shown {
			continue
		}
		if m.Start > f.shown {
			out.WriteString(f.window[f.shown:m.Start])
		}
		out.WriteString("[REDACTED:" + m.Label + "]")
		f.shown = m.End
	}
	if f.shown < before {
		out.WriteString(f.window[f.shown:before])
		f.shown = before
	}
	if _, err := io.WriteString(f.out, out.String()); err != nil {
		f.err = err
	}
	if cut := f.shown - f.reach; cut > 0 {
		f.window = f.window[cut:]
		f.shown -= cut
	}
}

func squeezed(s string) string {
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(s)
}

func isBreak(c byte) bool { return c == '\r' || c == '\n' }
