//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// signing measures transactions that an agent has signed with its key in the keystore: handed
// out, and sent. The chain's node is a stub that answers at once, so that no node is
// measured. Gas and fees are given: what is asked of the node is what it takes for gas, which bounds
// the fees of an agent with limits, and the account's nonce, twice.
func (b *bench) signing(ctx context.Context, s *site, f *fixture) (err error) {
	srv, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	chain := httptest.NewServer(http.HandlerFunc(stubNode))
	defer chain.Close()
	_, jwt, err := asOwner(ctx, srv, f.owner)
	if err != nil {
		return err
	}
	agent := "/v1/agents/" + f.agentID
	for _, step := range []struct{ method, path, body string }{
		{"POST", "/v1/admin/chains", `{"name":"bench","display_name":"Bench","chain_id":31337,"rpc_url":"` + chain.URL + `"}`},
		{"PATCH", agent, `{"intents_api_enabled":true,"tx_max_value_eth":"1","tx_daily_limit_eth":"1000000"}`},
		{"POST", agent + "/signing-keys", `{"chain":"ethereum"}`},
	} {
		if err := prepare(ctx, srv.url(), jwt, step.method, step.path, step.body); err != nil {
			return err
		}
	}
	body := `{"to":"0x70997970C51812dc3A010C7d01b50e0d17dc79C8","value":"0.000001","chain":"bench","gas_limit":21000,` +
		`"max_fee_per_gas":"2000000000","max_priority_fee_per_gas":"1000000000"}`
	for _, c := range []struct{ name, path string }{{"sign only", "/transactions/sign"}, {"sign and send", "/transactions"}} {
		for _, conns := range b.conns {
			q := request{method: "POST", path: agent + c.path, bearer: f.agentJWT, body: body, want: `"signed_tx"`}
			if _, err := b.measure(ctx, s, srv, c.name, conns, q); err != nil {
				return err
			}
		}
	}
	return nil
}

// prepare sends one request that must succeed.
func prepare(ctx context.Context, url, jwt, method, path, body string) error {
	r, err := http.NewRequestWithContext(ctx, method, url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+jwt)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode/100 != 2 && res.StatusCode != http.StatusConflict {
		return fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	return nil
}

// stubNode answers as a node of chain 31337 would that takes every transaction and never
// makes a block.
func stubNode(w http.ResponseWriter, r *http.Request) {
	var q struct {
		ID     json.RawMessage   `json:"id"`
		Method string            `json:"method"`
		Params []json.RawMessage `json:"params"`
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	result := `null`
	switch q.Method {
	case "eth_chainId":
		result = `"0x7a69"`
	case "eth_getTransactionCount", "eth_blockNumber":
		result = `"0x0"`
	case "eth_feeHistory":
		result = `{"baseFeePerGas":["0x3b9aca00","0x3b9aca00"],"reward":[["0x3b9aca00"]]}`
	case "eth_getBlockByNumber":
		result = `{"number":` + string(q.Params[0]) + `,"hash":"0x` + strings.Repeat("11", 32) + `","gasLimit":"0x1c9c380","baseFeePerGas":"0x3b9aca00"}`
	case "eth_sendRawTransaction":
		raw, err := hex.DecodeString(string(bytes.TrimPrefix(bytes.Trim(q.Params[0], `"`), []byte("0x"))))
		if err != nil {
			http.Error(w, "", http.StatusBadRequest)
			return
		}
		result = `"` + evm.Keccak256(raw).String() + `"`
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, q.ID, result)
}
