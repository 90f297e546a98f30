package meaning

import (
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
)

// routers are the functions of Uniswap's Universal Router. Its commands for Permit2
// are read; swaps and payments by the router are not, so a call with such stays
// unknown until somebody vouches for it.
func routers() map[string]reader {
	return map[string]reader{
		"execute(bytes,bytes[])":         router,
		"execute(bytes,bytes[],uint256)": router,
	}
}

func router(w *walk, s *scope, a []abi.Value) bool {
	commands, inputs := a[0].Bytes, a[1].List
	if len(commands) != len(inputs) {
		return false
	}
	all := true
	for i, c := range commands {
		if !command(w, s, c&0x7f, inputs[i].Bytes) { // the highest bit allows it to fail
			all = false
		}
	}
	return all
}

func command(w *walk, s *scope, which byte, input []byte) bool {
	var types string
	switch which {
	case 0x02:
		types = "transferFrom(address,address,uint160)"
	case 0x03:
		types = "permitBatch(((address,uint160,uint48,uint48)[],address,uint256),bytes)"
	case 0x0a:
		types = "permit(((address,uint160,uint48,uint48),address,uint256),bytes)"
	case 0x0d:
		types = "transferFromBatch((address,address,uint160,address)[])"
	case 0x0e:
		return true // checks a balance
	default:
		return false
	}
	f, _ := abi.ParseSignature(types)
	args, err := abi.Decode(f.Inputs, input)
	if err != nil {
		return false
	}
	switch which {
	case 0x03:
		return permitBatch(w, &args[0])
	case 0x0a:
		return permitSingle(w, &args[0])
	case 0x0d:
		return transfersFrom(w, &args[0])
	}
	to := args[1].Address()
	switch to { // two numbers stand for the sender and the router
	case evm.Address{19: 1}:
		to = s.From
	case evm.Address{19: 2}:
		to = s.account()
	}
	w.allow(TransferFrom, args[0].Address(), to, &args[2].Word)
	return true
}
