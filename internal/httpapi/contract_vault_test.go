package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

var (
	vaultFields  = []string{"id", "name", "description", "created_by", "created_by_type", "created_at", "cmek_enabled", "cmek_fingerprint"}
	metaFields   = []string{"id", "path", "type", "version", "metadata", "created_at", "expires_at"}
	secretFields = []string{"id", "path", "type", "version", "metadata", "created_at", "expires_at", "value", "created_by", "cmek_encrypted"}
)

func TestVaults(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	if r := w.do("GET", "/v1/vaults", ada.token, nil).want(200); string(r.body) != `{"vaults":[]}` {
		t.Errorf("no vaults: %s", r.body)
	}
	r := w.do("POST", "/v1/vaults", ada.token, object{"name": "main", "description": "", "cmek_enabled": true, "org_id": nobodysID}).want(201)
	o := fields(t, "Vault", r.json(), vaultFields...)
	if o["name"] != "main" || o["created_by"] != ada.id || o["created_by_type"] != "user" || o["cmek_enabled"] != false || o["cmek_fingerprint"] != nil || o["description"] != "" {
		t.Errorf("got %v", o)
	}
	if at, err := time.Parse(time.RFC3339, r.str("created_at")); err != nil || !at.Equal(w.Clock.Now()) || !strings.HasSuffix(r.str("created_at"), "Z") {
		t.Errorf("created_at %v %v", at, err)
	}
	w.do("POST", "/v1/vaults", ada.token, object{"name": "main"}).want(409)
	w.do("POST", "/v1/vaults", ada.token, object{"name": strings.Repeat("ä", 255), "description": nil}).want(201)
	for name, body := range map[string]object{
		"no name":               {"description": "x"},
		"an empty name":         {"name": ""},
		"blanks":                {"name": "  "},
		"256 characters":        {"name": strings.Repeat("x", 256)},
		"a NUL":                 {"name": "a\x00b"},
		"a NUL in what it is":   {"name": "nul", "description": "a\x00b"},
		"a newline":             {"name": "a\nb"},
		"a reserved name":       {"name": "__agent-keys"},
		"a number":              {"name": 7},
		"a list":                {"name": []string{"x"}},
		"an endless text":       {"name": "long", "description": strings.Repeat("x", 5000)},
		"a null where text is ": {"name": nil},
	} {
		got := w.do("POST", "/v1/vaults", ada.token, body)
		got.what = name
		got.want(400)
	}
	id := r.str("id")
	fields(t, "Vault", w.do("GET", "/v1/vaults/"+id, ada.token, nil).want(200).json(), vaultFields...)
	for _, v := range w.do("GET", "/v1/vaults", ada.token, nil).want(200).list("vaults") {
		fields(t, "Vault", v, vaultFields...)
	}
	for _, bad := range []string{nobodysID, "x", "", strings.ToUpper(id), id + "0", "{" + id + "}", strings.ReplaceAll(id, "-", "")} {
		w.do("GET", "/v1/vaults/"+bad, ada.token, nil).want(404)
		w.do("DELETE", "/v1/vaults/"+bad, ada.token, nil).want(404)
	}
	if allow := w.do("PUT", "/v1/vaults/"+id, ada.token, object{}).want(405).header.Get("Allow"); allow != "DELETE, GET, HEAD, PATCH" {
		t.Errorf("Allow: %q", allow)
	}
	if allow := w.do("DELETE", "/v1/vaults", ada.token, nil).want(405).header.Get("Allow"); allow != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", allow)
	}
	ada.put(id, "a", "x")
	w.do("DELETE", "/v1/vaults/"+id, ada.token, "").want(204)
	w.do("GET", "/v1/vaults/"+id, ada.token, nil).want(404)
	w.do("GET", secretAt(id, "a"), ada.token, nil).want(404)
	w.do("DELETE", "/v1/vaults/"+id, ada.token, nil).want(404)
	again := w.do("POST", "/v1/vaults", ada.token, object{"name": "main"}).want(201).str("id")
	if again == id {
		t.Error("a deleted vault's id was given again")
	}
}

