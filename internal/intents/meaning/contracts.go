package meaning

import (
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// harmless reports whether the code of a contract, run as an account, does no more
// than the calls that it is asked for: Safe's MultiSend and MultiSendCallOnly of
// the versions 1.1.1, 1.3.0 (three ways of deploying) and 1.4.1.
func harmless(a evm.Address) bool { return multiSends()[a] }

var multiSends = sync.OnceValue(func() map[evm.Address]bool {
	return addresses(
		"0x8D29bE29923b68abfDD21e541b9374737B49cdAD",
		"0xA238CBeb142c10Ef7Ad8442C6D1f9E89e07e7761", "0x40A2aCCbd92BCA938b02010E17A5b8929b49130D",
		"0x998739BFdAAdde7C933B942a68053933098f9EDa", "0xA1dabEF33b3B82c7814B6D82A79e50F4AC44102B",
		"0x0dFcccB95225ffB03c6FBB2559B530C2B7C8A912", "0xf220D3b4DFb23C4ade8C88E526C1353AbAcbC38F",
		"0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526", "0x9641d764fc13c8B624c04430C7356C1C7C8102e2",
	)
})

// OwnCoin reports whether a contract moves the coin of a chain: a call of it that can't be
// read may be a payment.
func OwnCoin(contract evm.Address) bool { return coins()[contract] || precompiled(contract) }

// ownCoin reports whether a token is the coin of a chain under another name: the
// contracts that move it for functions of ERC-20 on Celo and its testnet, on the
// chains of Moonbeam and on those of the OVM, and the address that orders name for
// it. On other chains there is nothing at these addresses.
func ownCoin(token evm.Address) bool { return token.IsZero() || coins()[token] }

// precompiled reports whether a chain itself runs the calls of an address, as the chains of Moonbeam
// do at 0x0800 to 0x0fff: several there move the caller's coins by functions of their own, such as
// Batch (0x0808), XTokens (0x0804) and the treasury's. On other chains there is nothing there.
func precompiled(a evm.Address) bool {
	for _, b := range a[:len(a)-2] {
		if b != 0 {
			return false
		}
	}
	return a[len(a)-2] >= 0x08 && a[len(a)-2] <= 0x0f
}

var coins = sync.OnceValue(func() map[evm.Address]bool {
	return addresses(
		"0x471EcE3750Da237f93B8E339c536989b8978a438", "0xF194afDf50B03e69Bd7D057c1Aa9e10c9954E4C9",
		"0x0000000000000000000000000000000000000802",
		"0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000",
		"0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE",
	)
})

func addresses(list ...string) map[evm.Address]bool {
	out := map[evm.Address]bool{}
	for _, s := range list {
		a, err := evm.ParseAddress(s)
		if err != nil {
			panic("meaning: " + s + " is no address") // a test makes the tables
		}
		out[a] = true
	}
	return out
}
