package meaning

import (
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
)

// scope is the call that a function was asked for in.
type scope struct {
	*Call

	depth int
}

// reader adds what a function does, and reports whether that is all it does.
type reader func(w *walk, s *scope, args []abi.Value) bool

type standard struct {
	abi.Function

	signature string
	read      reader
	opaque    bool // a function of one contract, which somebody may vouch for
}

// standards is made once. It has no initializer: readers look into it.
var standards struct {
	once       sync.Once
	bySelector map[[4]byte]standard
}

// table is the standard functions by selector.
func table() map[[4]byte]standard {
	standards.once.Do(func() {
		out := map[[4]byte]standard{}
		for i, functions := range []map[string]reader{routers(), tokens(), permit2(), calls(), accounts()} {
			for signature, read := range functions {
				f, err := abi.ParseSignature(signature)
				if err != nil || out[f.Selector].read != nil {
					panic("meaning: " + signature + " is no function, or has the selector of another") // a test makes the table
				}
				out[f.Selector] = standard{Function: f, signature: signature, read: read, opaque: i == 0}
			}
		}
		standards.bySelector = out
	})
	return standards.bySelector
}

// nothing is for functions that give nobody anything.
func nothing(*walk, *scope, []abi.Value) bool { return true }

// tokens are the functions of ERC-20 and what is common beside it, ERC-677, 721,
// 777, 1155, 1363, 2612 and 3009. The id of an NFT counts as an amount where ERC-20
// has the same function.
func tokens() map[string]reader {
	return map[string]reader{
		"transfer(address,uint256)":                          give(Transfer, 0, 1),
		"transferFrom(address,address,uint256)":              give(TransferFrom, 1, 2),
		"approve(address,uint256)":                           give(Approve, 0, 1),
		"increaseAllowance(address,uint256)":                 give(IncreaseAllowance, 0, 1),
		"increaseApproval(address,uint256)":                  give(IncreaseAllowance, 0, 1),
		"decreaseAllowance(address,uint256)":                 nothing,
		"decreaseApproval(address,uint256)":                  nothing,
		"transferAndCall(address,uint256)":                   give(Transfer, 0, 1),
		"transferAndCall(address,uint256,bytes)":             give(Transfer, 0, 1),
		"transferFromAndCall(address,address,uint256)":       give(TransferFrom, 1, 2),
		"transferFromAndCall(address,address,uint256,bytes)": give(TransferFrom, 1, 2),
		"approveAndCall(address,uint256)":                    give(Approve, 0, 1),
		"approveAndCall(address,uint256,bytes)":              give(Approve, 0, 1),
		"send(address,uint256,bytes)":                        give(Transfer, 0, 1),
		"operatorSend(address,address,uint256,bytes,bytes)":  give(TransferFrom, 1, 2),
		"authorizeOperator(address)":                         operator,
		"revokeOperator(address)":                            nothing,
		"setApprovalForAll(address,bool)":                    approvalForAll,

		"safeTransferFrom(address,address,uint256)":                        nft,
		"safeTransferFrom(address,address,uint256,bytes)":                  nft,
		"safeTransferFrom(address,address,uint256,uint256,bytes)":          give(NFTTransfer, 1, 3),
		"safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)": nfts,

		"permit(address,address,uint256,uint256,uint8,bytes32,bytes32)":      give(Permit, 1, 2),
		"permit(address,address,uint256,uint256,bytes)":                      give(Permit, 1, 2),
		"permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)": daiPermit,

		"transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)": give(EIP3009, 1, 2),
		"transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)":                 give(EIP3009, 1, 2),
		"receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)":  give(EIP3009, 1, 2),
		"receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)":                  give(EIP3009, 1, 2),
		"cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)":                                       nothing,
		"cancelAuthorization(address,bytes32,bytes)":                                                       nothing,
	}
}

// give is for functions with a recipient or spender and an amount among their
// arguments.
func give(kind Kind, to, amount int) reader {
	return func(w *walk, s *scope, args []abi.Value) bool {
		w.allow(kind, *s.To, args[to].Address(), &args[amount].Word)
		return true
	}
}

func operator(w *walk, s *scope, args []abi.Value) bool {
	w.all(ApprovalForAll, *s.To, args[0].Address())
	return true
}

