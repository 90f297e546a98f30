package inspect_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
)

// TestKeysAreSecretsWhateverIsLetPassOfPersons: the ids of AWS's keys and private keys, in requests and answers.
func TestKeysAreSecretsWhateverIsLetPassOfPersons(t *testing.T) {
	m := maker(t)
	for _, key := range []string{"AKIAIOSFODNN7EXAMPLQ", "ASIAY34FZKBOKMUTVV7A", "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"} {
		for config, want := range map[string]string{
			`{"pii_policy":"allow"}`:                                  "redacted",
			`{"pii_policy":"warn"}`:                                   "redacted",
			`{"pii_policy":"redact"}`:                                 "redacted",
			`{"pii_policy":"block"}`:                                  "stopped",
			`{"pii_policy":"allow","sanitization_mode":"log_only"}`:   "redacted",
			`{"pii_policy":"allow","enable_secret_redaction":false}`:  "passed",
			`{"pii_policy":"redact","enable_secret_redaction":false}`: "redacted",
			`{"pii_policy":"warn","enable_secret_redaction":false}`:   "passed",
			`{"pii_policy":"allow","enable_response_filtering":true}`: "redacted",
		} {
			verdict := func(out string, err error) string {
				switch {
				case fault.Is(err, fault.Denied):
					return "stopped"
				case err != nil:
					return err.Error()
				case strings.Contains(out, key):
					return "passed"
				}
				return "redacted"
			}
			s, r := session(t, m, config), request(t, "Use "+key+" and mail ann@example.org.")
			edits, err := s.Request(r)
			out := ""
			if len(edits) > 0 {
				out = edits[0].Text
			} else if err == nil {
				out = r.Parts[len(r.Parts)-1].Text
			}
			if got := verdict(out, err); got != want {
				t.Errorf("%s, a request: %s, want %s: %q", config, got, want, out)
			}
			if strings.Contains(config, "allow") && !strings.Contains(out, "ann@example.org") {
				t.Errorf("%s: an address goes: %q", config, out)
			}
			if told := s.Told(); strings.Contains(config, `"allow"`) && want == "redacted" && (!told.SecretsRedacted || told.PII) {
				t.Errorf("%s: it tells %+v", config, told)
			}
			out, err = stream.Whole(session(t, m, config).Rules(convo.Text), "Use "+key+" and go on.")
			if got := verdict(out, err); got != want {
				t.Errorf("%s, an answer: %s, want %s: %q", config, got, want, out)
			}
		}
	}
}

// TestWhatIsKeptElsewhereIsTold, or stopped where the settings say so, in each mode.
func TestWhatIsKeptElsewhereIsTold(t *testing.T) {
	m := maker(t)
	for config, want := range map[string]string{
		``: "warned", `{"preset":"strict","kept_context_detection":{"action":"block"}}`: "blocked", `{"preset":"strict"}`: "warned", `{"preset":"balanced"}`: "warned", `{"preset":"observe"}`: "warned",
		`{"kept_context_detection":{"action":"block"}}`:                                   "blocked",
		`{"kept_context_detection":{"action":"block"},"sanitization_mode":"surgical"}`:    "blocked",
		`{"kept_context_detection":{"action":"block"},"sanitization_mode":"log_only"}`:    "warned",
		`{"kept_context_detection":{"action":"log"}}`:                                     "logged",
		`{"kept_context_detection":{"enabled":false,"action":"block"}}`:                   "",
		`{"kept_context_detection":{"action":"block"},"enable_secret_redaction":false}`:   "blocked",
		`{"kept_context_detection":{"action":"block"},"enable_response_filtering":false}`: "blocked",
	} {
		r, err := convo.Responses{}.Request([]byte(`{"model":"m","input":"hi","previous_response_id":"resp_secret"}`), "")
		if err != nil {
			t.Fatal(err)
		}
		s := session(t, m, config)
		_, err = s.Request(r)
		if got := string(s.Told().Action); got != want || (want == "blocked") != fault.Is(err, fault.Denied) {
			t.Errorf("%s: %s, %v", config, got, err)
		}
		const header = `"kept_context_detected":[{"threat_type":"kept_context","pattern":"previous_response_id","location":"request","severity":"medium"}]`
		if strings.Contains(s.Summary(), header) != (want != "") || strings.Contains(s.Summary(), "resp_secret") {
			t.Errorf("%s: %s", config, s.Summary())
		}
	}
	r := request(t, "hi")
	if s := session(t, m, ``); r != nil {
		if _, err := s.Request(r); err != nil || strings.Contains(s.Summary(), "kept_context") {
			t.Errorf("%v, %s", err, s.Summary())
		}
	}
}

// TestWhatGoesBesideABodyIsLookedAt: a known value in a header or the query stops the call in every mode.
func TestWhatGoesBesideABodyIsLookedAt(t *testing.T) {
	m := maker(t)
	for _, config := range []string{``, `{"sanitization_mode":"log_only"}`, `{"sanitization_mode":"surgical"}`, `{"preset":"observe"}`} {
		s := session(t, m, config)
		if err := s.Beside("header", []string{"User-Agent: me", "X-A: 1"}); err != nil || s.Summary() != "" {
			t.Errorf("%s: %v %s", config, err, s.Summary())
		}
		if err := s.Beside("header", []string{"X-A: 1", "X-B: Bearer " + known[:5] + "\n" + known[5:]}); fault.CodeOf(err) != "shroud_secret_leak" || s.Told().Action != "blocked" {
			t.Errorf("%s: %v %+v", config, err, s.Told())
		}
	}
	if err := session(t, m, `{"enable_secret_redaction":false}`).Beside("query", []string{known}); err != nil {
		t.Error(err)
	}
}
