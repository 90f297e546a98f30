package mcpserver_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// contractAPI is a fake that encodes what the wire contract says of the REST API:
// its routes, bodies, statuses and the rules that the tools lean on. It is written
// from the contract and shares no code with the server.
type contractAPI struct {
	*httptest.Server

	mu        sync.Mutex
	vaults    []map[string]any
	secrets   map[string]*fakeSecret // by "vault/path"
	bound     []string               // vault_ids of the agent-token reply
	tokens    int                    // exchanges so far; only the newest token is good
	direct    []string               // bearers that are good without an exchange
	humans    []string               // of these, those of users
	refuse    map[string]fakeProblem // by "METHOD /route" with the route's first segments
	blind     bool                   // ignores the prefix of a listing
	page      int                    // items a page of a listing
	requests  []string               // "METHOD escaped-path"
	addresses []string               // X-Forwarded-For or remote address of each request
	bodies    []string
	replays   []string // Idempotency-Key of each submission
}

type fakeSecret struct {
	kind, value, metadata string
	expires               *string
	version, reads, max   int
	hidden                bool // left out of listings
	gone                  bool // expired
}

type fakeProblem struct {
	status             int
	typ, detail, after string
	once               bool
}

const (
	agentID  = "0a0a0a0a-0000-4000-8000-00000000000a"
	userID   = "0b0b0b0b-0000-4000-8000-00000000000b"
	vaultOne = "11111111-0000-4000-8000-000000000001"
	vaultTwo = "22222222-0000-4000-8000-000000000002"
	policyID = "33333333-0000-4000-8000-000000000003"
	agentKey = "ocv_fake-key-of-the-agent"
	created  = "2026-11-05T09:30:00Z"
)

func newContractAPI(t testing.TB) *contractAPI {
	a := &contractAPI{secrets: map[string]*fakeSecret{}, refuse: map[string]fakeProblem{}, direct: []string{agentKey}, page: 2}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *contractAPI) addVault(id, name string) {
	a.vaults = append(a.vaults, map[string]any{"id": id, "name": name, "description": "", "created_by": userID,
		"created_by_type": "user", "created_at": created, "cmek_enabled": false})
}

// put seeds a secret in vaultOne.
func (a *contractAPI) put(path, kind, value string) *fakeSecret {
	s := &fakeSecret{kind: kind, value: value, metadata: "{}", version: 1}
	a.secrets[vaultOne+"/"+path] = s
	return s
}

// valueAt is what is stored at a path of the one vault.
func (a *contractAPI) valueAt(path string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.secrets[vaultOne+"/"+path]; s != nil {
		return s.value
	}
	return ""
}

func (a *contractAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = append(a.requests, r.Method+" "+r.URL.EscapedPath())
	a.bodies = append(a.bodies, string(body))
	from := r.RemoteAddr
	if f := r.Header.Get("X-Forwarded-For"); f != "" {
		from = f
	}
	a.addresses = append(a.addresses, from)
	seg := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	if p, ok := a.refuse[r.Method+" "+strings.Join(seg[:min(len(seg), 3)], "/")]; ok {
		if p.once {
			delete(a.refuse, r.Method+" "+strings.Join(seg[:min(len(seg), 3)], "/"))
		}
		a.problem(w, p)
		return
	}
	if r.URL.Path == "/v1/auth/agent-token" {
		a.exchange(w, body)
		return
	}
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if bearer != fmt.Sprintf("jwt-%d", a.tokens) && !slices.Contains(a.direct, bearer) {
		a.problem(w, fakeProblem{status: 401, detail: "The token is not valid."})
		return
	}
	switch {
	case r.URL.Path == "/v1/agents/me":
		if slices.Contains(a.humans, bearer) {
			a.problem(w, fakeProblem{status: 403, detail: "Only agents have this page."})
			return
		}
		reply(w, 200, map[string]any{"id": agentID, "name": "a"})
	case seg[0] == "secrets" && len(seg) == 3 && seg[2] == "share" && r.Method == "POST":
		a.share(w, seg[1], body)
	case len(seg) > 2 && seg[0] == "agents" && seg[1] == agentID && seg[2] == "transactions" && r.Method == "POST":
		a.transaction(w, r, seg, body)
	case r.URL.Path == "/v1/org/members":
		reply(w, 200, map[string]any{"members": []map[string]any{{"id": userID, "email": "ada@example.com", "display_name": "Ada"},
			{"id": agentID, "email": "bob@example.com", "display_name": "Twin"}, {"id": policyID, "email": "eve@example.com", "display_name": "Twin"}}})
	case seg[0] == "secret-requests":
		a.secretRequest(w, r.Method, seg, body)
	case seg[0] != "vaults":
		a.problem(w, fakeProblem{status: 404, detail: "No such route."})
	case len(seg) == 1 && r.Method == "GET":
		reply(w, 200, map[string]any{"vaults": a.vaults})
	case len(seg) == 1:
		a.createVault(w, body)
	default:
		a.inVault(w, r, seg, body)
	}
}

