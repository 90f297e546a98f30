package transaction

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Draft is a transaction as it is asked for, in the words of the contract (TxSubmit,
// section 7). Empty fields were not sent.
type Draft struct {
	To                    string // 0x and 40 digits; empty: it creates a contract
	Value                 string // decimal, of the chain's coin
	Chain                 string // name or number
	Data                  string // 0x and digits
	KeyPath               string
	GasPrice              string // wei, decimal: makes it one of type 0
	MaxFee, MaxTip        string // wei, decimal
	Nonce, GasLimit       *uint64
	AccessList            []Access
	SimulateFirst         bool
	ReplayKey, ApprovalID string
	// Vault is where the key at KeyPath lies; empty: the one vault that has it.
	Vault string
}

// Access names an account, and storage of it, beforehand (EIP-2930).
type Access struct {
	Address string   // 0x and 40 digits
	Keys    []string // each 0x and 64 digits
}

// maxData bounds calldata: what nodes relay has at most 128 KiB, with all else.
const maxData = 120 << 10

// parsed is a draft whose fields are values.
type parsed struct {
	Draft
	to                    *evm.Address
	value                 uint256.Int
	data                  []byte
	access                []evm.AccessTuple
	gasPrice, maxFee, tip *uint256.Int // nil: not sent
}

func invalid(code, detail string) error { return fault.New(fault.Invalid, code, detail) }

// parse reads the fields. It says which is no good, and never repeats it.
func (d Draft) parse() (p parsed, err error) {
	p.Draft = d
	if d.To != "" {
		a, err := evm.ParseAddress(d.To)
		if err != nil {
			return p, invalid("invalid_to", "to is an address: 0x and 40 hexadecimal digits, in one case or with the right checksum (EIP-55).")
		}
		p.to = &a
	}
	if p.value, err = evm.ParseETH(d.Value); err != nil {
		return p, invalid("invalid_value", `value is a decimal number of the chain's coin in quotes, such as "0.05", with at most 18 decimals.`)
	}
	if d.Chain == "" {
		return p, invalid("invalid_chain", "chain is the name or the number of a chain.")
	}
	if d.Data != "" {
		digits, ok := strings.CutPrefix(d.Data, "0x")
		if p.data, err = hex.DecodeString(digits); err != nil || !ok {
			return p, invalid("invalid_data", "data is 0x and an even number of hexadecimal digits.")
		}
		if len(p.data) > maxData {
			return p, invalid("invalid_data", "data has at most 122,880 bytes.")
		}
	}
	if p.access, err = parseAccess(d.AccessList); err != nil {
		return p, err
	}
	for _, f := range []struct {
		name, text string
		into       **uint256.Int
	}{{"gas_price", d.GasPrice, &p.gasPrice}, {"max_fee_per_gas", d.MaxFee, &p.maxFee}, {"max_priority_fee_per_gas", d.MaxTip, &p.tip}} {
		if f.text == "" {
			continue
		}
		wei, err := evm.ParseUnits(f.text, 0)
		if err != nil || wei.BitLen() > 96 {
			return p, invalid("invalid_"+f.name, f.name+" is a number of wei in quotes.")
		}
		*f.into = &wei
	}
	switch {
	case p.gasPrice != nil && (p.maxFee != nil || p.tip != nil):
		return p, invalid("invalid_fees", "Send gas_price, or max_fee_per_gas and max_priority_fee_per_gas, not both.")
	case p.maxFee != nil && p.tip != nil && p.tip.Gt(p.maxFee):
		return p, invalid("invalid_fees", "max_priority_fee_per_gas is more than max_fee_per_gas.")
	case d.GasLimit != nil && *d.GasLimit < 21000:
		return p, invalid("invalid_gas_limit", "gas_limit is at least 21000.")
	}
	return p, nil
}

func parseAccess(list []Access) (out []evm.AccessTuple, err error) {
	for _, a := range list {
		t := evm.AccessTuple{Keys: make([]evm.Hash, len(a.Keys))}
		t.Address, err = evm.ParseAddress(a.Address)
		for i := range a.Keys {
			if err == nil {
				t.Keys[i], err = evm.ParseHash(a.Keys[i])
			}
		}
		if err != nil {
			return nil, invalid("invalid_access_list", "access_list is a list of an address, 0x and 40 digits, and its storageKeys, each 0x and 64 digits.")
		}
		out = append(out, t)
	}
	return out, nil
}

// asked is what a key of a request is good for: the same request alone.
func (p *parsed) asked(agent, kind string) string {
	h := sha256.New()
	for _, s := range []string{kind, agent, p.To, p.value.Dec(), p.Chain, strings.ToLower(p.Data), p.KeyPath, p.Vault, p.GasPrice, p.MaxFee, p.MaxTip, number(p.Nonce), number(p.GasLimit), strconv.FormatBool(p.SimulateFirst)} {
		h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	for _, a := range p.access {
		h.Write(a.Address[:])
		h.Write([]byte(strconv.Itoa(len(a.Keys)) + ":"))
		for _, k := range a.Keys {
			h.Write(k[:])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func number(n *uint64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatUint(*n, 10)
}

// hashed is how a key of a request is kept.
func hashed(key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// maxReplayKey bounds an Idempotency-Key.
const maxReplayKey = 255

func checkReplayKey(key string) error {
	if len(key) > maxReplayKey || strings.ContainsFunc(key, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		return invalid("invalid_idempotency_key", "Idempotency-Key has at most 255 printable characters without blanks.")
	}
	return nil
}
