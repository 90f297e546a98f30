package httpapi_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/httpapi"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/proxies"
	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

const (
	password = "Tr0ub4dor-and-horses"
	issuer   = "https://oneclaw.test"
	audience = "oneclaw-api"
)

// world is the whole API on a real database and a real keystore, with a clock
// that stands until it is moved.
type world struct {
	t         testing.TB
	api       *httpapi.API
	db        *store.DB
	raw       *sql.DB // the same database, past every layer
	postgres  bool
	keysDir   string
	keys      *soft.Store
	vault     *vault.Service
	approvals *approval.Service
	identity  *identity.Service
	accounts  *account.Service
	agents    *agent.Service
	orgs      *org.Service
	iprules   *iprule.Service
	billing   *billing.Service
	clock     *clock
	mail      *outbox
	logged    *logBuffer
	sharing   *sharing.Service
	checkout  *checkout.Service
	gate      *gate.Gate
	between   *atomic.Pointer[func()] // runs once, before the next write that acts for somebody
}

// setup is what a test may change before the world is made.
type setup struct {
	postgres    bool // instead of SQLite
	limits      ratelimit.Limits
	budgets     gate.Budgets
	proxies     proxies.Set
	signup      bool
	verifyEmail bool
	events      func(*store.DB, *world) gate.Events
	health      httpapi.Health
	people      func(*account.Config, *agent.Config) // changes what people log in with
	facilitator x402.Doer
	stripe      func(*checkout.Config) // sets up the payment provider; nil: none
}

