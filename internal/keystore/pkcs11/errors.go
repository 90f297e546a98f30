//go:build pkcs11 && cgo

package pkcs11

import (
	"errors"
	"slices"

	p11 "github.com/miekg/pkcs11"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

// errLost is a token that has lost what it must hold: the objects of a removed
// token vanish while its sessions seem to live on.
var errLost = errors.New("the token lost its objects")

// errUnauthentic is a wrapped key that the key used did not open.
var errUnauthentic = errors.New("the token did not authenticate the wrapped key")

func is(err error, codes ...p11.Error) bool {
	e, ok := errors.AsType[p11.Error](err)
	return ok && slices.Contains(codes, e)
}

// lost reports that the connection is gone, and that connecting again may help.
func lost(err error) bool {
	return errors.Is(err, errLost) || is(err,
		p11.CKR_SESSION_HANDLE_INVALID, p11.CKR_SESSION_CLOSED, p11.CKR_SESSION_COUNT,
		p11.CKR_DEVICE_REMOVED, p11.CKR_DEVICE_ERROR, p11.CKR_DEVICE_MEMORY,
		p11.CKR_TOKEN_NOT_PRESENT, p11.CKR_TOKEN_NOT_RECOGNIZED, p11.CKR_SLOT_ID_INVALID,
		p11.CKR_USER_NOT_LOGGED_IN, p11.CKR_CRYPTOKI_NOT_INITIALIZED,
		p11.CKR_GENERAL_ERROR, p11.CKR_FUNCTION_FAILED, p11.CKR_HOST_MEMORY)
}

// stale reports an object handle that is good no more.
func stale(err error) bool {
	return is(err, p11.CKR_OBJECT_HANDLE_INVALID, p11.CKR_KEY_HANDLE_INVALID)
}

// odd reports any other complaint of the token. SoftHSM makes up various ones
// of a key that is destroyed while it is being used.
func odd(err error) bool {
	_, ok := errors.AsType[p11.Error](err)
	return ok && !lost(err)
}

// aeadDecryptFailed came with PKCS#11 3.0; the binding does not name it.
const aeadDecryptFailed = p11.Error(0x42)

// unauthentic reports what a token says when GCM does not authenticate.
func unauthentic(err error) bool {
	return is(err, aeadDecryptFailed, p11.CKR_ENCRYPTED_DATA_INVALID, p11.CKR_ENCRYPTED_DATA_LEN_RANGE,
		p11.CKR_DATA_INVALID, p11.CKR_DATA_LEN_RANGE)
}

// vague reports what some tokens (SoftHSM) say then, and others when they break.
func vague(err error) bool { return is(err, p11.CKR_GENERAL_ERROR, p11.CKR_FUNCTION_FAILED) }

// badPIN reports a login that must not be tried again.
func badPIN(err error) bool {
	return is(err, p11.CKR_PIN_INCORRECT, p11.CKR_PIN_LOCKED, p11.CKR_PIN_EXPIRED, p11.CKR_PIN_INVALID, p11.CKR_PIN_LEN_RANGE)
}

// asFault gives every error of the token a kind and a code.
func asFault(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if lost(err) || stale(err) {
		return keystore.Unavailable(err)
	}
	return keystore.Unusable(err)
}
