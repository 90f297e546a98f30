package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	ownerID    = "00000000-0000-4000-8000-000000000001"
	orgID      = "00000000-0000-4000-8000-0000000000ff"
	ownerMail  = "owner@example.com"
	ownerPass  = "Correct-Horse-7!"
	missing    = `{"type":"about:blank","title":"Not Found","status":404,"detail":"There is nothing here, or not for you.","code":"not_found"}`
	denied     = `{"type":"about:blank","title":"Forbidden","status":403,"detail":"No policy allows this.","code":"denied"}`
	badToken   = `{"type":"about:blank","title":"Unauthorized","status":401,"detail":"The credential is not good.","code":"unauthenticated"}`
	fakeMoment = "2026-11-01T10:00:00Z"
)

var startOfTests = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)

type object = map[string]any

// fake is a server that keeps to the contract's shapes: one owner, one
// organisation, agents that see only paths under api-keys/.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	n        int
	tokens   map[string]string // bearer -> "user" or agent id
	keys     map[string]string // id -> key
	vaults   []object
	secrets  map[string][]object // vault/path -> versions, oldest first
	deleted  map[string]bool
	policies map[string][]object
	agents   []object
	noKeys   bool     // refuses to make API keys
	mfa      bool     // asks for a second factor
	log      []string // method and path of what came
	broken   bool     // audit
}

