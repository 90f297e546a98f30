package meaning

import (
	"strings"
	"sync"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/evm/typed"
)

// ReadTyped says what a signature of d would allow. Types are known by all of
// their fields, as contracts know them. The functions in known are as in Read, for
// calls inside.
func ReadTyped(d *typed.Data, known map[evm.Address][]abi.Function) Meaning {
	var m Meaning
	w := walk{m: &m, known: known}
	text := d.EncodeType()
	m.Function, _, _ = strings.Cut(text, ")")
	m.Function += ")"
	s := signature{message: &d.Message}
	if d.Domain.VerifyingContract != nil {
		s.contract = *d.Domain.VerifyingContract
	}
	if d.Domain.ChainID != nil {
		s.chain = *d.Domain.ChainID
	}
	read := signatures()[text]
	for begin, r := range witnesses() {
		if strings.HasPrefix(text, begin) {
			read = r
		}
	}
	if read == nil || !read(&w, &s) {
		w.unknown(&s.contract)
	}
	return m
}

type signature struct {
	contract evm.Address
	chain    uint64
	message  *typed.Value
}

func (s *signature) address(field string) evm.Address { return s.message.Get(field).Address() }

func (s *signature) amount(field string) *uint256.Int { return &s.message.Get(field).Word }

// nested is the scope of calls that the account which verifies the signature makes.
func (s *signature) nested() *scope {
	return &scope{Call: &Call{ChainID: s.chain, To: &s.contract}, depth: -1}
}

