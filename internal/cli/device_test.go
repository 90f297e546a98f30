package cli_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// waiter is a server whose human answers after some questions.
func waiter(t *testing.T, answers ...string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/auth/device/code", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"device_code":"the-device-code","user_code":"BCDF-GHJK","verification_uri":"http://x/cli/verify",
			"verification_uri_complete":"http://x/cli/verify?code=BCDF-GHJK","expires_in":600,"interval":5}`)
	})
	mux.HandleFunc("POST /v1/auth/device/token", func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			DeviceCode string `json:"device_code"`
			GrantType  string `json:"grant_type"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.DeviceCode != "the-device-code" || q.GrantType != "urn:ietf:params:oauth:grant-type:device_code" {
			t.Errorf("asked with %+v, %v", q, err)
		}
		next := answers[0]
		answers = answers[1:]
		if strings.HasPrefix(next, "{") {
			_, _ = io.WriteString(w, next)
		} else {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /v1/agents/enroll", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || string(b) != `{"description":"tries","human_email":"me@example.com","name":"bot"}` {
			t.Errorf("asked with %s, %v", b, err)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"agent_id":"00000000-0000-0000-0000-000000000000","message":"A mail is on its way."}`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

const (
	notYet  = `{"error":"authorization_pending"}`
	tooFast = `{"error":"slow_down"}`
	letIn   = `{"access_token":"a.b.c","token_type":"Bearer","expires_in":86400,"email":"me@example.com","user_id":"u","org_id":"o"}`
)

func TestLoginByDevice(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string
		code    int
		says    string
	}{
		"approved":                    {[]string{notYet, tooFast, notYet, letIn}, 0, "BCDF-GHJK"},
		"approved after a short fall": {[]string{notYet, "down", letIn}, 0, "http://x/cli/verify?code=BCDF-GHJK"},
		"denied":                      {[]string{notYet, `{"error":"access_denied"}`}, 4, "denied"},
		"nobody came":                 {[]string{notYet, `{"error":"expired_token"}`}, 3, "in time"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShell(t, waiter(t, c.answers...).URL)
			r := s.run("", "login", "--device")
			if r.code != c.code || !strings.Contains(r.err, c.says) || strings.Contains(r.out+r.err, "a.b.c") || strings.Contains(r.out+r.err, "the-device-code") {
				t.Fatalf("exit %d, want %d: %q %q", r.code, c.code, r.out, r.err)
			}
			b, err := os.ReadFile(s.credentials())
			if c.code != 0 {
				if !os.IsNotExist(err) {
					t.Errorf("a failed login left a file: %v", err)
				}
				return
			}
			var stored map[string]any
			if err := json.Unmarshal(b, &stored); err != nil || stored["email"] != "me@example.com" || !strings.Contains(string(b), "a.b.c") {
				t.Errorf("stored %v, %v", stored, err)
			}
		})
	}
	s := newShell(t, waiter(t).URL)
	for _, extra := range [][]string{{"--email", "x@example.com"}, {"--dev"}, {"--code", "1"}, {"--password-file", "x"}} {
		if r := s.run("", append([]string{"login", "--device"}, extra...)...); r.code != 2 {
			t.Errorf("%v: exit %d: %s", extra, r.code, r.err)
		}
	}
}

func TestAgentEnroll(t *testing.T) {
	s := newShell(t, waiter(t).URL)
	s.tty = "e"
	if r := s.run("", "agent", "enroll", "bot", "--human", "me@example.com", "--description", "tries"); r.code != 0 || !strings.Contains(r.err, "A mail is on its way.") {
		t.Errorf("exit %d: %q %q", r.code, r.out, r.err)
	}
	s.tty = ""
	if out := s.ok("", "agent", "enroll", "bot", "--human", "me@example.com", "--description", "tries"); out != "A mail is on its way.\n" {
		t.Errorf("an agent in a pipe is told %q", out)
	}
	if r := s.run("", "agent", "enroll", "bot"); r.code != 2 || !strings.Contains(r.err, "--human") {
		t.Errorf("without a human: exit %d: %s", r.code, r.err)
	}
}
