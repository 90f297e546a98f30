package simulate

import (
	"context"
	"strings"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
)

// maxTokens bounds how many tokens are asked what they are called.
const maxTokens = 16

type token struct {
	symbol   string
	decimals int
}

// describe adds to changes what tokens are called and how many decimals they have. A
// token that does not say is shown in its smallest unit.
func describe(ctx context.Context, c *node.Client, results []Result) {
	known := map[evm.Address]token{{}: {decimals: 18}}
	for i := range results {
		for j := range results[i].Changes {
			ch := &results[i].Changes[j]
			t, ok := known[ch.Token]
			if !ok && len(known) <= maxTokens {
				t = ask(ctx, c, ch.Token)
				known[ch.Token] = t
			} else if !ok {
				t = token{decimals: -1}
			}
			ch.Symbol, ch.Decimals = t.symbol, t.decimals
			if ch.TokenID != nil {
				ch.Decimals = 0
			}
		}
	}
}

func ask(ctx context.Context, c *node.Client, at evm.Address) token {
	t := token{decimals: -1}
	read := func(function string) []byte {
		selector := evm.Keccak256([]byte(function))
		out, err := c.Call(ctx, node.Message{To: &at, Data: selector[:4], Gas: 200_000})
		if err != nil {
			return nil
		}
		return out
	}
	if out := read("decimals()"); len(out) == 32 {
		if n := new(uint256.Int).SetBytes(out); n.LtUint64(78) {
			t.decimals = int(n.Uint64())
		}
	}
	t.symbol = symbol(read("symbol()"))
	return t
}

// maxSymbol bounds what a token may call itself.
const maxSymbol = 32

// symbol reads a string, or the bytes32 of older tokens.
func symbol(out []byte) string {
	text := ""
	if kind, err := abi.ParseType("string"); err == nil {
		if values, err := abi.Decode([]abi.Type{kind}, out); err == nil {
			text = string(values[0].Bytes)
		}
	}
	if len(out) == 32 {
		text = strings.TrimRight(string(out), "\x00")
	}
	text = strings.TrimSpace(node.Clean(text))
	if len(text) > maxSymbol {
		return ""
	}
	return text
}
