package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	texttemplate "text/template"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

const canary = "canary-value-that-no-output-may-hold"

// holder has a secret wherever a struct can have one.
type holder struct {
	Open   secret.Bytes
	closed secret.Bytes
	To     *secret.Bytes
	Any    any
	List   []secret.Bytes
	Map    map[string]secret.Bytes
	Deep   struct{ closed struct{ closed secret.Bytes } }
}

// everywhere returns values that have the canary in them, by what they are.
func everywhere() map[string]any {
	s := secret.FromString(canary)
	h := holder{Open: s, closed: s, To: &s, Any: s, List: []secret.Bytes{s}, Map: map[string]secret.Bytes{"k": s}}
	h.Deep.closed.closed = s
	return map[string]any{
		"itself": s, "a pointer": &s, "a struct": h, "a pointer to a struct": &h, "a slice": []secret.Bytes{s}, "an array": [1]secret.Bytes{s},
		"a map": map[string]secret.Bytes{"k": s}, "an interface": []any{s, &s},
	}
}

// clean fails the test if an output holds the canary, in any spelling of its bytes.
func clean(t *testing.T, what, out string) {
	t.Helper()
	b := []byte(canary)
	for _, spelling := range []string{
		canary, strings.ToUpper(canary), hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)),
		base64.StdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b), fmt.Sprintf("% x", b), fmt.Sprintf("%# x", b),
		strings.Trim(fmt.Sprintf("%d", b), "[]"), strings.Trim(fmt.Sprintf("%#v", b), "[]byte{}"),
	} {
		if strings.Contains(out, spelling) {
			t.Errorf("%s prints the secret as %q: %q", what, spelling, out)
		}
	}
}

func TestFmtPrintsNoSecret(t *testing.T) {
	var flags []string
	for _, f := range []string{"", "+", "#", "-", " ", "0", "+#", "# ", "100", "-100", ".3", "100.50", "+#0100.90"} {
		flags = append(flags, "%"+f)
	}
	for what, v := range everywhere() {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, f := range flags {
				clean(t, what+" with "+f+string(verb), fmt.Sprintf(f+string(verb), v))
			}
		}
		clean(t, what+" with Sprint", fmt.Sprint(v)+fmt.Sprintln(v))
		clean(t, what+" in an error", fmt.Errorf("it is %v: %w", v, errors.New("x")).Error())
		for _, wrong := range []string{"%d %!", "%[9]d", "%*d", "no verb", "%"} {
			clean(t, what+" with "+wrong, fmt.Sprintf(wrong, v, v))
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, secret.FromString(canary)); got != "[REDACTED]" {
			t.Errorf("%s: %q", verb, got)
		}
	}
}

func TestEncodersPrintNoSecret(t *testing.T) {
	for what, v := range everywhere() {
		for encoder, encode := range map[string]func(any) ([]byte, error){
			"json":    json.Marshal,
			"json v2": func(v any) ([]byte, error) { return jsonv2.Marshal(v) },
			"xml":     xml.Marshal,
			"gob": func(v any) ([]byte, error) {
				var b bytes.Buffer
				err := gob.NewEncoder(&b).Encode(v)
				return b.Bytes(), err
			},
			"text/template": func(v any) ([]byte, error) {
				var b bytes.Buffer
				err := texttemplate.Must(texttemplate.New("").Parse(`{{.}} {{print .}} {{printf "%x %q" . .}} {{html .}} {{js .}}`)).Execute(&b, v)
				return b.Bytes(), err
			},
			"html/template": func(v any) ([]byte, error) {
				var b bytes.Buffer
				err := htmltemplate.Must(htmltemplate.New("").Parse(`<p title="{{.}}">{{.}}</p><script>x = {{.}}</script>`)).Execute(&b, v)
				return b.Bytes(), err
			},
		} {
			out, err := encode(v)
			clean(t, what+" as "+encoder, string(out))
			if err != nil {
				clean(t, "the error of "+what+" as "+encoder, err.Error())
			}
		}
	}
	out, err := json.Marshal(struct{ S secret.Bytes }{secret.FromString(canary)})
	if err != nil || string(out) != `{"S":"[REDACTED]"}` {
		t.Errorf("json: %s %v", out, err)
	}
	if err := gob.NewEncoder(&bytes.Buffer{}).Encode(secret.FromString(canary)); err == nil {
		t.Error("gob encodes a secret")
	}
}

func TestSlogPrintsNoSecret(t *testing.T) {
	var b bytes.Buffer
	for what, v := range everywhere() {
		for handler, h := range map[string]slog.Handler{
			"text": slog.NewTextHandler(&b, nil), "json": slog.NewJSONHandler(&b, nil),
		} {
			b.Reset()
			log := slog.New(h).With(slog.Any("kept", v)).WithGroup("g")
			log.Info("said", slog.Any("v", v), slog.Group("in", slog.Any("v", v)))
			clean(t, what+" in a "+handler+" log", b.String())
		}
	}
	b.Reset()
	slog.New(slog.NewTextHandler(&b, nil)).Info("said", slog.Any("v", secret.FromString(canary)))
	if !strings.Contains(b.String(), "v=[REDACTED]") {
		t.Errorf("the log says %s", b.String())
	}
}

// A panic is printed by the runtime, which asks no Format. The test runs itself as
// a process that panics.
func TestAPanicPrintsNoSecret(t *testing.T) {
	const which = "SECRET_TEST_PANICS_WITH"
	if what := os.Getenv(which); what != "" {
		panic(everywhere()[what])
	}
	for what := range everywhere() {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAPanicPrintsNoSecret$")
		c.Env = append(os.Environ(), which+"="+what, "GOTRACEBACK=all")
		out, err := c.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "panic: ") {
			t.Fatalf("%s: no panic: %v\n%s", what, err, out)
		}
		clean(t, "a panic with "+what, string(out))
	}
}

func TestOnlyRevealGivesTheBytes(t *testing.T) {
	b := []byte(canary)
	s := secret.New(b)
	if string(s.Reveal()) != canary || &s.Reveal()[0] != &b[0] || s.Len() != len(canary) {
		t.Errorf("it reveals %q", s.Reveal())
	}
	other := s
	s.Wipe()
	if !bytes.Equal(other.Reveal(), make([]byte, len(canary))) || !bytes.Equal(b, make([]byte, len(canary))) {
		t.Error("a copy of a wiped secret has bytes")
	}
	text := canary
	s = secret.FromString(text)
	s.Wipe()
	if text != canary {
		t.Error("the string that it was made from was wiped")
	}
	var zero secret.Bytes
	zero.Wipe()
	if zero.Reveal() != nil || zero.Len() != 0 || zero.String() != "[REDACTED]" {
		t.Error("the zero value is no empty secret")
	}
}

func TestConfigurationFillsASecret(t *testing.T) {
	text := []byte(canary)
	var s secret.Bytes
	if err := s.UnmarshalText(text); err != nil || string(s.Reveal()) != canary {
		t.Fatalf("%v", err)
	}
	clear(text)
	if string(s.Reveal()) != canary {
		t.Error("it keeps the bytes of its caller")
	}
	var in struct{ S secret.Bytes }
	if err := json.Unmarshal([]byte(`{"S":"`+canary+`"}`), &in); err != nil || string(in.S.Reveal()) != canary {
		t.Errorf("json: %v", err)
	}
	if err := s.GobDecode([]byte("x")); err == nil || string(s.Reveal()) != canary {
		t.Error("gob fills a secret")
	}
}
