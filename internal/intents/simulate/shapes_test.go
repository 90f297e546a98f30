package simulate_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/intents/simulate"
)

// A fake node that answers recorded and broken shapes: none of them is a success.
func TestAnAnswerOfUnknownShapeIsNoSuccess(t *testing.T) {
	const absent = `"error":{"code":-32601,"message":"Method not found"}`
	ok := `"result":[{"calls":[{"status":"0x1","gasUsed":"0x5208","returnData":"0x","logs":[]}]}]`
	for name, tc := range map[string]struct {
		answers map[string]string
		want    simulate.Status
	}{
		"a success":                          {map[string]string{"eth_simulateV1": ok}, simulate.Success},
		"no block":                           {map[string]string{"eth_simulateV1": `"result":[]`}, simulate.Failed},
		"no calls":                           {map[string]string{"eth_simulateV1": `"result":[{"calls":[]}]`}, simulate.Failed},
		"two calls":                          {map[string]string{"eth_simulateV1": `"result":[{"calls":[{"status":"0x1","gasUsed":"0x1"},{"status":"0x1","gasUsed":"0x1"}]}]`}, simulate.Failed},
		"no status":                          {map[string]string{"eth_simulateV1": `"result":[{"calls":[{"gasUsed":"0x5208"}]}]`}, simulate.Failed},
		"no gas":                             {map[string]string{"eth_simulateV1": `"result":[{"calls":[{"status":"0x1"}]}]`}, simulate.Failed},
		"another status":                     {map[string]string{"eth_simulateV1": `"result":[{"calls":[{"status":"0x2","gasUsed":"0x1"}]}]`}, simulate.Failed},
		"a success with an error":            {map[string]string{"eth_simulateV1": `"result":[{"calls":[{"status":"0x1","gasUsed":"0x1","error":{"message":"x"}}]}]`}, simulate.Failed},
		"true for a status":                  {map[string]string{"eth_simulateV1": `"result":[{"calls":[{"status":true,"gasUsed":"0x1"}]}]`}, simulate.Failed},
		"null":                               {map[string]string{"eth_simulateV1": `"result":null`}, simulate.Failed},
		"an unknown error":                   {map[string]string{"eth_simulateV1": `"error":{"code":-32000,"message":"oops"}`}, simulate.Failed},
		"geth's want of funds":               {map[string]string{"eth_simulateV1": `"error":{"code":-38014,"message":"insufficient funds for gas * price + value"}`}, simulate.Failed},
		"geth's out of gas":                  {map[string]string{"eth_simulateV1": `"result":[{"calls":[{"status":"0x0","gasUsed":"0x1","returnData":"0x","error":{"code":-32015,"message":"out of gas"}}]}]`}, simulate.Reverted},
		"a revert without an error":          {map[string]string{"eth_simulateV1": `"result":[{"calls":[{"status":"0x0","gasUsed":"0x1","returnData":"0x"}]}]`}, simulate.Reverted},
		"a trace of nothing":                 {map[string]string{"eth_simulateV1": absent, "debug_traceCall": `"result":{}`}, simulate.Failed},
		"a trace of opcodes":                 {map[string]string{"eth_simulateV1": absent, "debug_traceCall": `"result":{"gas":21000,"failed":false,"returnValue":"","structLogs":[]}`}, simulate.Failed},
		"a trace without balances":           {map[string]string{"eth_simulateV1": absent, "debug_traceCall": `"result":{"type":"CALL","from":"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","gasUsed":"0x5208"}`}, simulate.Failed},
		"a call, but no estimate":            {map[string]string{"eth_simulateV1": absent, "debug_traceCall": absent, "eth_call": `"result":"0x"`, "eth_estimateGas": `"error":{"code":-32000,"message":"oops"}`}, simulate.Failed},
		"a call, but an estimate of zero":    {map[string]string{"eth_simulateV1": absent, "debug_traceCall": absent, "eth_call": `"result":"0x"`, "eth_estimateGas": `"result":"0x0"`}, simulate.Failed},
		"a call that is no longer there":     {map[string]string{"eth_simulateV1": absent, "debug_traceCall": absent, "eth_call": absent}, simulate.Failed},
		"nethermind's revert of an estimate": {map[string]string{"eth_simulateV1": absent, "debug_traceCall": absent, "eth_call": `"result":"0x"`, "eth_estimateGas": `"error":{"code":-32015,"message":"VM execution error.","data":"Reverted 0x"}`}, simulate.Reverted},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var asked struct{ Method string }
				if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
					t.Error(err)
				}
				answer, known := tc.answers[asked.Method]
				switch {
				case asked.Method == "eth_chainId":
					answer = `"result":"0x7a69"`
				case asked.Method == "eth_getBlockByNumber":
					answer = `"result":{"gasLimit":"0x1c9c380"}`
				case !known:
					answer = absent
				}
				fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,%s}`, answer)
			}))
			t.Cleanup(s.Close)
			to := evm.Address{1}
			got, err := simulate.Simulator{}.Run(t.Context(), client(t, s.URL), []node.Message{{To: &to}}, nil)
			if err != nil || got[0].Status != tc.want || got[0].ID == "" || tc.want != simulate.Success && (got[0].ErrorCode == "" || got[0].Human == "") {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}
