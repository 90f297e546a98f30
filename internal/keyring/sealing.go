package keyring

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
)

// SealingKey is a key of the server's own, under which it seals what belongs to no vault.
type SealingKey struct{ ID, What string }

// SealingKeys are all of them. Each is made at its first use.
var SealingKeys = [...]SealingKey{
	{"identity", "second factors"},
	{"system", "mails that wait to be sent"},
	{"shares", "links of shares"},
	{"system:approval-webhooks", "signing secrets of webhooks"},
	{"flagged", "texts that Shroud flagged"},
	{"placeholders", "keys of Shroud's placeholders"},
}

// noted is the name under which Notes remember a sealing key.
func noted(id string) string { return "kek:" + id }

// Sealing makes the sealing keys, each once: one that was made and is gone is lost, and
// a new one would hide that until the lost one is put back.
type Sealing struct {
	Keys  keystore.KeyStore
	Notes Notes
}

// CreateKEK makes a key and notes that it was made. It fails with fault.Conflict when
// the key is there, and with seal.CodeKeyLost when it was made before and is not there.
func (s Sealing) CreateKEK(ctx context.Context, id string) error {
	made, err := s.Made(ctx, id)
	if err != nil {
		return err
	}
	if made { // another node may have made it since the caller looked
		if err := present(ctx, s.Keys, id); err != nil {
			return seal.KeyLost(err)
		}
		return fault.New(fault.Conflict, keystore.CodeKeyExists, "The key is there.")
	}
	return s.make(ctx, id)
}

// Made reports whether the key was made, be it there or not.
func (s Sealing) Made(ctx context.Context, id string) (bool, error) {
	return s.Notes.SignersMade(ctx, noted(id))
}

// make notes the key after it is there: a note of a key that could not be made would
// call it lost.
func (s Sealing) make(ctx context.Context, id string) error {
	made := s.Keys.CreateKEK(ctx, id)
	if made != nil && !fault.Is(made, fault.Conflict) {
		return made
	}
	if err := s.Notes.NoteSigners(ctx, noted(id)); err != nil {
		return err
	}
	return made
}

// Look notes the keys that are there, which a version before may have made, and returns
// those that were made and are lost or damaged.
func (s Sealing) Look(ctx context.Context) (lost []LostKey, err error) {
	err = s.each(ctx, func(k SealingKey, cause error) error {
		if cause == nil {
			return s.Notes.NoteSigners(ctx, noted(k.ID))
		}
		lost = append(lost, NewLost(ctx, s.Keys, k.What, cause))
		return nil
	})
	return lost, err
}

// Renew makes anew the keys that were made and are not in the keystore, and returns
// them: what was sealed under the lost ones never opens again. Damaged ones stay.
func (s Sealing) Renew(ctx context.Context) (made []SealingKey, err error) {
	err = s.each(ctx, func(k SealingKey, cause error) error {
		if fault.CodeOf(cause) != keystore.CodeKeyNotFound {
			return nil
		}
		if err := s.make(ctx, k.ID); err != nil {
			return err
		}
		made = append(made, k)
		return nil
	})
	return made, err
}

// each calls f with every key that is there or was, and with what is wrong with it.
func (s Sealing) each(ctx context.Context, f func(k SealingKey, cause error) error) error {
	for _, k := range SealingKeys {
		cause := present(ctx, s.Keys, k.ID)
		switch fault.CodeOf(cause) {
		case keystore.CodeKeyNotFound:
			if made, err := s.Made(ctx, k.ID); err != nil {
				return err
			} else if !made {
				continue
			}
		case keystore.CodeKeyUnusable:
		default:
			if cause != nil {
				return cause
			}
		}
		if err := f(k, cause); err != nil {
			return err
		}
	}
	return nil
}

// present fails as the keystore does when the key is not there, or can't be used.
func present(ctx context.Context, keys keystore.KeyStore, id string) error {
	_, err := keys.Wrap(ctx, id, make([]byte, keystore.MaxDEK), nil)
	return err
}
