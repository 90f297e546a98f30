package x402

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Version is the version of x402 that is spoken.
const Version = 1

// Requirement is one way to pay for a request.
type Requirement struct {
	Scheme            string `json:"scheme"`
	Network           string `json:"network"`
	MaxAmountRequired string `json:"maxAmountRequired" doc:"In the asset's smallest unit."`
	Resource          string `json:"resource"`
	PayTo             string `json:"payTo"`
	MaxTimeoutSeconds int    `json:"maxTimeoutSeconds"`
	Asset             string `json:"asset"`
	Description       string `json:"description"`
	MimeType          string `json:"mimeType"`
}

// Challenge is the body of a 402 that a payment answers.
type Challenge struct {
	Version     int           `json:"x402Version"`
	Error       string        `json:"error"`
	Accepts     []Requirement `json:"accepts"`
	Description string        `json:"description"`
}

const (
	description = "One request to this vault"
	// maxTimeout is for how long a payment must be good, in seconds.
	maxTimeout = 60
)

// Require returns what a request to a resource costs. The asset has six decimals,
// so its smallest unit is a millionth of a dollar.
func (t *Terms) Require(resource string, price int64) Requirement {
	return Requirement{
		Scheme: t.Scheme, Network: t.Network, MaxAmountRequired: strconv.FormatInt(price, 10), Resource: resource, PayTo: t.PayTo,
		MaxTimeoutSeconds: maxTimeout, Asset: t.Asset, Description: description, MimeType: "application/json",
	}
}

// Challenge returns the body that asks for a payment.
func (t *Terms) Challenge(resource string, price int64, why string) Challenge {
	return Challenge{Version: Version, Error: why, Accepts: []Requirement{t.Require(resource, price)}, Description: description}
}

// payment is what a client sends. Only what was understood goes on to the
// facilitator, spelled by us: both must read the same.
type payment struct {
	Version int            `json:"x402Version"`
	Scheme  string         `json:"scheme"`
	Network string         `json:"network"`
	Payload jsontext.Value `json:"payload"`
}

// maxPayment bounds the header. A signed transfer takes less than 1 KiB.
const maxPayment = 16 << 10

// read reads a payment: JSON, or base64 of it.
func read(header string) (*payment, error) {
	text := []byte(strings.TrimSpace(header))
	if len(text) == 0 || len(text) > maxPayment {
		return nil, errUnreadable
	}
	if text[0] != '{' {
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(string(text), "="))
		var err error
		if text, err = base64.RawStdEncoding.Strict().DecodeString(plain); err != nil {
			return nil, errUnreadable
		}
	}
	if !shallow(text) {
		return nil, errUnreadable
	}
	var p payment
	// A key twice, in an object at any depth, is an error: there is one reading.
	if err := json.Unmarshal(text, &p); err != nil || len(p.Payload) == 0 || p.Payload.Kind() == 'n' {
		return nil, errUnreadable
	}
	if err := p.Payload.Canonicalize(); err != nil {
		return nil, errUnreadable
	}
	return &p, nil
}

// maxDepth is more than any payment needs.
const maxDepth = 16

// shallow reports whether text nests no deeper than maxDepth.
func shallow(text []byte) bool {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := dec.ReadToken(); err != nil {
			return true // the end, or what the decoding after this refuses
		}
		if dec.StackDepth() > maxDepth {
			return false
		}
	}
}

// authorization is the transfer that an exact payment on an EVM network signs.
type authorization struct {
	From        string `json:"from"`
	To          string `json:"to"`
	Value       string `json:"value"`
	ValidBefore string `json:"validBefore"`
	Nonce       string `json:"nonce"`
}

var (
	hexAddress = regexp.MustCompile(`^0x[0-9a-fA-F]{40}$`)
	hexNonce   = regexp.MustCompile(`^0x[0-9a-fA-F]{64}$`)
	hexText    = regexp.MustCompile(`^0x[0-9a-fA-F]+$`)
)

// fits checks what can be checked here, and returns what the network takes once:
// of a signed transfer its sender and nonce, since its signature has more than one
// spelling; of any other payload all of it.
func (p *payment) fits(t *Terms, price int64, now time.Time) (id [32]byte, err error) {
	if p.Version != Version || p.Scheme != t.Scheme || p.Network != t.Network {
		return id, errMismatch
	}
	once := string(p.Payload)
	switch p.Payload.Kind() {
	case '"':
		var s string
		if json.Unmarshal(p.Payload, &s) != nil || strings.TrimSpace(s) == "" {
			return id, errUnreadable
		}
		if once = strings.TrimSpace(s); hexText.MatchString(once) {
			once = strings.ToLower(once)
		}
	case '{':
		var signed struct {
			Authorization *authorization `json:"authorization"`
		}
		if json.Unmarshal(p.Payload, &signed) != nil {
			return id, errUnreadable
		}
		if a := signed.Authorization; a != nil {
			if err := a.fits(t, price, now); err != nil {
				return id, err
			}
			once = "transfer\n" + strings.ToLower(a.From) + "\n" + strings.ToLower(a.Nonce)
		}
	default:
		return id, errUnreadable
	}
	return sha256.Sum256([]byte("oneclaw/x402/v1\n" + t.Network + "\n" + strings.ToLower(t.Asset) + "\n" + once)), nil
}

// fits refuses a transfer to somebody else, of too little, or too late. The
// facilitator looks again, at the signature too.
func (a *authorization) fits(t *Terms, price int64, now time.Time) error {
	if !hexAddress.MatchString(a.From) || !hexNonce.MatchString(a.Nonce) {
		return errUnreadable
	}
	value, ok := new(big.Int).SetString(a.Value, 10)
	if !ok || len(a.Value) > 78 {
		return errUnreadable
	}
	if !strings.EqualFold(a.To, t.PayTo) || value.Cmp(big.NewInt(price)) < 0 {
		return errMismatch
	}
	if before, err := strconv.ParseInt(a.ValidBefore, 10, 64); err == nil && before <= now.Unix() {
		return errMismatch
	}
	return nil
}
