package httpapi_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const rolesPage = "../../docs/organisation.md"

var roleNames = []string{"owner", "admin", "member", "agent", "platform admin"}

// The table of docs/organisation.md is what the API does: each operation is
// asked by each role, about things that another member made. An operation
// without a row fails. With -update the table is written anew: read the
// difference.
func TestTheRoleTable(t *testing.T) {
	answers := map[string][]string{}
	var order []string
	for _, role := range roleNames {
		s := openSession(t)
		token := s.caller(role)
		ops := s.operations()
		for _, op := range ops {
			if len(answers[op.String()]) == 0 {
				order = append(order, op.String())
			}
		}
		// What destroys comes last, and of that the parts before the whole.
		slices.SortStableFunc(ops, func(a, b operation) int { return destroys(a) - destroys(b) })
		bodies := s.goodBodies()
		for _, op := range ops {
			if op.action.Public() {
				answers[op.String()] = append(answers[op.String()], "public")
				continue
			}
			if destroys(op) > 0 && strings.Contains(op.path, "{share_id}") { // each ends one
				s.Clock.Forward(10 * time.Second)
				s.known["share_id"] = s.ada.shares(s.secret, object{"recipient_type": "agent", "recipient_id": s.worker.id}).str("id")
			}
			target := s.target(op)
			if op.OperationID == "end-sessions" {
				target += "?keep_current=true" // the login that asks goes on to the rows that follow
			}
			r := s.do(op.method, target, token, bodies[op.OperationID])
			switch {
			case r.status == 401 || r.status >= 500 && r.status != 501: // 501: it may, but nobody can
				t.Errorf("%s as %s: got %d: %.200s", op, role, r.status, r.body)
			case r.status == 403:
				answers[op.String()] = append(answers[op.String()], "no")
			case r.status == 404:
				answers[op.String()] = append(answers[op.String()], "not found")
			default:
				answers[op.String()] = append(answers[op.String()], "yes")
			}
		}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "| Operation | %s |\n|---%s|\n", strings.Join(roleNames, " | "), strings.Repeat("|---", len(roleNames)))
	for _, op := range order {
		fmt.Fprintf(&table, "| `%s` | %s |\n", op, strings.Join(answers[op], " | "))
	}
	const begin, end = "<!-- roles -->\n", "<!-- /roles -->"
	page, err := os.ReadFile(rolesPage)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), begin)
	written, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("the page has no table of roles")
	}
	if *update {
		if err := os.WriteFile(rolesPage, []byte(head+begin+table.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := map[string]string{}
	for line := range strings.Lines(written) {
		if name, cells, found := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "| `"), "` | "); found {
			want[name] = strings.TrimSuffix(cells, " |")
		}
	}
	for _, op := range order {
		if got := strings.Join(answers[op], " | "); want[op] != got {
			t.Errorf("%s: the page says %q, the API %q", op, want[op], got)
		}
		delete(want, op)
	}
	for op := range want {
		t.Errorf("the page has a row for %s, which there is not", op)
	}
}

// caller is somebody in ada's organisation who made nothing there.
func (s *session) caller(role string) string {
	s.t.Helper()
	s.ids()
	s.do("PUT", "/v1/org/approval-webhook", s.ada.token, s.goodBodies()["set-approval-webhook"]).want(200)
	s.do("PATCH", "/v1/agents/"+s.worker.id, s.ada.token, object{"intents_api_enabled": true}).want(200)
	s.do("POST", "/v1/agents/"+s.worker.id+"/signing-keys", s.ada.token, object{"chain": "ethereum"}).want(201)
	switch role {
	case "agent":
		return s.ada.agent(nil).key
	case "platform admin":
		h := s.ada.member("rolf", "member")
		s.Exec(`UPDATE users SET platform_admin = 1 WHERE id = ?`, h.id)
		return h.login()
	}
	return s.ada.member("rolf", role).token
}

func destroys(op operation) int {
	switch op.String() {
	case "DELETE /v1/auth/token", "DELETE /v1/auth/me", "POST /v1/auth/change-password":
		return 1000
	}
	if strings.Contains(op.path, "{share_id}") && op.method != "GET" {
		return 200 // shares end with what they share
	}
	switch op.OperationID {
	case "freeze-agent", "freeze-org":
		return 150 // then no agent does anything
	case "unfreeze-agent":
		return 160
	case "unfreeze-org":
		return 900
	}
	if op.method == "DELETE" || strings.Contains(op.path, "deny") || strings.Contains(op.path, "decline") || strings.Contains(op.path, "reject") || strings.Contains(op.path, "-disable/") {
		return 500 - strings.Count(op.path, "/")*10
	}
	if op.method == "GET" {
		return 0
	}
	return 100
}
