package app

import (
	"context"
	"errors"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/signingkey"
)

// noKeys is a stub until the keystore has keys of EVM chains.
type noKeys struct{}

func (noKeys) CreateEVMKey(context.Context, string) error          { return errors.ErrUnsupported }
func (noKeys) ImportEVMKey(context.Context, string, evm.Key) error { return errors.ErrUnsupported }
func (noKeys) EVMKey(context.Context, string) (signingkey.EVMKey, error) {
	return nil, errors.ErrUnsupported
}
func (noKeys) DestroyEVMKey(context.Context, string) error { return nil }
