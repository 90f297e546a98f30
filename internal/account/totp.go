package account

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"image/png"
	"strings"
	"time"
	"unicode"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// What authenticators take without being told (RFC 6238), and the contract says.
const (
	totpPeriod = 30 // seconds
	totpSize   = 20 // bytes of the key
	totpIssuer = "oneclaw"
	qrSize     = 256 // pixels
)

// window is how many steps a code may be older or newer than the clock.
const window = 1

func newSetup(email string) (MFASetup, error) {
	k, err := totp.Generate(totp.GenerateOpts{
		Issuer: totpIssuer, AccountName: email, Period: totpPeriod, SecretSize: totpSize,
		Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1, Rand: rand.Reader,
	})
	if err != nil {
		return MFASetup{}, fmt.Errorf("make a second factor: %w", err)
	}
	img, err := k.Image(qrSize, qrSize)
	var picture bytes.Buffer
	if err == nil {
		err = png.Encode(&picture, img)
	}
	if err != nil {
		return MFASetup{}, fmt.Errorf("draw a second factor: %w", err)
	}
	qr := "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture.Bytes())
	clear(picture.Bytes())
	return MFASetup{URI: secret.FromString(k.URL()), QR: secret.FromString(qr), Secret: secret.FromString(k.Secret())}, nil
}

// stepOf finds the time step that a code is of. A code of another time than
// about now is of none.
func stepOf(key secret.Bytes, code string, now time.Time) (int64, bool) {
	current := now.Unix() / totpPeriod
	step, found := int64(0), false
	for s := current - window; s <= current+window; s++ {
		want, err := hotp.GenerateCodeCustom(string(key.Reveal()), uint64(max(s, 0)),
			hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, found = s, true
		}
	}
	return step, found
}

// maxCode bounds what is looked at, in bytes.
const maxCode = 256

// plainCode is the one spelling of a code: without spaces, dashes and what does
// not show, full-width characters made plain, letters in upper case.
func plainCode(code string) string {
	if len(code) > maxCode {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' {
			r -= '！' - '!'
		}
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r), unicode.Is(unicode.Cf, r), r == '−', r == '_', r == '.':
			return -1
		}
		return unicode.ToUpper(r)
	}, code)
}

// isTOTP tells a code of an authenticator from a recovery code.
func isTOTP(plain string) bool {
	return len(plain) == 6 && !strings.ContainsFunc(plain, func(r rune) bool { return r < '0' || r > '9' })
}

const (
	recoveryCodes = 8
	recoverySize  = 10 // bytes: 16 characters
)

// newRecoveryCodes returns codes as they are shown, and their hashes. A code is
// 80 random bits, so a plain hash can't be reversed by guessing.
func newRecoveryCodes(user string) (shown, hashes []string) {
	for range recoveryCodes {
		b := make([]byte, recoverySize)
		_, _ = rand.Read(b) // never fails: the program ends before that
		plain := base32.StdEncoding.EncodeToString(b)
		shown = append(shown, plain[:4]+"-"+plain[4:8]+"-"+plain[8:12]+"-"+plain[12:])
		hashes = append(hashes, recoveryHash(user, plain))
	}
	return shown, hashes
}

func recoveryHash(user, plain string) string {
	return identity.HashKey("recovery " + user + " " + plain)
}

// MFASetup is what an authenticator is set up with.
type MFASetup struct {
	URI    secret.Bytes // otpauth://...
	QR     secret.Bytes // the URI as a PNG, in a data URI
	Secret secret.Bytes // the key in base32
}
