package child

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

const value = "s3cr3t/of+the=\"test\" é"

func hidden() []Value {
	return []Value{{"A", secret.FromString(value)}, {"B", secret.FromString(`{"key":"another value"}`)}}
}

// However what a program writes is cut, nothing of a value comes out, and all else does.
func TestAValueIsTakenOutHoweverItIsCut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, spelling := range map[string]string{
		"plain": value, "base64": base64.StdEncoding.EncodeToString([]byte(value)), "base64 after a letter": base64.StdEncoding.EncodeToString([]byte("x" + value))[1:],
		"hex": hex.EncodeToString([]byte(value)), "url": url.QueryEscape(value), "a field of JSON": "another value",
		"over two lines": base64.StdEncoding.EncodeToString([]byte(value))[:9] + "\r\n" + base64.StdEncoding.EncodeToString([]byte(value))[9:],
	} {
		t.Run(name, func(t *testing.T) {
			for range 200 {
				synctest.Test(t, func(t *testing.T) {
					var out strings.Builder
					f := newFilter(&out, hidden())
					text := "before " + spelling + " after"
					for text != "" {
						n := 1 + random.IntN(len(text))
						if _, err := f.Write([]byte(text[:n])); err != nil {
							t.Fatal(err)
						}
						text = text[n:]
					}
					f.Close()
					if got := out.String(); got != "before [REDACTED:A] after" && got != "before [REDACTED:B] after" {
						t.Fatalf("got %q", got)
					}
				})
			}
		})
	}
}

// A pause in the middle of a value, in whichever usual spelling, shows nothing of it.
func TestAPauseWithinAValueShowsNothingOfIt(t *testing.T) {
	bytewise := fmt.Sprintf("% x", value)
	for name, spelling := range map[string]string{
		"plain": value, "base64": base64.StdEncoding.EncodeToString([]byte(value)), "hex": hex.EncodeToString([]byte(value)), "url": url.QueryEscape(value),
		"as xxd shows it": strings.ToUpper(bytewise), "as od shows it": bytewise[:47] + "\r\n" + bytewise[47:],
	} {
		for at := sure; at < len(spelling); at++ {
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				f := newFilter(&out, hidden())
				for _, piece := range []string{spelling[:at], spelling[at:]} {
					if _, err := f.Write([]byte(piece)); err != nil {
						t.Fatal(err)
					}
					time.Sleep(2 * pause)
					synctest.Wait()
				}
				f.Close()
				if got := out.String(); got != "[REDACTED:A]" {
					t.Errorf("%s, after %d: %q", name, at, got)
				}
			})
		}
	}
}

// A program that is silent has all shown that can be no value, and of one that it writes letter by
// letter, with pauses, two letters are shown.
func TestNothingIsHeldBackThatCanBeNoValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		f := newFilter(&out, hidden())
		shown := func(piece string) string {
			before := out.Len()
			if _, err := f.Write([]byte(piece)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * pause)
			synctest.Wait()
			return out.String()[before:]
		}
		for _, prompt := range []string{"$ ", "Password: ", "s", "3", "x", "an", "swer\r\n"} {
			if got := shown(prompt); got != prompt {
				t.Errorf("of %q is shown %q", prompt, got)
			}
		}
		from := out.Len()
		for _, letter := range value {
			shown(string(letter))
		}
		shown(".")
		if got := out.String()[from:]; got != "s3[REDACTED:A]." {
			t.Errorf("letter by letter: %q", got)
		}
		f.Close()
	})
}
