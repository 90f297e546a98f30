// Package people gives tests the services that say who is calling, on a real database
// and a real keystore, with stand-ins for mail and vaults. internal/testkit/world has
// the whole product.
package people

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

// What tokens say, and the password of everybody.
const (
	Issuer   = "https://oneclaw.test"
	Audience = "oneclaw-api"
	Password = "Tr0ub4dor-and-horses"
)

// World is the services of callers on a real database and a real keystore.
type World struct {
	Identity *identity.Service
	Accounts *account.Service
	Agents   *agent.Service
	Orgs     *org.Service
	IPRules  *iprule.Service

	T      testing.TB
	DB     *store.DB
	Keys   *soft.Store
	Clock  *Clock
	Mail   *Outbox
	Safe   *Safe
	Config Config
}

// Store is what the services need of a database.
type Store interface {
	identity.Store
	account.Store
	agent.Store
	org.Store
	iprule.Store
}

// Keys is what the services need of a keystore.
type Keys interface {
	identity.Keys
	account.Keys
}

// Config is what a test may change before its World is made.
type Config struct {
	Store               Store
	Keys                Keys
	Signup, VerifyEmail bool
}

// Open makes a World. Subtests of TestPostgreSQL have theirs on PostgreSQL.
func Open(t *testing.T, change ...func(*Config)) *World {
	t.Helper()
	cfg := store.Config{Dir: ready.Dir(t)}
	if strings.HasPrefix(t.Name(), onPostgres) {
		cfg.PostgresDSN = ready.DSN(t)
	}
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return OpenOn(t, db, change...)
}

const onPostgres = "TestPostgreSQL/"

