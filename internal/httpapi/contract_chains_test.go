package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

var chainFields = []string{"id", "name", "display_name", "chain_id", "rpc_url", "ws_url", "explorer_url", "native_currency", "is_testnet",
	"is_enabled", "created_at", "updated_at"}

func TestChainsAreThereFromTheStart(t *testing.T) {
	s := openSession(t)
	all := map[string]string{}
	for _, c := range s.do("GET", "/v1/chains", "", nil).want(200).list("chains") {
		fields(t, "chain", c, slices.Clone(chainFields)...)
		all[c["name"].(string)] = fmt.Sprint(c["chain_id"])
		if c["is_enabled"] != true {
			t.Errorf("chain %v", c)
		}
	}
	for name, number := range map[string]string{
		"ethereum": "1", "base": "8453", "optimism": "10", "arbitrum-one": "42161", "polygon": "137", "sepolia": "11155111", "base-sepolia": "84532",
		"bnb": "56", "gnosis": "100", "avalanche": "43114", "linea": "59144", "scroll": "534352", "zksync": "324", "celo": "42220", "blast": "81457",
		"mantle": "5000", "sonic": "146", "world": "480", "zora": "7777777",
	} {
		if all[name] != number {
			t.Errorf("%s is %q", name, all[name])
		}
		byName := s.do("GET", "/v1/chains/"+name, "", nil).want(200)
		byNumber := s.do("GET", "/v1/chains/"+number, s.ada.token, nil).want(200) // a token does no harm
		if string(byName.body) != string(byNumber.body) || byName.str("name") != name {
			t.Errorf("%s and %s", byName.body, byNumber.body)
		}
	}
	for _, none := range []string{"none", "2", "08453", "-1", "BASE", "base%2Fx", "%00"} {
		s.do("GET", "/v1/chains/"+none, "", nil).want(404)
	}
}

func TestChainsOfAdmins(t *testing.T) {
	s := openSession(t)
	boss := s.boss()
	const admin = "/v1/admin/chains"
	draft := object{"name": "my-chain", "display_name": "Mine", "chain_id": 7777}
	made := s.do("POST", admin, boss.token, draft).want(201).json()
	fields(t, "chain", made, slices.Clone(chainFields)...)
	if made["native_currency"] != "ETH" || made["is_testnet"] != false || made["is_enabled"] != true || made["rpc_url"] != nil {
		t.Errorf("made %v", made)
	}
	id := made["id"].(string)
	for name, c := range map[string]struct {
		body   object
		status int
	}{
		"a taken name":           {object{"name": "base", "display_name": "x", "chain_id": 7778}, 409},
		"a taken number":         {object{"name": "other", "display_name": "x", "chain_id": 1}, 409},
		"no name":                {object{"display_name": "x", "chain_id": 7778}, 400},
		"no display name":        {object{"name": "other", "chain_id": 7778}, 400},
		"no number":              {object{"name": "other", "display_name": "x"}, 400},
		"a name like a number":   {object{"name": "42", "display_name": "x", "chain_id": 7778}, 400},
		"a name with a slash":    {object{"name": "a/b", "display_name": "x", "chain_id": 7778}, 400},
		"a number beyond int32":  {object{"name": "other", "display_name": "x", "chain_id": 1 << 31}, 400},
		"zero":                   {object{"name": "other", "display_name": "x", "chain_id": 0}, 400},
		"a fraction":             {object{"name": "other", "display_name": "x", "chain_id": 1.5}, 400},
		"plain http":             {object{"name": "other", "display_name": "x", "chain_id": 7778, "rpc_url": "http://node.example"}, 400},
		"http to another scheme": {object{"name": "other", "display_name": "x", "chain_id": 7778, "rpc_url": "file:///etc/passwd"}, 400},
		"https as ws":            {object{"name": "other", "display_name": "x", "chain_id": 7778, "ws_url": "https://node.example"}, 400},
		"script as explorer":     {object{"name": "other", "display_name": "x", "chain_id": 7778, "explorer_url": "javascript:alert(1)"}, 400},
		"http to this machine":   {object{"name": "local", "display_name": "x", "chain_id": 31337, "rpc_url": "http://127.0.0.1:8545", "ws_url": "ws://localhost:8545"}, 201},
	} {
		if r := s.do("POST", admin, boss.token, c.body); r.status != c.status {
			t.Errorf("%s: got %d, want %d: %s", name, r.status, c.status, r.body)
		}
	}
	// An address that may hold a key is for admins alone.
	for url, shown := range map[string]bool{
		"https://rpc.example.com": true, "https://rpc.example.com/": true, "https://rpc.example.com/v2/key": false, "https://rpc.example.com?key=x": false,
		"https://u:p@rpc.example.com": false, "https://10.0.0.7": false, "https://intranet": false, "http://127.0.0.1:8545": false,
	} {
		o := s.do("PUT", admin+"/"+id, boss.token, object{"rpc_url": url}).want(200).json()
		if o["rpc_url"] != url || o["display_name"] != "Mine" {
			t.Errorf("%s: admins see %v", url, o)
		}
		got := s.do("GET", "/v1/chains/7777", s.ada.token, nil).want(200).json()["rpc_url"]
		if shown && got != url || !shown && got != nil {
			t.Errorf("%s: strangers see %v", url, got)
		}
		// That a node is set holds no key, and all may know it.
		for _, answer := range []object{s.do("GET", "/v1/chains/7777?node_state=true", "", nil).want(200).json(), chainOf(s.do("GET", "/v1/chains?node_state=true", "", nil), "my-chain"), chainOf(s.do("GET", admin+"?node_state=true", boss.token, nil), "my-chain")} {
			if answer["node_set"] != true {
				t.Errorf("%s: no node is set: %v", url, answer)
			}
		}
	}
	if got := chainOf(s.do("GET", "/v1/chains?node_state=true", "", nil), "base"); got["node_set"] != false {
		t.Errorf("a chain without a node: %v", got)
	}
	s.do("PUT", admin+"/"+id, boss.token, object{"name": "base"}).want(409, "chain_taken")
	s.do("PUT", admin+"/"+id, boss.token, object{"chain_id": 0}).want(400)
	s.do("PUT", admin+"/"+id, boss.token, object{"is_enabled": false, "rpc_url": ""}).want(200)
	s.do("GET", "/v1/chains/my-chain", "", nil).want(404, "chain_not_found")
	if l := s.do("GET", admin, boss.token, nil).want(200).list("chains"); !slices.ContainsFunc(l, func(c object) bool { return c["chain_id"] == json.Number("7777") }) {
		t.Error("an admin does not see a chain that is not enabled")
	}
	s.do("DELETE", admin+"/"+id, boss.token, nil).want(204)
	s.do("DELETE", admin+"/"+id, boss.token, nil).want(404, "chain_not_found")
	s.do("PUT", admin+"/x", boss.token, object{}).want(404)
}

