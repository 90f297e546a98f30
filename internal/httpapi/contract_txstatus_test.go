package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// TestTheAnswerToASubmissionSaysWhetherANodeTookIt: signed_tx is in each, as the contract has it.
func TestTheAnswerToASubmissionSaysWhetherANodeTookIt(t *testing.T) {
	s := openStage(openSession(t))
	target, err := url.Parse(s.ownChain().URL)
	if err != nil {
		t.Fatal(err)
	}
	node := httputil.NewSingleHostReverseProxy(target)
	var sends atomic.Value // what becomes of bytes that are sent
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller left
		}
		if strings.Contains(string(body), "eth_sendRawTransaction") {
			switch sends.Load() {
			case "away":
				panic(http.ErrAbortHandler)
			case "refuses":
				_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"txpool is full"}}`)
				return
			}
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		node.ServeHTTP(w, r)
	}))
	t.Cleanup(gate.Close)
	id := s.do("GET", "/v1/chains/own", "", nil).want(200).str("id")
	s.do("PUT", "/v1/admin/chains/"+id, s.boss.token, object{"rpc_url": gate.URL}).want(200)
	s.signs(s.worker.id)
	all := "/v1/agents/" + s.worker.id + "/transactions"
	for _, c := range []struct{ sends, status string }{{"away", "signed"}, {"refuses", "failed"}, {"takes", "broadcast"}} {
		sends.Store(c.sends)
		made := s.do("POST", all, s.worker.exchange(), payment("own")).want(201).json()
		if made["status"] != c.status || made["signed_tx"] == nil || (made["error_message"] != nil) != (c.status == "failed") {
			t.Errorf("where the node %s: %v", c.sends, made)
		}
		got := s.do("GET", all+"/"+made["id"].(string), s.worker.exchange(), nil).want(200).json()
		if got["status"] != c.status || got["signed_tx"] != nil {
			t.Errorf("where the node %s, later: %v", c.sends, got)
		}
	}
}