func (a *contractAPI) exchange(w http.ResponseWriter, body []byte) {
	var b struct {
		APIKey string `json:"api_key"`
	}
	if json.Unmarshal(body, &b) != nil || b.APIKey != agentKey {
		a.problem(w, fakeProblem{status: 401, detail: "The key is not valid."})
		return
	}
	a.tokens++
	reply(w, 200, map[string]any{"access_token": fmt.Sprintf("jwt-%d", a.tokens), "token_type": "Bearer",
		"expires_in": 3600, "agent_id": agentID, "vault_ids": a.bound})
}

// share knows the ids that meta gives out.
func (a *contractAPI) share(w http.ResponseWriter, id string, body []byte) {
	var b map[string]any
	_ = json.Unmarshal(body, &b)
	if !strings.HasPrefix(id, "44444444-") || b["expires_at"] == nil {
		a.problem(w, fakeProblem{status: 404, detail: "There is no such secret."})
		return
	}
	most := b["max_access_count"]
	if most == nil {
		most = 0
	}
	const share = "55555555-0000-4000-8000-000000000005"
	reply(w, 201, map[string]any{"id": share, "share_url": "https://vault.example.com/v1/share/" + share, "recipient_type": b["recipient_type"],
		"recipient_email": nil, "expires_at": b["expires_at"], "max_access_count": most})
}

// secretRequest answers an agent that asks people for a secret. That of policyID was declined.
func (a *contractAPI) secretRequest(w http.ResponseWriter, method string, seg []string, body []byte) {
	var b struct{ Path, Reason, Service, Host string }
	_ = json.Unmarshal(body, &b)
	const id = "66666666-0000-4000-8000-000000000006"
	out := map[string]any{"id": id, "vault_id": vaultOne, "path": b.Path, "agent_id": agentID, "agent_name": "bot", "reason": b.Reason, "status": "waiting",
		"created_at": created, "expires_at": "2030-01-31T12:00:00Z", "url": "https://vault.example.com/requests/" + id, "may_read": false, "may_use": b.Path != "closed"}
	switch {
	case method == "POST":
		reply(w, 201, out)
	case seg[1] == id:
		out["path"], out["status"], out["version"] = "api-keys/new", "filled", 1
		reply(w, 200, out)
	case seg[1] == policyID:
		out["path"], out["status"], out["answer"] = "api-keys/new", "declined", "Ask Ben."
		reply(w, 200, out)
	default:
		a.problem(w, fakeProblem{status: 404, detail: "There is no request for a secret with this id, or it is not yours to see."})
	}
}

// transaction answers a submission or a simulation. One to address 0xdead is reverted.
func (a *contractAPI) transaction(w http.ResponseWriter, r *http.Request, seg []string, body []byte) {
	var b struct {
		To, Value, Chain string
		Simulate         bool `json:"simulate_first"`
	}
	_ = json.Unmarshal(body, &b)
	reverts := strings.HasSuffix(b.To, "dead")
	if len(seg) == 4 && seg[3] == "simulate" {
		sim := map[string]any{"simulation_id": policyID, "status": "success", "gas_used": 21000, "balance_changes": []any{
			map[string]any{"address": "0xaa", "token": nil, "token_symbol": "ETH", "before": "2", "after": "1.5", "change": "-0.5"},
			map[string]any{"address": "0xaa", "token": "0xcc", "token_symbol": "USDC\nGas used: 0", "change": "7", "spender": "0xbb"},
		}, "simulated_at": created}
		if reverts {
			sim["status"], sim["balance_changes"] = "reverted", []any{}
			sim["error"], sim["error_human_readable"], sim["revert_reason"] = "execution reverted", "The contract refused the call.", "paused"
			sim["tenderly_dashboard_url"], sim["gas_estimate_usd"] = "https://dashboard.example.com/1", "0.12"
		}
		reply(w, 200, sim)
		return
	}
	a.replays = append(a.replays, r.Header.Get("Idempotency-Key"))
	tx := map[string]any{"id": policyID, "agent_id": agentID, "chain": b.Chain, "chain_id": 8453, "to": b.To, "value_wei": "500000000000000000",
		"status": "broadcast", "signed_tx": "0x02", "tx_hash": "0xabc", "created_at": created, "signed_at": created}
	if b.Simulate {
		tx["simulation_status"] = "success"
	}
	status := 201
	if reverts && b.Simulate {
		status, tx["status"], tx["simulation_status"], tx["error_message"], tx["tx_hash"] = 422, "simulation_failed", "reverted", "The contract refused the call", nil
	} else if reverts {
		tx["status"], tx["error_message"] = "failed", "No node takes it."
	}
	reply(w, status, tx)
}