func TestSecrets(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("main")
	end := w.Clock.Now().Add(time.Hour).Format(time.RFC3339Nano)
	r := w.do("PUT", secretAt(v, "db/main"), ada.token, object{
		"value": "s3cret \u2028 \"quoted\" \x01", "type": "password", "metadata": object{"team": "a", "n": 1}, "expires_at": end,
		"rotation_policy": object{"days": 30}, "max_access_count": 0, "encoding": "later",
	}).want(201)
	first := fields(t, "SecretMeta", r.json(), metaFields...)
	number(t, first, "version", 1)
	if first["path"] != "db/main" || first["type"] != "password" || first["expires_at"] != end || first["metadata"].(object)["team"] != "a" {
		t.Errorf("got %v", first)
	}
	got := w.do("GET", secretAt(v, "db/main"), ada.token, nil).want(200)
	o := fields(t, "Secret", got.json(), secretFields...)
	if o["value"] != "s3cret \u2028 \"quoted\" \x01" || o["created_by"] != "user:"+ada.id || o["cmek_encrypted"] != false || o["id"] != first["id"] {
		t.Errorf("got %v", o)
	}
	if ct := got.header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("content type %q", ct)
	}
	// The CLI's rotate names no type: the stored one stays. Update answers 201 too.
	second := w.do("PUT", secretAt(v, "db/main"), ada.token, object{"value": "next", "type": nil, "metadata": nil, "expires_at": nil}).want(201).json()
	number(t, second, "version", 2)
	if second["type"] != "password" || second["expires_at"] != nil || len(second["metadata"].(object)) != 0 || second["id"] == first["id"] {
		t.Errorf("got %v", second)
	}
	third := w.do("PUT", secretAt(v, "db/main"), ada.token, object{"value": "", "type": "generic"}).want(201).json()
	if third["type"] != "generic" {
		t.Errorf("got %v", third)
	}
	if o := w.do("PUT", secretAt(v, "other"), ada.token, object{"value": "x", "secret_type": "note"}).want(201).json(); o["type"] != "note" {
		t.Errorf("the CLI's spelling of type: %v", o)
	}
	if o := w.do("PUT", secretAt(v, "plain"), ada.token, object{"value": "x"}).want(201).json(); o["type"] != "generic" {
		t.Errorf("no type: %v", o)
	}
	for _, kind := range []string{"generic", "password", "api_key", "private_key", "certificate", "file", "note", "ssh_key", "env_bundle", "env", "token"} {
		w.do("PUT", secretAt(v, "types/"+kind), ada.token, object{"value": "x", "type": kind}).want(201)
	}
	w.do("POST", secretAt(v, "db/main/rotate"), ada.token, nil).want(400, "rotation_not_implemented")
	w.do("POST", secretAt(v, "db/main")+"/rotate", ada.token, object{}).want(400)
	if allow := w.do("PATCH", secretAt(v, "db/main"), ada.token, object{}).want(405).header.Get("Allow"); allow != "DELETE, GET, HEAD, POST, PUT" {
		t.Errorf("Allow: %q", allow)
	}
}