func open(t testing.TB, change ...func(*setup)) *world {
	t.Helper()
	s := setup{signup: true, events: coalesced, postgres: strings.HasPrefix(t.Name(), postgresTests)}
	for _, f := range change {
		f(&s)
	}
	dir := t.TempDir()
	cfg := store.Config{}
	if s.postgres {
		cfg.PostgresDSN = ready.DSN(t)
	} else {
		dir = ready.Dir(t)
		cfg.Dir = dir
	}
	w := &world{
		t: t, postgres: s.postgres, keysDir: filepath.Join(dir, "keys"), clock: &clock{at: time.Date(2026, 11, 23, 12, 0, 0, 500e6, time.UTC)},
		mail: &outbox{tokens: map[string]string{}, resets: map[string]string{}}, logged: &logBuffer{}, between: new(atomic.Pointer[func()]),
	}
	log := slog.New(slog.NewTextHandler(w.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if w.keys, err = soft.Open(t.Context(), soft.Config{Dir: w.keysDir}); err != nil {
		t.Fatal(err)
	}
	w.closeLater(w.keys.Close)
	cfg.Log, cfg.Clock, cfg.BeforeWrite = log, w.clock.now, w.interrupt
	driver, raw := "sqlite", filepath.Join(dir, sqldb.File)+"?_pragma=busy_timeout(10000)"
	if s.postgres {
		driver, raw = "pgx", cfg.PostgresDSN
	}
	if w.db, err = store.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	w.closeLater(w.db.Close)
	if w.raw, err = sql.Open(driver, raw); err != nil {
		t.Fatal(err)
	}
	w.closeLater(w.raw.Close)
	w.services(s, log)
	return w
}

// onPostgres is a world whose database is PostgreSQL.
func onPostgres(s *setup) { s.postgres = true }

// onSQLite is the world as it is anyway.
func onSQLite(*setup) {}

// bind writes the parameters of a query as the database takes them.
func (w *world) bind(query string) string {
	for n := 1; w.postgres && strings.Contains(query, "?"); n++ {
		query = strings.Replace(query, "?", "$"+itoa(n), 1)
	}
	return query
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

func (w *world) services(s setup, log *slog.Logger) {
	w.t.Helper()
	const checkpoints = "audit:1"
	if err := w.keys.CreateSigner(w.t.Context(), checkpoints); err != nil {
		w.t.Fatal(err)
	}
	w.approvals = approval.New(approval.Config{
		Store: w.db, Mailer: w.mail, Sealer: seal.New(w.keys), Keys: w.keys, Log: log, Now: w.clock.now,
	})
	w.vault = vault.New(w.db, seal.New(w.keys), w.keys, w.db, w.approvals, log)
	var err error
	w.iprules = iprule.New(w.db)
	w.identity, err = identity.New(w.t.Context(), identity.Config{
		Store: w.db, Keys: w.keys, Admission: w.iprules, Log: log, Now: w.clock.now, Issuer: issuer, Audience: audience,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	humans := account.Config{
		Store: w.db, Identity: w.identity, Keys: w.keys, Sealer: seal.New(w.keys), Mailer: w.mail, Shredder: w.vault, Log: log, Now: w.clock.now,
		Signup: s.signup, VerifyEmail: s.verifyEmail,
		Invited: func(ctx context.Context, email string) (bool, error) { return w.db.Awaited(ctx, email, w.clock.now()) },
	}
	agents := agent.Config{
		Store: w.db, Identity: w.identity, Mailer: w.mail, Safe: w.vault, Granter: w.vault, Log: log, Now: w.clock.now,
	}
	if s.people != nil {
		s.people(&humans, &agents)
	}
	agents.VerifyEmail = humans.VerifyEmail
	w.accounts, w.agents = account.New(humans), agent.New(agents)
	w.orgs = org.New(org.Config{Store: w.db, Identity: w.identity, Accounts: w.accounts, Mailer: w.mail, Signup: humans.Signup})
	w.sharing = sharing.New(sharing.Config{
		Store: w.db, Vault: w.vault, People: w.identity, Principals: w.db, Sealer: seal.New(w.keys), Keys: w.keys, Mailer: w.mail,
		PublicURL: "https://vault.test", Log: log, Now: w.clock.now,
	})
	if s.health == nil {
		s.health = healthy{w}
	}
	w.billing = billing.New(w.db, w.clock.now, log)
	client := s.facilitator
	if client == nil {
		client = http.DefaultClient
	}
	if s.stripe != nil {
		c := checkout.Config{Client: http.DefaultClient, Store: w.db, Credits: w.billing, PublicURL: "https://vault.test", Log: log}
		s.stripe(&c)
		w.checkout = checkout.New(c)
	}
	w.gate = gate.New(gate.Gate{
		Identity: w.identity, IPRules: w.iprules, Billing: w.billing, Payments: x402.New(x402.Config{Store: w.db, Settings: w.billing, Client: client, Now: w.clock.now, Log: log}),
		Events: s.events(w.db, w), Limits: ratelimit.New(s.limits), Proxies: s.proxies, Now: w.clock.now, Log: log, PublicURL: "https://vault.test",
	}, s.budgets)
	w.api = httpapi.New(httpapi.Config{
		Gate: w.gate, Accounts: w.accounts, Agents: w.agents, Orgs: w.orgs, Checkout: w.checkout, Chains: &intents.Chains{Store: w.db}, Vault: w.vault, Sharing: w.sharing, Approvals: w.approvals,
		Audit:  &audit.Log{Store: w.db, Keys: w.keys, KeyIDs: []string{checkpoints}, Now: w.clock.now, Log: log},
		Health: s.health, Version: version,
	})
}

// coalesced counts what strangers do, as the app does.
func coalesced(db *store.DB, w *world) gate.Events {
	return audit.NewCoalescer(db, w.clock.now, slog.New(slog.DiscardHandler))
}

// oneByOne makes every request leave its own event, strangers' too.
func oneByOne(s *setup) {
	s.events = func(db *store.DB, _ *world) gate.Events { return db }
}

// version is what the document and health say in tests.
const version = "dev"

func (w *world) closeLater(f func() error) {
	w.t.Cleanup(func() {
		if err := f(); err != nil {
			w.t.Error(err)
		}
	})
}

// exec changes the database past every layer.
func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	if _, err := w.raw.ExecContext(w.t.Context(), w.bind(query), args...); err != nil {
		w.t.Fatal(err)
	}
}

// clock is a clock that stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// outbox keeps the tokens that were mailed.
type outbox struct {
	mu      sync.Mutex
	tokens  map[string]string // by address
	resets  map[string]string // the same, of new passwords
	asked   int               // mails for new passwords, sent or not
	notices []string
	shares  []string // letters about shares: kind, address, id, and who or how often
}

func (o *outbox) VerifyEmail(_ context.Context, to, token string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tokens[to] = token
	return nil
}

func (o *outbox) ApprovalRequested(context.Context, string, approval.Letter) error { return nil }
func (o *outbox) ResetPassword(_ context.Context, to, token string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.resets == nil {
		o.resets = map[string]string{}
	}
	o.resets[to] = token
	o.asked++
	return nil
}

func (o *outbox) AccountNotice(_ context.Context, to, what string, _ time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.notices = append(o.notices, to+": "+what)
	return nil
}

func (o *outbox) NoMail(context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	return nil
}

func (o *outbox) Invite(_ context.Context, to, _, token string, _ time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tokens[to] = token
	return nil
}

// logBuffer holds the server's log.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// healthy asks the real parts, as the app does.
type healthy struct{ w *world }

func (h healthy) Ready(context.Context) error { return h.w.db.Ready() }

func (h healthy) Keystore(ctx context.Context) (string, bool) {
	k := h.w.keys.Health(ctx)
	return k.Provider, k.Connected
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
	w.each(`SELECT org_id, MAX(seq) FROM audit_events GROUP BY org_id`, func(scan func(...any) error) error {
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
		w.each(`SELECT org_id, id, action, actor_kind, actor_id, resource_type, resource_id, ip, details
			FROM audit_events WHERE org_id = ? AND seq > ? ORDER BY seq`, func(scan func(...any) error) error {
			var e event
			err := scan(&e.org, &e.id, &e.action, &e.actorKind, &e.actor, &e.resourceType, &e.resource, &e.ip, &e.details)
			out = append(out, e)
			return err
		}, org, heads[org])
	}
	return out
}

// each runs a query past every layer.
func (w *world) each(query string, row func(scan func(...any) error) error, args ...any) {
	w.t.Helper()
	rows, err := w.raw.QueryContext(context.WithoutCancel(w.t.Context()), w.bind(query), args...)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
}

// in is the same world as seen by another test: an input of a fuzz target.
func (w *world) in(t testing.TB) *world {
	seen := *w
	seen.t = t
	return &seen
}
