package sharing_test

import (
	"slices"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestWhatARecipientMayDoWithAShare(t *testing.T) {
	s := open(t)
	const accept, decline, revoke, read = "accept", "decline", "revoke", "read"
	for name, steps := range map[string][][2]string{
		"accept twice":           {{accept, ""}, {accept, ""}, {read, ""}},
		"decline":                {{decline, ""}, {read, "share_declined"}, {accept, "share_declined"}, {decline, ""}},
		"decline what was taken": {{accept, ""}, {read, ""}, {decline, ""}, {read, "share_declined"}, {accept, "share_declined"}},
		"revoked before":         {{revoke, ""}, {accept, "share_not_found"}, {decline, "share_not_found"}, {read, "share_not_found"}},
		"revoked later":          {{accept, ""}, {revoke, ""}, {read, "share_not_found"}, {decline, "share_not_found"}, {revoke, "share_not_found"}},
		"revoked when declined":  {{decline, ""}, {revoke, ""}, {read, "share_not_found"}},
	} {
		sh := s.share(s.ada, sharing.Draft{Type: sharing.ToUser, RecipientID: s.bob.ID})
		id := sh.PublicID()
		for i, step := range steps {
			var err error
			switch step[0] {
			case accept:
				err = s.accept(s.bob, id)
			case decline:
				err = s.decline(s.bob, id)
			case revoke:
				err = s.revoke(s.ada, id)
			case read:
				_, err = s.read(s.bob, id)
			}
			world.WantCode(t, name+", step "+string(rune('1'+i))+" "+step[0], err, step[1])
		}
	}
}

func TestAnswersAreInTheLogOfTheSecret(t *testing.T) {
	s := open(t)
	sh := s.share(s.ada, sharing.Draft{Type: sharing.ToEmail, Email: world.Email("eve")})
	s.must(s.accept(s.eve, sh.PublicID()))
	e := s.Last(s.ada.Org)
	if e.Action != string(policy.AcceptShare) || e.ActorID != s.eve.ID || e.ResourceID != sh.ID || e.Detail("reason") != "recipient" || e.Detail("path") != "a/b" {
		t.Errorf("the log has %+v %s", e.Event, e.DetailsJSON)
	}
	s.must(s.decline(s.eve, sh.PublicID()))
	if e := s.Last(s.ada.Org); e.Action != string(policy.DeclineShare) || e.Detail("outcome") != audit.Success {
		t.Errorf("the log has %+v %s", e.Event, e.DetailsJSON)
	}
	if all := s.inbound(s.eve); len(all) != 0 {
		t.Errorf("what was declined is listed: %v", all)
	}
}

func TestItsMakerAndAdminsRevokeAShare(t *testing.T) {
	s := open(t)
	admin, other := s.Member(s.ada, "amy", policy.RoleAdmin), s.Agent(s.ada)
	s.Grant(s.ada, s.vault, s.bob, "**", "read")
	s.Grant(s.ada, s.vault, s.robot, "**", "read")
	carl := s.Member(s.ada, "carl", policy.RoleMember)
	for name, tc := range map[string]struct {
		maker, who policy.Principal
		code       string
		reason     string
	}{
		"its maker":                {s.bob, s.bob, "", "creator"},
		"an owner":                 {s.bob, s.ada, "", "role"},
		"an admin":                 {s.bob, admin, "", "role"},
		"another member":           {s.bob, carl, "share_not_yours", ""},
		"an agent":                 {s.bob, s.robot, "share_not_yours", ""},
		"somebody elsewhere":       {s.bob, s.eve, "share_not_found", ""},
		"a stranger":               {s.bob, policy.Principal{}, "unauthenticated", ""},
		"the agent that made it":   {s.robot, s.robot, "", "creator"},
		"the human of the agent":   {s.robot, s.ada, "", "creator"},
		"another agent of hers":    {s.robot, other, "share_not_yours", ""},
		"a member, of the agent's": {s.robot, s.bob, "share_not_yours", ""},
	} {
		for what, id := range map[string]func(sh *sharing.Share) string{
			"by the link": (*sharing.Share).PublicID, "by the row": func(sh *sharing.Share) string { return sh.ID },
		} {
			sh := s.share(tc.maker, sharing.Draft{Type: sharing.ToLink})
			world.WantCode(t, name+" "+what, s.revoke(tc.who, id(&sh)), tc.code)
			want := ""
			if tc.code == "" {
				want = "share_not_found"
				if e := s.Last(s.ada.Org); e.ResourceID != sh.ID || e.Detail("reason") != tc.reason {
					t.Errorf("%s %s: the log has %+v %s", name, what, e.Event, e.DetailsJSON)
				}
				if slices.Contains(s.outbound(tc.maker), sh.PublicID()) {
					t.Errorf("%s %s: what was revoked is listed", name, what)
				}
			}
			s.reads(name+" "+what+", then", policy.Principal{}, sh.PublicID(), want)
		}
	}
}

// A link that is revoked while it is read is either read or gone.
func TestALinkIsRevokedOnceByManyAtOnce(t *testing.T) {
	s := open(t)
	id := s.link(sharing.Draft{})
	got := world.Count(world.AtOnce(8, func(int) error {
		return s.Sharing.Revoke(t.Context(), s.Call(s.ada, policy.RevokeShare), id)
	}))
	if got[""] != 1 || got["share_not_found"] != 7 {
		t.Errorf("got %v", got)
	}
}

func TestListsAreOfOnesOwn(t *testing.T) {
	s := open(t)
	s.Grant(s.ada, s.vault, s.bob, "**", "read")
	s.Grant(s.ada, s.vault, s.robot, "**", "read")
	first := s.link(sharing.Draft{})
	bobs := s.share(s.bob, sharing.Draft{Type: sharing.ToAgent, RecipientID: s.robot.ID})
	robots := s.share(s.robot, sharing.Draft{Type: sharing.ToCreator})
	toBob := s.given(sharing.Draft{})
	for name, tc := range map[string]struct {
		got  []string
		want []string
	}{
		"what ada shared, and her agent": {s.outbound(s.ada), []string{toBob, robots.PublicID(), first}},
		"what bob shared":                {s.outbound(s.bob), []string{bobs.PublicID()}},
		"what the agent shared":          {s.outbound(s.robot), []string{robots.PublicID()}},
		"what eve shared":                {s.outbound(s.eve), nil},
		"what ada was given":             {s.inbound(s.ada), []string{robots.PublicID()}},
		"what bob was given":             {s.inbound(s.bob), []string{toBob}},
		"what the agent was given":       {s.inbound(s.robot), []string{bobs.PublicID()}},
		"what eve was given":             {s.inbound(s.eve), nil},
	} {
		if !slices.Equal(tc.got, tc.want) {
			t.Errorf("%s: got %v, want %v", name, tc.got, tc.want)
		}
	}
	for name, tc := range map[string]struct {
		who  policy.Principal
		id   string
		code string
	}{
		"its maker": {s.ada, first, ""}, "the human of its maker": {s.ada, robots.PublicID(), ""}, "its recipient": {s.bob, toBob, ""},
		"another member": {s.bob, robots.PublicID(), "share_not_yours"}, "another member, a link": {s.bob, first, "share_not_yours"},
		"elsewhere": {s.eve, toBob, "share_not_found"}, "elsewhere, a link": {s.eve, first, "share_not_found"},
		"nobody's": {s.ada, "00000000-aaaa-4bbb-8ccc-000000000001", "share_not_found"}, "a stranger": {policy.Principal{}, first, "unauthenticated"},
	} {
		sh, err := s.get(tc.who, tc.id)
		world.WantCode(t, name, err, tc.code)
		if err == nil && sh.PublicID() != tc.id {
			t.Errorf("%s: got %s", name, sh.PublicID())
		}
	}
}
