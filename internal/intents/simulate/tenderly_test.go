package simulate_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/intents/simulate"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

const (
	payer  = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
	payee  = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
	coinOf = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
	ran    = "e07c0269-3e2c-41b0-986a-74dc5a357c7d" // its id of a simulation
)

// paid is a transaction that paid 7 wei and 5 of a token, as Tenderly's API documents it.
var paid = `{"transaction":{"status":true,"gas_used":51000,"error_message":"","transaction_info":{
	"logs":[{"name":"Transfer","raw":{"address":"` + coinOf + `","topics":["0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef","0x000000000000000000000000` + payer[2:] + `","0x000000000000000000000000` + payee[2:] + `"],"data":"0x0000000000000000000000000000000000000000000000000000000000000005"}}],
	"balance_diff":[{"address":"` + payer + `","original":"100","dirty":"93","is_miner":false},{"address":"` + payee + `","original":"0","dirty":"7","is_miner":false},{"address":"0x0000000000000000000000000000000000000001","original":"0","dirty":"9","is_miner":true}],
	"call_trace":{"output":"0x"}}},"simulation":{"id":"` + ran + `","status":true}}`

const undone = `{"transaction":{"status":false,"gas_used":24000,"error_message":"execution reverted","transaction_info":{"call_trace":{"output":"0x08c379a0000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000096e6f7420746f6461790000000000000000000000000000000000000000000000"}}},"simulation":{"id":"not one of theirs"}}`

// fakeTenderly is a fake of the service, which can't run here.
func fakeTenderly(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, body string)) *simulate.Tenderly {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		answer(w, r, string(body))
	}))
	t.Cleanup(s.Close)
	return &simulate.Tenderly{HTTP: s.Client(), URL: s.URL + "/", Project: "acme/pay", Key: secret.FromString("tenderly-key")}
}

// fakeNode is a node that runs nothing but eth_call, and that counts how often it is asked to.
func fakeNode(t *testing.T, asked *int) *node.Client {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Method string }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		answer, ok := map[string]string{
			"eth_chainId": `"result":"0x7a69"`, "eth_getBlockByNumber": `"result":{"gasLimit":"0x1c9c380"}`, "eth_call": `"result":"0x"`, "eth_estimateGas": `"result":"0x5208"`,
		}[q.Method]
		if !ok {
			answer = `"error":{"code":-32601,"message":"Method not found"}`
		}
		if q.Method == "eth_estimateGas" {
			*asked++
		}
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,`+answer+`}`)
	}))
	t.Cleanup(s.Close)
	return client(t, s.URL)
}

func TestTenderlyIsAskedFirst(t *testing.T) {
	var path, key, sent string
	fake := fakeTenderly(t, func(w http.ResponseWriter, r *http.Request, body string) {
		path, key, sent = r.URL.Path, r.Header.Get("X-Access-Key"), body
		_, _ = io.WriteString(w, `{"simulation_results":[`+paid+`,`+undone+`]}`)
	})
	nodes := 0
	from, err := evm.ParseAddress(payer)
	if err != nil {
		t.Fatal(err)
	}
	to, err := evm.ParseAddress(payee)
	if err != nil {
		t.Fatal(err)
	}
	tx := node.Message{From: from, To: &to, Data: []byte{0xab}}
	tx.Value.SetUint64(7)
	got, err := simulate.Simulator{Tenderly: fake}.Run(t.Context(), fakeNode(t, &nodes), []node.Message{tx, tx, tx}, nil)
	if err != nil || len(got) != 3 || nodes != 0 {
		t.Fatalf("%+v, %v, the node was asked %d times", got, err, nodes)
	}
	first := got[0]
	if first.Status != simulate.Success || first.Method != "tenderly" || first.GasUsed != 51000 || first.ID != ran ||
		first.Dashboard != "https://dashboard.tenderly.co/acme/pay/simulator/"+ran || len(first.Changes) != 4 {
		t.Fatalf("the first is %+v", first)
	}
	if c := first.Changes[0]; c.Account != from || !c.Less || c.Amount.Uint64() != 7 || !c.Token.IsZero() {
		t.Errorf("it begins with %+v", c)
	}
	if r := got[1]; r.Status != simulate.Reverted || r.RevertReason != "not today" || r.Dashboard != "" {
		t.Errorf("the second is %+v", r)
	}
	if r := got[2]; r.Status != simulate.Failed || r.ID == "" {
		t.Errorf("the third, which was not run, is %+v", r)
	}
	if path != "/api/v1/account/acme/project/pay/simulate-bundle" || key != "tenderly-key" {
		t.Errorf("asked at %s with %q", path, key)
	}
	for _, want := range []string{`"network_id":"31337"`, `"value":"7"`, `"input":"0xab"`, `"gas_price":"0"`, `"simulation_type":"full"`, `"from":"` + from.String() + `"`} {
		if !strings.Contains(sent, want) {
			t.Errorf("it was sent %s, without %s", sent, want)
		}
	}
}

func TestWhereTenderlyRunsNothingNodesAreAsked(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a chain it does not have": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"error":{"slug":"invalid_network"}}`, http.StatusBadRequest)
		},
		"nothing left to spend": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusTooManyRequests) },
		"another place":         func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"simulation_results":[`)
		},
	} {
		fake := fakeTenderly(t, func(w http.ResponseWriter, r *http.Request, _ string) { answer(w, r) })
		fake.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		nodes := 0
		got, err := simulate.Simulator{Tenderly: fake}.Run(t.Context(), fakeNode(t, &nodes), []node.Message{{To: new(evm.Address)}}, nil)
		if err != nil || got[0].Status != simulate.Success || got[0].Method != "eth_call" || nodes != 1 {
			t.Errorf("%s: %+v, %v, the node was asked %d times", name, got, err, nodes)
		}
	}
}

// An answer that is not understood is no success, and no reason to ask somebody else.
func TestAnAnswerOfTenderlyOfUnknownShapeIsNoSuccess(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":              `{}`,
		"no results":           `{"simulation_results":[]}`,
		"two":                  `{"simulation_results":[` + paid + `,` + paid + `]}`,
		"no status":            `{"simulation_results":[{"transaction":{"gas_used":1}}]}`,
		"no gas":               `{"simulation_results":[{"transaction":{"status":true}}]}`,
		"a success that fails": `{"simulation_results":[{"transaction":{"status":true,"gas_used":1,"error_message":"execution reverted"}}]}`,
		"another balance":      `{"simulation_results":[{"transaction":{"status":true,"gas_used":1,"transaction_info":{"balance_diff":[{"address":"` + payer + `","original":"0x1","dirty":"2"}]}}}]}`,
		"text":                 `<html>`,
	} {
		fake := fakeTenderly(t, func(w http.ResponseWriter, _ *http.Request, _ string) { _, _ = io.WriteString(w, answer) })
		nodes := 0
		got, err := simulate.Simulator{Tenderly: fake}.Run(t.Context(), fakeNode(t, &nodes), []node.Message{{To: new(evm.Address)}}, nil)
		if err != nil || len(got) != 1 || got[0].Status != simulate.Failed || nodes != 0 {
			t.Errorf("%s: %+v, %v, the node was asked %d times", name, got, err, nodes)
		}
	}
}
