package vault

import (
	"slices"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/envbundle"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/sshsign"
	"github.com/oneclaw-dev/oneclaw/internal/totp"
)

var errNoSeed = fault.New(fault.Invalid, "invalid_totp_seed", "A totp_seed is what a service shows beside its picture for an authenticator: an otpauth://totp/ address, or base32 of at least 10 bytes. Store other values as another type.")

// checkSeed refuses what is stored as a seed of codes and gives none. No client writes that type
// for anything else.
func checkSeed(kind string, value secret.Bytes, now time.Time) error {
	if kind != totp.Type {
		return nil
	}
	if _, err := totp.Of(value.Reveal(), kind, now); err != nil {
		return errNoSeed
	}
	return nil
}

// doubt says what a value of a type is not good for. It is stored all the same: clients keep SSH
// keys with passphrases, and bundles that they read in their own way.
func doubt(kind string, value secret.Bytes) string {
	switch kind {
	case sshsign.Type:
		if _, err := sshsign.Public(value.Reveal()); err != nil {
			return "This is no private key that signs for SSH (Ed25519, ECDSA or RSA of at least 2048 bits, in OpenSSH's form or PEM, without a passphrase), so it can be read, and not used without being seen."
		}
	case envbundle.Type:
		text := slices.Clone(value.Reveal()) // reading changes it
		defer clear(text)
		if all, line, why := envbundle.Read(text); why != "" {
			return "Its variables can't be read: in line " + strconv.Itoa(line) + " " + why + "."
		} else if len(all) == 0 {
			return "No line of it is a variable, as in KEY=VALUE."
		}
	}
	return ""
}