// chainOf is the chain of a name in a list.
func chainOf(r reply, name string) object {
	for _, c := range r.want(200).list("chains") {
		if c["name"] == name {
			return c
		}
	}
	return nil
}

func TestTheCheckOfAChain(t *testing.T) {
	s := openSession(t)
	boss := s.boss()
	number := `"0x2105"`
	n := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Method string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		switch asked.Method {
		case "eth_chainId":
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"result":%s}`, number)
		case "eth_blockNumber":
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":"0x10"}`)
		case "debug_traceCall":
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":{}}`)
		default:
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}`)
		}
	}))
	t.Cleanup(n.Close)
	base := "/v1/admin/chains/" + s.do("GET", "/v1/chains/base", "", nil).want(200).str("id")
	if p := s.do("POST", base+"/check", boss.token, nil).want(422).json(); p["code"] != "no_rpc" || !strings.Contains(p["detail"].(string), "oneclaw chain add base --rpc-url-file") {
		t.Errorf("without a node: %v", p)
	}
	s.do("PUT", base, boss.token, object{"rpc_url": n.URL + "/k3y-of-the-provider"}).want(200)
	s.do("POST", base+"/check", s.ada.token, nil).want(403)
	s.do("POST", "/v1/admin/chains/"+nobodysID+"/check", boss.token, nil).want(404)
	well := s.do("POST", base+"/check", boss.token, nil).want(200)
	if got := well.list("nodes")[0]; got["ok"] != true || fmt.Sprint(got["block"]) != "16" || got["simulates"] != "debug_traceCall" || got["error"] != nil {
		t.Errorf("a node that is well: %v", got)
	}
	number = `"0x1"`
	other := s.do("POST", base+"/check", boss.token, nil).want(200)
	if got := other.list("nodes")[0]; got["ok"] != false || got["block"] != nil || got["error"] != "it is of another chain" {
		t.Errorf("a node of another chain: %v", got)
	}
	if strings.Contains(string(well.body)+string(other.body), "k3y") {
		t.Error("the URL is in an answer")
	}
}
