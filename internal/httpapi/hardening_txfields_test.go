package httpapi_test

import (
	"strings"
	"testing"
)

// A limit that somebody misspelt must not go missing without a word.
func TestAMisspeltLimitOfAnAgentIsRefusedByItsName(t *testing.T) {
	s := openSession(t)
	at := "/v1/agents/" + s.worker.id
	for _, name := range []string{"tx_max_value", "tx_daily_limit", "tx_to_allow_list", "txMaxValueEth", "TX_MAX_VALUE_ETH", "tx-allowed-chains", "tx_", "shroud_enable", "shroudEnabled", "shroud_daily_budget_usd"} {
		for _, try := range [][2]string{{"POST", "/v1/agents"}, {"PATCH", at}} {
			r := s.do(try[0], try[1], s.ada.token, object{"name": "limited", name: "0.1"})
			if r.want(400, "invalid_request"); !strings.Contains(string(r.body), `\"`+name+`\"`) {
				t.Errorf("%s with %s: %s", try[0], name, r.body)
			}
		}
	}
	if r := s.do("PATCH", at, s.ada.token, object{"tx_\u0000<b>": 1}); r.status != 400 || strings.Contains(string(r.body), "<b>") || strings.Contains(string(r.body), "u003cb") {
		t.Errorf("what is no name is repeated: %s", r.body)
	}
	for _, try := range [][2]string{{"POST", "/v1/agents"}, {"PATCH", at}} {
		r := s.do(try[0], try[1], s.ada.token, object{"name": "limited", "shroud_config": object{"daily_budget": 0.01}})
		if r.want(400, "invalid_shroud_config"); !strings.Contains(string(r.body), "daily_budget is not known. Is daily_budget_usd meant?") {
			t.Errorf("%s: %s", try[0], r.body)
		}
	}
	// What newer clients send besides is ignored, as before.
	s.do("PATCH", at, s.ada.token, object{"execution_intents_enabled": false, "taxes": 1, "x": object{"tx_max": 1}}).want(200)
	s.do("PATCH", at, s.ada.token, object{"tx_max_value_eth": "0.1"}).want(200)
}

// TestFieldsOfATransactionAreHeldOrRefused: what would change the transaction is never left out.
func TestFieldsOfATransactionAreHeldOrRefused(t *testing.T) {
	s := openStage(openSession(t))
	s.signs(s.worker.id)
	at := "/v1/agents/" + s.worker.id
	with := func(body object, name string, value any) object {
		out := object{name: value}
		for k, v := range body {
			out[k] = v
		}
		return out
	}
	signs := with(payment("own"), "intent_type", "transaction")
	list := []object{{"address": stranger, "storageKeys": []string{"0x" + strings.Repeat("5b", 32)}}}
	for path, body := range map[string]object{
		"/transactions": payment("own"), "/transactions/sign": payment("own"), "/transactions/simulate": payment("own"), "/sign": signs, "/guard/try": payment("own"),
	} {
		for name, value := range map[string]any{
			"type": 4, "txType": "0x4", "authorization_list": []object{}, "authorizationList": []object{}, "blobVersionedHashes": []string{}, "max_fee_per_blob_gas": "1",
			"gasLimit": 21000, "gas": 21000, "maxFeePerGas": "1", "accessList": list, "simulateFirst": true,
		} {
			r := s.do("POST", at+path, s.worker.key, with(body, name, value))
			if r.want(400, "invalid_request"); !strings.Contains(string(r.body), `\"`+name+`\"`) {
				t.Errorf("%s with %s: %s", path, name, r.body)
			}
		}
		if path == "/guard/try" {
			continue
		}
		s.do("POST", at+path, s.worker.key, with(body, "access_list", []object{{"address": "0x1", "storageKeys": []string{}}})).want(400, "invalid_access_list")
	}
	r := s.do("POST", at+"/transactions/simulate-bundle", s.worker.key, object{"transactions": []object{payment("own"), with(payment("own"), "type", 4)}})
	if r.want(400, "invalid_request"); !strings.Contains(string(r.body), `\"type\"`) {
		t.Errorf("in a bundle: %s", r.body)
	}
	for _, price := range []string{"", "2000000000"} {
		r := s.do("POST", at+"/transactions/sign", s.worker.key, with(with(payment("own"), "access_list", list), "gas_price", price)).want(200)
		if raw := r.str("signed_tx"); !strings.Contains(raw, strings.Repeat("5b", 32)) || !strings.HasPrefix(raw, map[bool]string{true: "0x02", false: "0x01"}[price == ""]) {
			t.Errorf("with the price %q it signed %s", price, raw)
		}
	}
}
