package httpapi_test

import "testing"

// Identity keys are stored with their agent, or not at all: a registration or rotation
// that is refused at its commit leaves no key behind.
func TestIdentityKeysAreStoredWithTheirAgent(t *testing.T) {
	s := openSession(t)
	count := func(query string) (n int) {
		s.Each(query, func(scan func(...any) error) error { return scan(&n) })
		return n
	}
	const keys = `SELECT COUNT(*) FROM secret_versions v JOIN vaults ON vaults.id = v.vault_id WHERE vaults.name = '__agent-keys'`
	before := count(keys)
	lift := s.refuse("INSERT ON agents")
	s.do("POST", "/v1/agents", s.ada.token, object{"name": "refused"}).want(503)
	lift()
	lift = s.refuse("UPDATE OF ssh_public_key ON agents")
	rotate := "/v1/agents/" + s.worker.id + "/rotate-identity-keys"
	s.do("POST", rotate, s.ada.token, nil).want(503)
	lift()
	if n := count(keys); n != before {
		t.Errorf("%d keys are there, want %d", n, before)
	}
	was := s.do("GET", "/v1/agents/"+s.worker.id, s.ada.token, nil).want(200).str("ssh_public_key")
	is := s.do("POST", rotate, s.ada.token, nil).want(200)
	if n := count(keys); n != before+2 || is.str("ssh_public_key") == was || is.str("name") != "worker" {
		t.Errorf("%d keys are there after %d, and the agent is %s", n, before, is.body)
	}
	lift = s.refuse("INSERT ON secret_versions")
	s.do("POST", "/v1/agents", s.ada.token, object{"name": "without"}).want(503)
	lift()
	if n := count(`SELECT COUNT(*) FROM agents WHERE name IN ('refused', 'without')`); n != 0 {
		t.Errorf("%d agents are there", n)
	}
}

// refuse makes the database fail a kind of change, such as "INSERT ON agents", until
// lift is called.
func (w *world) refuse(change string) (lift func()) {
	w.t.Helper()
	if w.DSN == "" {
		w.Exec(`CREATE TRIGGER refused BEFORE ` + change + ` BEGIN SELECT RAISE(ABORT, 'no'); END`)
		return func() { w.Exec(`DROP TRIGGER refused`) }
	}
	w.Exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'`)
	w.Exec(`CREATE TRIGGER refused BEFORE ` + change + ` FOR EACH ROW EXECUTE FUNCTION refuse()`)
	return func() { w.Exec(`DROP FUNCTION refuse CASCADE`) }
}
