// Package flagged keeps what Shroud flagged in calls of models, for a time, where the operator
// has turned that on.
//
// Its promise: a text is sealed before it goes to the database. It opens for owners and admins
// alone, with a person there, and each time is an event of the log.
package flagged

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// KEK is the keystore's key for texts that were flagged.
const KEK = "flagged"

// Excerpt is the part of a text around one finding. What is known to be a secret or personal
// data is not in it any more.
type Excerpt struct {
	Threat   string `json:"threat_type"`
	Pattern  string `json:"pattern"`
	Severity string `json:"severity"`
	Action   string `json:"action"`   // what the agent's settings said to do
	Location string `json:"location"` // whose words they are
	Text     string `json:"text"`
}

// Text is what is kept of one call.
type Text struct {
	ID, Org, Agent string // of the call's row among the activity
	Kinds          []string
	At, Until      time.Time
	Box            seal.Box
}

// Keys makes the key. CreateKEK fails with fault.Conflict when it is there.
type Keys interface {
	CreateKEK(ctx context.Context, id string) error
}

// Keeper seals what is to be kept.
type Keeper struct {
	Sealer *seal.Sealer
	Keys   Keys
	For    time.Duration // how long it is kept; 0: nothing is
}

// Seal puts excerpts into t, whose names and time are set.
func (k *Keeper) Seal(ctx context.Context, t *Text, all []Excerpt) error {
	t.Until, t.Kinds = t.At.Add(k.For), nil
	for _, e := range all {
		if !slices.Contains(t.Kinds, e.Threat) {
			t.Kinds = append(t.Kinds, e.Threat)
		}
	}
	plain, err := json.Marshal(all)
	if err != nil {
		return err
	}
	value := secret.New(plain)
	defer value.Wipe()
	_, at := SealOf(t.Org, t.ID)
	t.Box, err = k.Sealer.Seal(ctx, KEK, at, value)
	if fault.Is(err, fault.NotFound) {
		if err = k.Keys.CreateKEK(ctx, KEK); err == nil || fault.Is(err, fault.Conflict) {
			t.Box, err = k.Sealer.Seal(ctx, KEK, at, value)
		}
	}
	return err
}

// SealOf says which key the text of a call is sealed with, and where.
func SealOf(org, id string) (key string, at seal.Ref) {
	return KEK, seal.Ref{Org: org, Vault: "flagged", Path: id, Version: 1}
}

// Store keeps the texts.
type Store interface {
	// FlaggedText returns fault.NotFound for one of another organisation.
	FlaggedText(ctx context.Context, org, id string) (Text, error)
}

// Service shows texts to those who may see them.
type Service struct {
	Store  Store
	Sealer *seal.Sealer
}

// ErrNone is for a call of which no text is kept.
var ErrNone = fault.New(fault.NotFound, "text_not_found", "No text of this request is kept: nothing in it was flagged, its time is over, or ONECLAW_SHROUD_KEEP_FLAGGED is off.")

// Read returns what is kept of a call, as JSON of its excerpts. Wipe it.
func (s *Service) Read(ctx context.Context, c *call.Call, id string) (Text, secret.Bytes, error) {
	c.Touch("shroud_text", id)
	if err := c.Authorize(policy.ReadFlagged, c.Own()); err != nil {
		return Text{}, secret.Bytes{}, err
	}
	t, err := s.Store.FlaggedText(ctx, c.Who.Org, id)
	if err == nil && !c.Now.Before(t.Until) {
		err = ErrNone
	}
	if err != nil {
		return Text{}, secret.Bytes{}, err
	}
	kek, at := SealOf(t.Org, t.ID)
	value, err := s.Sealer.Open(ctx, kek, at, t.Box)
	if err != nil {
		return Text{}, secret.Bytes{}, seal.KeyLost(err)
	}
	c.Succeed("shroud_text", id)
	return t, value, nil
}
