package store_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
)

func testComeback(t *testing.T, f *fixture) {
	ann := addUser(t, f)
	bob, zoe := f.joiner(t, ann, policy.RoleMember), f.joiner(t, ann, policy.RoleMember)
	v := f.newVault("bobs")
	v.CreatedBy = bob
	must(t, f.AddVault(t.Context(), v, f.event()))
	shares := map[string]sharing.Share{}
	for what, set := range map[string]func(s *sharing.Share){
		"made by bob":            func(s *sharing.Share) { s.MakerID, s.MakerHuman = bob, bob },
		"made by bob's agent":    func(s *sharing.Share) { s.MakerKind, s.MakerHuman = policy.KindAgent, bob },
		"for bob":                func(s *sharing.Share) { s.Type, s.RecipientID = sharing.ToUser, bob },
		"for bob as the creator": func(s *sharing.Share) { s.Type, s.RecipientID = sharing.ToCreator, bob },
		"of others":              func(s *sharing.Share) { s.Type, s.RecipientID = sharing.ToUser, zoe },
		"for an agent of his id": func(s *sharing.Share) { s.Type, s.RecipientID = sharing.ToAgent, bob },
	} {
		s := f.newShare(v.ID)
		set(&s)
		f.addShare(t, s)
		shares[what] = s
	}
	own := f.request(t, v.ID, "own")
	own.Kind, own.Principal, own.Human = policy.KindUser, bob, bob
	own = f.approve(t, own, ann)
	robots := f.request(t, v.ID, "robots")
	robots.Human = bob
	others := f.request(t, v.ID, "others")
	for _, r := range []approval.Request{robots, others} {
		_, err := f.AskApproval(t.Context(), r, f.event())
		must(t, err)
	}

	must(t, f.RemoveMember(t.Context(), org.Removal{Org: f.org, User: bob, Actor: ann, At: moment}, anybody, f.event()))
	i := f.invitation(t, ann, bob+"@again.example.com", policy.RoleMember)
	must(t, f.Join(t.Context(), i, bob, moment.Add(time.Second), f.event()))

	for what, ended := range map[string]bool{
		"made by bob": true, "made by bob's agent": false, "for bob": true, "for bob as the creator": true, "of others": false, "for an agent of his id": false,
	} {
		s, err := f.Share(t.Context(), shares[what].Handle, "")
		if err != nil || s.RevokedAt.IsZero() == ended {
			t.Errorf("the share %s: %+v, %v", what, s, err)
		}
	}
	if by, err := f.SharesBy(t.Context(), f.org, bob, 10); err != nil || len(by) != 0 {
		t.Errorf("he has shared %v, %v", by, err)
	}
	if by, err := f.SharesBy(t.Context(), f.org, ann, 10); err != nil || len(by) != 1 {
		t.Errorf("who took over his agents has %v, %v", by, err)
	}
	if all, err := f.Approvals(t.Context(), approval.Seen{Org: f.org, Kind: policy.KindUser, ID: bob}, "", moment, 10, 0); err != nil || len(all) != 0 {
		t.Errorf("he sees %v, %v", all, err)
	}
	if ids := f.live(t, own.Use, moment); len(ids) != 0 {
		t.Error("what he was allowed once he is allowed again")
	}
	if all, err := f.Approvals(t.Context(), approval.Seen{Org: f.org, Kind: policy.KindUser, ID: ann}, "", moment, 10, 0); err != nil || len(all) != 1 || all[0].ID != robots.ID {
		t.Errorf("who took over his agents sees %v, %v", all, err)
	}
	if at, err := f.ApprovalVault(t.Context(), v.ID); err != nil || at != (policy.Vault{ID: v.ID, Org: f.org}) {
		t.Errorf("a decision is told of the vault %+v, %v", at, err)
	}
	if told, err := f.Deciders(t.Context(), f.org, v.ID, ids.New(), 10); err != nil || len(told) != 1 || told[0] != ann+"@example.com" {
		t.Errorf("told of requests: %v, %v", told, err)
	}
}
