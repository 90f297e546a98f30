package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Tenderly has the service of that name run transactions, which keeps them: whoever may see
// the operator's project there sees them too.
type Tenderly struct {
	HTTP    *http.Client // of netguard
	URL     string       // of its API, such as https://api.tenderly.co
	Project string       // ACCOUNT/PROJECT
	Key     secret.Bytes
}

const (
	byTenderly = "tenderly"
	// tenderlyTime is how long it may take; the chain's own nodes are asked after that.
	tenderlyTime = 10 * time.Second
)

// TenderlyMost is how long an answer of Tenderly may be: it has a trace of each step.
const TenderlyMost = 32 << 20

var errNotRun = errors.New("Tenderly did not run it")

// tenderlyCall is a transaction as Tenderly's API takes it.
type tenderlyCall struct {
	Network  string         `json:"network_id"`
	From     evm.Address    `json:"from"`
	To       *evm.Address   `json:"to,omitempty"`
	Input    string         `json:"input"`
	Value    string         `json:"value"` // wei, decimal
	Gas      uint64         `json:"gas"`
	GasPrice string         `json:"gas_price"` // 0: what balances become is then what is moved
	Access   []tenderlyKeys `json:"access_list,omitempty"`
	Kind     string         `json:"simulation_type"`
	Save     bool           `json:"save"`
	Failed   bool           `json:"save_if_fails"`
}

type tenderlyKeys struct {
	Address evm.Address `json:"address"`
	Keys    []evm.Hash  `json:"storage_keys"`
}

// tenderlyResult is what is read of an answer. What decides is a pointer: it must be there.
type tenderlyResult struct {
	Transaction struct {
		Status  *bool   `json:"status"`
		GasUsed *uint64 `json:"gas_used"`
		Error   string  `json:"error_message"`
		Info    struct {
			Logs []struct {
				Raw log `json:"raw"`
			} `json:"logs"`
			Balances []struct {
				Address  evm.Address `json:"address"`
				Original string      `json:"original"` // wei, decimal
				Dirty    string      `json:"dirty"`
				Miner    bool        `json:"is_miner"`
			} `json:"balance_diff"`
			Call struct {
				Output node.Bytes `json:"output"`
			} `json:"call_trace"`
		} `json:"transaction_info"`
	} `json:"transaction"`
	Simulation struct {
		ID string `json:"id"`
	} `json:"simulation"`
}

// run has Tenderly run transactions in sequence on one state. errNotRun says that it ran
// none, as for a chain that it does not have: then nodes may be asked.
func (t *Tenderly) run(ctx context.Context, c *node.Client, txs []node.Message, known []abi.ErrorDef) ([]Result, error) {
	calls, err := gasOf(ctx, c, txs)
	if err != nil {
		return nil, err
	}
	var ask struct {
		Simulations []tenderlyCall `json:"simulations"`
	}
	for i := range calls {
		tx := &calls[i]
		one := tenderlyCall{
			Network: strconv.FormatUint(c.Profile.ChainID, 10), From: tx.From, To: tx.To, Input: node.Hex(tx.Data), Value: tx.Value.Dec(), Gas: tx.Gas,
			GasPrice: "0", Kind: "full", Save: true, Failed: true,
		}
		for _, a := range tx.Access {
			one.Access = append(one.Access, tenderlyKeys{a.Address, append([]evm.Hash{}, a.Keys...)})
		}
		ask.Simulations = append(ask.Simulations, one)
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	data, err := t.post(ctx, body)
	if err != nil {
		return nil, err
	}
	var said struct {
		Results []tenderlyResult `json:"simulation_results"`
	}
	if json.Unmarshal(data, &said) != nil || len(said.Results) == 0 || len(said.Results) > len(txs) {
		return nil, errShape
	}
	out := all(len(txs), failed("simulation_failed", "It was not run, since one before it failed."))
	for i := range said.Results {
		if out[i], err = t.result(&said.Results[i], calls[i].Gas, known); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// post sends a body. All but an answer with the status 200 is errNotRun.
func (t *Tenderly) post(ctx context.Context, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, tenderlyTime)
	defer cancel()
	account, project, _ := strings.Cut(t.Project, "/")
	at := strings.TrimRight(t.URL, "/") + "/api/v1/account/" + account + "/project/" + project + "/simulate-bundle"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return nil, errNotRun
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Access-Key", string(t.Key.Reveal()))
	res, err := t.HTTP.Do(req)
	if err != nil {
		return nil, errNotRun
	}
	defer func() { _ = res.Body.Close() }() // it was read
	data, err := io.ReadAll(io.LimitReader(res.Body, TenderlyMost+1))
	if err != nil || res.StatusCode != http.StatusOK || len(data) > TenderlyMost {
		return nil, errNotRun
	}
	return data, nil
}

func (t *Tenderly) result(said *tenderlyResult, gas uint64, known []abi.ErrorDef) (Result, error) {
	tx := &said.Transaction
	if tx.Status == nil || tx.GasUsed == nil || *tx.Status && tx.Error != "" {
		return Result{}, errShape
	}
	var r Result
	if *tx.Status {
		r.Status = Success
		for _, b := range tx.Info.Balances {
			change, err := balance(b.Address, b.Original, b.Dirty)
			if err != nil {
				return Result{}, err
			}
			if !b.Miner && !change.Amount.IsZero() {
				r.Changes = append(r.Changes, change)
			}
		}
		logs := make([]log, len(tx.Info.Logs))
		for i := range logs {
			logs[i] = tx.Info.Logs[i].Raw
		}
		r.Changes = append(r.Changes, changes(logs)...)
		r.Changes = r.Changes[:min(len(r.Changes), maxChanges)]
	} else {
		message := node.Clean(tx.Error)
		if message == "" {
			message = "execution reverted"
		}
		r = halted(tx.Info.Call.Output, message, *tx.GasUsed >= gas, known)
	}
	r.GasUsed, r.Method, r.ID = *tx.GasUsed, byTenderly, ids.New()
	if id := said.Simulation.ID; ids.Valid(id) {
		r.ID, r.Dashboard = id, "https://dashboard.tenderly.co/"+t.Project+"/simulator/"+id
	}
	return r, nil
}

// balance is what an account has more or less of the chain's own coin.
func balance(of evm.Address, original, dirty string) (Change, error) {
	before, err := uint256.FromDecimal(original)
	if err != nil {
		return Change{}, errShape
	}
	after, err := uint256.FromDecimal(dirty)
	if err != nil {
		return Change{}, errShape
	}
	ch := Change{Account: of, Before: before, After: after, Less: after.Lt(before)}
	if ch.Less {
		ch.Amount.Sub(before, after)
	} else {
		ch.Amount.Sub(after, before)
	}
	return ch, nil
}