func TestDeletedSecrets(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("main")
	w.do("GET", secretAt(v, "a"), ada.token, nil).want(404)
	w.do("DELETE", secretAt(v, "a"), ada.token, nil).want(404)
	ada.put(v, "a", "one")
	ada.put(v, "a", "gone")
	w.do("DELETE", secretAt(v, "a"), ada.token, nil).want(204)
	w.do("GET", secretAt(v, "a"), ada.token, nil).want(410)
	w.do("DELETE", secretAt(v, "a"), ada.token, nil).want(404)
	revived := w.do("PUT", secretAt(v, "a"), ada.token, object{"value": "two"}).want(201).json()
	number(t, revived, "version", 3)
	w.do("DELETE", secretAt(v, "a"), ada.token, nil).want(204)
	if len(w.do("GET", "/v1/vaults/"+v+"/secrets", ada.token, nil).want(200).list("secrets")) != 0 {
		t.Error("a deleted secret is listed")
	}
	versions := "/v1/vaults/" + v + "/secret-versions/a"
	list := w.do("GET", versions, ada.token, nil).want(200).list("versions")
	if len(list) != 3 {
		t.Fatalf("versions %v", list)
	}
	fields(t, "a version", list[0], "id", "path", "version", "type", "metadata", "created_at", "created_by", "expires_at", "is_current", "is_deleted", "is_disabled")
	w.do("POST", "/v1/vaults/"+v+"/secret-restore/a", ada.token, nil).want(200)
	old := w.do("GET", versions+"?version=1", ada.token, nil).want(200)
	fields(t, "an old version", old.json(), secretFields...)
	if old.str("value") != "one" || w.do("GET", secretAt(v, "a"), ada.token, nil).want(200).str("value") != "two" {
		t.Errorf("got %s", old.body)
	}
	w.do("GET", versions+"?version=9", ada.token, nil).want(404)
	w.do("GET", versions+"?version=0", ada.token, nil).want(400)
	w.do("GET", versions+"?version=18446744073709551615", ada.token, nil).want(404)
	w.do("GET", versions+"?version=99999999999999999999999", ada.token, nil).want(400)
	w.do("POST", "/v1/vaults/"+v+"/secret-restore/a", ada.token, nil).want(404)
	w.do("DELETE", versions, ada.token, nil).want(204)
	w.do("GET", secretAt(v, "a"), ada.token, nil).want(404)
	number(t, w.do("PUT", secretAt(v, "a"), ada.token, object{"value": "three"}).want(201).json(), "version", 4)
}

func TestExpiryAndAccessCount(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("main")
	end := w.Clock.Now().Add(time.Minute)
	w.do("PUT", secretAt(v, "short"), ada.token, object{"value": "x", "expires_at": end}).want(201)
	w.do("GET", secretAt(v, "short"), ada.token, nil).want(200)
	w.Clock.Forward(time.Minute)
	w.do("GET", secretAt(v, "short"), ada.token, nil).want(410)
	w.do("PUT", secretAt(v, "twice"), ada.token, object{"value": "x", "max_access_count": 2}).want(201)
	for range 5 { // which never counts
		w.do("GET", "/v1/vaults/"+v+"/secrets", ada.token, nil).want(200)
		w.do("GET", "/v1/vaults/"+v+"/secret-versions/twice", ada.token, nil).want(200)
	}
	w.do("GET", secretAt(v, "twice"), ada.token, nil).want(200)
	w.do("GET", "/v1/vaults/"+v+"/secret-versions/twice?version=1", ada.token, nil).want(200)
	w.do("GET", secretAt(v, "twice"), ada.token, nil).want(410, "secret_gone")
	w.do("GET", "/v1/vaults/"+v+"/secret-versions/twice?version=1", ada.token, nil).want(410)
	w.do("PUT", secretAt(v, "twice"), ada.token, object{"value": "x", "max_access_count": 1}).want(201)
	w.do("GET", secretAt(v, "twice"), ada.token, nil).want(200)
	w.do("GET", secretAt(v, "twice"), ada.token, nil).want(410)
}

func TestEverySpellingOfAPathReachesTheSameSecret(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("main")
	spellings := []string{"team-a/db_1/main", "team-a%2Fdb_1%2Fmain", "team-a%2fdb_1/main", "team%2Da/db%5F1/m%61in", "%74eam-a%2Fdb_1%2Fmai%6E"}
	for i, s := range spellings {
		m := w.do("PUT", secretAt(v, s), ada.token, object{"value": "x"}).want(201).json()
		number(t, m, "version", int64(i+1))
		if m["path"] != "team-a/db_1/main" {
			t.Errorf("%s was stored as %v", s, m["path"])
		}
		for _, read := range spellings {
			if got := w.do("GET", secretAt(v, read), ada.token, nil).want(200).json(); got["id"] != m["id"] {
				t.Errorf("%s and %s are two secrets", s, read)
			}
		}
	}
	if n := len(w.do("GET", "/v1/vaults/"+v+"/secrets", ada.token, nil).want(200).list("secrets")); n != 1 {
		t.Errorf("%d secrets", n)
	}
	w.do("DELETE", secretAt(v, spellings[1]), ada.token, nil).want(204)
	w.do("GET", secretAt(v, spellings[0]), ada.token, nil).want(410)
	ada.put(v, "Team-a/db_1/main", "another") // case matters
	w.do("GET", secretAt(v, spellings[0]), ada.token, nil).want(410)
}

