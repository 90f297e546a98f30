// Package totp makes the codes of a stored seed (RFC 6238), as an authenticator does.
//
// Its promise: a seed is read as it was meant or refused, and is never guessed at; no error
// has a part of it.
package totp

import (
	"encoding/base32"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Type is the type of secrets that are seeds.
const Type = "totp_seed"

// shortest is the size of the shortest seed, in bytes: who sees codes could guess a shorter one.
// Many services use no more.
const shortest = 10

// The periods that a code may hold, in seconds.
const (
	usualPeriod   = 30
	longestPeriod = 300
)

// ErrSeed is what is said of a value that is no seed.
var ErrSeed = fault.New(fault.Conflict, "no_totp_seed",
	"The secret is no seed of codes: an otpauth://totp/ address with 6 to 8 digits, a period of 1 to 300 seconds and SHA1, SHA256 or SHA512, or, in a secret of the type totp_seed, base32 of at least 10 bytes.")

// Code is a code and when it holds.
type Code struct {
	Code   string
	Period time.Duration
	Until  time.Time // when the next takes its place
}

// Of returns the code of a value at a time. A value that is base32 alone is a seed only in a
// secret of the type that says so: any password could be one.
func Of(value []byte, secretType string, now time.Time) (code Code, err error) {
	erase.Do(func() { code, err = of(string(value), secretType, now) })
	return code, err
}

func of(value, secretType string, now time.Time) (Code, error) {
	s := seed{digits: int(otp.DigitsSix), period: usualPeriod, hash: otp.AlgorithmSHA1}
	value = strings.TrimSpace(value)
	switch {
	case len(value) >= len(scheme) && strings.EqualFold(value[:len(scheme)], scheme):
		if !s.read(value) {
			return Code{}, ErrSeed
		}
	case secretType == Type:
		s.key = value
	default:
		return Code{}, ErrSeed
	}
	// Services print keys in groups of four, and in small letters.
	s.key = strings.ToUpper(strings.TrimRight(strings.NewReplacer(" ", "", "-", "").Replace(s.key), "="))
	if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s.key); err != nil || len(raw) < shortest {
		return Code{}, ErrSeed
	}
	at := now.Unix()
	if at < 0 {
		return Code{}, ErrSeed
	}
	code, err := hotp.GenerateCodeCustom(s.key, uint64(at/s.period), hotp.ValidateOpts{Digits: otp.Digits(s.digits), Algorithm: s.hash})
	if err != nil {
		return Code{}, ErrSeed
	}
	return Code{code, time.Duration(s.period) * time.Second, time.Unix((at/s.period+1)*s.period, 0).UTC()}, nil
}

const scheme = "otpauth:"

type seed struct {
	key    string
	digits int
	period int64
	hash   otp.Algorithm
}

// read reads the address that services show as a picture.
func (s *seed) read(text string) bool {
	u, err := url.Parse(text)
	if err != nil || !strings.EqualFold(u.Host, "totp") {
		return false
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil || len(q["secret"]) != 1 {
		return false
	}
	s.key = q.Get("secret")
	if t := q.Get("digits"); t != "" {
		if s.digits, err = strconv.Atoi(t); err != nil || s.digits < 6 || s.digits > 8 {
			return false
		}
	}
	if t := q.Get("period"); t != "" {
		if s.period, err = strconv.ParseInt(t, 10, 64); err != nil || s.period < 1 || s.period > longestPeriod {
			return false
		}
	}
	switch strings.ToUpper(strings.ReplaceAll(q.Get("algorithm"), "-", "")) {
	case "", "SHA1", "HMACSHA1":
	case "SHA256", "HMACSHA256":
		s.hash = otp.AlgorithmSHA256
	case "SHA512", "HMACSHA512":
		s.hash = otp.AlgorithmSHA512
	default:
		return false
	}
	return true
}
