// Package typed reads typed data (EIP-712) and texts (EIP-191), and computes what
// is signed of them.
//
// Its promise: the fields that it shows are all that is signed, each of exactly
// its type. What other signers cut, round, leave out or fill in is refused.
package typed

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Bounds of typed data.
const (
	maxSize    = 256 << 10 // bytes of JSON
	maxStructs = 64
	maxFields  = 64 // of a struct
	maxDepth   = 12 // of values in each other
	maxValues  = 20_000
)

const domainType = "EIP712Domain"

// Data is typed data that was read. Only Parse makes one that can be hashed.
type Data struct {
	Domain      Domain
	PrimaryType string
	Message     Value

	domain Value
	types  types
}

// Domain says for whom a signature is. Nil and empty fields are not in it.
type Domain struct {
	Name, Version     string
	ChainID           *uint64
	VerifyingContract *evm.Address
	Salt              *evm.Hash
}

// Value is a value of the message. The fields of a struct are in List, and their
// names in Names.
type Value struct {
	abi.Value

	Type  string // as the types spell it, such as "Person[2]"
	Names []string
	items []Value // what is in List, with types
}

// Get is a field of a struct, or nil.
func (v *Value) Get(name string) *Value {
	for i, n := range v.Names {
		if n == name {
			return &v.items[i]
		}
	}
	return nil
}

// Items are the elements of an array, or the fields of a struct.
func (v *Value) Items() []Value { return v.items }

// Parse reads typed data as wallets take it: an object of types, domain,
// primaryType and message. Numbers may be JSON numbers, or texts in decimal or
// with 0x. The type of the domain may be left out. What is missing, null or in
// excess is refused.
func Parse(data []byte) (*Data, error) {
	var in struct {
		Types       map[string][]field `json:"types"`
		Domain      jsontext.Value     `json:"domain"`
		PrimaryType string             `json:"primaryType"`
		Message     jsontext.Value     `json:"message"`
	}
	if len(data) > maxSize {
		return nil, invalid("Typed data has at most 256 KiB.")
	}
	if err := json.Unmarshal(data, &in, json.RejectUnknownMembers(true)); err != nil {
		return nil, invalid("Typed data is an object of types, domain, primaryType and message.")
	}
	d := &Data{PrimaryType: in.PrimaryType}
	var err error
	if d.types, err = newTypes(in.Types, in.Domain); err != nil {
		return nil, err
	}
	if _, ok := d.types[in.PrimaryType]; !ok || in.PrimaryType == domainType {
		return nil, invalid("The primary type must be one of the types, and not the domain's.")
	}
	r := reader{types: d.types, left: maxValues}
	if d.domain, err = r.value(domainType, in.Domain, 0); err != nil {
		return nil, err
	}
	if d.Message, err = r.value(in.PrimaryType, in.Message, 0); err != nil {
		return nil, err
	}
	return d, d.readDomain()
}

// readDomain copies the domain's values to where they are easy to read.
func (d *Data) readDomain() error {
	for i, name := range d.domain.Names {
		v := &d.domain.items[i]
		switch name {
		case "name":
			d.Domain.Name = string(v.Bytes)
		case "version":
			d.Domain.Version = string(v.Bytes)
		case "chainId":
			if !v.Word.IsUint64() || v.Word.IsZero() {
				return invalid("The chain id of the domain must be from 1 to 2^64-1.")
			}
			id := v.Word.Uint64()
			d.Domain.ChainID = &id
		case "verifyingContract":
			a := v.Address()
			d.Domain.VerifyingContract = &a
		case "salt":
			salt := evm.Hash(v.Bytes)
			d.Domain.Salt = &salt
		}
	}
	return nil
}

func invalid(detail string) error { return fault.New(fault.Invalid, "invalid_typed_data", detail) }