// OpenOn makes a World on a database, which the caller closes.
func OpenOn(t testing.TB, db *store.DB, change ...func(*Config)) *World {
	t.Helper()
	keys, err := soft.Open(t.Context(), soft.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keys.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &World{T: t, DB: db, Keys: keys, Clock: &Clock{at: time.Date(2026, 11, 23, 12, 0, 0, 500e6, time.UTC)},
		Mail: &Outbox{}, Safe: &Safe{Values: map[string]string{}}}
	w.Config = Config{Store: db, Keys: keys, Signup: true}
	for _, f := range change {
		f(&w.Config)
	}
	return w.With(w.Config)
}

// With is another server on the same parts but for what cfg says: it has seen no
// token yet.
func (w *World) With(cfg Config) *World {
	w.T.Helper()
	is, log := *w, slog.New(slog.DiscardHandler)
	is.Config, is.IPRules = cfg, iprule.New(cfg.Store)
	var err error
	is.Identity, err = identity.New(w.T.Context(), identity.Config{
		Store: cfg.Store, Keys: cfg.Keys, Admission: is.IPRules, Log: log, Now: w.Clock.Now, Issuer: Issuer, Audience: Audience,
	})
	if err != nil {
		w.T.Fatal(err)
	}
	is.Accounts = account.New(account.Config{
		Store: cfg.Store, Identity: is.Identity, Keys: cfg.Keys, Sealer: seal.New(w.Keys), Mailer: w.Mail, Log: log, Now: w.Clock.Now,
		Signup: cfg.Signup, VerifyEmail: cfg.VerifyEmail,
	})
	is.Agents = agent.New(agent.Config{
		Store: cfg.Store, Identity: is.Identity, Mailer: w.Mail, Safe: w.Safe, Granter: openVaults{}, Log: log, Now: w.Clock.Now,
		VerifyEmail: cfg.VerifyEmail,
	})
	is.Orgs = org.New(org.Config{Store: cfg.Store, Identity: is.Identity, Accounts: is.Accounts, Mailer: w.Mail, Signup: cfg.Signup})
	return &is
}

// OtherNode is another server on the same parts: it has seen no token yet.
func (w *World) OtherNode() *World {
	w.T.Helper()
	return w.With(w.Config)
}

// Clock is a clock that stands until it is moved.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// Now is what the clock says.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Forward moves the clock.
func (c *Clock) Forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Outbox keeps the tokens that were mailed.
type Outbox struct {
	mu      sync.Mutex
	Tokens  map[string]string // by address
	Resets  map[string]string // the same, of new passwords
	Asked   int               // mails for new passwords, sent or not
	Notices []string
	Err     error
}

// Invite implements org.Mailer.
func (o *Outbox) Invite(_ context.Context, to, _, token string, _ time.Time) error {
	return o.VerifyEmail(context.Background(), to, token)
}

// VerifyEmail implements account.Mailer.
func (o *Outbox) VerifyEmail(_ context.Context, to, token string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.Tokens == nil {
		o.Tokens = map[string]string{}
	}
	o.Tokens[to] = token
	return o.Err
}

// ResetPassword implements account.Mailer.
func (o *Outbox) ResetPassword(_ context.Context, to, token string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.Resets == nil {
		o.Resets = map[string]string{}
	}
	o.Resets[to] = token
	o.Asked++
	return nil
}

// AccountNotice implements account.Mailer.
func (o *Outbox) AccountNotice(_ context.Context, to, what string, _ time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Notices = append(o.Notices, to+": "+what)
	return nil
}

// NoMail implements account.Mailer.
func (o *Outbox) NoMail(context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Asked++
	return nil
}

// Safe keeps the private halves of identity keys.
type Safe struct {
	mu     sync.Mutex
	Values map[string]string
	Err    error
}

// SealAgentKeys implements agent.Safe.
func (s *Safe) SealAgentKeys(_ context.Context, c *call.Call, keys map[string]secret.Bytes, store func(any) error) error {
	if s.Err != nil {
		return s.Err
	}
	if err := store(nil); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for path, value := range keys {
		s.Values[c.Who.Org+" "+path] = string(value.Reveal())
	}
	return nil
}

// openVaults are those of an organisation whose vaults everybody sees, and whose policies ask for no
// approvals.
type openVaults struct{}

func (openVaults) Shows(context.Context, *call.Call, string) (bool, error) { return true, nil }

func (openVaults) Widens(context.Context, string, policy.Cap, policy.Cap, time.Time) (bool, error) {
	return false, nil
}

func (openVaults) DraftGrant(_ context.Context, _ *call.Call, g policy.Spec) (policy.Spec, error) {
	return g, nil
}

// Call makes a call as the gate of the API does.
func (w *World) Call(who policy.Principal, a policy.Action) *call.Call {
	if who.Kind == "" {
		who.Kind = policy.KindAnonymous
	}
	ev := &audit.Event{
		ID: ids.New(), Org: audit.SystemOrg, At: w.Clock.Now(), Action: string(a), ActorKind: string(who.Kind),
		ActorID: who.ID, Details: audit.Details{Token: who.TokenID},
	}
	if who.Org != "" {
		ev.Org = who.Org
		ev.With = who.Credential()
	}
	return &call.Call{Who: who, Now: w.Clock.Now(), Event: ev}
}

// Anon makes a call of a stranger.
func (w *World) Anon(a policy.Action) *call.Call { return w.Call(policy.Principal{}, a) }

// SignUp makes a user and returns its token and who it is.
func (w *World) SignUp(email string) (string, policy.Principal) {
	w.T.Helper()
	j, err := w.Accounts.Signup(w.T.Context(), w.Anon(policy.Signup), email, secret.FromString(Password), "")
	if err != nil {
		w.T.Fatalf("sign up: %v", err)
	}
	if j.Token == nil {
		w.T.Fatal("no token at signup")
	}
	token := string(j.Token.Access.Reveal())
	return token, w.Who(token)
}

// Who authenticates a credential that must be good.
func (w *World) Who(bearer string) policy.Principal {
	w.T.Helper()
	p, err := w.Identity.Authenticate(w.T.Context(), bearer, w.Clock.Now())
	if err != nil {
		w.T.Fatalf("authenticate: %v", err)
	}
	return p
}

// Dead checks that a credential is refused, in the one way there is.
func (w *World) Dead(what, bearer string) {
	w.T.Helper()
	p, err := w.Identity.Authenticate(w.T.Context(), bearer, w.Clock.Now())
	if fault.KindOf(err) != fault.Unauthenticated || fault.CodeOf(err) != "unauthenticated" || p.ID != "" {
		w.T.Errorf("%s: got principal %q and error %v, want unauthenticated", what, p.ID, err)
	}
}

// Agent makes an agent of who and returns it with its key.
func (w *World) Agent(who policy.Principal, draft agent.Agent) (agent.Agent, string) {
	w.T.Helper()
	if draft.Name == "" {
		draft.Name = "worker"
	}
	a, key, err := w.Agents.CreateAgent(w.T.Context(), w.Call(who, policy.RegisterAgent), draft)
	if err != nil {
		w.T.Fatalf("create agent: %v", err)
	}
	return a, string(key.Reveal())
}

// Exchange returns a token for an agent's key.
func (w *World) Exchange(key string) string {
	w.T.Helper()
	t, err := w.Agents.AgentToken(w.T.Context(), w.Anon(policy.Login), key, "")
	if err != nil {
		w.T.Fatalf("exchange: %v", err)
	}
	return string(t.Access.Reveal())
}

// WantKind checks the kind of an error.
func WantKind(t testing.TB, what string, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Errorf("%s: got %v, want kind %d", what, err, kind)
	}
}

// WantCode checks the code of an error.
func WantCode(t testing.TB, what string, err error, code string) {
	t.Helper()
	if fault.CodeOf(err) != code || err == nil {
		t.Errorf("%s: got %v, want code %s", what, err, code)
	}
}

// EnrollAgent implements agent.Mailer.
func (o *Outbox) EnrollAgent(_ context.Context, to, name, from, key, token string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.Tokens == nil {
		o.Tokens = map[string]string{}
	}
	o.Tokens["key for "+to], o.Tokens["link for "+to] = key, token
	o.Tokens["text for "+to] = name + " from " + from
	return o.Err
}

// LogIn returns the token of a login that must be good.
func (w *World) LogIn(email, password string) string {
	w.T.Helper()
	t, err := w.Accounts.Login(w.T.Context(), w.Anon(policy.Login), email, secret.FromString(password))
	if err != nil {
		w.T.Fatalf("log in: %v", err)
	}
	return string(t.Access.Reveal())
}

// ErrDown is what a store says that is away.
var ErrDown = fault.Wrap(errors.New("disk"), fault.Unavailable, "storage_unavailable", "Try again.")