func approvalForAll(w *walk, s *scope, args []abi.Value) bool {
	if args[1].Bool() {
		w.all(ApprovalForAll, *s.To, args[0].Address())
	}
	return true
}

func nft(w *walk, s *scope, args []abi.Value) bool {
	one := abi.OfUint64(1)
	w.allow(NFTTransfer, *s.To, args[1].Address(), &one.Word)
	return true
}

func nfts(w *walk, s *scope, args []abi.Value) bool {
	all := abi.OfUint64(0)
	for i := range args[3].List {
		all.Word = *sum(&all.Word, &args[3].List[i].Word)
	}
	w.allow(NFTTransfer, *s.To, args[1].Address(), &all.Word)
	return true
}

func daiPermit(w *walk, s *scope, args []abi.Value) bool {
	if args[4].Bool() {
		w.all(Permit, *s.To, args[1].Address())
	}
	return true
}

// permit2 is the functions of Uniswap's Permit2.
func permit2() map[string]reader {
	return map[string]reader{
		"approve(address,address,uint160,uint48)": func(w *walk, _ *scope, a []abi.Value) bool {
			w.allow(Permit2, a[0].Address(), a[1].Address(), &a[2].Word)
			return true
		},
		"permit(address,((address,uint160,uint48,uint48),address,uint256),bytes)":   func(w *walk, _ *scope, a []abi.Value) bool { return permitSingle(w, &a[1]) },
		"permit(address,((address,uint160,uint48,uint48)[],address,uint256),bytes)": func(w *walk, _ *scope, a []abi.Value) bool { return permitBatch(w, &a[1]) },
		"transferFrom(address,address,uint160,address)": func(w *walk, _ *scope, a []abi.Value) bool {
			w.allow(TransferFrom, a[3].Address(), a[1].Address(), &a[2].Word)
			return true
		},
		"transferFrom((address,address,uint160,address)[])": func(w *walk, _ *scope, a []abi.Value) bool { return transfersFrom(w, &a[0]) },

		"permitTransferFrom(((address,uint256),uint256,uint256),(address,uint256),address,bytes)":                           permitTransfer,
		"permitWitnessTransferFrom(((address,uint256),uint256,uint256),(address,uint256),address,bytes32,string,bytes)":     permitTransfer,
		"permitTransferFrom(((address,uint256)[],uint256,uint256),(address,uint256)[],address,bytes)":                       permitTransfers,
		"permitWitnessTransferFrom(((address,uint256)[],uint256,uint256),(address,uint256)[],address,bytes32,string,bytes)": permitTransfers,
		"lockdown((address,address)[])":              nothing,
		"invalidateNonces(address,address,uint48)":   nothing,
		"invalidateUnorderedNonces(uint256,uint256)": nothing,
	}
}

// permitSingle reads ((token, amount, expiration, nonce), spender, deadline).
func permitSingle(w *walk, p *abi.Value) bool {
	d := p.List[0].List
	w.allow(Permit2, d[0].Address(), p.List[1].Address(), &d[1].Word)
	return true
}

// permitBatch reads ((token, amount, expiration, nonce)[], spender, deadline).
func permitBatch(w *walk, p *abi.Value) bool {
	for i := range p.List[0].List {
		d := p.List[0].List[i].List
		w.allow(Permit2, d[0].Address(), p.List[1].Address(), &d[1].Word)
	}
	return true
}

// transfersFrom reads (from, to, amount, token)[].
func transfersFrom(w *walk, list *abi.Value) bool {
	for i := range list.List {
		d := list.List[i].List
		w.allow(TransferFrom, d[3].Address(), d[1].Address(), &d[2].Word)
	}
	return true
}

func permitTransfer(w *walk, _ *scope, a []abi.Value) bool {
	permitted, details := a[0].List[0].List, a[1].List
	w.allow(TransferFrom, permitted[0].Address(), details[0].Address(), &details[1].Word)
	return true
}

func permitTransfers(w *walk, _ *scope, a []abi.Value) bool {
	permitted, details := a[0].List[0].List, a[1].List
	if len(permitted) != len(details) {
		return false
	}
	for i := range details {
		to, amount := &details[i].List[0], &details[i].List[1]
		w.allow(TransferFrom, permitted[i].List[0].Address(), to.Address(), &amount.Word)
	}
	return true
}
