package app

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/signedin"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/intents/simulate"
	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/oidc"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inspect"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/placekey"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/proxy"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

// outbound makes the guard of calls to the outside, with what may be called beside what
// the settings allow. A server for one person's trial may call that person's own machine.
func outbound(cfg config.Config, more ...string) (*netguard.Guard, error) {
	list := cfg.OutboundAllow
	if list == "" && cfg.Dev {
		list = "127.0.0.0/8,::1"
	}
	allow, err := netguard.ParseAllow(strings.Join(append(more, list), ","))
	if err != nil {
		return nil, err
	}
	return netguard.New(netguard.Config{Allow: allow}), nil
}

// chains is the service of chains, with a guard of its own: nodes that the operator
// named may be private, and nothing else may call them.
func (a *App) chains() (*intents.Chains, error) {
	guard, err := outbound(a.cfg, a.cfg.ChainRPC.Named()...)
	if err != nil {
		return nil, err
	}
	return &intents.Chains{Store: a.db, Nodes: &intents.Nodes{
		HTTP: guard.Client(netguard.Options{MaxBody: 8 << 20, Idle: 32}), Set: a.cfg.ChainRPC, Now: now,
	}}, nil
}

// simulator asks Tenderly first, where the operator named a project there.
func (a *App) simulator() (s simulate.Simulator, err error) {
	c := &a.cfg
	if c.TenderlyProject == "" && c.TenderlyKey.Len() == 0 {
		return s, nil
	}
	bad := func(text string) error { return fault.New(fault.Invalid, "bad_configuration", text) }
	switch {
	case c.TenderlyKey.Len() == 0:
		return s, bad("ONECLAW_TENDERLY_PROJECT needs ONECLAW_TENDERLY_KEY_FILE.")
	case !tenderlyProject.MatchString(c.TenderlyProject):
		return s, bad("ONECLAW_TENDERLY_PROJECT is ACCOUNT/PROJECT, as in the address of the project's page.")
	case a.out.CheckURL(c.TenderlyURL) != nil:
		return s, bad("ONECLAW_TENDERLY_URL must be an https URL of a public host, or what ONECLAW_OUTBOUND_ALLOW allows.")
	}
	s.Tenderly = &simulate.Tenderly{
		HTTP: a.out.Client(netguard.Options{MaxBody: simulate.TenderlyMost}), URL: c.TenderlyURL, Project: c.TenderlyProject, Key: c.TenderlyKey,
	}
	return s, nil
}

