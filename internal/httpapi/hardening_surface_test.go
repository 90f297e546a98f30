package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// pages is a surface of another kind: a cookie says who asks, refusals are HTML.
func pages(g *gate.Gate, serve func(x *gate.Request, r *http.Request) error) *gate.Surface {
	return &gate.Surface{
		Gate:     g,
		Recorded: func(*http.Request) bool { return true },
		Credential: func(r *http.Request) string {
			c, err := r.Cookie("session")
			if err != nil {
				return ""
			}
			return c.Value
		},
		Find: func(r *http.Request) (*gate.Route, error) {
			if r.URL.Path != "/vaults" {
				return nil, fault.New(fault.NotFound, "no_page", "There is no such page.")
			}
			return &gate.Route{Path: "/vaults", Action: policy.ListVaults, Serve: serve}, nil
		},
		Refusal: func(err error) gate.Refusal {
			h := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
			if fault.Is(err, fault.Unauthenticated) {
				h.Set("Location", "/login")
				return gate.Refusal{Status: http.StatusSeeOther, Header: h}
			}
			return gate.Refusal{Status: http.StatusTeapot, Header: h, Body: []byte("<p>" + fault.CodeOf(err))}
		},
	}
}

// A surface with cookies and pages leaves the same events, and is held to the same IP
// rules, as REST: it says only where a credential is and how a refusal looks.
func TestAnotherSurfacePassesTheSameGate(t *testing.T) {
	broken := false
	s := openSession(t, rest.OneByOne, func(s *setup) {
		s.Events = func(w *kit.World) gate.Events { return &breaking{w.DB, &broken} }
	})
	at := pages(s.Gate, func(x *gate.Request, r *http.Request) error {
		return x.Decide(r.Context(), false, func(context.Context) error {
			if err := x.Call.Authorize(policy.ListVaults, x.Call.Own()); err != nil {
				return err
			}
			if err := http.NewResponseController(x).Flush(); err != nil { // as a stream does before it has anything to say
				return err
			}
			_, err := x.Write([]byte("<h1>Vaults"))
			return err
		})
	})
	get := func(path, cookie string) *httptest.ResponseRecorder {
		r, _ := request(t, "GET", path, "", nil)
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
		}
		rec := httptest.NewRecorder()
		at.ServeHTTP(rec, r)
		return rec
	}
	for _, step := range []struct {
		path, cookie string
		status       int
		body         string
		action       policy.Action
		reason       string
	}{
		{"/vaults", s.ada.token, 200, "<h1>Vaults", policy.ListVaults, "signed_in"},
		{"/vaults", "", 303, "", policy.AuthFailure, "unauthenticated"},
		{"/vaults", "nonsense", 303, "", policy.AuthFailure, "unauthenticated"},
		{"/other", s.ada.token, 418, "<p>no_page", "request.unknown", "no_page"},
	} {
		events := s.during(func() {
			if rec := get(step.path, step.cookie); rec.Code != step.status || rec.Body.String() != step.body {
				t.Errorf("%s: %d %q, want %d %q", step.path, rec.Code, rec.Body, step.status, step.body)
			}
		})
		if len(events) != 1 || events[0].action != string(step.action) || events[0].detail("reason") != step.reason {
			t.Errorf("%s left %v, want %s, %s", step.path, events, step.action, step.reason)
		}
	}
	broken = true
	if rec := get("/vaults", s.ada.token); rec.Code != 418 || rec.Body.String() != "<p>audit_unavailable" {
		t.Errorf("without a record: %d %q", rec.Code, rec.Body)
	}
	broken = false
	s.do("POST", "/v1/security/ip-rules", s.ada.login(), object{"rule_type": "deny", "cidr": "192.0.2.0/24", "force": true}).want(201)
	if rec := get("/vaults", s.ada.token); rec.Body.String() != "<p>address_not_allowed" {
		t.Errorf("from an address that is refused: %d %q", rec.Code, rec.Body)
	}
}

// A write that was cut off in its commit may have been done: a caller who was told that
// nothing was would do it twice.
func TestAnUnknownOutcomeIsToldAlsoWithoutARecord(t *testing.T) {
	broken := false
	s := openSession(t, rest.OneByOne, func(s *setup) {
		s.Events = func(w *kit.World) gate.Events { return &breaking{w.DB, &broken} }
	})
	broken = true
	for code, want := range map[string]string{"outcome_unknown": "<p>outcome_unknown", "store_unavailable": "<p>audit_unavailable"} {
		at := pages(s.Gate, func(*gate.Request, *http.Request) error { return fault.New(fault.Unavailable, code, "") })
		r, _ := request(t, "GET", "/vaults", "", nil)
		r.AddCookie(&http.Cookie{Name: "session", Value: s.ada.token})
		rec := httptest.NewRecorder()
		at.ServeHTTP(rec, r)
		if rec.Code != http.StatusTeapot || rec.Body.String() != want {
			t.Errorf("%s: %d %q", code, rec.Code, rec.Body)
		}
	}
}

// breaking is a log that can't be written while broken says so.
type breaking struct {
	gate.Events
	broken *bool
}

func (b *breaking) Append(ctx context.Context, ev *audit.Event) error {
	if *b.broken {
		return fault.New(fault.Unavailable, "store_unavailable", "")
	}
	return b.Events.Append(ctx, ev)
}
