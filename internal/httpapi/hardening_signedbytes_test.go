package httpapi_test

import "testing"

// Whoever has the bytes of a signed transaction can send it: only who may sign gets them.
func TestSignedBytesAreForWhoMaySign(t *testing.T) {
	s := openStage(openSession(t))
	s.signs(s.worker.id)
	at := "/v1/agents/" + s.worker.id + "/transactions"
	key := func(scopes ...string) string {
		return s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k" + s.unique(), "scopes": scopes}).want(201).str("api_key")
	}
	reads, signs := key("transaction:read"), key("transaction:*")
	for _, id := range []string{
		s.do("POST", at+"/sign", s.worker.key, payment("own")).want(200).str("id"),
		s.do("POST", at, s.worker.key, payment("own")).want(201).str("id"),
	} {
		for _, path := range []string{at, at + "/" + id} {
			s.do("GET", path+"?include_signed_tx=true", reads, nil).want(403)
			if r := s.do("GET", path, reads, nil).want(200); has(r, id) {
				t.Errorf("%s: bytes that nobody asked for", path)
			}
			for who, token := range map[string]string{"a key that may sign": signs, "the agent": s.worker.key, "its human": s.ada.token} {
				if r := s.do("GET", path+"?include_signed_tx=1", token, nil).want(200); !has(r, id) {
					t.Errorf("%s: %s gets no bytes", path, who)
				}
			}
		}
	}
}

// has reports whether an answer has the signed bytes of a transaction.
func has(r reply, id string) bool {
	all := []any{r.json()}
	if list, ok := r.json()["transactions"].([]any); ok {
		all = list
	}
	for _, one := range all {
		if tx, ok := one.(object); ok && tx["id"] == id {
			text, _ := tx["signed_tx"].(string)
			return len(text) > 2
		}
	}
	return false
}
