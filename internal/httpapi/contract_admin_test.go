package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestOnlyPlatformAdminsGetIntoAdmin(t *testing.T) {
	s := openSession(t)
	boss := s.boss()
	good := s.goodBodies()
	asked := 0
	for _, op := range s.operations() {
		if !strings.HasPrefix(op.path, "/v1/admin/") {
			continue
		}
		asked++
		target := strings.ReplaceAll(op.path, "{org_id}", s.ada.org)
		for who, token := range map[string]string{"an owner": s.ada.token, "an agent": s.worker.token} {
			r := s.do(op.method, fill(target, nil), token, good[op.OperationID])
			if r.status != 403 {
				t.Errorf("%s as %s: got %d", op, who, r.status)
			}
		}
		if r := s.do(op.method, fill(target, nil), boss.token, good[op.OperationID]); r.status == 403 || r.status >= 500 {
			t.Errorf("%s as a platform admin: got %d: %s", op, r.status, r.body)
		}
	}
	if asked < 14 {
		t.Errorf("only %d operations of admins", asked)
	}
}

func TestSettings(t *testing.T) {
	s := openSession(t)
	boss := s.boss()
	at := func(key string) string { return "/v1/admin/settings/" + key }
	if l := s.do("GET", "/v1/admin/settings", boss.token, nil).want(200).list("settings"); len(l) != 0 {
		t.Errorf("a new server has the settings %v", l)
	}
	for key, values := range map[string]map[string]int{
		"intents_api.require_simulation": {"true": 200, "false": 200, "": 400, "yes": 400, "True": 400},
		"billing.default_tier":           {"pro": 200, "enterprise": 200, "gold": 400},
		"billing.request_price_usd":      {"0.001": 200, "0": 200, "1": 200, "0.0000001": 400, "-1": 400, "1e3": 400, "1001": 400, ".5": 400, "": 400},
		"x402.pay_to":                    {"0x" + strings.Repeat("aB", 20): 200, "0x12": 400, "": 200},
		"x402.facilitator_url":           {"https://f.example": 200, "http://f.example": 400, "https://u:p@f.example": 400, "http://127.0.0.1:4021": 200, "http://localhost:4021": 200, "http://10.0.0.1": 400, "https://f.example?x": 400, "ftp://127.0.0.1": 400},
		"x402.free_tier_limit":           {"1000": 200, "-1": 400, "x": 400},
		"x402.scheme":                    {"exact": 200, "upto": 400},
		"x402.network":                   {"eip155:8453": 200, "a b": 400},
		"my.own-key_1":                   {"anything at all": 200, "": 200, strings.Repeat("x", 4096): 200, strings.Repeat("x", 4097): 400, "a\x00b": 400},
		"Upper":                          {"x": 400}, "a%2Fb": {"x": 400}, strings.Repeat("k", 101): {"x": 400}, "%20": {"x": 400},
	} {
		for value, status := range values {
			r := s.do("PUT", at(key), boss.token, object{"value": value})
			if r.status != status {
				t.Errorf("%s = %.40q: got %d, want %d: %s", key, value, r.status, status, r.body)
			}
			if status != 200 {
				r.problem()
				continue
			}
			o := fields(t, key, r.json(), "key", "value", "updated_by", "updated_at")
			if o["key"] != key || o["value"] != value || o["updated_by"] != boss.id {
				t.Errorf("%s: %v", key, o)
			}
		}
	}
	l := s.do("GET", "/v1/admin/settings", boss.token, nil).want(200).list("settings")
	if len(l) != 9 {
		t.Errorf("settings %v", l)
	}
	s.do("DELETE", at("my.own-key_1"), boss.token, nil).want(204)
	s.do("DELETE", at("my.own-key_1"), boss.token, nil).want(404, "setting_not_found")
	s.do("DELETE", at("Upper"), boss.token, nil).want(404, "setting_not_found")
	for i := range 192 {
		s.do("PUT", at(fmt.Sprintf("fill.%d", i)), boss.token, object{"value": "x"}).want(200)
	}
	s.do("PUT", at("one.more"), boss.token, object{"value": "x"}).want(409, "too_many_settings")
	s.do("PUT", at("fill.1"), boss.token, object{"value": "y"}).want(200)
}

func TestX402IsKept(t *testing.T) {
	s := openSession(t)
	boss := s.boss()
	read := func() object {
		t.Helper()
		return fields(t, "x402", s.do("GET", "/v1/admin/x402", boss.token, nil).want(200).json(), "pay_to", "network", "scheme", "free_tier_limit", "facilitator_url")
	}
	if o := read(); o["pay_to"] != "" || o["facilitator_url"] != "" || o["scheme"] != "exact" || o["network"] != "eip155:8453" || o["free_tier_limit"] != json.Number("1000") {
		t.Errorf("a new server says %v", o)
	}
	to := "0x" + strings.Repeat("12", 20)
	s.do("PUT", "/v1/admin/x402", boss.token, object{"pay_to": to, "free_tier_limit": 7}).want(200)
	s.do("PUT", "/v1/admin/x402", boss.token, object{"facilitator_url": "https://f.example/x"}).want(200)
	if o := read(); o["pay_to"] != to || o["facilitator_url"] != "https://f.example/x" || o["free_tier_limit"] != json.Number("7") {
		t.Errorf("kept %v", o)
	}
	for _, bad := range []object{{"pay_to": "me"}, {"scheme": "other"}, {"facilitator_url": "http://f.example"}, {"free_tier_limit": -1}, {"network": "x y"}} {
		s.do("PUT", "/v1/admin/x402", boss.token, bad).want(400)
	}
	// It is the free tier's limit.
	s.tier(boss, "free")
	if got := s.do("GET", "/v1/billing/usage", s.ada.token, nil).want(200).json()["free_tier_limit"]; got != json.Number("7") {
		t.Errorf("the free tier's limit is %v", got)
	}
}

