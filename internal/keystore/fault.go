package keystore

import (
	"errors"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/files"
)

// The stable codes of every KeyStore.
const (
	CodeInvalidID     = "invalid_key_id"       // fault.Invalid
	CodeInvalidDEK    = "invalid_dek"          // fault.Invalid
	CodeInvalidEVMKey = "invalid_evm_key"      // fault.Invalid
	CodeKeyExists     = "key_exists"           // fault.Conflict
	CodeKeyNotFound   = "key_not_found"        // fault.NotFound
	CodeUnwrapFailed  = "unwrap_failed"        // fault.Internal
	CodeUnavailable   = "keystore_unavailable" // fault.Unavailable
	CodeKeyUnusable   = "key_unusable"         // fault.Internal: the stored key is damaged or not ours
)

// KeyExists is the failure of a creation whose id is taken.
func KeyExists() error {
	return fault.New(fault.Conflict, CodeKeyExists, "A key with this id exists already.")
}

// KeyNotFound is the failure of using a key that is unknown or destroyed.
func KeyNotFound() error {
	return fault.New(fault.NotFound, CodeKeyNotFound, "There is no such key: it was never created or has been destroyed.")
}

// UnwrapFailed is the one answer to anything that does not authenticate: a
// caller must not learn which part was wrong.
func UnwrapFailed() error {
	return fault.New(fault.Internal, CodeUnwrapFailed, "The wrapped key does not authenticate.")
}

// Unavailable is the failure of a store that is away, or full. Nothing was done.
func Unavailable(cause error) error {
	if files.Full(cause) {
		return fault.Wrap(cause, fault.Unavailable, CodeUnavailable, "The keystore can't be written: its disk is full, or a limit on files is reached. Try again when there is space.")
	}
	return fault.Wrap(cause, fault.Unavailable, CodeUnavailable, "The keystore can't be reached. Try again when it is back.")
}

// Named puts the id of the key into the failure of one that can't be used. Other
// failures stay as they are.
func Named(id string, err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Code != CodeKeyUnusable {
		return err
	}
	return fault.Wrap(&UnusableError{ID: id, Err: e.Err}, e.Kind, CodeKeyUnusable, "The stored key "+id+" can't be used.")
}

// UnusableError is the cause of a failure with CodeKeyUnusable, whatever that
// failure was turned into.
type UnusableError struct {
	ID  string
	Err error
}

// Error implements error.
func (e *UnusableError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnusableError) Unwrap() error { return e.Err }

// Unusable is the failure of a stored key that is damaged, or that breaks a
// rule which the store demands of its keys.
func Unusable(cause error) error {
	return fault.Wrap(cause, fault.Internal, CodeKeyUnusable, "The stored key can't be used.")
}
