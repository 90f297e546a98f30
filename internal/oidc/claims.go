package oidc

import (
	"math"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Claims are what a token says. A claim that is absent is its zero value.
type Claims struct {
	Issuer, Subject  string
	Audience         []string
	AuthorizedParty  string // azp
	ClientID         string // client_id of RFC 9068
	Nonce            string
	Email, Name      string
	EmailVerified    bool // only of a JSON true
	Expires          time.Time
	Issued, NotEarly time.Time // zero when absent
	Authenticated    time.Time // auth_time: when its human proved who they are to the provider; zero when absent
}

// wire is a token's payload. Keys are taken in their one spelling, and one that
// comes twice makes the token unreadable: two parsers could read it in two ways.
type wire struct {
	Issuer        string         `json:"iss"`
	Subject       string         `json:"sub"`
	Audience      jsontext.Value `json:"aud"`
	AZP           string         `json:"azp"`
	ClientID      string         `json:"client_id"`
	Nonce         string         `json:"nonce"`
	Email         string         `json:"email"`
	EmailVerified jsontext.Value `json:"email_verified"`
	Name          jsontext.Value `json:"name"`
	Expires       *float64       `json:"exp"`
	Issued        *float64       `json:"iat"`
	NotBefore     *float64       `json:"nbf"`
	AuthTime      *float64       `json:"auth_time"`
}

// maxAudiences is more than any token needs.
const maxAudiences = 64

func readClaims(payload []byte) (Claims, error) {
	var w wire
	if err := json.Unmarshal(payload, &w); err != nil {
		return Claims{}, Malformed
	}
	c := Claims{
		Issuer: w.Issuer, Subject: w.Subject, AuthorizedParty: w.AZP, ClientID: w.ClientID, Nonce: w.Nonce, Email: w.Email,
		EmailVerified: string(w.EmailVerified) == "true",
	}
	if json.Unmarshal(w.Name, &c.Name) != nil {
		c.Name = "" // it decides nothing
	}
	switch {
	case w.Audience == nil:
	case w.Audience.Kind() == '"':
		c.Audience = make([]string, 1)
		if err := json.Unmarshal(w.Audience, &c.Audience[0]); err != nil {
			return Claims{}, Malformed
		}
	default:
		if err := json.Unmarshal(w.Audience, &c.Audience); err != nil || len(c.Audience) > maxAudiences {
			return Claims{}, Malformed
		}
	}
	ok := true
	if w.Expires == nil {
		return Claims{}, Malformed
	}
	for _, t := range []struct {
		to   *time.Time
		from *float64
	}{{&c.Expires, w.Expires}, {&c.Issued, w.Issued}, {&c.NotEarly, w.NotBefore}, {&c.Authenticated, w.AuthTime}} {
		ok = ok && numericDate(t.to, t.from)
	}
	if !ok {
		return Claims{}, Malformed
	}
	return c, nil
}

// numericDate reads seconds since 1970, with fractions as RFC 7519 allows them.
func numericDate(to *time.Time, from *float64) bool {
	if from == nil {
		return true
	}
	const farthest = 1 << 38 // beyond the year 9999
	if math.IsNaN(*from) || *from < 1 || *from > farthest {
		return false
	}
	whole, part := math.Modf(*from)
	*to = time.Unix(int64(whole), int64(part*1e9)).UTC()
	return true
}

// during refuses a token that is not good at that time, give or take Leeway.
func (c *Claims) during(now time.Time) error {
	early := now.Add(Leeway)
	switch {
	case !now.Before(c.Expires.Add(Leeway)):
		return Expired
	case c.Expires.After(now.Add(maxAhead)):
		return TooLong
	case c.Issued.After(early) || c.NotEarly.After(early):
		return TooEarly
	case !c.Issued.IsZero() && c.Expires.Before(c.Issued):
		return Malformed
	}
	return nil
}

// For reports whether one of the audiences is meant.
func (c *Claims) For(audiences ...string) bool {
	for _, a := range c.Audience {
		if a != "" && slices.Contains(audiences, a) {
			return true
		}
	}
	return false
}
