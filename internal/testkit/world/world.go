// Package world gives tests the services of the product on a real database and a
// real keystore, wired as internal/app wires them.
//
// Its promise: nothing beneath the services is replaced but the clock, which stands
// until a test moves it, the mail, which is kept for the test to read, and what the
// test's Setup replaces. Each World is the test's own and ends with the test. No
// background work runs: a test calls what it is about.
package world

import (
	"context"
	"crypto/x509"
	"database/sql"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the tests' own view of the database
	_ "modernc.org/sqlite"             // the same

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/broker/later"
	"github.com/oneclaw-dev/oneclaw/internal/broker/postgres"
	"github.com/oneclaw-dev/oneclaw/internal/broker/relay"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
	"github.com/oneclaw-dev/oneclaw/internal/executor"
	"github.com/oneclaw-dev/oneclaw/internal/freeze"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/httpapi"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/placekey"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/signedcall"
	"github.com/oneclaw-dev/oneclaw/internal/signingkey"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
	"github.com/oneclaw-dev/oneclaw/internal/webhook"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

// Who issues tokens, and for whom.
const (
	// Issuer says who issues tokens.
	Issuer = "https://oneclaw.test"
	// Audience says whom tokens are for.
	Audience = "oneclaw-api"
	// PublicURL is where people reach the server.
	PublicURL = "https://vault.test"
	// CheckpointKey is the id of the key that signs checkpoints of the log.
	CheckpointKey = "audit:1"
)

// World is the services and what they stand on.
type World struct {
	DB     *store.DB
	SQL    *sql.DB // the same database, past every layer
	Keys   *soft.Store
	Sealer *seal.Sealer
	Clock  *Clock
	Mail   *Outbox
	Log    *Log   // what the services log
	Dir    string // of the database of SQLite, with the keystore in "keys"
	DSN    string // of PostgreSQL; empty on SQLite

	Approvals    *approval.Service
	Wanted       *wanted.Service
	Webhooks     *webhook.Service
	Vault        *vault.Service
	Identity     *identity.Service
	Accounts     *account.Service
	Agents       *agent.Service
	Orgs         *org.Service
	IPRules      *iprule.Service
	Sharing      *sharing.Service
	Billing      *billing.Service
	Payments     *x402.Service
	Checkout     *checkout.Service // nil unless Setup.Stripe is set
	Chains       *intents.Chains
	Freezes      *freeze.Service
	SigningKeys  *signingkey.Service
	Transactions *transaction.Service // nobody watches them but a test that calls Look
	Activity     *activity.Service
	Flagged      *flagged.Service
	Places       *placekey.Keeper
	Broker       *broker.Service
	Relay        *relay.Relay
	Executor     *executor.Service
	Late         *later.Queue  // nobody tries again but a test that calls CatchUp
	Spends       *spend.Ledger // with the prices that the program comes with; nobody keeps it but a test that calls Keep
	Audit        *audit.Log

	t     testing.TB
	setup Setup
}

// Setup is what a test may change before its World is made.
type Setup struct {
	Postgres       bool          // instead of SQLite; so are the subtests of a test of the name TestPostgreSQL
	TrustAddresses bool          // mail addresses count before they are confirmed
	Issuer         string        // iss and aud of tokens; empty: Issuer and Audience
	Passwords      identity.Cost // of hashes; zero: next to nothing, since most tests that log in are about something else
	Store          func(*store.Config)
	CallerStore    func(*store.DB) CallerStore // what the services of callers ask instead of the database; nil: the database
	CallerKeys     func(*soft.Store) CallerKeys
	People         func(*account.Config)
	Agents         func(*agent.Config)
	Stripe         func(*checkout.Config)                      // sets up the payment provider; nil: none
	Facilitator    x402.Doer                                   // nil: http.DefaultClient
	Webhooks       signedcall.Sender                           // who calls the webhooks of organisations; nil: http.DefaultClient
	Reach          func(ctx context.Context, url string) error // refuses URLs of webhooks that can't be called; nil: none
	Roots          *x509.CertPool                              // who vouches for servers that secrets are used at; nil: the system's
	Reached        netguard.Config                             // how those servers are found and connected to; Allow is always this machine
	Answering      time.Duration                               // how long one of them may take to answer; 0: as netguard says
}

// CallerStore is what the services that say who is calling need of a database.
type CallerStore interface {
	identity.Store
	account.Store
	agent.Store
	org.Store
	iprule.Store
}

// CallerKeys is what they need of a keystore.
type CallerKeys interface {
	identity.Keys
	account.Keys
}

// Open makes a World.
func Open(t testing.TB, change ...func(*Setup)) *World {
	t.Helper()
	w := &World{t: t, Clock: NewClock(), Mail: newOutbox(), Log: &Log{}}
	w.setup.Postgres = strings.HasPrefix(t.Name(), "TestPostgreSQL/")
	for _, f := range change {
		f(&w.setup)
	}
	driver, source := "sqlite", ""
	if w.setup.Postgres {
		w.Dir, w.DSN = t.TempDir(), ready.DSN(t)
		driver, source = "pgx", w.DSN
	} else {
		w.Dir = ready.Dir(t)
		source = filepath.Join(w.Dir, sqldb.File) + "?_pragma=busy_timeout(10000)"
	}
	w.connect()
	var err error
	w.SQL, err = sql.Open(driver, source)
	w.must(err)
	w.closeLater(w.SQL.Close)
	w.must(w.Keys.CreateSigner(t.Context(), CheckpointKey))
	w.services()
	return w
}

// connect opens the database and the keystore.
func (w *World) connect() {
	w.t.Helper()
	cfg := store.Config{Dir: w.Dir, Log: w.Logger(), Clock: w.Clock.Now}
	if w.DSN != "" {
		cfg.Dir, cfg.PostgresDSN = "", w.DSN
	}
	if w.setup.Store != nil {
		w.setup.Store(&cfg)
	}
	var err error
	w.Keys, err = soft.Open(w.t.Context(), soft.Config{Dir: filepath.Join(w.Dir, "keys")})
	w.must(err)
	w.closeLater(w.Keys.Close)
	w.DB, err = store.Open(w.t.Context(), cfg)
	w.must(err)
	w.closeLater(w.DB.Close)
}

// OtherNode is another server on the same database and keystore, with the same clock
// and mail: it has nothing in memory yet. On SQLite, which one process may open, both
// share its handle and the keystore's.
func (w *World) OtherNode(change ...func(*Setup)) *World {
	w.t.Helper()
	other := *w
	for _, f := range change {
		f(&other.setup)
	}
	if other.DSN != "" {
		other.connect()
	}
	other.services()
	return &other
}

// Hear waits until this node has heard of all that another changed. Nobody asks it: it
// hears by itself.
func (w *World) Hear(other *World) {
	w.t.Helper()
	tick, late := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for w.DB.Seen() < other.DB.Seen() {
		select {
		case <-tick.C:
		case <-late:
			w.t.Fatal("the other node has not heard of it")
		}
	}
}

// In is the same World as seen by another test: an input of a fuzz target.
func (w *World) In(t testing.TB) *World {
	seen := *w
	seen.t = t
	return &seen
}

func (w *World) services() {
	w.t.Helper()
	w.Sealer = seal.New(w.Keys)
	w.Audit = &audit.Log{Store: w.DB, Keys: w.Keys, KeyIDs: []string{CheckpointKey}, Now: w.Clock.Now, Log: w.Logger()}
	if w.setup.Webhooks == nil {
		w.setup.Webhooks = http.DefaultClient
	}
	calls := &signedcall.Caller{Sealer: w.Sealer, Keys: w.Keys, Sender: w.setup.Webhooks, Reach: w.setup.Reach, Now: w.Clock.Now}
	w.Approvals = approval.New(approval.Config{Store: w.DB, Mailer: w.Mail, Calls: calls, Log: w.Logger(), Now: w.Clock.Now})
	w.Webhooks = webhook.New(webhook.Config{Store: w.DB, Calls: calls, Render: httpapi.EventJSON, Log: w.Logger(), Now: w.Clock.Now})
	w.Vault = w.VaultOn(w.DB, w.Keys)
	w.people()
	w.Wanted = wanted.New(wanted.Config{Store: w.DB, Vault: w.Vault, Mailer: w.Mail, PrincipalNow: w.Identity.PrincipalNow, Log: w.Logger(), Now: w.Clock.Now})
	w.Sharing = sharing.New(sharing.Config{
		Store: w.DB, Vault: w.Vault, People: w.Identity, Principals: w.DB, Sealer: w.Sealer, Keys: w.Keys, Mailer: w.Mail,
		PublicURL: PublicURL, TrustAddresses: w.setup.TrustAddresses, Log: w.Logger(), Now: w.Clock.Now,
	})
	w.Chains = &intents.Chains{Store: w.DB, Nodes: &intents.Nodes{HTTP: http.DefaultClient, Now: w.Clock.Now}}
	w.Freezes = &freeze.Service{Store: w.DB}
	w.SigningKeys = &signingkey.Service{Store: w.DB, Keys: w.Keys}
	w.Transactions = transaction.New(transaction.Config{
		Store: w.DB, Vault: w.Vault, Keys: w.SigningKeys, Chains: w.Chains, Approvals: w.Approvals, Log: w.Logger(), Now: w.Clock.Now,
	})
	w.Activity = &activity.Service{Store: w.DB}
	w.Flagged = &flagged.Service{Store: w.DB, Sealer: w.Sealer}
	w.Places = placekey.New(placekey.Config{Store: w.DB, Sealer: w.Sealer, Keys: w.Keys, Now: w.Clock.Now, Log: w.Logger()})
	loopback, err := netguard.ParseAllow("127.0.0.0/8,::1")
	w.must(err)
	reached := w.setup.Reached
	reached.Allow, reached.RootCAs = loopback, w.setup.Roots
	guard := netguard.New(reached)
	w.Late = later.New(later.Config{Log: w.Logger(), Now: w.Clock.Now})
	w.Broker = broker.New(broker.Config{
		Later: w.Late,
		Store: w.DB, Vault: w.Vault, HTTP: guard.Client(netguard.Options{Timeout: w.setup.Answering, MaxBody: 64 << 20}), Postgres: postgres.New(guard), People: w.Identity, Log: w.Logger(), Now: w.Clock.Now, Standing: gate.StandingOf,
	})
	w.Relay = relay.New(relay.Config{
		Broker: w.Broker, Epoch: w.DB.EpochOf, Log: w.Logger(), HTTP: guard.Transport(netguard.Options{Timeout: time.Minute, Open: 1024, Stream: true}),
	})
	w.Executor = executor.New(executor.Config{
		Later: w.Late,
		Store: w.DB, Vault: w.Vault, Broker: w.Broker, People: w.Identity, Standing: gate.StandingOf, Log: w.Logger(), Now: w.Clock.Now,
	})
	prices, err := spend.Prices()
	w.must(err)
	w.Spends = spend.New(spend.Config{Store: w.DB, Prices: prices, Log: w.Logger(), Now: w.Clock.Now})
	w.money()
}

// VaultOn is the service of vaults on a store and keys of the test.
func (w *World) VaultOn(st vault.Store, keys vault.Keys) *vault.Service {
	return vault.New(st, w.Sealer, keys, w.DB, w.Approvals, w.Logger())
}

// people wires who can call.
func (w *World) people() {
	w.t.Helper()
	var st CallerStore = w.DB
	if w.setup.CallerStore != nil {
		st = w.setup.CallerStore(w.DB)
	}
	var keys CallerKeys = w.Keys
	if w.setup.CallerKeys != nil {
		keys = w.setup.CallerKeys(w.Keys)
	}
	w.IPRules = iprule.New(st)
	var err error
	who := identity.Config{Store: st, Keys: keys, Admission: w.IPRules, Log: w.Logger(), Now: w.Clock.Now, Issuer: Issuer, Audience: Audience}
	if who.Passwords = w.setup.Passwords; who.Passwords == (identity.Cost{}) {
		who.Passwords = identity.Cost{Memory: 8, Time: 1, Lanes: 1}
	}
	if w.setup.Issuer != "" {
		who.Issuer, who.Audience = w.setup.Issuer, w.setup.Issuer
	}
	w.Identity, err = identity.New(w.t.Context(), who)
	w.must(err)
	humans := account.Config{
		Store: st, Identity: w.Identity, Keys: keys, Sealer: w.Sealer, Mailer: w.Mail, Shredder: w.Vault, Log: w.Logger(), Now: w.Clock.Now, PublicURL: PublicURL,
		Signup: true, Invited: func(ctx context.Context, email string) (bool, error) { return w.DB.Awaited(ctx, email, w.Clock.Now()) },
	}
	if w.setup.People != nil {
		w.setup.People(&humans)
	}
	w.Accounts = account.New(humans)
	w.t.Cleanup(w.Accounts.Wait)
	agents := agent.Config{
		Store: st, Identity: w.Identity, Mailer: w.Mail, Safe: w.Vault, Granter: w.Vault, Log: w.Logger(), Now: w.Clock.Now,
		VerifyEmail: humans.VerifyEmail,
	}
	if w.setup.Agents != nil {
		w.setup.Agents(&agents)
	}
	w.Agents = agent.New(agents)
	w.Orgs = org.New(org.Config{Store: st, Identity: w.Identity, Accounts: w.Accounts, Mailer: w.Mail, Signup: humans.Signup})
}

// money wires what counts, and what is paid for.
func (w *World) money() {
	w.Billing = billing.New(w.DB, w.Clock.Now, w.Logger())
	if w.setup.Facilitator == nil {
		w.setup.Facilitator = http.DefaultClient
	}
	w.Payments = x402.New(x402.Config{Store: w.DB, Settings: w.Billing, Client: w.setup.Facilitator, Now: w.Clock.Now, Log: w.Logger()})
	if w.setup.Stripe != nil {
		c := checkout.Config{Client: http.DefaultClient, Store: w.DB, Credits: w.Billing, PublicURL: PublicURL, Log: w.Logger()}
		w.setup.Stripe(&c)
		w.Checkout = checkout.New(c)
	}
}

// Logger writes into w.Log.
func (w *World) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(w.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (w *World) closeLater(f func() error) {
	w.t.Cleanup(func() {
		if err := f(); err != nil {
			w.t.Error(err)
		}
	})
}

func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
