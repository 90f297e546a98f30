package httpapi_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

const (
	password = kit.Password
	issuer   = kit.Issuer
	audience = kit.Audience
	version  = rest.Version
)

// world is the whole API on a real database and a real keystore, with a clock
// that stands until it is moved: see internal/testkit/rest.
type world struct {
	*rest.World
	t       testing.TB
	between *atomic.Pointer[func()] // runs once, before the next write that acts for somebody
}

// setup is what a test may change before the world is made.
type setup = rest.Setup

func open(t testing.TB, change ...func(*setup)) *world {
	t.Helper()
	w := &world{t: t, between: new(atomic.Pointer[func()])}
	w.World = rest.Open(t, append([]func(*setup){func(s *setup) {
		s.Store = func(c *store.Config) { c.BeforeWrite = w.interrupt }
	}}, change...)...)
	return w
}

// onPostgres is a world whose database is PostgreSQL.
func onPostgres(s *setup) { s.Postgres = true }

// onSQLite is the world as it is anyway.
func onSQLite(*setup) {}

// noSignup is a world that only those get into who are invited.
func noSignup(s *setup) { humans(s, func(c *account.Config) { c.Signup = false }) }

// verified is a world where addresses are confirmed before anybody logs in.
func verified(s *setup) { humans(s, func(c *account.Config) { c.VerifyEmail = true }) }

// humans changes what people log in with, after what was changed before.
func humans(s *setup, change func(*account.Config)) {
	before := s.People
	s.People = func(c *account.Config) {
		if before != nil {
			before(c)
		}
		change(c)
	}
}

// run runs a part of a test as a subtest: what fails in it, and ends it, hides nothing of
// the parts after it. Until it is over, all that belongs to the world reports to it.
func (w *world) run(name string, part func(t *testing.T)) {
	w.t.Helper()
	whole := w.t.(*testing.T)
	whole.Run(name, func(t *testing.T) {
		w.t = t
		defer func() { w.t = whole }()
		part(t)
	})
}

// interrupt runs what a test wants to happen between a decision and its commit.
func (w *world) interrupt(ctx context.Context) {
	if call.BasisOf(ctx) == nil {
		return
	}
	if f := w.between.Swap(nil); f != nil {
		(*f)()
	}
}

// reset is the token for a new password that was mailed last to an address.
func (w *world) reset(to string) string { return w.Mail.Token(kit.Reset, to) }

// invitation is the token that was mailed last to an address that was invited.
func (w *world) invitation(to string) string { return w.Mail.Token(kit.Invited, to) }

// asked counts the mails for new passwords that were asked for, sent or not.
func (w *world) asked() int { return len(w.Mail.Letters(kit.Reset)) + w.Mail.None() }

// notices are the mails that tell people of their accounts: address, and what it says.
func (w *world) notices() (all []string) {
	for _, l := range w.Mail.Letters(kit.Notice) {
		all = append(all, l.To+": "+l.What)
	}
	return all
}

// shareMails are the mails about shares: kind, address, id, and who or how often.
func (w *world) shareMails() (all []string) {
	for _, l := range w.Mail.Letters("") {
		switch l.Kind {
		case kit.Received:
			all = append(all, strings.Join([]string{"received", l.To, l.ID, l.By}, " "))
		case kit.Accessed:
			all = append(all, strings.Join([]string{"accessed", l.To, l.ID, itoa(int(l.Times))}, " "))
		}
	}
	return all
}

// failingEvents is a log that takes nothing while it is told to.
type failingEvents struct {
	gate.Events
	fail func(*audit.Event) bool
}

func (f failingEvents) Append(ctx context.Context, ev *audit.Event) error {
	if f.fail(ev) {
		return fault.New(fault.Unavailable, "audit_unavailable", "")
	}
	return f.Events.Append(ctx, ev)
}

// event is a row of the log.
type event struct {
	org, id, action, actorKind, actor, resourceType, resource, ip, details string
}

// detail returns a field of the event's details.
func (e event) detail(name string) string {
	var o object
	if json.Unmarshal([]byte(e.details), &o) != nil {
		return ""
	}
	s, _ := o[name].(string)
	return s
}

// events are the rows of the log, of all organisations.
func (w *world) events() []event {
	w.t.Helper()
	return w.after(nil)
}

// during returns the events that f leaves in the log.
func (w *world) during(f func()) []event {
	w.t.Helper()
	heads := w.heads()
	f()
	return w.after(heads)
}

// heads are the last sequence numbers, by organisation.
func (w *world) heads() map[string]int64 {
	w.t.Helper()
	out := map[string]int64{}
	w.Each(`SELECT org_id, MAX(seq) FROM audit_events GROUP BY org_id`, func(scan func(...any) error) error {
		var org string
		var seq int64
		err := scan(&org, &seq)
		out[org] = seq
		return err
	})
	return out
}

// after are the events that come after heads.
func (w *world) after(heads map[string]int64) []event {
	w.t.Helper()
	var out []event
	for org := range w.heads() {
		w.Each(`SELECT org_id, id, action, actor_kind, actor_id, resource_type, resource_id, ip, details
			FROM audit_events WHERE org_id = ? AND seq > ? ORDER BY seq`, func(scan func(...any) error) error {
			var e event
			err := scan(&e.org, &e.id, &e.action, &e.actorKind, &e.actor, &e.resourceType, &e.resource, &e.ip, &e.details)
			out = append(out, e)
			return err
		}, org, heads[org])
	}
	return out
}

// in is the same world as seen by another test: an input of a fuzz target.
func (w *world) in(t testing.TB) *world {
	seen := *w
	seen.t, seen.World = t, w.In(t)
	return &seen
}
