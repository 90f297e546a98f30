package evm

import (
	"math"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// The types of transactions that are signed here.
const (
	Legacy     = 0 // with the chain in its signature (EIP-155)
	AccessList = 1 // EIP-2930
	DynamicFee = 2 // EIP-1559
)

// Tx is a transaction without its signature.
type Tx struct {
	Type    byte
	ChainID uint64
	Nonce   uint64
	Gas     uint64   // the most it may use
	To      *Address // nil creates a contract
	Value   uint256.Int

	GasPrice uint256.Int // wei for each gas, of types 0 and 1
	FeeCap   uint256.Int // the most that each gas may cost in wei, of type 2
	TipCap   uint256.Int // the part of it for who makes the block, of type 2

	Data   []byte
	Access []AccessTuple // of types 1 and 2
}

// AccessTuple names slots of storage that a transaction will use (EIP-2930).
type AccessTuple struct {
	Address Address
	Keys    []Hash
}

// ErrTxType is the failure of a transaction whose type is neither 0, 1 nor 2:
// blobs (EIP-4844) and code of accounts (EIP-7702) are not signed.
var ErrTxType = fault.New(fault.Invalid, "unsupported_transaction_type", "Transactions of type 0, 1 and 2 are signed, and no others.")

// Check refuses what no chain takes, and fields that the type does not send.
func (t *Tx) Check() error {
	switch {
	case t.Type > DynamicFee:
		return ErrTxType
	case t.ChainID == 0:
		return invalidTx("A transaction needs a chain id: without one it could be sent on every chain.")
	case t.Nonce == math.MaxUint64:
		return invalidTx("The nonce must be below 2^64-1 (EIP-2681).")
	case t.TipCap.Gt(&t.FeeCap):
		return invalidTx("The tip for each gas must not exceed the cap of the fee (EIP-1559).")
	case t.Type == DynamicFee && !t.GasPrice.IsZero():
		return invalidTx("A transaction of type 2 has a cap of the fee in place of a gas price.")
	case t.Type != DynamicFee && !t.FeeCap.IsZero():
		return invalidTx("A transaction of type 0 or 1 has a gas price in place of a cap of the fee.")
	case t.Type == Legacy && len(t.Access) > 0:
		return invalidTx("A transaction of type 0 has no access list.")
	}
	return nil
}

func invalidTx(detail string) error { return fault.New(fault.Invalid, "invalid_transaction", detail) }

// SigningHash is what the account signs. It is good for a transaction that
// passes Check.
func (t *Tx) SigningHash() Hash {
	body := t.body()
	if t.Type == Legacy { // EIP-155
		body = appendUint64(body, t.ChainID)
		body = append(body, 0x80, 0x80)
	}
	return Keccak256(t.envelope(body))
}

// Encode returns what is sent to the chain, and its hash, which names the
// transaction there.
func (t *Tx) Encode(s Signature) (raw []byte, hash Hash) {
	body := t.body()
	v := uint256.NewInt(uint64(s.V))
	if t.Type == Legacy {
		v.Add(v, legacyV(t.ChainID))
	}
	body = appendInt(body, v)
	body = appendInt(body, new(uint256.Int).SetBytes32(s.R[:]))
	body = appendInt(body, new(uint256.Int).SetBytes32(s.S[:]))
	raw = t.envelope(body)
	return raw, Keccak256(raw)
}

// legacyV is the V of a signature with recovery id 0: 35 + 2 * chain id (EIP-155).
func legacyV(chain uint64) *uint256.Int {
	v := new(uint256.Int).Lsh(uint256.NewInt(chain), 1)
	return v.AddUint64(v, 35)
}

// body has the fields before the signature.
func (t *Tx) body() (b []byte) {
	if t.Type != Legacy {
		b = appendUint64(b, t.ChainID)
	}
	b = appendUint64(b, t.Nonce)
	if t.Type == DynamicFee {
		b = appendInt(b, &t.TipCap)
		b = appendInt(b, &t.FeeCap)
	} else {
		b = appendInt(b, &t.GasPrice)
	}
	b = appendUint64(b, t.Gas)
	if t.To == nil {
		b = appendString(b, nil)
	} else {
		b = appendString(b, t.To[:])
	}
	b = appendInt(b, &t.Value)
	b = appendString(b, t.Data)
	if t.Type != Legacy {
		b = t.appendAccess(b)
	}
	return b
}

func (t *Tx) appendAccess(to []byte) []byte {
	var list []byte
	for _, a := range t.Access {
		var keys []byte
		for _, k := range a.Keys {
			keys = appendString(keys, k[:])
		}
		list = appendList(list, appendList(appendString(nil, a.Address[:]), keys))
	}
	return appendList(to, list)
}

// envelope puts the type before the list (EIP-2718).
func (t *Tx) envelope(body []byte) []byte {
	if t.Type == Legacy {
		return appendList(nil, body)
	}
	return appendList([]byte{t.Type}, body)
}
