package app

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// series is a row of signing keys in the keystore: a name and a number. The highest
// one signs, all verify.
type series string

// backupKeys sign the manifests of backups.
const backupKeys series = "backup:"

// number is 0 for what is no id of the series.
func (s series) number(id string) int {
	text, ours := strings.CutPrefix(id, string(s))
	n, err := strconv.Atoi(text)
	if !ours || err != nil || n < 1 || strconv.Itoa(n) != text {
		return 0
	}
	return n
}

// ids are those that the keystore has, the newest last. It is asked each time:
// another process may have made a key since.
func (s series) ids(ctx context.Context, keys keystore.KeyStore) ([]string, error) {
	all, err := keys.Signers(ctx)
	if err != nil {
		return nil, err
	}
	mine := slices.DeleteFunc(all, func(id string) bool { return s.number(id) == 0 })
	slices.SortFunc(mine, func(a, b string) int { return s.number(a) - s.number(b) })
	return mine, nil
}

// add makes the next key and returns its id.
func (s series) add(ctx context.Context, keys keystore.KeyStore) (string, error) {
	ids, err := s.ids(ctx, keys)
	if err != nil {
		return "", err
	}
	next := 1
	if len(ids) > 0 {
		next += s.number(ids[len(ids)-1])
	}
	id := string(s) + strconv.Itoa(next)
	return id, keys.CreateSigner(ctx, id)
}

// ensure makes the first key. Of two processes that do at once, the second is as
// well served by the other's.
func (s series) ensure(ctx context.Context, keys keystore.KeyStore) error {
	ids, err := s.ids(ctx, keys)
	if err != nil || len(ids) > 0 {
		return err
	}
	if _, err := s.add(ctx, keys); err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	return nil
}

// newest is the key that signs.
func (s series) newest(ctx context.Context, keys keystore.KeyStore) (string, crypto.Signer, error) {
	if err := s.ensure(ctx, keys); err != nil {
		return "", nil, err
	}
	ids, err := s.ids(ctx, keys)
	if err != nil {
		return "", nil, err
	}
	if len(ids) == 0 {
		return "", nil, errors.New("the keystore does not list the key that it made")
	}
	id := ids[len(ids)-1]
	signer, err := keys.Signer(ctx, id)
	return id, signer, err
}

// spellKey is a public key as it is printed, and given with --key.
func spellKey(id string, key crypto.PublicKey) (string, error) {
	k, ok := key.(ed25519.PublicKey)
	if !ok {
		return "", errors.New("the key is no Ed25519 key")
	}
	return id + "=" + base64.StdEncoding.EncodeToString(k), nil
}

// parseKey reads what spellKey wrote. The id may be left out.
func parseKey(text string) (ed25519.PublicKey, error) {
	if id, key, ok := strings.Cut(text, "="); ok && backupKeys.number(id) > 0 {
		text = key
	}
	return audit.ParsePublicKey(text)
}