var tenderlyProject = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}/[A-Za-z0-9_-]{1,64}$`)

// shroud is the proxy in front of language models, with a guard of its own: providers that
// the operator named may be private.
func (a *App) shroud(uses *broker.Service) (*proxy.Proxy, error) {
	guard, err := outbound(a.cfg, a.cfg.ShroudUpstreams.Named()...)
	if err != nil {
		return nil, err
	}
	return a.shroudOver(uses, guard.Transport(netguard.Options{MaxBody: 1 << 30, Idle: 64, Open: 4096, Timeout: time.Duration(a.cfg.ShroudCallTimeout)}), quiet)
}

// quiet is after how long without a word of the provider the reader of a stream is told that it goes on.
const quiet = 15 * time.Second

// shroudOver is shroud with a way out.
func (a *App) shroudOver(uses *broker.Service, out http.RoundTripper, quiet time.Duration) (*proxy.Proxy, error) {
	model, err := inject.New()
	if err != nil {
		return nil, err
	}
	look := &inspect.Maker{Known: &inspect.Watcher{Vault: a.vault, Epoch: a.db.EpochOf, Now: now, Log: a.log}, Inject: model,
		Places: placekey.New(placekey.Config{Store: a.db, Sealer: seal.New(a.keys), Keys: a.sealing, Now: now, Log: a.log})}
	_, _ = rand.Read(look.Key[:]) // never fails
	keep := &flagged.Keeper{Sealer: seal.New(a.keys), Keys: a.sealing, For: time.Duration(a.cfg.ShroudKeepFlagged)}
	return proxy.New(proxy.Config{
		Gate: a.in, Agents: a.agents, Vault: a.vault, Broker: uses, Store: a.db, Inspect: look, Ledger: a.spends, Keep: keep, API: a.api, Upstreams: a.cfg.ShroudUpstreams,
		HTTP: out, Quiet: quiet,
		Idle: time.Duration(a.cfg.ShroudIdleTimeout), Longest: time.Duration(a.cfg.ShroudCallTimeout),
		Epoch: a.db.EpochOf, Ready: func(ctx context.Context) bool { return a.state(ctx).Reason == "" }, Log: a.log,
	}), nil
}

// providers says whose tokens humans and agents log in with, beside our own.
func (a *App) providers(c *account.Config, agents *agent.Config, publicURL string) error {
	clients := config.List(a.cfg.OIDCClientID)
	for i, issuer := range config.List(a.cfg.OIDCIssuer) {
		if err := a.out.CheckURL(issuer); err != nil {
			return fault.New(fault.Invalid, "bad_configuration",
				"ONECLAW_OIDC_ISSUER must name https URLs of public hosts, or what ONECLAW_OUTBOUND_ALLOW allows.")
		}
		c.Logins = append(c.Logins, account.LoginProvider{Issuer: issuer, ClientID: clients[i]})
	}
	if lines := strings.Count(strings.TrimRight(string(a.cfg.OIDCSecret.Reveal()), "\n"), "\n") + 1; a.cfg.OIDCSecret.Len() > 0 && lines > len(clients) {
		return fault.New(fault.Invalid, "bad_configuration", "ONECLAW_OIDC_CLIENT_SECRET_FILE has more lines than there are clients in ONECLAW_OIDC_CLIENT_ID.")
	}
	c.Invited = func(ctx context.Context, email string) (bool, error) { return a.db.Awaited(ctx, email, now()) }
	client := a.out.Client(netguard.Options{})
	c.LoginKeys, agents.Issuers, agents.CheckURL = oidc.New(client), oidc.New(client), a.out.CheckURL
	agents.Audiences = append(config.List(a.cfg.OIDCAudience), publicURL, publicURL+"/", publicURL+"/v1/auth/agent-token", publicURL+"/v1/auth/federated-token")
	return nil
}

// logins are the identity providers that the dashboard sends people to. Their secrets are read
// from the settings each time, so that no copy stays.
func (a *App) logins() (out []signedin.Provider) {
	clients := config.List(a.cfg.OIDCClientID)
	for i, issuer := range config.List(a.cfg.OIDCIssuer) {
		name := issuer
		if u, err := url.Parse(issuer); err == nil && u.Host != "" {
			name = u.Host
		}
		out = append(out, signedin.Provider{Name: name, Flow: &oidc.Flow{
			Client: a.out.Client(netguard.Options{}), Issuer: issuer, ClientID: clients[i], Now: now,
			Secret: func() string { return line(string(a.cfg.OIDCSecret.Reveal()), i) },
		}})
	}
	return out
}

// line returns the line of a text with a number; past the end it is empty.
func line(text string, n int) string {
	lines := strings.Split(text, "\n")
	if n >= len(lines) {
		return ""
	}
	return strings.TrimRight(lines[n], "\r")
}

// payments lets requests be paid for one by one, when a platform admin says how.
func (a *App) payments() *x402.Service {
	return x402.New(x402.Config{
		Store: a.db, Settings: a.billing, Client: a.out.Client(netguard.Options{Timeout: time.Minute}), Now: now, Log: a.log,
	})
}

// stripe is nil when no payment provider is set up.
func (a *App) stripe(publicURL string) (*checkout.Service, error) {
	c := &a.cfg
	if c.StripeKey.Len() == 0 {
		return nil, nil
	}
	if err := a.out.CheckURL(c.StripeURL); err != nil {
		return nil, fault.New(fault.Invalid, "bad_configuration",
			"ONECLAW_STRIPE_URL must be an https URL of a public host, or what ONECLAW_OUTBOUND_ALLOW allows.")
	}
	if c.StripeWebhookSecret.Len() == 0 {
		a.log.Warn("ONECLAW_STRIPE_WEBHOOK_SECRET_FILE is not set: no event of Stripe is taken, and what is paid is not credited")
	}
	return checkout.New(checkout.Config{
		Key: c.StripeKey, WebhookSecret: c.StripeWebhookSecret, URL: strings.TrimRight(c.StripeURL, "/"),
		Prices: map[checkout.Plan]string{
			{Tier: billing.Pro, Period: checkout.Monthly}:      c.StripePriceProMonthly,
			{Tier: billing.Pro, Period: checkout.Yearly}:       c.StripePriceProYearly,
			{Tier: billing.Business, Period: checkout.Monthly}: c.StripePriceBusinessMonthly,
			{Tier: billing.Business, Period: checkout.Yearly}:  c.StripePriceBusinessYearly,
		},
		Client: a.out.Client(netguard.Options{Timeout: 20 * time.Second}), Store: a.db, Credits: a.billing, PublicURL: publicURL, Log: a.log,
	}), nil
}
