package execution_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

func made(t *testing.T, config, rails string) execution.Binding {
	t.Helper()
	b := execution.Binding{Type: execution.HTTP}
	if err := b.Set(execution.Sent{Config: []byte(config), Guardrails: []byte(rails)}); err != nil {
		t.Fatal(err)
	}
	return b
}

// Whatever a path begins with, the host is that of base_url, or the request is refused.
func FuzzPathsStayAtTheirHost(f *testing.F) {
	for _, path := range []string{"", "/", "a", "//evil.example/", "@evil.example", ":80@evil.example/", "\\evil.example", "?a=b", "#x", "/../..", ".evil.example", "%2f%2fevil.example", "https://evil.example/"} {
		f.Add(path)
	}
	b := execution.Binding{Type: execution.HTTP}
	if err := b.Set(execution.Sent{Config: []byte(`{"base_url":"https://api.example.com/v1"}`)}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path)
		r, err := b.Request(execution.HTTP, []byte(`{"path":"`+quoted+`"}`))
		if err != nil {
			return
		}
		to, _, err := binding.ParseTarget("GET", r.URL)
		if err != nil {
			return
		}
		if b.Allows(&execution.Settings{}, &to) != nil || to.Host.String() != "api.example.com" || !strings.HasPrefix(to.Path, "/v1") {
			t.Errorf("%q goes to %s %s", path, to.Host.String(), to.Path)
		}
	})
}

// What is left out of a change stays, and null takes away.
func TestAChangeIsMerged(t *testing.T) {
	b := made(t, `{"base_url":"https://a.example/v1","headers":{"X-A":"1"},"timeout_ms":5}`, `{"allowed_paths":["/v1/**"],"read_only":true,"max_requests_per_minute":3}`)
	if err := b.Set(execution.Sent{Config: []byte(`{"timeout_ms":null}`), Guardrails: []byte(`{"max_duration_ms":9}`)}); err != nil {
		t.Fatal(err)
	}
	if b.Config.BaseURL != "https://a.example/v1" || b.Config.Timeout != 0 || b.Config.Headers["X-A"] != "1" || b.Rails.ReadOnly == nil || !*b.Rails.ReadOnly || b.Rails.PerMinute != 3 || b.Rails.Duration != 9 || len(b.Rails.Paths) != 1 {
		t.Errorf("it is %+v %+v", b.Config, b.Rails)
	}
	if err := b.Set(execution.Sent{Paths: []string{"/v2/**"}}); err != nil || b.Rails.Paths[0] != "/v2/**" {
		t.Errorf("its paths are %v, %v", b.Rails.Paths, err)
	}
	was := b
	if err := b.Set(execution.Sent{Guardrails: []byte(`{"allowed_path":["/"]}`)}); fault.CodeOf(err) != "invalid_guardrails" || b.Rails.Paths[0] != was.Rails.Paths[0] {
		t.Errorf("a misspelt bound: %v", err)
	}
}

func TestTheTighterBoundHolds(t *testing.T) {
	for _, c := range []struct {
		config, rails string
		own, want     int64
	}{
		{`{"base_url":"https://a.example"}`, `{}`, 0, execution.Longest},
		{`{"base_url":"https://a.example","timeout_ms":7}`, `{"max_duration_ms":9}`, 8, 7},
		{`{"base_url":"https://a.example","timeout_ms":9}`, `{"max_duration_ms":7}`, 8, 7},
		{`{"base_url":"https://a.example"}`, `{"max_duration_ms":9}`, 7, 7},
		{`{"base_url":"https://a.example","timeout_ms":600000}`, `{"max_duration_ms":600000}`, 600_000, execution.Longest},
	} {
		b := made(t, c.config, c.rails)
		if got := b.Duration(&execution.Settings{Bounds: execution.Bounds{Duration: c.own}}).Milliseconds(); got != c.want {
			t.Errorf("%+v: %d ms", c, got)
		}
	}
}

// A secret that is lent is sent whole, unless it is an object of one of the types.
func TestALentSecretIsPlaced(t *testing.T) {
	b := made(t, `{"base_url":"https://a.example"}`, `{}`)
	for kept, want := range map[string][2]string{
		"sk-12345678": {"bearer", "sk-12345678"},
		`{"type":"header","name":"x-key","value":"v1234567"}`: {"header:X-Key", "v1234567"},
		`{"type":"service_account","project":"p"}`:            {"bearer", `{"type":"service_account","project":"p"}`},
		`{"type":"bearer","token":"t1234567","more":1}`:       {"bearer", `{"type":"bearer","token":"t1234567","more":1}`},
	} {
		in, value, err := b.Placed(secret.FromString(kept))
		if err != nil || string(in.In) != want[0] || string(value.Reveal()) != want[1] {
			t.Errorf("%s: %s %s, %v", kept, in.In, value.Reveal(), err)
		}
	}
	if _, _, err := b.Placed(secret.FromString(`{"type":"header","name":"Cookie","value":"v1234567"}`)); fault.CodeOf(err) != "invalid_credential" {
		t.Errorf("a cookie: %v", err)
	}
}

func TestNamesAreNoIDs(t *testing.T) {
	for name, ok := range map[string]bool{
		"pay": true, "Stripe API": true, "": false, " pay": false, "a\nb": false, "00000000-0000-4000-8000-000000000001": false, "00000000-0000-4000-8000-00000000000A": false, strings.Repeat("x", 129): false,
	} {
		if err := execution.CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
