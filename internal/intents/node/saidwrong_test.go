package node_test

import (
	"context"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
)

// TestAnErrorOfANodeIsNoneOfOurs: the next node is asked, and where none is left the answer is 503, whatever the read.
func TestAnErrorOfANodeIsNoneOfOurs(t *testing.T) {
	reads := map[string]struct {
		result string
		ask    func(context.Context, *node.Client) error
	}{
		"eth_getTransactionCount": {`"0x7"`, func(ctx context.Context, c *node.Client) error {
			_, err := c.PendingNonce(ctx, evm.Address{})
			return err
		}},
		"eth_getBalance": {`"0x7"`, func(ctx context.Context, c *node.Client) error {
			_, err := c.Balance(ctx, evm.Address{})
			return err
		}},
		"eth_blockNumber": {`"0x7"`, func(ctx context.Context, c *node.Client) error {
			_, err := c.BlockNumber(ctx)
			return err
		}},
		"eth_feeHistory": {`{"baseFeePerGas":["0x1"],"reward":[["0x1"]]}`, func(ctx context.Context, c *node.Client) error {
			_, err := c.Fees(ctx)
			return err
		}},
		"eth_estimateGas": {`"0x5208"`, func(ctx context.Context, c *node.Client) error {
			_, err := c.EstimateGas(ctx, node.Message{})
			return err
		}},
		"eth_getTransactionReceipt": {`null`, func(ctx context.Context, c *node.Client) error {
			_, _, err := c.Receipt(ctx, evm.Hash{})
			return err
		}},
		"eth_call": {`"0x"`, func(ctx context.Context, c *node.Client) error {
			_, err := c.Call(ctx, node.Message{})
			return err
		}},
	}
	for name, answer := range map[string]string{
		"internal":              `{"error":{"code":-32603,"message":"Internal error"}}`,
		"header":                `{"error":{"code":-32000,"message":"header not found"}}`,
		"block":                 `{"error":{"code":-32000,"message":"unknown block"}}`,
		"state":                 `{"error":{"code":-32000,"message":"missing trie node 5f (path ) state 0x5f is not available, not found"}}`,
		"method":                `{"error":{"code":-32601,"message":"the method is not available"}}`,
		"method of a provider":  `{"error":{"code":-32004,"message":"Method not supported"}}`,
		"resource":              `{"error":{"code":-32001,"message":"Unable to complete request at this time."}}`,
		"unavailable":           `{"error":{"code":-32002,"message":"resource unavailable"}}`,
		"limit":                 `{"error":{"code":-32005,"message":"daily request count exceeded, request rate limited"}}`,
		"a number of HTTP":      `{"error":{"code":503,"message":"upstream unavailable"}}`,
		"a code that is a word": `{"error":{"code":"E1","message":"something"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			for method, read := range reads {
				ill := fakeNode(t, map[string]string{method: answer, "eth_getBlockByNumber": answer, "eth_gasPrice": answer})
				err := read.ask(t.Context(), client(t, start(), mainnet(), ill.URL))
				if fault.KindOf(err) != fault.Unavailable || fault.CodeOf(err) != "node_unavailable" {
					t.Errorf("%s of one node: %v (%q)", method, err, fault.CodeOf(err))
				}
				if ill.count(method) == 0 {
					t.Errorf("%s was not asked", method)
				}
				well := fakeNode(t, map[string]string{method: read.result})
				if err := read.ask(t.Context(), client(t, start(), mainnet(), ill.URL, well.URL)); err != nil {
					t.Errorf("%s of two nodes: %v", method, err)
				}
			}
		})
	}
}
