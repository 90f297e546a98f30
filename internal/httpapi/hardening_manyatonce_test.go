package httpapi_test

import (
	"sync"
	"testing"
)

// Changes that end rights at once are decided again for each other, and all get
// through.
func TestManyChangesAtOnceAllSucceed(t *testing.T) {
	const many = 100
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("v")
	a := ada.agent(nil)
	all := func(f func(i int)) {
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() { f(i) })
		}
		wg.Wait()
	}
	policies := make([]string, many)
	all(func(i int) { policies[i] = ada.grant(v, a, "p"+itoa(i)+"/*", nil, "read") })
	all(func(i int) { w.do("POST", "/v1/vaults", ada.token, object{"name": "v" + itoa(i)}).want(201) })
	all(func(i int) { w.do("POST", "/v1/agents", ada.token, object{"name": "a" + itoa(i)}).want(201) })
	all(func(i int) { w.do("DELETE", "/v1/vaults/"+v+"/policies/"+policies[i], ada.token, nil).want(204) })
	if left := w.do("GET", "/v1/vaults/"+v+"/policies", ada.token, nil).want(200).list("policies"); len(left) != 0 {
		t.Errorf("%d policies are left", len(left))
	}
	if report := w.do("GET", "/v1/audit/verify", ada.token, nil).want(200).json(); report["ok"] != true {
		t.Errorf("the log does not verify: %v", report)
	}
}
