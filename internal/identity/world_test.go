package identity_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

const (
	issuer   = "https://oneclaw.test"
	audience = "oneclaw-api"
	password = "Tr0ub4dor-and-horses"
)

// world is identity on a real database and a real keystore.
type world struct {
	*identity.Service
	t     *testing.T
	db    *store.DB
	keys  *soft.Store
	clock *clock
	mail  *outbox
	safe  *safe
	cfg   identity.Config
}

func open(t *testing.T, change ...func(*identity.Config)) *world {
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
	return openOn(t, db, change...)
}

const onPostgres = "TestPostgreSQL/"

// TestPostgreSQL runs what asks the database most on the other engine.
func TestPostgreSQL(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"revocation":           TestRevocationBitesAtOnce,
		"one account":          TestOneAddressHasOneAccount,
		"confirmed addresses":  TestAddressesAreConfirmedFirst,
		"a token spent once":   TestAMailedTokenIsSpentOnce,
		"the first owner":      TestTheFirstOwnerIsMadeOnce,
		"profile":              TestProfile,
		"personal keys":        TestPersonalKeys,
		"hashes":               TestLoginHashesAgainWhenTheParametersChanged,
		"a new agent":          TestANewAgent,
		"agents that can't be": TestAgentsThatCanNotBe,
		"patches":              TestPatches,
		"who may do what":      TestWhoMayDoWhatToAnAgent,
		"times of use":         TestTimesOfUseAreWrittenInTheBackground,
		"races":                TestTheDatabaseDecidesRaces,
		"keys of keys":         TestKeysMadeWithKeysEndTogether,
		"sessions":             TestSessions,
		"a race for a key":     TestAHumanWinsTheRaceForAKey,
		"two humans renew":     TestOfTwoHumansWhoRenewAKeyOneWins,
		"own renewals":         TestAnAgentRenewsItsKeyWithTheKeyAndSeldom,
		"caps of managers":     TestWhatAManagerSetOnlyAManagerLifts,
	} {
		t.Run(name, test)
	}
}

func openOn(t *testing.T, db *store.DB, change ...func(*identity.Config)) *world {
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
	w := &world{t: t, db: db, keys: keys, clock: &clock{at: time.Date(2026, 11, 23, 12, 0, 0, 500e6, time.UTC)},
		mail: &outbox{}, safe: &safe{values: map[string]string{}}}
	w.cfg = identity.Config{
		Store: db, Keys: keys, Sealer: seal.New(keys), Mailer: w.mail, Safe: w.safe, Granter: openVaults{}, Log: slog.New(slog.DiscardHandler), Now: w.clock.now,
		Issuer: issuer, Audience: audience, Signup: true,
	}
	for _, f := range change {
		f(&w.cfg)
	}
	if w.Service, err = identity.New(t.Context(), w.cfg); err != nil {
		t.Fatal(err)
	}
	return w
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
	err     error
}

func (o *outbox) Invite(_ context.Context, to, _, token string, _ time.Time) error {
	return o.VerifyEmail(context.Background(), to, token)
}

func (o *outbox) VerifyEmail(_ context.Context, to, token string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tokens == nil {
		o.tokens = map[string]string{}
	}
	o.tokens[to] = token
	return o.err
}

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

// safe keeps the private halves of identity keys.
type safe struct {
	mu     sync.Mutex
	values map[string]string
	err    error
}

func (s *safe) SealAgentKeys(_ context.Context, c *call.Call, keys map[string]secret.Bytes, store func(any) error) error {
	if s.err != nil {
		return s.err
	}
	if err := store(nil); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for path, value := range keys {
		s.values[c.Who.Org+" "+path] = string(value.Reveal())
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

// call makes a call as the gate of the API does.
func (w *world) call(who policy.Principal, a policy.Action) *call.Call {
	if who.Kind == "" {
		who.Kind = policy.KindAnonymous
	}
	ev := &audit.Event{
		ID: uuid.NewString(), Org: audit.SystemOrg, At: w.clock.now(), Action: string(a), ActorKind: string(who.Kind),
		ActorID: who.ID, Details: audit.Details{Token: who.TokenID},
	}
	if who.Org != "" {
		ev.Org = who.Org
		ev.With = who.Credential()
	}
	return &call.Call{Who: who, Now: w.clock.now(), Event: ev}
}

func (w *world) anon(a policy.Action) *call.Call { return w.call(policy.Principal{}, a) }

// signup makes a user and returns its token and who it is.
func (w *world) signup(email string) (string, policy.Principal) {
	w.t.Helper()
	j, err := w.Signup(w.t.Context(), w.anon(policy.Signup), email, secret.FromString(password), "")
	if err != nil {
		w.t.Fatalf("sign up: %v", err)
	}
	if j.Token == nil {
		w.t.Fatal("no token at signup")
	}
	token := string(j.Token.Access.Reveal())
	return token, w.who(token)
}

// who authenticates a credential that must be good.
func (w *world) who(bearer string) policy.Principal {
	w.t.Helper()
	p, err := w.Authenticate(w.t.Context(), bearer, w.clock.now())
	if err != nil {
		w.t.Fatalf("authenticate: %v", err)
	}
	return p
}

// dead checks that a credential is refused, in the one way there is.
func (w *world) dead(what, bearer string) {
	w.t.Helper()
	p, err := w.Authenticate(w.t.Context(), bearer, w.clock.now())
	if fault.KindOf(err) != fault.Unauthenticated || fault.CodeOf(err) != "unauthenticated" || p.ID != "" {
		w.t.Errorf("%s: got principal %q and error %v, want unauthenticated", what, p.ID, err)
	}
}

// agent makes an agent of who and returns it with its key.
func (w *world) agent(who policy.Principal, draft identity.Agent) (identity.Agent, string) {
	w.t.Helper()
	if draft.Name == "" {
		draft.Name = "worker"
	}
	a, key, err := w.CreateAgent(w.t.Context(), w.call(who, policy.RegisterAgent), draft)
	if err != nil {
		w.t.Fatalf("create agent: %v", err)
	}
	return a, string(key.Reveal())
}

// exchange returns a token for an agent's key.
func (w *world) exchange(key string) string {
	w.t.Helper()
	t, err := w.AgentToken(w.t.Context(), w.anon(policy.Login), key, "")
	if err != nil {
		w.t.Fatalf("exchange: %v", err)
	}
	return string(t.Access.Reveal())
}

func wantKind(t *testing.T, what string, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Errorf("%s: got %v, want kind %d", what, err, kind)
	}
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if fault.CodeOf(err) != code || err == nil {
		t.Errorf("%s: got %v, want code %s", what, err, code)
	}
}
