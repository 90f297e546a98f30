package node

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/holiman/uint256"
)

type request struct {
	Version string `json:"jsonrpc"`
	ID      int    `json:"id"`
	Method  string `json:"method"`
	Params  []any  `json:"params"`
}

type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  json.RawMessage `json:"result"`
	Error   *wireError      `json:"error"`
}

// fits reports whether it is the answer to the request: some nodes name no id with
// an error.
func (r *response) fits() bool {
	id := string(bytes.Trim(r.ID, `"`))
	if r.Error != nil {
		return id == "1" || isNull(r.ID)
	}
	return id == "1" && len(r.Result) > 0
}

type wireError struct {
	Code    json.Number     `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

func (w *wireError) of(n *endpoint) *Error {
	code, _ := strconv.Atoi(w.Code.String()) // no number: 0, which means nothing
	e := &Error{Node: n.number, Code: code, Message: redact(w.Message, n.url.Reveal())}
	e.Data, e.reverted = revertData(w.Data)
	return e
}

// Error is what a node said instead of an answer.
type Error struct {
	Node    int
	Code    int    // of JSON-RPC
	Status  int    // of HTTP
	Message string // at most 300 characters of one line; the node chose them
	Data    []byte // of a revert

	reverted bool
}

// Error implements error. The node's own words are not in it: Message has them.
func (e *Error) Error() string {
	return "node " + strconv.Itoa(e.Node) + ": JSON-RPC error " + strconv.Itoa(e.Code)
}

// Reverted reports whether the call was run and reverted.
func (e *Error) Reverted() bool {
	return e.reverted || e.Code == 3 || e.has("execution reverted", "vm execution error", "transaction reverted", "revert")
}

// ErrUnsupported is in the error when none of the nodes knows the method.
var ErrUnsupported = errors.New("no node of the chain offers this method")

// unsupported reports whether the node does not offer the method.
func (e *Error) unsupported() bool {
	if e.reverted || e.Code == 3 {
		return false
	}
	return e.Code == -32601 || e.Code == -32604 || e.has("method not found", "method is not", "not whitelisted", "unknown method", "method not allowed", "unsupported method", "method not supported")
}

// limited reports whether the node takes no requests for now: too many came, or it is
// not in sync. Besu has another meaning for -32005.
func (e *Error) limited() bool {
	return e.Code == -32005 && !e.has("block gas limit") || e.Code == -32029 || e.Status == 429 ||
		e.has("rate limit", "too many requests", "request limit", "exceeded your", "capacity limit", "quota", "syncing", "initial sync", "pool not enabled")
}

// final reports whether every node would say it.
func (e *Error) final() bool {
	return !e.limited() && !e.unsupported() &&
		(e.Reverted() || e.Code == -32602 || e.has("insufficient funds", "insufficient balance", "gas required exceeds", "intrinsic gas", "out of gas", "outofgas"))
}

// Lacks reports whether the node refused for want of what one of the words, in lower case,
// names: gas, funds.
func (e *Error) Lacks(words ...string) bool { return e.has(words...) }

func (e *Error) has(words ...string) bool {
	said := strings.ToLower(e.Message)
	for _, w := range words {
		if strings.Contains(said, w) {
			return true
		}
	}
	return false
}

// maxMessage bounds what is kept of a node's words.
const maxMessage = 300

// redact keeps one line of a node's words, without any part of its URL that could be
// a key.
func redact(s string, node []byte) string {
	for _, part := range keys(string(node)) {
		s = strings.ReplaceAll(s, part, "[...]")
	}
	return Clean(s)
}

// Clean makes one printable line of at most 300 characters of what a node or a contract
// said.
func Clean(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > maxMessage {
		s = string([]rune(s)[:maxMessage])
	}
	return s
}

// keys are the parts of a URL that could be a key: whatever has 8 characters or more.
func keys(text string) []string {
	u, err := url.Parse(text)
	if err != nil {
		return []string{text}
	}
	parts := append(strings.Split(u.Path, "/"), u.Host, u.Hostname())
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	parts = append(parts, strings.Split(u.Hostname(), ".")...)
	if u.User != nil {
		password, _ := u.User.Password()
		parts = append(parts, u.User.Username(), password)
	}
	out := []string{text}
	for _, p := range parts {
		if len(p) >= 8 {
			out = append(out, p)
		}
	}
	return out
}

// revertData finds the bytes of a revert in the data of an error: a string, a string
// after the word Reverted, or inside an object, depending on the node.
func revertData(raw json.RawMessage) ([]byte, bool) {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		var inner struct {
			Data   json.RawMessage `json:"data"`
			Result json.RawMessage `json:"result"`
		}
		if json.Unmarshal(raw, &inner) != nil {
			return nil, false
		}
		if json.Unmarshal(inner.Data, &text) != nil && json.Unmarshal(inner.Result, &text) != nil {
			return nil, false
		}
	}
	text, worded := strings.CutPrefix(text, "Reverted ")
	b, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil || !strings.HasPrefix(text, "0x") {
		return nil, worded
	}
	return b, worded || len(b) > 0
}

var errHex = errors.New("not a hex value as nodes write it")

// Uint256 is a number as JSON-RPC has it: 0x and hex digits without leading zeros,
// of at most 256 bits.
type Uint256 struct{ uint256.Int }

// UnmarshalJSON implements json.Unmarshaler.
func (q *Uint256) UnmarshalJSON(b []byte) error {
	var s string
	if len(b) == 0 || b[0] != '"' || json.Unmarshal(b, &s) != nil {
		return errHex
	}
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok || digits == "" || len(digits) > 64 || len(digits) > 1 && digits[0] == '0' {
		return errHex
	}
	if err := q.SetFromHex("0x" + strings.ToLower(digits)); err != nil {
		return errHex
	}
	return nil
}

// Uint64 is such a number of at most 64 bits.
type Uint64 uint64

// UnmarshalJSON implements json.Unmarshaler.
func (n *Uint64) UnmarshalJSON(b []byte) error {
	var q Uint256
	if err := q.UnmarshalJSON(b); err != nil || !q.IsUint64() {
		return errHex
	}
	*n = Uint64(q.Uint64())
	return nil
}

// Bytes are bytes as JSON-RPC has them: 0x and pairs of hex digits.
type Bytes []byte

// UnmarshalJSON implements json.Unmarshaler.
func (d *Bytes) UnmarshalJSON(b []byte) error {
	var s string
	if len(b) == 0 || b[0] != '"' || json.Unmarshal(b, &s) != nil || !strings.HasPrefix(s, "0x") {
		return errHex
	}
	out, err := hex.DecodeString(s[2:])
	if err != nil {
		return errHex
	}
	*d = out
	return nil
}

// Hex writes bytes as JSON-RPC has them.
func Hex(b []byte) string { return "0x" + hex.EncodeToString(b) }

// Quantity writes a number as JSON-RPC has it.
func Quantity(v *uint256.Int) string { return v.Hex() }

// Number is Quantity of a small number.
func Number(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }
