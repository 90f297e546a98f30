// Package placekey keeps the key of each organisation from which the numbers in placeholders
// are made.
//
// Its promise: one value has one placeholder on all nodes and after each restart, so that the
// caches of providers stay warm. The key lies sealed in the database, and goes with its organisation.
// Where it can't be had, calls of models go on with one that this process has alone.
package placekey

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// KEK is the keystore's key for keys of placeholders.
const KEK = "placeholders"

// Key is what the numbers of an organisation are made with.
type Key [32]byte

const (
	// maxHeld bounds how many are held in memory.
	maxHeld = 4096
	// again is after how long one that could not be had is asked for again.
	again = 10 * time.Second
)

// Store keeps the keys, sealed.
type Store interface {
	// PlaceKey reports whether an organisation has a key.
	PlaceKey(ctx context.Context, org string) (b seal.Box, found bool, err error)
	// PutPlaceKey stores the key of an organisation that has the key old, or none where that is
	// zero. Where another was faster its key stays, which is no error.
	PutPlaceKey(ctx context.Context, org string, old, b seal.Box, at time.Time) error
}

// Sealing makes the key of the keystore. CreateKEK fails with fault.Conflict when it is there.
type Sealing interface {
	CreateKEK(ctx context.Context, id string) error
}

// Config is what a Keeper is made of.
type Config struct {
	Store  Store
	Sealer *seal.Sealer
	Keys   Sealing
	Now    func() time.Time
	Log    *slog.Logger
}

// Keeper has the keys of organisations.
type Keeper struct {
	cfg Config
	own Key // of this process alone

	mu  sync.Mutex
	all map[string]*held
}

// held is the key of one organisation. With until it is that of the process, and lasts until then.
type held struct {
	mu    sync.Mutex // whoever waits for it would ask the same
	there bool
	key   Key
	until time.Time
}

// New returns a Keeper.
func New(cfg Config) *Keeper {
	k := &Keeper{cfg: cfg, all: map[string]*held{}}
	_, _ = rand.Read(k.own[:]) // never fails
	return k
}

// Of is the key of an organisation. The first call makes it.
func (k *Keeper) Of(ctx context.Context, org string) Key {
	h := k.of(org)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.there && (h.until.IsZero() || k.cfg.Now().Before(h.until)) {
		return h.key
	}
	key, err := k.load(ctx, org)
	switch {
	case err == nil:
		h.there, h.key, h.until = true, key, time.Time{}
	case ctx.Err() != nil:
		return k.own // nobody waits for an answer
	default:
		k.cfg.Log.Warn("the key of an organisation's placeholders can't be had: until it can, they differ from those of other nodes", slog.String("organisation", org), slog.Any("error", err))
		h.there, h.key, h.until = true, k.own, k.cfg.Now().Add(again)
	}
	return h.key
}

func (k *Keeper) of(org string) *held {
	k.mu.Lock()
	defer k.mu.Unlock()
	if h := k.all[org]; h != nil {
		return h
	}
	if len(k.all) >= maxHeld {
		clear(k.all)
	}
	h := &held{}
	k.all[org] = h
	return h
}

// load reads the key, or makes it. What another node made meanwhile goes before it.
func (k *Keeper) load(ctx context.Context, org string) (Key, error) {
	b, found, err := k.cfg.Store.PlaceKey(ctx, org)
	if err != nil {
		return Key{}, err
	}
	if found {
		key, err := k.open(ctx, org, b)
		// What was sealed under a keystore's key that was made anew opens never again. A key that is
		// away is another matter: it may come back.
		if fault.CodeOf(err) != seal.CodeOpenFailed {
			return key, err
		}
	}
	made, err := k.seal(ctx, org)
	if err != nil {
		return Key{}, err
	}
	var nobody *call.Basis // it is written whatever becomes of the caller's rights
	if err := k.cfg.Store.PutPlaceKey(nobody.With(ctx), org, b, made, k.cfg.Now()); err != nil {
		return Key{}, err
	}
	if b, found, err = k.cfg.Store.PlaceKey(ctx, org); err != nil || !found {
		return Key{}, orGone(err)
	}
	return k.open(ctx, org, b)
}

// orGone is err, or that of an organisation which has ended.
func orGone(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.NotFound, "organisation_not_found", "The organisation is gone.")
}

func (k *Keeper) open(ctx context.Context, org string, b seal.Box) (key Key, err error) {
	kek, at := SealOf(org)
	value, err := k.cfg.Sealer.Open(ctx, kek, at, b)
	if err != nil {
		return Key{}, seal.KeyLost(err)
	}
	defer value.Wipe()
	if copy(key[:], value.Reveal()) != len(key) {
		return Key{}, fault.New(fault.Damaged, seal.CodeOpenFailed, "The key of an organisation's placeholders is damaged.")
	}
	return key, nil
}

func (k *Keeper) seal(ctx context.Context, org string) (b seal.Box, err error) {
	raw := make([]byte, len(Key{}))
	_, _ = rand.Read(raw) // never fails
	value := secret.New(raw)
	defer value.Wipe()
	kek, at := SealOf(org)
	b, err = k.cfg.Sealer.Seal(ctx, kek, at, value)
	if fault.Is(err, fault.NotFound) {
		if err = k.cfg.Keys.CreateKEK(ctx, kek); err == nil || fault.Is(err, fault.Conflict) {
			b, err = k.cfg.Sealer.Seal(ctx, kek, at, value)
		}
	}
	return b, err
}

// SealOf says which key the key of an organisation is sealed with, and where.
func SealOf(org string) (kek string, at seal.Ref) {
	return KEK, seal.Ref{Org: org, Vault: "placeholders", Path: org, Version: 1}
}
