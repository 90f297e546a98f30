package evm

import (
	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// ParseTx reverses Encode. It takes one encoding of each transaction: RLP that
// is not canonical, a signature that EIP-2 refuses, and a signature without a
// chain (before EIP-155) are refused. Other types are ErrTxType. It does not look
// at who signed: Sender of the signature does, with SigningHash.
func ParseTx(raw []byte) (Tx, Signature, error) {
	var t Tx
	switch {
	case len(raw) == 0:
		return Tx{}, Signature{}, notATx(errRLP)
	case raw[0] == AccessList || raw[0] == DynamicFee:
		t.Type, raw = raw[0], raw[1:]
	case raw[0] < 0x80:
		return Tx{}, Signature{}, ErrTxType
	}
	outer := &rlp{rest: raw}
	in := outer.list()
	t.parse(in)
	v, r, s := in.integer(), in.integer(), in.integer()
	if err := outer.end(in); err != nil {
		return Tx{}, Signature{}, notATx(err)
	}
	sig := Signature{R: r.Bytes32(), S: s.Bytes32()}
	if err := t.takeV(&sig, &v); err != nil {
		return Tx{}, Signature{}, err
	}
	if err := sig.check(); err != nil {
		return Tx{}, Signature{}, err
	}
	if err := t.Check(); err != nil {
		return Tx{}, Signature{}, err
	}
	return t, sig, nil
}

func notATx(cause error) error {
	return fault.Wrap(cause, fault.Invalid, "invalid_transaction", "These bytes are not a signed transaction.")
}

// parse takes the fields before the signature.
func (t *Tx) parse(r *rlp) {
	if t.Type != Legacy {
		t.ChainID = r.uint64()
	}
	t.Nonce = r.uint64()
	if t.Type == DynamicFee {
		t.TipCap, t.FeeCap = r.integer(), r.integer()
	} else {
		t.GasPrice = r.integer()
	}
	t.Gas = r.uint64()
	if to := r.str(); len(to) == len(Address{}) {
		t.To = (*Address)(append([]byte(nil), to...))
	} else if len(to) > 0 {
		r.err = errRLP
	}
	t.Value = r.integer()
	t.Data = append([]byte(nil), r.str()...)
	if t.Type != Legacy {
		t.parseAccess(r)
	}
}

func (t *Tx) parseAccess(r *rlp) {
	tuples := r.list()
	for tuples.more() {
		tuple := tuples.list()
		var a AccessTuple
		tuple.fixed(a.Address[:])
		keys := tuple.list()
		for keys.more() {
			var k Hash
			keys.fixed(k[:])
			a.Keys = append(a.Keys, k)
		}
		if err := tuple.end(keys); tuples.err == nil {
			tuples.err = err
		}
		t.Access = append(t.Access, a)
	}
	if err := tuples.end(); r.err == nil {
		r.err = err
	}
}

// takeV finds the recovery id, and for type 0 the chain, in the V of the signature.
func (t *Tx) takeV(sig *Signature, v *uint256.Int) error {
	if t.Type == Legacy {
		if v.LtUint64(37) { // chain 0 and what is older than EIP-155
			return invalidTx("The transaction is signed without a chain id: it could be sent on every chain.")
		}
		v.SubUint64(v, 35)
		sig.V = byte(v.Uint64() & 1)
		v.Rsh(v, 1)
		if !v.IsUint64() {
			return notATx(errRLP)
		}
		t.ChainID = v.Uint64()
		return nil
	}
	if !v.LtUint64(2) {
		return notATx(errRLP)
	}
	sig.V = byte(v.Uint64())
	return nil
}
