package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// human is a user with a token.
type human struct {
	*world
	email, token, id, org string
}

// signup makes a user with an organisation of its own.
func (w *world) signup(name string) *human {
	w.t.Helper()
	email := name + "@example.com"
	r := w.do("POST", "/v1/auth/signup", "", object{"email": email, "password": password}).want(http.StatusOK)
	h := &human{world: w, email: email, token: r.str("access_token")}
	me := w.do("GET", "/v1/auth/me", h.token, nil).want(http.StatusOK)
	h.id, h.org = me.str("id"), me.str("org_id")
	return h
}

// boss is a user of another organisation who runs the server.
func (w *world) boss() *human {
	w.t.Helper()
	h := w.signup("boss")
	w.Exec(`UPDATE users SET platform_admin = 1 WHERE id = ?`, h.id)
	h.token = h.login()
	return h
}

// login gives a user another token.
func (h *human) login() string {
	h.t.Helper()
	return h.do("POST", "/v1/auth/token", "", object{"email": h.email, "password": password}).want(http.StatusOK).str("access_token")
}

// vaultNamed makes a vault.
func (h *human) vaultNamed(name string) string {
	h.t.Helper()
	return h.do("POST", "/v1/vaults", h.token, object{"name": name}).want(http.StatusCreated).str("id")
}

// put stores a secret.
func (h *human) put(vault, path, value string) {
	h.t.Helper()
	h.do("PUT", secretAt(vault, path), h.token, object{"value": value}).want(http.StatusCreated)
}

func secretAt(vault, path string) string { return "/v1/vaults/" + vault + "/secrets/" + path }

// robot is an agent with its key and a token.
type robot struct {
	*world
	id, key, token string
}

// agent registers an agent and exchanges its key.
func (h *human) agent(draft object) *robot {
	h.t.Helper()
	if draft == nil {
		draft = object{}
	}
	if draft["name"] == nil {
		draft["name"] = "worker"
	}
	r := h.do("POST", "/v1/agents", h.token, draft).want(http.StatusCreated)
	a := &robot{world: h.world, id: r.str("agent", "id"), key: r.str("api_key")}
	a.token = a.exchange()
	return a
}

func (a *robot) exchange() string {
	a.t.Helper()
	return a.do("POST", "/v1/auth/agent-token", "", object{"api_key": a.key}).want(http.StatusOK).str("access_token")
}

// grant gives a principal access to a pattern and returns the policy's id.
func (h *human) grant(vault string, to *robot, pattern string, more object, permissions ...string) string {
	h.t.Helper()
	body := object{
		"secret_path_pattern": pattern, "principal_type": "agent", "principal_id": to.id, "permissions": permissions,
	}
	for k, v := range more {
		body[k] = v
	}
	return h.do("POST", "/v1/vaults/"+vault+"/policies", h.token, body).want(http.StatusCreated).str("id")
}

// claims reads a token without checking it.
func claims(token string) object {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var o object
	if json.Unmarshal(raw, &o) != nil {
		return nil
	}
	return o
}

// nobodysID is a UUID that nothing has.
const nobodysID = "00000000-aaaa-4bbb-8ccc-000000000001"

// param is a parameter in a path of the document.
var param = regexp.MustCompile(`\{[a-z_]+\}`)

// fill puts ids into a path of the document. A parameter without one gets
// nobody's.
func fill(path string, ids map[string]string) string {
	for name, id := range ids {
		path = strings.ReplaceAll(path, "{"+name+"}", id)
	}
	path = strings.ReplaceAll(path, "{user_code}", "BCDF-GHJK")
	path = strings.ReplaceAll(path, "/signing-keys/{chain}", "/signing-keys/ethereum")
	path = strings.ReplaceAll(path, "{chain}", "base")
	path = strings.ReplaceAll(path, "{version}", "1")
	path = strings.ReplaceAll(path, "{key}", "a.key")
	return param.ReplaceAllString(path, nobodysID)
}
