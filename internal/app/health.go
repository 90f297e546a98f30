package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// health implements httpapi.Health. It asks nobody anew what requests have found
// out: an anonymous caller costs nothing.
type health struct {
	db   *store.DB
	log  *audit.Log
	keys keystore.KeyStore
	lost *atomic.Bool // a key that the server seals with
}

func (a *App) health() health { return health{a.db, a.audit, a.keys, &a.keyLost} }

// Ready returns why the last events were not written or signed, or what the server seals
// can't be opened.
func (h health) Ready(context.Context) error {
	if err := h.db.Ready(); err != nil {
		return err
	}
	if err := h.log.Ready(); err != nil {
		return err
	}
	if h.lost.Load() {
		return errKeyLost
	}
	return nil
}

func (h health) Keystore(ctx context.Context) (string, bool) {
	k := h.keys.Health(ctx)
	return k.Provider, k.Connected
}

// state is what the status page shows.
func (a *App) state(ctx context.Context) dashboard.State {
	h := a.health()
	provider, connected := h.Keystore(ctx)
	s := dashboard.State{Connected: connected, Version: a.version, Database: a.db.Engine(), Keystore: provider}
	if err := h.Ready(ctx); err != nil {
		s.Reason = fault.CodeOf(err)
	} else if !connected {
		s.Reason = "keystore_unavailable"
	}
	return s
}

// probeEvery is how often a server that could not write its log tries to, also
// when no request comes: those that watch it may send none until it is healthy.
const probeEvery = 2 * time.Second

// probe writes an event while the log is not written. The first that gets there says
// in the log that there was a time without one.
func (a *App) probe(ctx context.Context) {
	sick := false
	loop.Every(ctx, probeEvery, func(ctx context.Context) {
		err := a.db.Ready()
		if sick != (err != nil) {
			sick = err != nil
			a.log.Warn("the state of the log changed", slog.Bool("written", !sick))
		}
		if !a.db.Unwritten() {
			return
		}
		at := now()
		_ = a.db.Write(ctx, audit.SystemOrg, func(tx store.Tx) error { // what it finds, Ready tells
			tx.Append(&audit.Event{
				ID: ids.New(), Org: audit.SystemOrg, At: at, Action: string(policy.LogResumed), ActorKind: string(policy.KindAnonymous),
				Details: audit.Details{Outcome: audit.Success, Reason: fault.CodeOf(err)},
			})
			return nil
		})
	})
}
