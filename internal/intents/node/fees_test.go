package node_test

import (
	"math/big"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
)

const (
	history  = "eth_feeHistory"
	tip      = "eth_maxPriorityFeePerGas"
	price    = "eth_gasPrice"
	block    = "eth_getBlockByNumber"
	absent   = `{"error":{"code":-32601,"message":"the method does not exist/is not available"}}`
	internal = `{"error":{"code":-32000,"message":"oops"}}`
)

func TestFees(t *testing.T) {
	const gwei = 1_000_000_000
	for name, tc := range map[string]struct {
		chain         uint64
		answers       map[string]string
		tip, cap      uint64
		legacy, fails bool
	}{
		"the median of what was paid":              {1, map[string]string{history: `{"baseFeePerGas":["0x5","0x64"],"reward":[["0x3"],["0x1"],["0x2"]]}`}, 2, 202, false, false},
		"zeros among what was paid":                {1, map[string]string{history: `{"baseFeePerGas":["0x64"],"reward":[["0x0"],["0x7"],["0x0"]]}`}, 7, 207, false, false},
		"zeros alone, the node has an opinion":     {1, map[string]string{history: `{"baseFeePerGas":["0x64"],"reward":[["0x0"],["0x0"]]}`, tip: `"0x9"`}, 9, 209, false, false},
		"no rewards, the node has an opinion":      {1, map[string]string{history: `{"baseFeePerGas":["0x64"],"reward":[]}`, tip: `"0x9"`}, 9, 209, false, false},
		"rewards null":                             {1, map[string]string{history: `{"baseFeePerGas":["0x64"],"reward":null}`, tip: `"0x9"`}, 9, 209, false, false},
		"empty rewards":                            {1, map[string]string{history: `{"baseFeePerGas":["0x64"],"reward":[[],[]]}`, tip: `"0x9"`}, 9, 209, false, false},
		"no rewards, no opinion: 1 wei":            {1, map[string]string{history: `{"baseFeePerGas":["0x64"]}`, tip: absent}, 1, 201, false, false},
		"an opinion that is an error: 1 wei":       {1, map[string]string{history: `{"baseFeePerGas":["0x64"]}`, tip: internal}, 1, 201, false, false},
		"an opinion of zero: 1 wei":                {1, map[string]string{history: `{"baseFeePerGas":["0x64"]}`, tip: `"0x0"`}, 1, 201, false, false},
		"Polygon's floor":                          {137, map[string]string{history: `{"baseFeePerGas":["0x64"],"reward":[["0x1"]]}`}, 25 * gwei, 200 + 25*gwei, false, false},
		"Polygon above its floor":                  {137, map[string]string{history: `{"baseFeePerGas":["0x64"],"reward":[["0x6fc23ac00"]]}`}, 30 * gwei, 200 + 30*gwei, false, false},
		"no history: the base fee of a block":      {1, map[string]string{history: absent, block: `{"baseFeePerGas":"0x64"}`, tip: `"0x9"`}, 9, 209, false, false},
		"no base fees: the base fee of a block":    {1, map[string]string{history: `{"baseFeePerGas":null}`, block: `{"baseFeePerGas":"0x64"}`, tip: `"0x9"`}, 9, 209, false, false},
		"no base fee at all":                       {1, map[string]string{history: absent, block: `{}`, price: `"0x7"`}, 0, 7, true, false},
		"a chain of type 0":                        {56, map[string]string{history: `{"baseFeePerGas":["0x0"]}`, price: `"0xb2d05e00"`}, 0, 3 * gwei, true, false},
		"a chain of type 0 below its floor":        {56, map[string]string{price: `"0x1"`}, 0, gwei / 20, true, false},
		"a base fee that is zero":                  {1, map[string]string{history: `{"baseFeePerGas":["0x0"],"reward":[["0x5"]]}`}, 5, 5, false, false},
		"a base fee of a broken node":              {1, map[string]string{history: `{"baseFeePerGas":["0xde0b6b3a7640001"],"reward":[["0x5"]]}`}, 0, 0, false, true},
		"a tip of a broken node":                   {1, map[string]string{history: `{"baseFeePerGas":["0x1"],"reward":[["0xde0b6b3a7640001"]]}`}, 0, 0, false, true},
		"a price of a broken node":                 {56, map[string]string{price: `"0xde0b6b3a7640001"`}, 0, 0, false, true},
		"a history of another form is no history":  {1, map[string]string{history: `{"baseFeePerGas":"0x1"}`}, 0, 0, false, true},
		"a node that fails over the whole history": {1, map[string]string{history: internal}, 0, 0, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := fakeNode(t, tc.answers)
			f.chain = node2hex(tc.chain)
			got, err := client(t, start(), node.ProfileOf(tc.chain, "x"), f.URL).Fees(t.Context())
			if (err != nil) != tc.fails {
				t.Fatalf("got %+v, %v", got, err)
			}
			if tc.fails {
				return
			}
			if got.Legacy != tc.legacy || got.TipCap.Uint64() != tc.tip || got.GasPrice.Uint64() != tc.cap || !tc.legacy && got.FeeCap.Uint64() != tc.cap {
				t.Errorf("got tip %s, cap %s, price %s, legacy %v", got.TipCap.Dec(), got.FeeCap.Dec(), got.GasPrice.Dec(), got.Legacy)
			}
		})
	}
}

