package httpapi_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// unseenPage is where people read which operations hand out a value.
const unseenPage = "../../docs/use-without-seeing.md"

// handsOut reports whether an operation can hand out a value: by its action, what opens a share,
// and the list of versions, which shows one that is asked for.
func handsOut(op operation) bool {
	rule, _ := policy.RuleFor(op.action)
	return rule.Value || op.action == policy.AccessShare || op.action == policy.ListVersions
}

// The page has the operations that hand out a value, as the table of actions says it.
func TestThePageOfWhatHandsOutValues(t *testing.T) {
	var table strings.Builder
	for _, op := range open(t).operations() {
		if handsOut(op) {
			fmt.Fprintf(&table, "- `%s %s`\n", op.method, op.path)
		}
	}
	const begin, end = "<!-- values -->\n", "<!-- /values -->"
	page, err := os.ReadFile(unseenPage)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), begin)
	written, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("the page has no list of operations that hand out values")
	}
	if *update {
		if err := os.WriteFile(unseenPage, []byte(head+begin+table.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if written != table.String() {
		t.Errorf("the page has\n%s\nand the API\n%s", written, table.String())
	}
}

// No operation shows a value, in any spelling, to an agent that is shown none and may do
// everything else: each that there is is asked, with the agent's token and with its key. To an
// agent that may see values, the same requests show them.
func TestNoOperationShowsAValueToAnAgentThatUses(t *testing.T) {
	for _, reveal := range []string{"never", "allow"} {
		t.Run(reveal, func(t *testing.T) {
			s := openStage(openSession(t, rest.OneByOne, stripeAt(newStripe(t).URL)))
			u := &unseen{stage: s, find: known.New([]known.Value{{Label: "v", Value: secret.FromString(unseenValue)}}), reveal: reveal}
			u.anew()
			for _, op := range s.operations() {
				if reveal == "allow" && !handsOut(op) {
					continue
				}
				for _, withKey := range []bool{false, true} {
					r, shown := u.ask(op, withKey)
					switch rule, _ := policy.RuleFor(op.action); {
					case reveal == "never" && shown:
						t.Errorf("%s: %d, a value is shown: %s", op, r.status, r.body)
					case reveal == "never" && handsOut(op) && r.status < 400:
						t.Errorf("%s: %d %.200s", op, r.status, r.body)
					case reveal == "allow" && !shown && op.action != policy.CreateShare && op.action != policy.ListVersions && !rule.ManagersOnly:
						t.Errorf("%s shows nothing to an agent that may see it: %d %.200s", op, r.status, r.body)
					}
				}
			}
			for _, e := range s.Events(s.ada.org) {
				if len(u.find.Find(string(e.DetailsJSON))) > 0 {
					t.Errorf("the log has it: %s", e.DetailsJSON)
				}
			}
		})
	}
}

const unseenValue = "v4lue/of the=vault that+nobody sees"

// unseen asks for operations on things that have unseenValue.
type unseen struct {
	*stage
	find   *known.Set
	reveal string
	agent  *robot
}

// anew makes an agent that may do everything with the vault.
func (u *unseen) anew() {
	u.t.Helper()
	u.agent = u.ada.agent(object{"name": "agent " + u.unique(), "reveal": u.reveal, "shroud_enabled": true, "intents_api_enabled": true})
	u.ada.grant(u.vault, u.agent, "**", nil, "read", "use", "write", "delete")
}

// ask does an operation and reports whether what came back has the value.
func (u *unseen) ask(op operation, withKey bool) (r reply, shown bool) {
	u.t.Helper()
	if u.goOn() || u.do("GET", "/v1/agents/me", u.agent.token, nil).status != 200 {
		u.anew()
	}
	token := u.agent.token
	if withKey {
		token = u.agent.key
	}
	// What earlier operations took away or wrote over is there again.
	u.do("PUT", secretAt(u.vault, "a/b"), u.ada.token, object{"value": unseenValue}).want(201)
	u.do("POST", "/v1/vaults/"+u.vault+"/env-vars", u.ada.token, object{"key": "NAME", "value": unseenValue, "environments": []string{"all"}}).want(201)
	share := u.ada.shares(u.ada.secretID(u.vault, "a/b"), object{"recipient_type": "agent", "recipient_id": u.agent.id}).str("id")
	l := u.leadTo(op, actor{token: token, id: u.agent.id})
	if strings.Contains(op.path, "{share_id}") {
		ids := u.session.ids()
		ids["share_id"] = share
		l.target = fill(op.path, ids)
		if op.action == policy.AccessShare {
			u.do("POST", "/v1/shares/"+share+"/accept", token, nil)
		}
	}
	if op.action == policy.ListVersions && op.method == http.MethodGet {
		l.target += "?version=1"
	}
	r = u.do(op.method, l.target, token, l.body, l.change...)
	text := string(r.body)
	for name, list := range r.header {
		text += "\n" + name + ": " + strings.Join(list, ", ")
	}
	return r, len(u.find.Find(text)) > 0
}