func TestListing(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("main")
	all := "/v1/vaults/" + v + "/secrets"
	if r := w.do("GET", all, ada.token, nil).want(200); string(r.body) != `{"secrets":[]}` {
		t.Errorf("an empty vault: %s", r.body)
	}
	for _, p := range []string{"b", "a/1", "a/2", "a-1", "c"} {
		ada.put(v, p, "listed-value")
	}
	w.do("PUT", secretAt(v, "soon"), ada.token, object{"value": "x", "expires_at": w.Clock.Now().Add(time.Second)}).want(201)
	w.Clock.Forward(time.Second)
	r := w.do("GET", all, ada.token, nil).want(200)
	fields(t, "the listing", r.json(), "secrets")
	var paths []string
	for _, m := range r.list("secrets") {
		fields(t, "SecretMeta", m, metaFields...)
		paths = append(paths, m["path"].(string))
	}
	if got := strings.Join(paths, " "); got != "a-1 a/1 a/2 b c" {
		t.Errorf("listed %s", got)
	}
	if strings.Contains(string(r.body), "listed-value") {
		t.Error("a listing holds a value")
	}
	for prefix, want := range map[string]int{"a": 3, "a%2F": 2, "a/": 2, "a/1": 1, "zz": 0, "": 5, "A": 0} {
		if got := w.do("GET", all+"?prefix="+prefix, ada.token, nil).want(200).list("secrets"); len(got) != want {
			t.Errorf("prefix %q lists %d, want %d", prefix, len(got), want)
		}
	}
	page := w.do("GET", all+"?limit=2", ada.token, nil).want(200)
	fields(t, "a page", page.json(), "secrets", "next_cursor")
	rest := w.do("GET", all+"?limit=2&cursor="+page.str("next_cursor"), ada.token, nil).want(200)
	if l := rest.list("secrets"); len(l) != 2 || l[0]["path"] != "a/2" {
		t.Errorf("the second page: %s", rest.body)
	}
	for _, q := range []string{"limit=0", "limit=-1", "limit=10001", "limit=x", "limit=1e3", "limit=99999999999999999999", "cursor=%2A", "cursor=!!", "prefix=..", "prefix=/a", "prefix=%00", "prefix=" + strings.Repeat("a", 513)} {
		w.do("GET", all+"?"+q, ada.token, nil).want(400)
	}
	w.do("GET", all+"?unknown=1&limit=5", ada.token, nil).want(200)
	w.do("GET", "/v1/vaults/"+nobodysID+"/secrets", ada.token, nil).want(404)
	if allow := w.do("POST", all, ada.token, object{}).want(405).header.Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("Allow: %q", allow)
	}
}

func TestEveryAcceptHeaderIsAnsweredWithJSON(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	for _, accept := range []string{"", "*/*", "text/html", "application/json;q=0.1, text/html", "application/xml", "application/cbor", "application/jsonl", "garbage;;;", "application/problem+json"} {
		r := w.do("GET", "/v1/vaults", ada.token, nil, header("Accept", accept)).want(http.StatusOK)
		if r.header.Get("Content-Type") != "application/json" {
			t.Errorf("Accept %q: %s", accept, r.header.Get("Content-Type"))
		}
		w.do("GET", "/v1/vaults/"+nobodysID, ada.token, nil, header("Accept", accept)).want(http.StatusNotFound)
		w.do("POST", "/v1/vaults", ada.token, object{}, header("Accept", accept)).want(http.StatusBadRequest)
	}
}