const (
	details     = "PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
	permissions = "TokenPermissions(address token,uint256 amount)"
	moved       = "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)

// signatures are the known types: EIP-2612, Dai, Permit2, EIP-3009, Safe, ERC-4337
// (0.8), ERC-2771, and orders of CoW, 0x, 1inch and Seaport.
var signatures = sync.OnceValue(func() map[string]func(*walk, *signature) bool {
	return map[string]func(*walk, *signature) bool{
		"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)": func(w *walk, s *signature) bool {
			w.allow(Permit, s.contract, s.address("spender"), s.amount("value"))
			return true
		},
		"Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)": func(w *walk, s *signature) bool {
			if s.message.Get("allowed").Bool() {
				w.all(Permit, s.contract, s.address("spender"))
			}
			return true
		},
		"PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)" + details:  func(w *walk, s *signature) bool { return permitSingle(w, &s.message.Value) },
		"PermitBatch(PermitDetails[] details,address spender,uint256 sigDeadline)" + details: func(w *walk, s *signature) bool { return permitBatch(w, &s.message.Value) },

		"PermitTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline)" + permissions:        transferOne,
		"PermitBatchTransferFrom(TokenPermissions[] permitted,address spender,uint256 nonce,uint256 deadline)" + permissions: transferMany,

		"TransferWithAuthorization" + moved:                     authorization,
		"ReceiveWithAuthorization" + moved:                      authorization,
		"CancelAuthorization(address authorizer,bytes32 nonce)": func(*walk, *signature) bool { return true },
		"SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)": safeTx,
		"PackedUserOperation(address sender,uint256 nonce,bytes initCode,bytes callData,bytes32 accountGasLimits,uint256 preVerificationGas,bytes32 gasFees,bytes paymasterAndData)": func(w *walk, s *signature) bool {
			userOp(w, s.nested(), s.message.List, s.contract)
			return true
		},
		"ForwardRequest(address from,address to,uint256 value,uint256 gas,uint256 nonce,uint48 deadline,bytes data)": func(w *walk, s *signature) bool {
			to := s.address("to")
			w.call(Call{ChainID: s.chain, From: s.address("from"), To: &to, Value: *s.amount("value"), Data: s.message.Get("data").Bytes}, 0)
			return true
		},

		"Order(address sellToken,address buyToken,address receiver,uint256 sellAmount,uint256 buyAmount,uint32 validTo,bytes32 appData,uint256 feeAmount,string kind,bool partiallyFillable,string sellTokenBalance,string buyTokenBalance)": func(w *walk, s *signature) bool {
			return offer(w, s, "sellToken", "receiver", sum(s.amount("sellAmount"), s.amount("feeAmount")))
		},
		"Order(uint256 salt,address maker,address receiver,address makerAsset,address takerAsset,uint256 makingAmount,uint256 takingAmount,uint256 makerTraits)": func(w *walk, s *signature) bool {
			return offer(w, s, "makerAsset", "receiver", s.amount("makingAmount"))
		},
		"LimitOrder(address makerToken,address takerToken,uint128 makerAmount,uint128 takerAmount,uint128 takerTokenFeeAmount,address maker,address taker,address sender,address feeRecipient,bytes32 pool,uint64 expiry,uint256 salt)": func(w *walk, s *signature) bool {
			return order(w, s, "makerToken", "taker", s.amount("makerAmount"))
		},
		"RfqOrder(address makerToken,address takerToken,uint128 makerAmount,uint128 takerAmount,address maker,address taker,address txOrigin,bytes32 pool,uint64 expiry,uint256 salt)": func(w *walk, s *signature) bool {
			return order(w, s, "makerToken", "taker", s.amount("makerAmount"))
		},
		"OrderComponents(address offerer,address zone,OfferItem[] offer,ConsiderationItem[] consideration,uint8 orderType,uint256 startTime,uint256 endTime,bytes32 zoneHash,uint256 salt,bytes32 conduitKey,uint256 counter)" +
			"ConsiderationItem(uint8 itemType,address token,uint256 identifierOrCriteria,uint256 startAmount,uint256 endAmount,address recipient)" +
			"OfferItem(uint8 itemType,address token,uint256 identifierOrCriteria,uint256 startAmount,uint256 endAmount)": offers,
	}
})

// witnesses are the types that end in a struct of the spender's own, by how they
// begin. What that struct says does not change what the spender may take.
func witnesses() map[string]func(*walk, *signature) bool {
	const rest = "address spender,uint256 nonce,uint256 deadline,"
	return map[string]func(*walk, *signature) bool{
		"PermitWitnessTransferFrom(TokenPermissions permitted," + rest:        transferOne,
		"PermitBatchWitnessTransferFrom(TokenPermissions[] permitted," + rest: transferMany,
	}
}

func transferOne(w *walk, s *signature) bool {
	return permitted(w, s, s.message.Get("permitted"))
}

func transferMany(w *walk, s *signature) bool {
	items := s.message.Get("permitted").Items()
	for i := range items {
		if !permitted(w, s, &items[i]) {
			return false
		}
	}
	return true
}

// permitted reads TokenPermissions. A type that begins as one with a witness may
// have another struct of that name.
func permitted(w *walk, s *signature, p *typed.Value) bool {
	token, amount := p.Get("token"), p.Get("amount")
	if token == nil || amount == nil || token.Type != "address" || amount.Type != "uint256" {
		return false
	}
	w.allow(Permit2, token.Address(), s.address("spender"), &amount.Word)
	return true
}

func authorization(w *walk, s *signature) bool {
	w.allow(EIP3009, s.contract, s.address("to"), s.amount("value"))
	return true
}

func safeTx(w *walk, s *signature) bool {
	refund(w, s.amount("baseGas"), s.amount("gasPrice"), s.address("gasToken"), s.address("refundReceiver"))
	return operation(w, s.nested(), s.message.List)
}

// offer reads what is sold to anybody who fills the order: the contract that settles it gives it
// to them. The receiver, who gets what is bought, may get nothing, and is named besides.
func offer(w *walk, s *signature, token, receiver string, amount *uint256.Int) bool {
	w.allow(Order, s.address(token), s.contract, amount)
	if who := s.address(receiver); !who.IsZero() {
		w.allow(Order, s.address(token), who, new(uint256.Int))
	}
	return true
}

// order reads what is sold to the taker, where one is named who alone may fill the order, and else
// to anybody through the contract that settles it.
func order(w *walk, s *signature, token, taker string, amount *uint256.Int) bool {
	who := s.address(taker)
	if who.IsZero() {
		who = s.contract
	}
	w.allow(Order, s.address(token), who, amount)
	return true
}

func offers(w *walk, s *signature) bool {
	items := s.message.Get("offer").Items()
	for i := range items {
		amount := &items[i].Get("startAmount").Word
		if last := &items[i].Get("endAmount").Word; last.Gt(amount) {
			amount = last
		}
		w.allow(Order, items[i].Get("token").Address(), s.contract, amount)
	}
	return true
}
