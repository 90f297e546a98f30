package e2e_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// canaries are texts that must not turn up where secrets do not belong, each with
// the way that it was sent.
type canaries struct {
	t      testing.TB
	sought map[string][][]byte // way -> what a search looks for
}

func newCanaries(t testing.TB) *canaries { return &canaries{t, map[string][][]byte{}} }

// word is a new canary of small letters and digits: no escaping changes it.
func (c *canaries) word(way string) string {
	w := strings.ToLower(randomWord())
	c.watch(way, w)
	return w
}

// randomWord is a text that nobody can guess, and that the rules for passwords do
// not mind: without "AAA" and "ABC".
func randomWord() string {
	for {
		w, calm := "CNRY"+rand.Text(), true
		for i := range len(w) - 2 {
			step := w[i+1] - w[i]
			calm = calm && (step > 1 || w[i+2]-w[i+1] != step)
		}
		if calm {
			return w
		}
	}
}

// odd is a new canary of characters that every encoding spells differently.
func (c *canaries) odd(way string) string {
	alphabet := []rune("\"\\<>&'+/=% é鍵;?#{}")
	var b strings.Builder
	for _, r := range rand.Text() + rand.Text() {
		b.WriteRune(alphabet[int(r)%len(alphabet)])
	}
	c.watch(way, b.String())
	return b.String()
}

// watch seeks s itself and its usual spellings.
func (c *canaries) watch(way, s string) {
	spellings := []string{s, strings.ToUpper(s), hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s))),
		url.QueryEscape(s), url.PathEscape(s), strings.ToLower(url.PathEscape(s)), strings.Trim(strconv.Quote(s), `"`), strings.Trim(strconv.QuoteToASCII(s), `"`)}
	for _, html := range []bool{false, true} {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(html)
		if err := e.Encode(s); err != nil {
			c.t.Fatal(err)
		}
		spellings = append(spellings, strings.Trim(b.String(), "\"\n"))
	}
	// Inside something longer, base64 looks one of three ways; its ends depend on
	// the neighbours.
	for shift := range 3 {
		whole := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("-", shift) + s))
		whole = strings.TrimRight(whole, "=")[4:]
		whole = whole[:len(whole)-2]
		spellings = append(spellings, whole, strings.NewReplacer("+", "-", "/", "_").Replace(whole))
	}
	slices.Sort(spellings)
	for _, sp := range slices.Compact(spellings) {
		c.sought[way] = append(c.sought[way], []byte(sp))
	}
}

// absent searches b, which was found at place.
func (c *canaries) absent(place string, b []byte) {
	c.t.Helper()
	for way, spellings := range c.sought {
		for _, sp := range spellings {
			if i := bytes.Index(b, sp); i >= 0 {
				c.t.Errorf("%s holds what was sent as %s, at byte %d: %q", place, way, i, b[max(0, i-60):min(len(b), i+len(sp)+20)])
				break
			}
		}
	}
}

// absentBelow searches every file of the folder but those that are named.
func (c *canaries) absentBelow(dir string, but ...string) {
	c.t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.Contains(but, d.Name()) {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		c.absent(path, b)
		return err
	})
	if err != nil || files < 3 {
		c.t.Errorf("%d files searched: %v", files, err)
	}
}

func TestTheSearchForCanariesFindsThem(t *testing.T) {
	for name, spell := range map[string]func(string) string{
		"as it is":    func(s string) string { return s },
		"JSON":        func(s string) string { b, _ := json.Marshal(map[string]string{"k": s}); return string(b) },
		"URL":         func(s string) string { return "?q=" + url.QueryEscape(s) },
		"hex":         func(s string) string { return hex.EncodeToString([]byte("ab" + s + "c")) },
		"base64":      func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64, 1":   func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("a" + s + "bcd")) },
		"base64, 2":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte("ab" + s + "c")) },
		"Go's quotes": func(s string) string { return fmt.Sprintf("%q", s) },
	} {
		quiet := &silent{TB: t}
		c := newCanaries(quiet)
		c.absent("", []byte("before"+spell(c.word("word"))))
		c.absent("", []byte("before"+spell(c.odd("odd"))))
		if quiet.errors != 2 {
			t.Errorf("%s: %d of 2 found", name, quiet.errors)
		}
	}
}

// silent counts errors in place of failing the test.
type silent struct {
	testing.TB
	errors int
}

func (s *silent) Errorf(string, ...any) { s.errors++ }
