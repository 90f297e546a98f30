package drive_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every address and every form of an organisation's pages, used by somebody of another
// organisation, who has just signed in: nothing is told, and nothing changes.
func TestAnotherOrganisationsIDsTellAndChangeNothing(t *testing.T) {
	s := pages.Open(t)
	const mark = "-zebra"
	h := &house{s, s.Person("ann").Furnish(mark, canary)}
	all := h.Owner.Walk()
	walked(t, all)
	before := h.state(t)
	eve := s.Person("eve")
	own := eve.Open("/vaults/new").Body
	for _, p := range all {
		status, body := eve.Get(p.Path)
		if tells(body, mark) {
			t.Errorf("%s tells another organisation: %d\n%s", p.Path, status, body)
		}
		if ofOne(p.Path) && status < 400 && !strings.HasPrefix(p.Path, "/settings") {
			t.Errorf("%s answers another organisation with %d", p.Path, status)
		}
	}
	for _, f := range forms(all) {
		if f.Action == "/logout" || !ofOne(f.Action) && !ofOne(f.Fields.Encode()) {
			continue
		}
		status, location, body := eve.Post(f.Action, f.Fields)
		if tells(body, mark) || tells(location, mark) {
			t.Errorf("%s tells another organisation: %d %s\n%s", f.Action, status, location, body)
		}
		if ofOne(f.Action) && (status < 400 || status >= 500) {
			t.Errorf("%s answers another organisation with %d %s\n%.1000s", f.Action, status, location, body)
		}
	}
	if after := h.state(t); after != before {
		t.Errorf("the organisation changed:\n%s\nwas\n%s", after, before)
	}
	if own == "" {
		t.Error("eve has no pages")
	}
}

func tells(text, mark string) bool {
	return strings.Contains(text, mark) || strings.Contains(text, canary)
}

// ofOne reports whether an address or a form names one of many things.
func ofOne(text string) bool {
	text, _, _ = strings.Cut(text, "?")
	return strings.Contains(pages.Shape(text), "id") && pages.Shape(text) != text
}

// Who is not signed in gets the form of a login for every page, and for every form.
func TestWithoutALoginEveryPageAsksForOne(t *testing.T) {
	h := furnished(t)
	all := h.Owner.Walk()
	walked(t, all)
	before := h.state(t)
	stranger := h.OtherBrowser(h.Owner)
	for _, p := range all {
		if strings.HasPrefix(p.Path, "/reset-password") || strings.HasPrefix(p.Path, "/status") || strings.HasPrefix(p.Path, "/dev/") {
			continue
		}
		if status, header, body := stranger.Do(http.MethodGet, p.Path, nil, nil); status != http.StatusSeeOther || !strings.HasPrefix(header.Get("Location"), "/login") {
			t.Errorf("%s: %d\n%.300s", p.Path, status, body)
		}
	}
	for _, f := range forms(all) {
		if f.Action == "/language" || f.Action == "/logout" {
			continue
		}
		if status, location, body := stranger.Post(f.Action, f.Fields); status != http.StatusSeeOther || location != "/login" {
			t.Errorf("%s: %d %s\n%.300s", f.Action, status, location, body)
		}
	}
	if after := h.state(t); after != before {
		t.Errorf("the organisation changed:\n%s\nwas\n%s", after, before)
	}
}
