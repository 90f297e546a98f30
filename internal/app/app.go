// Package app builds everything from the configuration, and starts and stops
// it. It is the only place that knows which implementation serves which
// interface.
package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/broker/later"
	"github.com/oneclaw-dev/oneclaw/internal/broker/postgres"
	"github.com/oneclaw-dev/oneclaw/internal/broker/relay"
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/signedin"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/executor"
	"github.com/oneclaw-dev/oneclaw/internal/freeze"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/httpapi"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/ops/backup"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/proxies"
	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/proxy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/signedcall"
	"github.com/oneclaw-dev/oneclaw/internal/signingkey"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/wallclock"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
	"github.com/oneclaw-dev/oneclaw/internal/webhook"
)

// App is a server that is ready to listen.
type App struct {
	cfg          config.Config
	files        *listen.Files
	log          *slog.Logger
	version      string
	keys         keystore.KeyStore
	sealing      keyring.Sealing // makes those of its keys that belong to the server
	keyLost      atomic.Bool     // one of them is lost or damaged
	db           *store.DB
	vault        *vault.Service
	approvals    *approval.Service
	wanted       *wanted.Service
	webhooks     *webhook.Service
	spends       *spend.Ledger
	transactions *transaction.Service
	identity     *identity.Service
	executor     *executor.Service
	late         *later.Queue
	accounts     *account.Service
	agents       *agent.Service
	orgs         *org.Service
	iprules      *iprule.Service
	billing      *billing.Service
	audit        *audit.Log
	events       *audit.Coalescer
	mail         *mail.Service
	outbox       *mail.Outbox // nil when a server sends the mails
	pages        *dashboard.Pages
	signedIn     *frame.Frame
	out          *netguard.Guard // every call that users name the target of
	in           *gate.Gate
	api          *httpapi.API
	models       *proxy.Proxy // Shroud
	relay        *relay.Relay
	meters       *meters // nil: nothing is counted
	stop         context.CancelFunc
	running      sync.WaitGroup
	sharing      *sharing.Service
}

