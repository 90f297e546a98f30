// Package signingkey keeps the keys that sign in an agent's name on EVM chains and never
// leave the keystore.
//
// Its promise: no route gives such a key out, also not the server's own. A key that was
// replaced or taken out of use stays in the keystore, with its account, until somebody
// uses it again: no money is lost by a command. That of a deleted organisation stays too,
// and the doctor names it.
package signingkey

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Ethereum is the one family of chains that keys are for: one account is good on all of
// its chains.
const Ethereum = "ethereum"

// Key is an agent's key as it is stored and shown.
type Key struct {
	ID, Org, Agent, Chain string
	Stored                string // its id in the keystore
	Address               evm.Address
	PublicKey             string // 65 bytes (SEC 1, uncompressed), 0x and hexadecimal digits
	Version               int64  // from 1, of the agent's keys
	Active                bool   // it signs; at most one of an agent's does
	CreatedBy             string
	CreatedAt, RotatedAt  time.Time // zero: it was not replaced
}

// Store keeps the rows.
type Store interface {
	// CreatorOf returns who made an agent of an organisation, or NotFound.
	CreatorOf(ctx context.Context, org, agent string) (string, error)
	// SigningKeys returns an agent's keys, the newest first.
	SigningKeys(ctx context.Context, agent string) ([]Key, error)
	// PutSigningKey stores k as the active one with the next version, and takes the one before
	// out of use. Conflict unless there is an active one where replaces is set, and none
	// where it is not.
	PutSigningKey(ctx context.Context, k *Key, replaces bool, ev *audit.Event) error
	// UseSigningKey makes a version the active one, unless it was deleted and revive refuses. NotFound
	// when there is none.
	UseSigningKey(ctx context.Context, org, agent string, version int64, at time.Time, revive func() error, ev *audit.Event) (Key, error)
	// StopSigningKey takes the active key out of use. NotFound when there is none.
	StopSigningKey(ctx context.Context, org, agent string, at time.Time, ev *audit.Event) error
}

// Keystore makes keys and signs with them.
type Keystore interface {
	CreateEVMKey(ctx context.Context, id string) error
	ImportEVMKey(ctx context.Context, id string, key evm.Key) error
	EVMKey(ctx context.Context, id string) (keystore.EVMKey, error)
	DestroyEVMKey(ctx context.Context, id string) error
}

// Service is the methods on signing keys.
type Service struct {
	Store Store
	Keys  Keystore

	mu     sync.Mutex
	opened map[string]keystore.EVMKey // that signed before, by id
}

// maxOpened bounds the keys that are kept open.
const maxOpened = 1024

var (
	errOther = fault.New(fault.Unavailable, "signing_key_mismatch", "The keystore has another key than this account's. Nothing was signed.")
	errChain = fault.New(fault.Invalid, "invalid_chain", "chain is ethereum: the account is good on every EVM chain.")
	// ErrThere is what the store refuses a second key with.
	ErrThere = fault.New(fault.Conflict, "signing_key_exists", "The agent has a signing key. Rotate it to get another; the old one stays, with its account.")
	// ErrNone is for keys that are not there.
	ErrNone = fault.New(fault.NotFound, "signing_key_not_found", "The agent has no such signing key. Make one with: oneclaw key create --agent AGENT")
)

// Create makes a key in the keystore for an agent that has none in use.
func (s *Service) Create(ctx context.Context, c *call.Call, agent, chain string) (Key, error) {
	return s.put(ctx, c, policy.CreateSigningKey, agent, chain, false, func(id string) error { return s.Keys.CreateEVMKey(ctx, id) })
}

// Import puts a key that was made elsewhere into the keystore: 64 hexadecimal digits. Whoever
// else has it can sign without any guard.
func (s *Service) Import(ctx context.Context, c *call.Call, agent, chain string, value secret.Bytes) (Key, error) {
	if err := s.over(ctx, c, agent, policy.CreateSigningKey); err != nil {
		return Key{}, err
	}
	key, err := evm.ParseKey(value.Reveal())
	if err != nil {
		return Key{}, err
	}
	defer key.Wipe()
	return s.put(ctx, c, policy.CreateSigningKey, agent, chain, false, func(id string) error { return s.Keys.ImportEVMKey(ctx, id, key) })
}

// Rotate gives an agent another key, and so another account. The old one stays in the
// keystore. With a version not 0 that one is used again: where it was deleted that takes a person,
// since what it signed and nobody has cancelled is sent again.
func (s *Service) Rotate(ctx context.Context, c *call.Call, agent, chain string, version int64) (Key, error) {
	if version == 0 {
		return s.put(ctx, c, policy.RotateSigningKey, agent, chain, true, func(id string) error { return s.Keys.CreateEVMKey(ctx, id) })
	}
	if err := s.over(ctx, c, agent, policy.RotateSigningKey); err != nil {
		return Key{}, err
	}
	if chain != Ethereum {
		return Key{}, errChain
	}
	c.Event.Details.Outcome = audit.Success
	k, err := s.Store.UseSigningKey(ctx, c.Who.Org, agent, version, stamp.Of(c.Now), c.RequirePerson, c.Event)
	if err != nil && !c.Event.Committed {
		c.Event.Details.Outcome = ""
	}
	return k, err
}

