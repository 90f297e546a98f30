// Package simulate has a node run transactions without sending them.
//
// Its promise: what it says is what a node says, and evidence, never the only gate. A
// transaction that a node ran and that succeeded is a success, one that it ran and that
// failed is reverted, and all else is an error: an answer of a shape that is not known,
// or of nobody, is never a success.
package simulate

import (
	"context"
	"errors"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
)

// Status is what became of a simulated transaction.
type Status string

// The statuses (contract, section 7). The zero value is none of them.
const (
	Success  Status = "success"
	Reverted Status = "reverted"
	Failed   Status = "error" // it was not run, or nobody knows how it went
)

// Result is what is known of one transaction.
type Result struct {
	ID        string
	Dashboard string // where people look at it; empty: nowhere
	Status    Status
	Method    string // by which it was run; empty: by none
	GasUsed   uint64
	Changes   []Change

	// What follows is empty with Success.
	ErrorCode    string // for programs: one of the codes below, or of a fault
	Error        string // what happened, in the words of the EVM or the node, cleaned and bounded
	Human        string // for people
	RevertReason string // the contract's own words, or its error with arguments
}

// What a program is told of a transaction that failed in the EVM. Others say why it was not
// run: insufficient_funds, bundle_unsupported, simulation_failed, node_unavailable.
const (
	codeReverted = "execution_reverted" // with a reason or without one
	codePanic    = "panic"
	codeCustom   = "custom_error"
	codeOutOfGas = "out_of_gas"
	codeHalted   = "execution_halted" // in another way
)

// The ways of running a transaction, the best first.
const (
	bySimulate = "eth_simulateV1"
	byTrace    = "debug_traceCall"
	byCall     = "eth_call"
)

// MaxBundle is the most transactions of one bundle.
const MaxBundle = 32

var errBundle = fault.New(fault.Invalid, "invalid_bundle", "A bundle has 1 to 32 transactions.")

// Simulator has transactions run. The zero value asks the chain's nodes alone.
type Simulator struct {
	Tenderly *Tenderly // asked first; nil: it is not
}

// Run simulates transactions on the newest block, in sequence on one state: each sees
// what those before it did. known are errors of contracts, for their reverts; it may be
// nil. There is a Result for each transaction, or an error when the bundle is none.
func (s Simulator) Run(ctx context.Context, c *node.Client, txs []node.Message, known []abi.ErrorDef) ([]Result, error) {
	if len(txs) == 0 || len(txs) > MaxBundle {
		return nil, errBundle
	}
	if s.Tenderly != nil {
		results, err := s.Tenderly.run(ctx, c, txs, known)
		switch {
		case err == nil:
			describe(ctx, c, results)
			return results, nil
		case !errors.Is(err, errNotRun):
			return all(len(txs), refused(err, known)), nil
		}
	}
	results, err := simulated(ctx, c, txs, known)
	if errors.Is(err, node.ErrUnsupported) {
		if len(txs) > 1 {
			return all(len(txs), failed("bundle_unsupported", "The nodes of this chain run no bundles: they do not offer eth_simulateV1.")), nil
		}
		var one Result
		if one, err = traced(ctx, c, &txs[0], known); errors.Is(err, node.ErrUnsupported) {
			one, err = called(ctx, c, &txs[0], known), nil
		}
		results = []Result{one}
	}
	if err != nil {
		return all(len(txs), refused(err, known)), nil
	}
	describe(ctx, c, results)
	for i := range results {
		results[i].ID = ids.New()
	}
	return results, nil
}

func all(n int, r Result) []Result {
	out := make([]Result, n)
	for i := range out {
		out[i] = r
		out[i].ID = ids.New()
	}
	return out
}

func failed(code, text string) Result {
	return Result{Status: Failed, ErrorCode: code, Error: text, Human: text}
}

// refused is the result where the node would not run the transactions. Only a revert
// says that they were run.
func refused(err error, known []abi.ErrorDef) Result {
	said, ok := errors.AsType[*node.Error](err)
	if !ok {
		if f, ok := errors.AsType[*fault.Error](err); ok {
			return failed(f.Code, f.Detail)
		}
		return failed("simulation_failed", "The node's answer to the simulation is not understood.")
	}
	switch {
	case said.Reverted():
		return reverted(said.Data, said.Message, known)
	case said.Lacks("out of gas", "outofgas", "gas required exceeds", "intrinsic gas"):
		return outOfGas(said.Message)
	case said.Lacks("insufficient funds", "insufficient balance"):
		r := failed("insufficient_funds", said.Message)
		r.Human = "The account has not enough of the chain's coin for the value."
		return r
	}
	r := failed("simulation_failed", said.Message)
	r.Human = "The node did not run the transaction."
	return r
}