// TestTheMarketIsNotWhatOneSenderPaid: a tip counts to a bound of the chain.
func TestTheMarketIsNotWhatOneSenderPaid(t *testing.T) {
	const gwei = 1_000_000_000
	rewards := map[string]string{history: `{"baseFeePerGas":["0x64"],"reward":[["0x6fc23ac00"]]}`} // 30 gwei
	for name, tc := range map[string]struct {
		chain   uint64
		answers map[string]string
		market  uint64
	}{
		"a tip below the bound":       {1, map[string]string{history: `{"baseFeePerGas":["0x64"],"reward":[["0x3"]]}`}, 203},
		"a tip above it":              {1, rewards, 200 + 2*gwei},
		"a floor above it":            {137, rewards, 200 + 25*gwei},
		"a price where one is known":  {56, map[string]string{price: `"0x6fc23ac00"`}, 2 * gwei},
		"a price where none is known": {7, map[string]string{history: absent, block: `{}`, price: `"0x6fc23ac00"`}, 30 * gwei},
	} {
		f := fakeNode(t, tc.answers)
		f.chain = node2hex(tc.chain)
		got, err := client(t, start(), node.ProfileOf(tc.chain, "x"), f.URL).Fees(t.Context())
		if err != nil || got.Market.Uint64() != tc.market {
			t.Errorf("%s: the market is %s, %v", name, got.Market.Dec(), err)
		}
	}
}

func node2hex(n uint64) string { return `"` + node.Number(n) + `"` }

func TestTheGasOfATransaction(t *testing.T) {
	for name, tc := range map[string]struct {
		chain, estimate, want uint64
	}{
		"a plain transfer":                 {1, 21_000, 21_000},
		"a fifth more":                     {1, 100_000, 120_000},
		"up to the cap of mainnet":         {1, 16_000_000, 1 << 24},
		"the cap itself":                   {1, 1 << 24, 1 << 24},
		"above the cap":                    {1, 1<<24 + 1, 0},
		"a chain without a cap":            {10, 100_000_000, 120_000_000},
		"Arbitrum's cap":                   {42161, 30_000_000, 32 << 20},
		"up to the cap of Base":            {8453, 16_000_000, 1 << 24},
		"above that of its testnet":        {84532, 1<<24 + 1, 0},
		"up to Polygon's cap":              {137, 30_000_000, 32_000_000},
		"above Polygon's":                  {137, 32_000_001, 0},
		"above Arbitrum's":                 {42161, 32<<20 + 1, 0},
		"a transfer there holds L1's cost": {42161, 21_000, 27_300},
		"half more for pubdata":            {324, 1_000_000, 1_500_000},
		"what does not fit":                {10, 1<<64 - 1, 1<<64 - 1},
	} {
		p := node.ProfileOf(tc.chain, "x")
		got, err := p.GasLimit(tc.estimate)
		if got != tc.want || (err != nil) != (tc.want == 0) || err != nil && fault.CodeOf(err) != "gas_over_cap" {
			t.Errorf("%s: got %d, %v", name, got, err)
		}
	}
}

func TestWhatAChainAddsToGas(t *testing.T) {
	word := func(n int64) string { return `"0x` + leftPad(big.NewInt(n).Text(16)) + `"` }
	for name, tc := range map[string]struct {
		chain   uint64
		answers []string // of L1, of the operator
		want    uint64
		fails   bool
	}{
		"nothing on mainnet":             {1, nil, 0, false},
		"L1 and operator":                {10, []string{word(1000), word(5)}, 1005, false},
		"no operator's fee: it reverts":  {81457, []string{word(1000), `{"error":{"code":3,"message":"execution reverted","data":"0x"}}`}, 1000, false},
		"no operator's fee: no function": {10, []string{word(1000), `"0x"`}, 1000, false},
		"no oracle":                      {10, []string{`"0x"`, word(5)}, 0, true},
		"an oracle that reverts":         {10, []string{`{"error":{"code":3,"message":"execution reverted"}}`, word(5)}, 0, true},
		"a node that fails":              {10, []string{word(1000), internal}, 0, true},
		"more than there is":             {10, []string{`"0x` + leftPad(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)).Text(16)) + `"`, word(5)}, 0, true},
		"Scroll's L1":                    {534352, []string{word(77)}, 77, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := fakeNode(t, nil)
			f.chain = node2hex(tc.chain)
			f.calls = tc.answers
			got, err := client(t, start(), node.ProfileOf(tc.chain, "x"), f.URL).AddedFee(t.Context(), []byte{1, 2, 3}, 21_000)
			if (err != nil) != tc.fails || got.Cmp(uint256.NewInt(tc.want)) != 0 {
				t.Errorf("got %s, %v", got.Dec(), err)
			}
		})
	}
}

func leftPad(s string) string {
	for len(s) < 64 {
		s = "0" + s
	}
	return s
}
