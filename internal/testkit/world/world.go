// Package world gives tests the services of the product on a real database and a
// real keystore, wired as internal/app wires them.
//
// Its promise: nothing beneath the services is replaced but the clock, which stands
// until a test moves it, and the mail, which is kept for the test to read. Each World
// is the test's own and ends with the test. No background work runs: a test calls
// what it is about.
package world

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
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
	Keys   *soft.Store
	Sealer *seal.Sealer
	Clock  *Clock
	Mail   *Outbox
	Log    *Log   // what the services log
	Dir    string // of the database of SQLite, with the keystore in "keys"
	DSN    string // of PostgreSQL; empty on SQLite

	Approvals *approval.Service
	Vault     *vault.Service
	Identity  *identity.Service
	Accounts  *account.Service
	Agents    *agent.Service
	Orgs      *org.Service
	IPRules   *iprule.Service
	Sharing   *sharing.Service
	Billing   *billing.Service
	Payments  *x402.Service
	Checkout  *checkout.Service // nil unless Setup.Stripe is set
	Chains    *intents.Chains
	Audit     *audit.Log

	t     testing.TB
	setup Setup
}

// Setup is what a test may change before its World is made.
type Setup struct {
	Postgres       bool // instead of SQLite
	TrustAddresses bool // mail addresses count before they are confirmed
	Store          func(*store.Config)
	People         func(*account.Config)
	Stripe         func(*checkout.Config) // sets up the payment provider; nil: none
	Facilitator    x402.Doer              // nil: http.DefaultClient
	Webhooks       approval.Sender        // who calls the webhooks of organisations; nil: http.DefaultClient
}

// Open makes a World.
func Open(t testing.TB, change ...func(*Setup)) *World {
	t.Helper()
	w := &World{t: t, Clock: NewClock(), Mail: newOutbox(), Log: &Log{}}
	for _, f := range change {
		f(&w.setup)
	}
	cfg := store.Config{Log: w.Logger(), Clock: w.Clock.Now}
	if w.setup.Postgres {
		w.Dir, w.DSN = t.TempDir(), ready.DSN(t)
		cfg.PostgresDSN = w.DSN
	} else {
		w.Dir = ready.Dir(t)
		cfg.Dir = w.Dir
	}
	if w.setup.Store != nil {
		w.setup.Store(&cfg)
	}
	var err error
	w.Keys, err = soft.Open(t.Context(), soft.Config{Dir: filepath.Join(w.Dir, "keys")})
	w.must(err)
	w.closeLater(w.Keys.Close)
	w.DB, err = store.Open(t.Context(), cfg)
	w.must(err)
	w.closeLater(w.DB.Close)
	w.services()
	return w
}

func (w *World) services() {
	w.t.Helper()
	w.Sealer = seal.New(w.Keys)
	w.must(w.Keys.CreateSigner(w.t.Context(), CheckpointKey))
	w.Audit = &audit.Log{Store: w.DB, Keys: w.Keys, KeyIDs: []string{CheckpointKey}, Now: w.Clock.Now, Log: w.Logger()}
	if w.setup.Webhooks == nil {
		w.setup.Webhooks = http.DefaultClient
	}
	w.Approvals = approval.New(approval.Config{
		Store: w.DB, Mailer: w.Mail, Sealer: w.Sealer, Keys: w.Keys, Sender: w.setup.Webhooks, Log: w.Logger(), Now: w.Clock.Now,
	})
	w.Vault = vault.New(w.DB, w.Sealer, w.Keys, w.DB, w.Approvals, w.Logger())
	w.people()
	w.Sharing = sharing.New(sharing.Config{
		Store: w.DB, Vault: w.Vault, People: w.Identity, Principals: w.DB, Sealer: w.Sealer, Keys: w.Keys, Mailer: w.Mail,
		PublicURL: PublicURL, TrustAddresses: w.setup.TrustAddresses, Log: w.Logger(), Now: w.Clock.Now,
	})
	w.Chains = &intents.Chains{Store: w.DB}
	w.money()
}

// people wires who can call.
func (w *World) people() {
	w.t.Helper()
	w.IPRules = iprule.New(w.DB)
	var err error
	w.Identity, err = identity.New(w.t.Context(), identity.Config{
		Store: w.DB, Keys: w.Keys, Admission: w.IPRules, Log: w.Logger(), Now: w.Clock.Now, Issuer: Issuer, Audience: Audience,
	})
	w.must(err)
	humans := account.Config{
		Store: w.DB, Identity: w.Identity, Keys: w.Keys, Sealer: w.Sealer, Mailer: w.Mail, Shredder: w.Vault, Log: w.Logger(), Now: w.Clock.Now,
		Signup: true, Invited: func(ctx context.Context, email string) (bool, error) { return w.DB.Awaited(ctx, email, w.Clock.Now()) },
	}
	if w.setup.People != nil {
		w.setup.People(&humans)
	}
	w.Accounts = account.New(humans)
	w.t.Cleanup(w.Accounts.Wait)
	w.Agents = agent.New(agent.Config{
		Store: w.DB, Identity: w.Identity, Mailer: w.Mail, Safe: w.Vault, Granter: w.Vault, Log: w.Logger(), Now: w.Clock.Now,
		VerifyEmail: humans.VerifyEmail,
	})
	w.Orgs = org.New(org.Config{Store: w.DB, Identity: w.Identity, Accounts: w.Accounts, Mailer: w.Mail, Signup: humans.Signup})
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