// put makes a key and stores its row. Of a row that could not be stored no key is left.
func (s *Service) put(ctx context.Context, c *call.Call, a policy.Action, agent, chain string, replaces bool, make func(id string) error) (Key, error) {
	if err := s.over(ctx, c, agent, a); err != nil {
		return Key{}, err
	}
	if chain != Ethereum {
		return Key{}, errChain
	}
	k := Key{
		ID: ids.New(), Org: c.Who.Org, Agent: agent, Chain: chain, Active: true, CreatedBy: c.Who.ID, CreatedAt: stamp.Of(c.Now),
	}
	k.Stored = "evm:" + k.ID
	if err := make(k.Stored); err != nil {
		return Key{}, err
	}
	keep := context.WithoutCancel(ctx)
	stored, err := s.Keys.EVMKey(ctx, k.Stored)
	if err == nil {
		k.PublicKey = "0x" + hex.EncodeToString(stored.Public())
		k.Address = stored.Address()
	}
	if err == nil {
		c.Event.Details.Outcome = audit.Success
		c.Event.Details.More = []audit.Field{audit.Text("address", k.Address.String())}
		err = s.Store.PutSigningKey(keep, &k, replaces, c.Event)
	}
	if err != nil && !c.Event.Committed {
		c.Event.Details.Outcome, c.Event.Details.More = "", nil
		err = errors.Join(err, s.Keys.DestroyEVMKey(keep, k.Stored))
	}
	return k, err
}

// List returns an agent's keys, the newest first.
func (s *Service) List(ctx context.Context, c *call.Call, agent string) ([]Key, error) {
	if err := s.over(ctx, c, agent, policy.ListSigningKeys); err != nil {
		return nil, err
	}
	return s.Store.SigningKeys(ctx, agent)
}

// Stop takes an agent's key out of use. What it signed is not sent any more, nor what the keys that
// it replaced did.
func (s *Service) Stop(ctx context.Context, c *call.Call, agent, chain string) error {
	if err := s.over(ctx, c, agent, policy.DeleteSigningKey); err != nil {
		return err
	}
	if chain != Ethereum {
		return errChain
	}
	c.Event.Details.Outcome = audit.Success
	return s.Store.StopSigningKey(ctx, c.Who.Org, agent, stamp.Of(c.Now), c.Event)
}

// Active implements transaction.Keys.
func (s *Service) Active(ctx context.Context, agent string) (id string, address evm.Address, found bool, err error) {
	all, err := s.Store.SigningKeys(ctx, agent)
	for _, k := range all {
		if k.Active {
			return k.Stored, k.Address, true, err
		}
	}
	return "", address, false, err
}

// ByAddress implements transaction.Keys.
func (s *Service) ByAddress(ctx context.Context, agent string, of evm.Address) (id string, found bool, err error) {
	all, err := s.Store.SigningKeys(ctx, agent)
	for _, k := range all {
		if k.Address == of {
			return k.Stored, true, err
		}
	}
	return "", false, err
}

// SignHash implements transaction.Keys.
func (s *Service) SignHash(ctx context.Context, id string, h evm.Hash, by evm.Address) (evm.Signature, error) {
	key, err := s.open(ctx, id)
	if err != nil {
		return evm.Signature{}, err
	}
	if key.Address() != by {
		return evm.Signature{}, errOther
	}
	sig, err := key.Sign(ctx, h)
	if err != nil {
		s.keep(id, nil)
	}
	return sig, err
}

// open returns a key that may have been opened before: a token signs something only to open
// one.
func (s *Service) open(ctx context.Context, id string) (keystore.EVMKey, error) {
	s.mu.Lock()
	key, ok := s.opened[id]
	s.mu.Unlock()
	if ok {
		return key, nil
	}
	key, err := s.Keys.EVMKey(ctx, id)
	if err == nil {
		s.keep(id, key)
	}
	return key, err
}

// keep keeps an opened key, and forgets it when it is nil.
func (s *Service) keep(id string, key keystore.EVMKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key == nil {
		delete(s.opened, id)
		return
	}
	if s.opened == nil || len(s.opened) >= maxOpened {
		s.opened = map[string]keystore.EVMKey{}
	}
	s.opened[id] = key
}

// over asks whether the caller may do a to an agent.
func (s *Service) over(ctx context.Context, c *call.Call, agent string, a policy.Action) error {
	creator, err := s.Store.CreatorOf(ctx, c.Who.Org, agent)
	return c.OverAgent(a, agent, creator, err)
}
