package meaning

import (
	"encoding/binary"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
)

// calls are the functions of contracts that pass calls on: multicall, Multicall3
// and Safe's MultiSend.
func calls() map[string]reader {
	return map[string]reader{
		"multicall(bytes[])":         func(w *walk, s *scope, a []abi.Value) bool { return toItself(w, s, &a[0]) },
		"multicall(uint256,bytes[])": func(w *walk, s *scope, a []abi.Value) bool { return toItself(w, s, &a[1]) },
		"multicall(bytes32,bytes[])": func(w *walk, s *scope, a []abi.Value) bool { return toItself(w, s, &a[1]) },

		"aggregate((address,bytes)[])":                    func(w *walk, s *scope, a []abi.Value) bool { return batch(w, s, &a[0], 0, -1, 1) },
		"blockAndAggregate((address,bytes)[])":            func(w *walk, s *scope, a []abi.Value) bool { return batch(w, s, &a[0], 0, -1, 1) },
		"tryAggregate(bool,(address,bytes)[])":            func(w *walk, s *scope, a []abi.Value) bool { return batch(w, s, &a[1], 0, -1, 1) },
		"tryBlockAndAggregate(bool,(address,bytes)[])":    func(w *walk, s *scope, a []abi.Value) bool { return batch(w, s, &a[1], 0, -1, 1) },
		"aggregate3((address,bool,bytes)[])":              func(w *walk, s *scope, a []abi.Value) bool { return batch(w, s, &a[0], 0, -1, 2) },
		"aggregate3Value((address,bool,uint256,bytes)[])": forward,
		"multiSend(bytes)":                                multiSend,
	}
}

// inside reads a call that the contract of s makes.
func (w *walk) inside(s *scope, to evm.Address, value *uint256.Int, data []byte, delegate bool) {
	if to.IsZero() {
		w.unknown(&to) // some accounts call themselves for it (ERC-7821)
	}
	c := Call{ChainID: s.ChainID, From: s.account(), To: &to, Data: data, Delegate: delegate}
	if value != nil {
		c.Value = *value
	}
	w.call(c, s.depth+1)
}

// account is who the code in s acts as.
func (s *scope) account() evm.Address {
	if s.Delegate {
		return s.From
	}
	return *s.To
}

// toItself reads calldata for the same contract, with the same sender and coins.
func toItself(w *walk, s *scope, list *abi.Value) bool {
	for i := range list.List {
		w.call(Call{ChainID: s.ChainID, From: s.From, To: s.To, Data: list.List[i].Bytes, Delegate: s.Delegate}, s.depth+1)
	}
	return true
}

// batch reads a list of tuples; the numbers say where in them recipient, value (-1:
// none) and data are.
func batch(w *walk, s *scope, list *abi.Value, to, value, data int) bool {
	for i := range list.List {
		t := list.List[i].List
		var v *uint256.Int
		if value >= 0 {
			v = &t[value].Word
		}
		w.inside(s, t[to].Address(), v, t[data].Bytes, false)
	}
	return true
}

// forward reads calls whose coins come with the call around them, so that they are
// counted once.
func forward(w *walk, s *scope, args []abi.Value) bool {
	outer := len(w.m.Effects) - 1
	batch(w, s, &args[0], 0, 2, 3)
	if s.Value.IsZero() || w.m.Truncated {
		return true
	}
	kept := &w.m.Effects[outer].Amount
	for i := range args[0].List {
		v := &args[0].List[i].List[2].Word
		if v.Gt(kept) {
			v = kept
		}
		kept.Sub(kept, v)
	}
	return true
}

// multiSend reads packed calls: operation (1 byte), recipient (20), value (32),
// length of the data (32), data.
func multiSend(w *walk, s *scope, args []abi.Value) bool {
	b := args[0].Bytes
	for len(b) > 0 {
		if len(b) < 85 || b[0] > 1 {
			return false
		}
		var value, size uint256.Int
		value.SetBytes32(b[21:53])
		size.SetBytes32(b[53:85])
		rest := b[85:]
		if !size.IsUint64() || size.Uint64() > uint64(len(rest)) {
			return false
		}
		n := int(size.Uint64())
		w.inside(s, evm.Address(b[1:21]), &value, rest[:n], b[0] == 1)
		b = rest[n:]
	}
	return true
}

// accounts are the functions of accounts that are contracts (Safe, ERC-4337,
// ERC-7579, ERC-7821), and of the entry point of ERC-4337.
func accounts() map[string]reader {
	return map[string]reader{
		"execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)": safe,
		"execTransactionFromModule(address,uint256,bytes,uint8)":                                     operation,
		"execTransactionFromModuleReturnData(address,uint256,bytes,uint8)":                           operation,
		"execute(address,uint256,bytes,uint8)":                                                       operation,
		"executeUserOp(address,uint256,bytes,uint8)":                                                 operation,
		"executeUserOpWithErrorString(address,uint256,bytes,uint8)":                                  operation,
		"execute(address,uint256,bytes)": func(w *walk, s *scope, a []abi.Value) bool {
			w.inside(s, a[0].Address(), &a[1].Word, a[2].Bytes, false)
			return true
		},
		"executeBatch(address[],bytes[])":           func(w *walk, s *scope, a []abi.Value) bool { return columns(w, s, &a[0], nil, &a[1]) },
		"executeBatch(address[],uint256[],bytes[])": func(w *walk, s *scope, a []abi.Value) bool { return columns(w, s, &a[0], &a[1], &a[2]) },
		"executeBatch((address,uint256,bytes)[])":   func(w *walk, s *scope, a []abi.Value) bool { return batch(w, s, &a[0], 0, 1, 2) },
		"execute(bytes32,bytes)":                    modular,
		"executeFromExecutor(bytes32,bytes)":        modular,
		"handleOps((address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,bytes)[],address)": handleOps,
		"handleOps((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],address)":                 handleOps,
	}
}

