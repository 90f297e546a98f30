package mint

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Grant is what a token is asked for with. Wipe it after use.
type Grant struct {
	ClientID     string
	ClientSecret secret.Bytes // empty: a public client, which has a refresh token
	RefreshToken secret.Bytes // empty: the client's own credentials are the grant
}

// mostPart bounds one text of a grant.
const mostPart = 16 << 10

// ReadGrant reads a JSON object with client_id, and client_secret, refresh_token or both; other members
// are not looked at. It returns false for anything else.
func ReadGrant(value []byte) (Grant, bool) {
	var in struct {
		ID      string `json:"client_id"`
		Secret  string `json:"client_secret"`
		Refresh string `json:"refresh_token"`
	}
	err := json.Unmarshal(value, &in)
	if err != nil || in.Secret == "" && in.Refresh == "" || !text(in.ID) || in.Secret != "" && !text(in.Secret) || in.Refresh != "" && !text(in.Refresh) {
		return Grant{}, false
	}
	return Grant{ClientID: in.ID, ClientSecret: secret.FromString(in.Secret), RefreshToken: secret.FromString(in.Refresh)}, true
}

// text reports whether RFC 6749, appendix A, allows a text in a grant or a token.
func text(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= mostPart
}

// clone is a copy with memory of its own.
func (g *Grant) clone() Grant {
	return Grant{ClientID: g.ClientID, ClientSecret: copied(g.ClientSecret), RefreshToken: copied(g.RefreshToken)}
}

// Wipe wipes the secrets.
func (g *Grant) Wipe() {
	g.ClientSecret.Wipe()
	g.RefreshToken.Wipe()
}

func copied(b secret.Bytes) secret.Bytes { return secret.New(append([]byte(nil), b.Reveal()...)) }

// WithRefresh is the value of a grant with another refresh token: every other byte stays. It returns false for
// anything else.
func WithRefresh(value []byte, next secret.Bytes) (secret.Bytes, bool) {
	d := jsontext.NewDecoder(bytes.NewReader(value))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return secret.Bytes{}, false
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return secret.Bytes{}, false
		}
		found := name.String() == "refresh_token"
		was, err := d.ReadValue()
		if err != nil {
			return secret.Bytes{}, false
		}
		if !found {
			continue
		}
		end := int(d.InputOffset())
		out := make([]byte, 0, len(value)+6*next.Len()+2) // one that grows would leave copies
		out = append(out, value[:end-len(was)]...)
		if out, err = jsontext.AppendQuote(out, next.Reveal()); err != nil {
			return secret.Bytes{}, false
		}
		return secret.New(append(out, value[end:]...)), true
	}
	return secret.Bytes{}, false
}
