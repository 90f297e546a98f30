package simulate

import (
	"fmt"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
)

// panics are the codes of Solidity's Panic(uint256).
var panics = map[uint64]string{
	0x00: "a generic panic", 0x01: "an assertion failed", 0x11: "arithmetic overflow or underflow", 0x12: "division or modulo by zero",
	0x21: "a value that is no member of the enum", 0x22: "storage bytes that are encoded wrongly", 0x31: "pop from an empty array",
	0x32: "an array index out of bounds", 0x41: "too much memory", 0x51: "a call of a function pointer that is not set",
}

// halted is a transaction that the EVM ran and that failed. A revert leaves gas over, all
// other failures take what there is; some nodes do not say which one it was.
func halted(data []byte, message string, usedAll bool, known []abi.ErrorDef) Result {
	said := strings.ToLower(message)
	switch {
	case len(data) > 0 || strings.Contains(said, "revert"):
		return reverted(data, message, known)
	case strings.Contains(said, "out of gas") || strings.Contains(said, "outofgas"):
		return outOfGas(message)
	case strings.Contains(said, "execution failed") && usedAll:
		r := outOfGas(message)
		r.Human = "The transaction would use up all its gas. Give it a higher gas_limit, unless the contract meets an invalid instruction."
		return r
	case strings.Contains(said, "execution failed"):
		return reverted(data, message, known)
	}
	return Result{Status: Reverted, ErrorCode: codeHalted, Error: message, Human: "The transaction would fail: " + message + "."}
}

func outOfGas(message string) Result {
	return Result{Status: Reverted, ErrorCode: codeOutOfGas, Error: message, Human: "The transaction would run out of gas. Give it a higher gas_limit."}
}

// reverted reads the data of a revert: Error(string), Panic(uint256), or an error that
// is known.
func reverted(data []byte, message string, known []abi.ErrorDef) Result {
	r := Result{Status: Reverted, ErrorCode: codeReverted, Error: message, Human: "The transaction would be reverted, and the contract does not say why."}
	if len(data) < 4 {
		return r
	}
	if text, ok := one(data, "Error(string)"); ok {
		r.RevertReason = node.Clean(string(text.Bytes))
		r.Human = "The transaction would be reverted: " + r.RevertReason
		return r
	}
	if code, ok := one(data, "Panic(uint256)"); ok {
		r.ErrorCode, r.RevertReason = codePanic, "Panic("+code.Word.Hex()+")"
		if what, known := panics[code.Word.Uint64()]; known && code.Word.IsUint64() {
			r.RevertReason += ": " + what
		}
		r.Human = "The contract would panic: " + r.RevertReason
		return r
	}
	r.ErrorCode, r.RevertReason = codeCustom, node.Hex(data[:4])
	for i := range known {
		def := abi.Function(known[i])
		if args, err := def.Decode(data); err == nil && [4]byte(data[:4]) == def.Selector {
			r.RevertReason = node.Clean(fmt.Sprintf("%s(%s)", def.Name, joined(args)))
			break
		}
	}
	r.Human = "The transaction would be reverted with the contract's error " + r.RevertReason
	return r
}

// one decodes the only argument of an error.
func one(data []byte, signature string) (abi.Value, bool) {
	def, err := abi.ParseSignature(signature)
	if err != nil || [4]byte(data[:4]) != def.Selector {
		return abi.Value{}, false
	}
	args, err := def.Decode(data)
	if err != nil || len(args) != 1 {
		return abi.Value{}, false
	}
	return args[0], true
}

func joined(args []abi.Value) string {
	texts := make([]string, len(args))
	for i := range args {
		texts[i] = args[i].String()
	}
	return strings.Join(texts, ", ")
}

// word is the address in the last 20 bytes of a word, which must have nothing else.
func word(h evm.Hash) (evm.Address, bool) {
	return evm.Address(h[12:]), [12]byte(h[:12]) == [12]byte{}
}