// operation reads a call with Safe's operation: 0 calls, 1 delegates.
func operation(w *walk, s *scope, a []abi.Value) bool {
	if !a[3].Word.IsUint64() || a[3].Word.Uint64() > 1 {
		return false
	}
	to := a[0].Address()
	w.inside(s, to, &a[1].Word, a[2].Bytes, !a[3].Word.IsZero())
	return true
}

func safe(w *walk, s *scope, a []abi.Value) bool {
	refund(w, &a[5].Word, &a[6].Word, a[7].Address(), a[8].Address())
	return operation(w, s, a)
}

// refund reads what a Safe pays to whoever sends its transaction: a price for each
// gas that was used (of no block more than 2^32) and for as much again as it says.
func refund(w *walk, base, price *uint256.Int, token, to evm.Address) {
	if price.IsZero() {
		return
	}
	kind := Transfer
	if token.IsZero() {
		kind = NativeValue
	}
	w.allow(kind, token, to, product(sum(base, uint256.NewInt(1<<32)), price))
}

func columns(w *walk, s *scope, to, value, data *abi.Value) bool {
	n := len(to.List)
	// Some accounts take no values at all for a list of zeros.
	if len(data.List) != n || value != nil && len(value.List) != 0 && len(value.List) != n {
		return false
	}
	for i := range n {
		var v *uint256.Int
		if value != nil && len(value.List) > 0 {
			v = &value.List[i].Word
		}
		w.inside(s, to.List[i].Address(), v, data.List[i].Bytes, false)
	}
	return true
}

// modular reads execute of ERC-7579: the mode says how to read the calldata. Its
// bytes are the type of call, what happens when one fails, four that are unused, and
// four that choose a variant; ERC-7821 has two.
func modular(w *walk, s *scope, a []abi.Value) bool {
	mode, data := a[0].Bytes, a[1].Bytes
	variant := binary.BigEndian.Uint32(mode[6:10])
	if variant != 0 && (mode[0] != 0x01 || variant != 0x78210001) {
		return false
	}
	switch mode[0] {
	case 0x00: // recipient, value and data without padding
		if len(data) < 52 {
			return false
		}
		value := new(uint256.Int).SetBytes32(data[20:52])
		w.inside(s, evm.Address(data[:20]), value, data[52:], false)
		return true
	case 0x01:
		types := "batch((address,uint256,bytes)[])"
		if variant != 0 && len(data) >= 32 && data[31] == 64 {
			types = "batch((address,uint256,bytes)[],bytes)"
		}
		f, _ := abi.ParseSignature(types)
		args, err := abi.Decode(f.Inputs, data)
		return err == nil && batch(w, s, &args[0], 0, 1, 2)
	case 0xff: // the code of the recipient runs as the account
		if len(data) < 20 {
			return false
		}
		w.inside(s, evm.Address(data[:20]), nil, data[20:], true)
		return true
	}
	return false
}

// handleOps reads operations of users, of the versions 0.6 and 0.7, and what the
// beneficiary gets at most.
func handleOps(w *walk, s *scope, a []abi.Value) bool {
	for i := range a[0].List {
		userOp(w, s, a[0].List[i].List, a[1].Address())
	}
	return true
}

// userOp reads (sender, nonce, initCode, callData, gas..., paymasterAndData,
// signature).
func userOp(w *walk, s *scope, op []abi.Value, beneficiary evm.Address) {
	if len(op[2].Bytes) > 0 {
		w.m.Creates = true
	}
	gas, price := uint256.NewInt(0), new(uint256.Int)
	if op[4].Kind == abi.Uint { // 0.6: call, verification, before it; price, tip
		for _, v := range op[4:7] {
			gas = sum(gas, &v.Word)
		}
		gas = sum(gas, product(&op[5].Word, uint256.NewInt(2))) // a paymaster's checks count as three
		price = &op[7].Word
	} else { // 0.7: verification and call in one word; before it; tip and price in one
		limits := op[4].Bytes
		gas = sum(new(uint256.Int).SetBytes(limits[:16]), new(uint256.Int).SetBytes(limits[16:]))
		gas = sum(gas, &op[5].Word)
		if pm := op[7].Bytes; len(pm) >= 52 { // the paymaster, and its limits
			gas = sum(gas, sum(new(uint256.Int).SetBytes(pm[20:36]), new(uint256.Int).SetBytes(pm[36:52])))
		}
		price.SetBytes(op[6].Bytes[16:])
	}
	w.native(beneficiary, product(gas, price))
	if data := op[3].Bytes; len(data) > 0 {
		w.inside(s, op[0].Address(), nil, data, false)
	}
}