func TestAllUsers(t *testing.T) {
	s := openSession(t)
	s.Clock.Forward(time.Second)
	boss := s.boss()
	s.Clock.Forward(time.Second)
	s.signup("carl")
	r := s.do("GET", "/v1/admin/users", boss.token, nil).want(200)
	fields(t, "users", r.json(), "users", "total")
	users := r.list("users")
	if len(users) != 3 || r.json()["total"] != json.Number("3") {
		t.Fatalf("users %v", users)
	}
	u := fields(t, "user", users[0], "id", "email", "display_name", "auth_method", "org_id", "role", "email_verified", "is_platform_admin", "created_at")
	if u["email"] != s.ada.email || u["org_id"] != s.ada.org || u["role"] != "owner" || u["is_platform_admin"] != false {
		t.Errorf("ada is %v", u)
	}
	page := s.do("GET", "/v1/admin/users?limit=1&offset=2", boss.token, nil).want(200)
	if l := page.list("users"); len(l) != 1 || l[0]["id"] != users[2]["id"] || page.json()["total"] != json.Number("3") {
		t.Errorf("a page is %s", page.body)
	}
	s.do("GET", "/v1/admin/users?limit=0", boss.token, nil).want(400)
}

func TestLimitsAndTiersOfOrganisations(t *testing.T) {
	s := openSession(t)
	boss := s.boss()
	limits := "/v1/admin/orgs/" + s.ada.org + "/limits"
	tier := "/v1/admin/orgs/" + s.ada.org + "/billing-tier"
	get := func() string {
		t.Helper()
		o := fields(t, "limits", s.do("GET", limits, boss.token, nil).want(200).json(), "org_id", "free_tier_override", "is_sponsored")
		return fmt.Sprint(o["org_id"] == s.ada.org, " ", o["free_tier_override"], " ", o["is_sponsored"])
	}
	for _, step := range []struct {
		body object
		want string
	}{
		{nil, "true <nil> false"},
		{object{"free_tier_override": 5, "is_sponsored": true}, "true 5 true"},
		{object{"free_tier_override": 6}, "true 6 true"},
		{object{"free_tier_override": nil, "is_sponsored": false}, "true <nil> false"},
	} {
		if step.body != nil {
			s.do("PUT", limits, boss.token, step.body).want(200)
		}
		if got := get(); got != step.want {
			t.Errorf("after %v: %s, want %s", step.body, got, step.want)
		}
	}
	s.do("PUT", limits, boss.token, object{"free_tier_override": -1}).want(400)
	for _, bad := range []object{{}, {"tier": "gold"}, {"tier": "pro", "duration_days": 0}, {"tier": "pro", "duration_days": 3651}} {
		s.do("PUT", tier, boss.token, bad).want(400)
	}
	o := s.do("PUT", tier, boss.token, object{"tier": "pro"}).want(200).json()
	if o["tier"] != "pro" || o["period_end"] != s.Clock.Now().AddDate(0, 0, 365).UTC().Format(time.RFC3339Nano) {
		t.Errorf("tier %v", o)
	}
	sub := s.do("GET", "/v1/billing/subscription", s.ada.token, nil).want(200).json()
	if used := sub["usage"].(object)["vaults"].(object); sub["tier"] != "pro" || sub["period_end"] != o["period_end"] || used["limit"] != json.Number("25") {
		t.Errorf("subscription %v", sub)
	}
	for _, id := range []string{nobodysID, "x", s.ada.id} {
		s.do("GET", "/v1/admin/orgs/"+id+"/limits", boss.token, nil).want(404)
		s.do("PUT", "/v1/admin/orgs/"+id+"/limits", boss.token, object{}).want(404)
		s.do("PUT", "/v1/admin/orgs/"+id+"/billing-tier", boss.token, object{"tier": "pro"}).want(404)
		s.do("POST", "/v1/admin/orgs/"+id+"/credits", boss.token, object{"amount_cents": 1}).want(404)
	}
	s.do("PUT", "/v1/admin/settings/billing.default_tier", boss.token, object{"value": "business"}).want(200)
	bob := s.signup("bob")
	if got := s.do("GET", "/v1/billing/usage", bob.token, nil).want(200).json()["billing_tier"]; got != "business" {
		t.Errorf("the default tier is %v", got)
	}
}
