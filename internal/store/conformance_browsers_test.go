package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// browserOf is the row of a browser, of a login that began.
func (f *fixture) browserOf(t *testing.T, user string) identity.Browser {
	t.Helper()
	id := ids.New()
	ev := f.event()
	ev.Begins = &audit.Login{ID: id, User: user, Org: f.org, Kind: identity.ByPassword, At: moment, Expires: moment.Add(15 * time.Minute)}
	must(t, f.Append(t.Context(), ev))
	return identity.Browser{
		Hash: identity.HashKey(ids.New()), Session: id, User: user, Org: f.org, Term: "t", Token: ids.New(), Gen: 3,
		Person: moment, At: moment, SeenAt: moment, ExpiresAt: moment.Add(12 * time.Hour),
	}
}

func testBrowsers(t *testing.T, f *fixture) {
	user := addUser(t, f)
	b := f.browserOf(t, user)
	must(t, f.KeepBrowser(t.Context(), &b))
	if got, err := f.Browser(t.Context(), b.Hash); err != nil || got != b {
		t.Fatalf("kept %+v, found %+v: %v", b, got, err)
	}
	if s, err := f.Session(t.Context(), b.Session); err != nil || !s.Expires.Equal(b.ExpiresAt) {
		t.Errorf("the session goes on until %v: %v", s.Expires, err)
	}
	later := moment.Add(time.Minute)
	must(t, f.SeeBrowser(t.Context(), b.Hash, later))
	must(t, f.SeeBrowser(t.Context(), b.Hash, moment)) // another node was slower
	if got, err := f.Browser(t.Context(), b.Hash); err != nil || !got.SeenAt.Equal(later) {
		t.Errorf("seen at %v: %v", got.SeenAt, err)
	}
	next := b
	next.Hash, next.Person = identity.HashKey(ids.New()), time.Time{}
	must(t, f.ReplaceBrowser(t.Context(), b.Hash, &next))
	if got, err := f.Browser(t.Context(), next.Hash); err != nil || got != next {
		t.Errorf("replaced by %+v, found %+v: %v", next, got, err)
	}
	if _, err := f.Browser(t.Context(), b.Hash); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the old cookie: %v", err)
	}
	again := b
	again.Hash = identity.HashKey(ids.New())
	if err := f.ReplaceBrowser(t.Context(), b.Hash, &again); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a second answer with the old cookie: %v", err)
	}
	must(t, f.DropBrowser(t.Context(), next.Hash))
	must(t, f.DropBrowser(t.Context(), next.Hash))
	if _, err := f.Browser(t.Context(), next.Hash); !errors.Is(err, identity.ErrUnauthenticated) {
		t.Errorf("a cookie that was dropped: %v", err)
	}
	ended := f.browserOf(t, user)
	must(t, f.EndSession(t.Context(), f.org, user, ended.Session, false, later, f.event()))
	if err := f.KeepBrowser(t.Context(), &ended); !fault.Is(err, fault.NotFound) {
		t.Errorf("a login that has ended is kept: %v", err)
	}
}