// gasOf is the gas of each transaction that names none: its part of a block, within the
// chain's cap. Some nodes take no transaction without it.
func gasOf(ctx context.Context, c *node.Client, txs []node.Message) ([]node.Message, error) {
	const most = 30_000_000
	limit, err := c.BlockGasLimit(ctx)
	if err != nil {
		return nil, err
	}
	share := min(most, limit/uint64(len(txs)))
	if c.Profile.GasCap > 0 {
		share = min(share, c.Profile.GasCap)
	}
	out := make([]node.Message, len(txs))
	for i, tx := range txs {
		if tx.Gas == 0 {
			tx.Gas = share
		}
		out[i] = tx
	}
	return out, nil
}

// simulated is eth_simulateV1.
func simulated(ctx context.Context, c *node.Client, txs []node.Message, known []abi.ErrorDef) ([]Result, error) {
	calls, err := gasOf(ctx, c, txs)
	if err != nil {
		return nil, err
	}
	var blocks []struct {
		Calls []struct {
			Status  *node.Uint64 `json:"status"`
			GasUsed *node.Uint64 `json:"gasUsed"`
			Return  node.Bytes   `json:"returnData"`
			Logs    []log        `json:"logs"`
			Error   *struct {
				Message string     `json:"message"`
				Data    node.Bytes `json:"data"`
			} `json:"error"`
		} `json:"calls"`
	}
	err = c.Ask(ctx, &blocks, bySimulate, map[string]any{
		"blockStateCalls": []any{map[string]any{"calls": calls}}, "traceTransfers": true,
	}, "latest")
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 || len(blocks[0].Calls) != len(txs) {
		return nil, errShape
	}
	out := make([]Result, len(txs))
	for i, call := range blocks[0].Calls {
		switch {
		case call.Status == nil || call.GasUsed == nil || *call.Status > 1 || *call.Status == 1 && call.Error != nil:
			return nil, errShape
		case *call.Status == 1:
			out[i] = Result{Status: Success, Changes: changes(call.Logs)}
		default:
			data, message := []byte(call.Return), "execution reverted"
			if call.Error != nil {
				message = node.Clean(call.Error.Message)
				if len(data) == 0 {
					data = call.Error.Data
				}
			}
			out[i] = halted(data, message, uint64(*call.GasUsed) >= calls[i].Gas, known)
		}
		out[i].GasUsed, out[i].Method = uint64(*call.GasUsed), bySimulate
	}
	return out, nil
}

var errShape = errors.New("the answer has not the form of a simulation")

// traced is debug_traceCall: once for calls and logs, once for what balances became.
func traced(ctx context.Context, c *node.Client, tx *node.Message, known []abi.ErrorDef) (Result, error) {
	calls, err := gasOf(ctx, c, []node.Message{*tx})
	if err != nil {
		return Result{}, err
	}
	var top frame
	err = c.Ask(ctx, &top, byTrace, calls[0], "latest", map[string]any{"tracer": "callTracer", "tracerConfig": map[string]any{"withLog": true}})
	if err != nil {
		return Result{}, err
	}
	if top.GasUsed == nil || top.From == nil || top.Type == "" {
		return Result{}, errShape
	}
	if top.Error != "" {
		r := halted(top.Output, node.Clean(top.Error), uint64(*top.GasUsed) >= calls[0].Gas, known)
		r.GasUsed, r.Method = uint64(*top.GasUsed), byTrace
		return r, nil
	}
	coins, err := balances(ctx, c, &calls[0])
	if err != nil {
		return Result{}, err
	}
	return Result{Status: Success, Method: byTrace, GasUsed: uint64(*top.GasUsed), Changes: append(coins, changes(top.logs(nil, 0))...)}, nil
}

// called is eth_call with eth_estimateGas: it knows of no change but the value.
func called(ctx context.Context, c *node.Client, tx *node.Message, known []abi.ErrorDef) Result {
	if _, err := c.Call(ctx, *tx); err != nil {
		r := refused(err, known)
		r.Method = byCall
		return r
	}
	gas, err := c.EstimateGas(ctx, *tx)
	if err != nil {
		r := refused(err, known)
		r.Method = byCall
		return r
	}
	r := Result{Status: Success, Method: byCall, GasUsed: gas}
	if tx.To != nil && !tx.Value.IsZero() && *tx.To != tx.From {
		r.Changes = []Change{
			{Account: tx.From, Amount: tx.Value, Less: true},
			{Account: *tx.To, Amount: tx.Value},
		}
	}
	return r
}

// Change is what an account has more or less of, or may take.
type Change struct {
	Account  evm.Address
	Token    evm.Address // zero: the chain's own coin
	Symbol   string      // as the token names itself; it may lie
	Decimals int         // -1: not known, and Amount is in the smallest unit
	TokenID  *uint256.Int
	Amount   uint256.Int  // in the smallest unit
	Less     bool         // the account has less
	Spender  *evm.Address // an approval: who may take Amount from the account, or all of it when it is 2^256-1

	Before, After *uint256.Int // of the chain's own coin, where the node says
}