func newFake(t *testing.T) *fake {
	f := &fake{tokens: map[string]string{}, keys: map[string]string{}, secrets: map[string][]object{},
		deleted: map[string]bool{}, policies: map[string][]object{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// id returns ids in order, so that golden files stay the same.
func (f *fake) id() string {
	f.n++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", 100+f.n)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, r.Method+" "+r.URL.EscapedPath())
	var in object
	if b, _ := io.ReadAll(r.Body); len(b) > 0 {
		if json.Unmarshal(b, &in) != nil {
			reply(w, 400, object{"detail": "Not JSON."})
			return
		}
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	if parts[0] == "auth" && f.public(w, r, parts, in) {
		return
	}
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	who, ok := f.tokens[bearer]
	for _, a := range f.agents {
		if a["api_key"] == bearer && a["is_active"] == true {
			who, ok = a["id"].(string), true
		}
	}
	if !ok {
		raw(w, 401, badToken)
		return
	}
	switch parts[0] {
	case "auth":
		f.auth(w, r, parts, in, who)
	case "vaults":
		f.vault(w, r, parts, in, who)
	case "agents":
		f.agent(w, r, parts, in, who)
	case "audit":
		f.audit(w, parts)
	default:
		raw(w, 404, missing)
	}
}

func (f *fake) public(w http.ResponseWriter, r *http.Request, parts []string, in object) bool {
	switch r.Method + " " + strings.Join(parts[1:], "/") {
	case "POST token", "POST google":
		switch {
		case parts[1] == "google" && in["id_token"] != ownerPass: // as good a token as any
			raw(w, 401, badToken)
		case parts[1] == "token" && (in["email"] != ownerMail || in["password"] != ownerPass):
			raw(w, 401, badToken)
		case f.mfa:
			reply(w, 200, object{"access_token": "", "mfa_required": true, "mfa_token": "m1", "expires_in": 300})
		default:
			f.tokens["jwt1"] = "user"
			reply(w, 200, object{"access_token": "jwt1", "token_type": "Bearer", "expires_in": 900})
		}
	case "POST mfa/verify":
		if in["mfa_token"] != "m1" || in["code"] != "123456" {
			raw(w, 401, badToken)
			return true
		}
		f.tokens["jwt2"] = "user"
		reply(w, 200, object{"access_token": "jwt2", "token_type": "Bearer", "expires_in": 900})
	default:
		return false
	}
	return true
}

func (f *fake) auth(w http.ResponseWriter, r *http.Request, parts []string, in object, who string) {
	switch route := r.Method + " " + parts[1]; {
	case who != "user":
		raw(w, 403, denied)
	case route == "GET me":
		reply(w, 200, object{"id": ownerID, "email": ownerMail, "display_name": "Owner", "role": "owner",
			"auth_method": "password", "org_id": orgID, "email_verified": true, "created_at": fakeMoment})
	case route == "POST api-keys" && f.noKeys:
		raw(w, 403, denied)
	case route == "POST api-keys":
		id := f.id()
		key := "1ck_" + id
		f.keys[id], f.tokens[key] = key, "user"
		reply(w, 201, object{"api_key": key, "key": object{"id": id, "name": in["name"], "expires_at": in["expires_at"], "is_active": true, "created_at": fakeMoment}})
	case route == "DELETE api-keys":
		delete(f.tokens, f.keys[parts[2]])
		w.WriteHeader(204)
	case route == "DELETE token":
		delete(f.tokens, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		w.WriteHeader(204)
	default:
		raw(w, 404, missing)
	}
}

func (f *fake) vault(w http.ResponseWriter, r *http.Request, parts []string, in object, who string) {
	if len(parts) == 1 {
		if r.Method == "GET" {
			reply(w, 200, object{"vaults": f.vaults})
			return
		}
		for _, v := range f.vaults {
			if v["name"] == in["name"] {
				reply(w, 409, object{"title": "Conflict", "status": 409, "detail": "A vault of that name exists.", "code": "vault_exists"})
				return
			}
		}
		v := object{"id": f.id(), "name": in["name"], "description": in["description"], "created_by": ownerID,
			"created_by_type": "user", "created_at": fakeMoment, "cmek_enabled": false}
		f.vaults = append(f.vaults, v)
		reply(w, 201, v)
		return
	}
	at := -1
	for i, v := range f.vaults {
		if v["id"] == parts[1] {
			at = i
		}
	}
	switch {
	case at < 0:
		raw(w, 404, missing)
	case len(parts) == 2 && r.Method == "GET":
		reply(w, 200, f.vaults[at])
	case len(parts) == 2 && r.Method == "DELETE":
		f.vaults = append(f.vaults[:at], f.vaults[at+1:]...)
		w.WriteHeader(204)
	case parts[2] == "policies":
		f.policy(w, r, parts, in)
	default:
		f.secret(w, r, parts, in, who)
	}
}

func (f *fake) secret(w http.ResponseWriter, r *http.Request, parts []string, in object, who string) {
	path := strings.Join(parts[3:], "/")
	key := parts[1] + "/" + path
	all := f.secrets[key]
	if who != "user" && path != "" && !strings.HasPrefix(path, "api-keys/") {
		raw(w, 403, denied)
		return
	}
	switch r.Method + " " + parts[2] {
	case "GET secrets":
		if path == "" {
			f.list(w, r, parts[1])
			return
		}
		if len(all) == 0 || f.deleted[key] {
			raw(w, 404, missing)
			return
		}
		reply(w, 200, all[len(all)-1])
	case "PUT secrets":
		typ, named := in["type"]
		if !named && len(all) > 0 {
			typ = all[len(all)-1]["type"]
		} else if !named {
			typ = "generic"
		}
		s := object{"id": f.id(), "path": path, "type": typ, "version": len(all) + 1, "metadata": in["metadata"],
			"created_at": fakeMoment, "expires_at": in["expires_at"], "value": in["value"], "created_by": "user:" + ownerID}
		f.secrets[key] = append(all, s)
		delete(f.deleted, key)
		reply(w, 201, meta(s))
	case "DELETE secrets":
		if len(all) == 0 || f.deleted[key] {
			raw(w, 404, missing)
			return
		}
		f.deleted[key] = true
		w.WriteHeader(204)
	case "POST secret-restore":
		if !f.deleted[key] {
			raw(w, 404, missing)
			return
		}
		delete(f.deleted, key)
		reply(w, 200, meta(all[len(all)-1]))
	case "GET secret-versions":
		f.versions(w, r, key)
	case "DELETE secret-versions":
		delete(f.secrets, key)
		w.WriteHeader(204)
	default:
		raw(w, 404, missing)
	}
}

func (f *fake) versions(w http.ResponseWriter, r *http.Request, key string) {
	all := f.secrets[key]
	list := []object{}
	for i := len(all) - 1; i >= 0; i-- {
		s := all[i]
		if v := r.URL.Query().Get("version"); v == fmt.Sprint(s["version"]) {
			reply(w, 200, s)
			return
		}
		last := i == len(all)-1
		list = append(list, object{"id": s["id"], "version": s["version"], "type": s["type"], "created_at": fakeMoment,
			"created_by": s["created_by"], "is_current": last && !f.deleted[key], "is_deleted": last && f.deleted[key]})
	}
	if len(list) == 0 || r.URL.Query().Has("version") {
		raw(w, 404, missing)
		return
	}
	reply(w, 200, object{"versions": list})
}

// list pages by two, whatever the client asks for.
func (f *fake) list(w http.ResponseWriter, r *http.Request, vault string) {
	q := r.URL.Query()
	paths := []string{}
	for key := range f.secrets {
		if p, ok := strings.CutPrefix(key, vault+"/"); ok && !f.deleted[key] && strings.HasPrefix(p, q.Get("prefix")) && p > q.Get("cursor") {
			paths = append(paths, p)
		}
	}
	sort.Strings(paths)
	out := object{}
	if len(paths) > 2 {
		paths = paths[:2]
		out["next_cursor"] = paths[1]
	}
	metas := []object{}
	for _, p := range paths {
		all := f.secrets[vault+"/"+p]
		metas = append(metas, meta(all[len(all)-1]))
	}
	out["secrets"] = metas
	reply(w, 200, out)
}

func (f *fake) policy(w http.ResponseWriter, r *http.Request, parts []string, in object) {
	v := parts[1]
	switch r.Method {
	case "GET":
		reply(w, 200, object{"policies": f.policies[v]})
	case "POST":
		p := object{"id": f.id(), "vault_id": v, "created_by": ownerID, "created_by_type": "user", "created_at": fakeMoment}
		for k, x := range in {
			p[k] = x
		}
		f.policies[v] = append(f.policies[v], p)
		reply(w, 201, p)
	case "DELETE":
		for i, p := range f.policies[v] {
			if p["id"] == parts[3] {
				f.policies[v] = append(f.policies[v][:i], f.policies[v][i+1:]...)
				w.WriteHeader(204)
				return
			}
		}
		raw(w, 404, missing)
	}
}

func (f *fake) agent(w http.ResponseWriter, r *http.Request, parts []string, in object, who string) {
	if len(parts) == 1 && r.Method == "POST" {
		id := f.id()
		a := object{"id": id, "name": in["name"], "description": in["description"], "auth_method": "api_key", "is_active": true,
			"scopes": []string{}, "vault_ids": in["vault_ids"], "created_at": fakeMoment, "api_key": "ocv_" + id, "org_id": orgID}
		f.agents = append(f.agents, a)
		reply(w, 201, object{"agent": a, "api_key": a["api_key"]})
		return
	}
	if len(parts) == 1 {
		reply(w, 200, object{"agents": f.agents})
		return
	}
	for _, a := range f.agents {
		self := parts[1] == "me" && a["id"] == who
		if a["id"] != parts[1] && !self {
			continue
		}
		switch r.Method {
		case "GET":
			reply(w, 200, a)
		case "DELETE":
			a["is_active"] = false
			w.WriteHeader(204)
		default:
			a["api_key"] = "ocv_new"
			reply(w, 200, object{"api_key": "ocv_new"})
		}
		return
	}
	if parts[1] == "me" {
		raw(w, 403, denied)
		return
	}
	raw(w, 404, missing)
}

func (f *fake) audit(w http.ResponseWriter, parts []string) {
	switch {
	case parts[1] == "keys":
		reply(w, 200, object{"audit:2": "BBBB=", "audit:1": "AAAA="})
	case parts[1] == "export":
		_, _ = io.WriteString(w, "{\"seq\":1}\n{\"seq\":2}\n")
	case parts[1] == "events":
		reply(w, 200, object{"count": 1, "events": []object{{"id": "e1", "action": "secret.read", "actor_id": ownerID, "actor_type": "user",
			"resource_type": "secret", "resource_id": "s1", "org_id": orgID, "details": object{"outcome": "success", "path": "a\x1b[31m", "vault_id": orgID},
			"ip_address": "127.0.0.1", "created_at": fakeMoment}, {"id": "e0", "action": "vault.list", "actor_id": ownerID, "actor_type": "user",
			"resource_type": "vault", "resource_id": "", "details": object{"outcome": "success"}, "created_at": fakeMoment}}})
	case f.broken:
		reply(w, 200, object{"ok": false, "events": 9, "checkpoints": 1, "signed_seq": 9, "first_bad_event_id": "e4", "first_bad_seq": 4, "problem": "altered"})
	default:
		reply(w, 200, object{"ok": true, "events": 9, "checkpoints": 1, "signed_seq": 9})
	}
}

func meta(s object) object {
	m := object{}
	for _, k := range []string{"id", "path", "type", "version", "metadata", "created_at", "expires_at"} {
		m[k] = s[k]
	}
	return m
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func raw(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}