// New opens the keystore and the database and builds the services on them, which will be
// reached at l. Close gives back what New took.
func New(ctx context.Context, cfg config.Config, l *listen.Listeners, version string, log *slog.Logger) (_ *App, err error) {
	a := &App{cfg: cfg, files: l.Files, version: version, log: log, stop: func() {}}
	for _, name := range cfg.Exposed {
		log.Warn("every user of this machine may read the file with a secret that a setting names: run chmod 600 on it", slog.String("setting", name))
	}
	if cfg.MetricsListen != "" {
		a.meters = newMeters()
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := errors.Join(datadir.Prepare(cfg.Data), backup.RefuseUnfinished(cfg.Data)); err != nil {
		return nil, err
	}
	if a.out, err = outbound(cfg); err != nil {
		return nil, err
	}
	keys, err := keyring.Open(ctx, cfg)
	if err != nil {
		return nil, err // keys may hold a nil pointer of some type, which is not nil
	}
	a.keys = keys
	lost, used, err := databaseLost(ctx, cfg, keys)
	if err != nil {
		return nil, err
	}
	a.db, err = store.Open(ctx, store.Config{
		RefuseNew: lost, Used: used, Dir: cfg.Data, PostgresDSN: string(cfg.DatabaseURL.Reveal()), AuditSync: cfg.AuditSync == "full", Log: log, Clock: now, Steady: wallclock.Steady,
	})
	if err != nil {
		return nil, err
	}
	if err := a.services(ctx, l.At); err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.begin(run,
		a.audit.Run,
		a.events.Run,
		a.identity.Run,
		a.agents.Run,
		a.billing.Run,
		a.mail.Run,
		a.sharing.Run,
		a.approvals.Run,
		a.wanted.Run,
		a.webhooks.Run,
		a.executor.Run,
		a.late.Run,
		a.transactions.Run,
		a.spends.Run,
		a.sweep,
		a.sweepLimits,
		a.giveBack,
		a.probe,
		a.watchKeys,
		vault.NewWorker(a.vault, now).Run,
	)
	return a, nil
}

// between is how long background work that begins waits for what began before it.
const between = 10 * time.Millisecond

// begin starts the background work, one piece after the other. Most of it asks the
// database at once: together they would open a connection each in the moment in which
// the first requests come.
func (a *App) begin(ctx context.Context, work ...func(context.Context)) {
	a.running.Go(func() {
		for _, w := range work {
			a.running.Go(func() { w(ctx) })
			select {
			case <-ctx.Done(): // what is begun then does what it does at its end
			case <-time.After(between):
			}
		}
	})
}

func (a *App) services(ctx context.Context, at listen.Addresses) (err error) {
	if err := keyring.EnsureAudit(ctx, a.keys, a.db.AllVaults); err != nil {
		return err
	}
	if err := keyring.RefuseLost(ctx, a.keys, a.db, keyring.Token, keyring.Backup); err != nil {
		return err
	}
	// Made before it is needed: every copy of the keystore has it then.
	if err := keyring.Backup.Ensure(ctx, a.keys); err != nil {
		return err
	}
	a.sealing = keyring.Sealing{Keys: a.keys, Notes: a.db}
	if err := a.lookAtKeys(ctx); err != nil {
		return err
	}
	if err := keyring.Sweep(a.keys, now()); err != nil {
		a.log.Warn("what is left of unfinished keys could not be removed", slog.Any("error", err))
	}
	a.audit = &audit.Log{Store: a.db, Keys: a.keys, Newest: keyring.AuditIDs(a.keys), Grown: a.db.Grown(), Anchor: datadir.Anchor{Dir: a.cfg.Data}, Now: now, Log: a.log}
	a.events = audit.NewCoalescer(a.db, now, a.log)
	sealer := seal.New(a.keys)
	if a.mail, err = a.mailer(sealer, at.API); err != nil {
		return err
	}
	calls := &signedcall.Caller{Sealer: sealer, Keys: a.sealing, Sender: a.out.Client(netguard.Options{}), Reach: a.out.Reach, Now: now}
	a.approvals = approval.New(approval.Config{Store: a.db, Mailer: a.mail, Calls: calls, Log: a.log, Now: now})
	a.webhooks = webhook.New(webhook.Config{Store: a.db, Calls: calls, Render: httpapi.EventJSON, Log: a.log, Now: now})
	a.vault = vault.New(a.db, sealer, a.keys, a.db, a.approvals, a.log)
	if err := a.people(ctx, sealer, at.API); err != nil {
		return err
	}
	a.wanted = wanted.New(wanted.Config{Store: a.db, Vault: a.vault, Mailer: a.mail, PrincipalNow: a.identity.PrincipalNow, Log: a.log, Now: now})
	a.sharing = sharing.New(sharing.Config{
		Store: a.db, Vault: a.vault, People: a.identity, Principals: a.db, Sealer: sealer, Keys: a.sealing, Mailer: a.mail,
		PublicURL: at.API, TrustAddresses: a.cfg.Dev, Log: a.log, Now: now,
	})
	a.billing = billing.New(a.db, now, a.log)
	stripe, err := a.stripe(at.API)
	if err != nil {
		return err
	}
	chains, err := a.chains()
	if err != nil {
		return err
	}
	simulator, err := a.simulator()
	if err != nil {
		return err
	}
	a.in = gate.New(gate.Gate{
		Identity:  a.identity,
		IPRules:   a.iprules,
		Billing:   a.billing,
		Payments:  a.payments(),
		Events:    a.events,
		Limits:    ratelimit.New(a.limits()),
		Proxies:   proxies.New(a.cfg.TrustedProxies, a.cfg.ProxyHeader),
		PublicURL: at.API,
		Now:       now,
		Log:       a.log,
	}, gate.DefaultBudgets())
	keys := &signingkey.Service{Store: a.db, Keys: a.keys}
	a.transactions = transaction.New(transaction.Config{
		Store: a.db, Vault: a.vault, Keys: keys, Approvals: a.approvals, Log: a.log, Now: now,
		Chains: chains, Simulator: simulator, Signed: a.meters.signed,
	})
	prices, err := a.prices()
	if err != nil {
		return err
	}
	a.spends = spend.New(spend.Config{
		Store: a.db, Prices: prices, Log: a.log, Now: now, Longest: time.Duration(a.cfg.ShroudCallTimeout), Told: a.meters.told, Unstored: a.meters.unstored,
		Boot: a.boot(),
	})
	a.late = later.New(later.Config{Log: a.log, Now: now})
	uses := broker.New(broker.Config{
		Store: a.db, Later: a.late, Vault: a.vault, Log: a.log, Now: now, Standing: gate.StandingOf,
		HTTP:     a.out.Client(netguard.Options{Timeout: execution.Longest * time.Millisecond, MaxBody: 64 << 20, Open: 256, Idle: 64}),
		Postgres: postgres.New(a.out), People: a.identity,
	})
	a.executor = executor.New(executor.Config{
		Store: a.db, Later: a.late, Vault: a.vault, Broker: uses, People: a.identity, Standing: gate.StandingOf, Log: a.log, Now: now,
		Alone: a.cfg.DatabaseURL.Len() == 0,
	})
	a.relay = relay.New(relay.Config{
		Broker: uses, Epoch: a.db.EpochOf, Log: a.log,
		HTTP: a.out.Transport(netguard.Options{Timeout: 10 * time.Minute, Open: 1024, Idle: 32, Stream: true}),
	})
	a.api = httpapi.New(httpapi.Config{
		Gate:      a.in,
		Accounts:  a.accounts,
		Agents:    a.agents,
		Orgs:      a.orgs,
		Vault:     a.vault,
		Sharing:   a.sharing,
		Approvals: a.approvals, Wanted: a.wanted, Webhooks: a.webhooks,
		Checkout:     stripe,
		Chains:       chains,
		Freezes:      &freeze.Service{Store: a.db},
		Transactions: a.transactions, SigningKeys: keys,
		Activity: &activity.Service{Store: a.db}, Flagged: &flagged.Service{Store: a.db, Sealer: sealer},
		Broker: uses, Relay: a.relay, Executor: a.executor,
		Audit:   a.audit,
		Health:  a.health(),
		Version: a.version,
	})
	if a.models, err = a.shroud(uses); err != nil {
		return err
	}
	a.pages = dashboard.New(dashboard.Config{
		API: a.api, Log: a.log, State: a.state, Device: a.accounts.DeviceShown, Enrollment: a.agents.EnrollmentByToken, Wanted: a.wanted.Shown, Now: now,
		Dev: a.cfg.Dev, Outbox: a.outbox, PublicURL: at.API,
	})
	a.signedIn = signedin.New(signedin.Config{
		API: a.api, Logins: a.identity, Log: a.log, Now: now, Version: a.version, PublicURL: at.API, ShroudURL: at.Shroud, Dev: a.cfg.Dev, Providers: a.logins(),
		Unowned: func(ctx context.Context) bool {
			owned, err := a.accounts.Owned(ctx)
			return err == nil && !owned
		},
	})
	return nil
}

// sweep destroys the keys of vaults that are gone, at the start and then
// whenever an earlier try may have failed.
func (a *App) sweep(ctx context.Context) {
	round := func(ctx context.Context) {
		if err := a.vault.Sweep(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("the key of a deleted vault could not be destroyed yet, or its secrets not be cleared away", slog.Any("error", err))
		}
	}
	round(ctx)
	loop.Every(ctx, time.Minute, round)
}

// now is the clock of everything that app builds.
func now() time.Time { return time.Now() }

// Close ends the background work and closes the database and the keystore.
func (a *App) Close() error {
	a.stop()
	a.running.Wait()
	if a.accounts != nil {
		a.accounts.Wait()
	}
	var errs []error
	if a.billing != nil {
		// Requests have ended: what they left is written before the database closes.
		errs = append(errs, a.billing.Flush(context.Background()))
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	if a.keys != nil {
		errs = append(errs, a.keys.Close())
	}
	return errors.Join(errs...)
}