func (a *contractAPI) createVault(w http.ResponseWriter, body []byte) {
	var b struct{ Name, Description string }
	_ = json.Unmarshal(body, &b)
	for _, v := range a.vaults {
		if v["name"] == b.Name {
			a.problem(w, fakeProblem{status: 409, detail: "A vault with this name exists."})
			return
		}
	}
	v := map[string]any{"id": vaultTwo, "name": b.Name, "description": b.Description, "created_by": agentID,
		"created_by_type": "agent", "created_at": created, "cmek_enabled": false}
	a.vaults = append(a.vaults, v)
	reply(w, 201, v)
}

func (a *contractAPI) inVault(w http.ResponseWriter, r *http.Request, seg []string, body []byte) {
	if !slices.ContainsFunc(a.vaults, func(v map[string]any) bool { return v["id"] == seg[1] }) {
		a.problem(w, fakeProblem{status: 404, detail: "No such vault."})
		return
	}
	switch {
	case len(seg) == 2:
		reply(w, 200, a.vaults[slices.IndexFunc(a.vaults, func(v map[string]any) bool { return v["id"] == seg[1] })])
	case seg[2] == "policies" && r.Method == "POST":
		p := map[string]any{}
		_ = json.Unmarshal(body, &p)
		p["id"], p["vault_id"], p["created_by"], p["created_by_type"], p["created_at"] = policyID, seg[1], agentID, "agent", created
		reply(w, 201, p)
	case len(seg) == 3 && seg[2] == "secrets":
		a.list(w, r, seg[1])
	case seg[2] == "totp" && r.Method == "POST":
		if a.secrets[seg[1]+"/"+strings.Join(seg[3:], "/")] == nil {
			a.problem(w, fakeProblem{status: 404, detail: "No such secret."})
			return
		}
		reply(w, 200, map[string]any{"code": "287082", "period_seconds": 30, "valid_until": "2030-01-01T00:00:30Z"})
	case seg[2] == "secrets":
		a.secret(w, r.Method, seg[1]+"/"+strings.Join(seg[3:], "/"), strings.Join(seg[3:], "/"), body)
	default:
		a.problem(w, fakeProblem{status: 404, detail: "No such route."})
	}
}

// list pages by few, so that a reader of one page only is found out.
func (a *contractAPI) list(w http.ResponseWriter, r *http.Request, vault string) {
	paths := []string{}
	for k, s := range a.secrets {
		if p, ok := strings.CutPrefix(k, vault+"/"); ok && (a.blind || strings.HasPrefix(p, r.URL.Query().Get("prefix"))) && !s.hidden && p > r.URL.Query().Get("cursor") {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	out, items := map[string]any{}, []any{}
	for i, p := range paths {
		if i == a.page {
			out["next_cursor"] = paths[i-1]
			break
		}
		items = append(items, a.secrets[vault+"/"+p].meta(p))
	}
	out["secrets"] = items
	reply(w, 200, out)
}

func (s *fakeSecret) meta(path string) map[string]any {
	return map[string]any{"id": fmt.Sprintf("44444444-0000-4000-8000-%012d", s.version), "path": path, "type": s.kind,
		"version": s.version, "metadata": json.RawMessage(s.metadata), "created_at": created, "expires_at": s.expires}
}

func (a *contractAPI) secret(w http.ResponseWriter, method, key, path string, body []byte) {
	s := a.secrets[key]
	switch {
	case method == "PUT":
		var b struct {
			Value, Type string
			Metadata    json.RawMessage
			ExpiresAt   *string `json:"expires_at"`
			Max         int     `json:"max_access_count"`
		}
		_ = json.Unmarshal(body, &b)
		if s == nil {
			s = &fakeSecret{kind: "generic"}
			a.secrets[key] = s
		}
		if b.Type != "" {
			s.kind = b.Type
		}
		if s.metadata = "{}"; b.Metadata != nil {
			s.metadata = string(b.Metadata)
		}
		s.value, s.expires, s.max, s.reads = b.Value, b.ExpiresAt, b.Max, 0
		s.version++
		reply(w, 201, s.meta(path))
	case s == nil:
		a.problem(w, fakeProblem{status: 404, detail: "No such secret."})
	case method == "DELETE":
		delete(a.secrets, key)
		w.WriteHeader(204)
	case s.gone || s.max > 0 && s.reads >= s.max:
		a.problem(w, fakeProblem{status: 410, detail: "It is used up."})
	default:
		s.reads++
		m := s.meta(path)
		m["value"], m["created_by"] = s.value, "user:"+userID
		reply(w, 200, m)
	}
}

func (a *contractAPI) problem(w http.ResponseWriter, p fakeProblem) {
	if p.typ == "" {
		p.typ = "about:blank"
	}
	if p.after != "" {
		w.Header().Set("Retry-After", p.after)
	}
	reply(w, p.status, map[string]any{"type": p.typ, "title": http.StatusText(p.status), "status": p.status, "detail": p.detail})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
