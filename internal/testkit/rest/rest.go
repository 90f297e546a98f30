// Package rest gives tests the gate and the REST API over a test world, wired as
// internal/app wires them.
//
// Its promise is that of internal/testkit/world. Nothing is limited unless the test
// says so.
package rest

import (
	"context"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/httpapi"
	"github.com/oneclaw-dev/oneclaw/internal/proxies"
	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// Version is what the document and health say.
const Version = "dev"

// World is a test world with its API.
type World struct {
	*world.World
	Gate *gate.Gate
	API  *httpapi.API

	setup Setup
}

// Setup is what a test may change before its World is made.
type Setup struct {
	world.Setup
	Limits  ratelimit.Limits
	Budgets gate.Budgets
	Proxies proxies.Set
	Events  func(*world.World) gate.Events // where events go; nil: Coalesced
	Health  httpapi.Health                 // nil: the real parts
}

// Open makes a World.
func Open(t testing.TB, change ...func(*Setup)) *World {
	t.Helper()
	w := &World{setup: Setup{Events: Coalesced}}
	w.World = world.Open(t, func(s *world.Setup) {
		w.setup.Setup = *s
		for _, f := range change {
			f(&w.setup)
		}
		*s = w.setup.Setup
	})
	w.serve()
	return w
}

// OtherNode is another server on the same database and keystore: see world.World.
func (w *World) OtherNode(change ...func(*Setup)) *World {
	other := &World{setup: w.setup}
	for _, f := range change {
		f(&other.setup)
	}
	other.World = w.World.OtherNode(func(s *world.Setup) { *s = other.setup.Setup })
	other.serve()
	return other
}

// In is the same World as seen by another test: an input of a fuzz target.
func (w *World) In(t testing.TB) *World {
	seen := *w
	seen.World = w.World.In(t)
	return &seen
}

func (w *World) serve() {
	w.Gate = gate.New(gate.Gate{
		Identity: w.Identity, IPRules: w.IPRules, Billing: w.Billing, Payments: w.Payments, Events: w.setup.Events(w.World),
		Limits: ratelimit.New(w.setup.Limits), Proxies: w.setup.Proxies, Now: w.Clock.Now, Log: w.Logger(), PublicURL: world.PublicURL,
	}, w.setup.Budgets)
	health := w.setup.Health
	if health == nil {
		health = healthy{w.World}
	}
	w.API = httpapi.New(httpapi.Config{
		Gate: w.Gate, Accounts: w.Accounts, Agents: w.Agents, Orgs: w.Orgs, Checkout: w.Checkout, Chains: w.Chains, Freezes: w.Freezes, Vault: w.Vault,
		Transactions: w.Transactions, SigningKeys: w.SigningKeys, Activity: w.Activity, Flagged: w.Flagged, Broker: w.Broker, Relay: w.Relay, Executor: w.Executor, Sharing: w.Sharing, Approvals: w.Approvals, Wanted: w.Wanted, Webhooks: w.Webhooks, Audit: w.Audit, Health: health, Version: Version,
	})
}

// Coalesced counts what strangers do, as the app does.
func Coalesced(w *world.World) gate.Events { return audit.NewCoalescer(w.DB, w.Clock.Now, w.Logger()) }

// OneByOne makes every request leave its own event, strangers' too.
func OneByOne(s *Setup) { s.Events = func(w *world.World) gate.Events { return w.DB } }

// healthy asks the real parts, as the app does.
type healthy struct{ w *world.World }

// Ready implements httpapi.Health.
func (h healthy) Ready(context.Context) error { return h.w.DB.Ready() }

// Keystore implements httpapi.Health.
func (h healthy) Keystore(ctx context.Context) (string, bool) {
	k := h.w.Keys.Health(ctx)
	return k.Provider, k.Connected
}
