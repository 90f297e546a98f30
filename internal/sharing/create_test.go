package sharing_test

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestWhatAShareMayBe(t *testing.T) {
	s := open(t)
	s.Grant(s.ada, s.vault, s.robot, "**", "read")
	robot, nobody := &s.robot, ids.New()
	end := func(d time.Duration) time.Time { return s.Clock.Now().Add(sharing.Window + d) }
	link := sharing.ToLink
	for name, tc := range map[string]struct {
		maker *policy.Principal // nil: ada
		draft sharing.Draft
		code  string
	}{
		"no type":                       {nil, sharing.Draft{}, "invalid_recipient_type"},
		"another type":                  {nil, sharing.Draft{Type: "team"}, "invalid_recipient_type"},
		"to a user without a name":      {nil, sharing.Draft{Type: sharing.ToUser}, "recipient_required"},
		"to an agent without a name":    {nil, sharing.Draft{Type: sharing.ToAgent}, "recipient_required"},
		"to no address":                 {nil, sharing.Draft{Type: sharing.ToEmail}, "recipient_required"},
		"to a user and an address":      {nil, sharing.Draft{Type: sharing.ToUser, RecipientID: s.bob.ID, Email: "a@example.com"}, "recipient_mismatch"},
		"to an address and a user":      {nil, sharing.Draft{Type: sharing.ToEmail, Email: "a@example.com", RecipientID: s.bob.ID}, "recipient_mismatch"},
		"a link with a user":            {nil, sharing.Draft{Type: link, RecipientID: s.bob.ID}, "recipient_mismatch"},
		"a link with an address":        {nil, sharing.Draft{Type: link, Email: "a@example.com"}, "recipient_mismatch"},
		"to the creator, by name":       {robot, sharing.Draft{Type: sharing.ToCreator, RecipientID: s.ada.ID}, ""},
		"to the creator, another name":  {robot, sharing.Draft{Type: sharing.ToCreator, RecipientID: s.bob.ID}, "recipient_mismatch"},
		"to the creator of a human":     {nil, sharing.Draft{Type: sharing.ToCreator}, "share_not_allowed"},
		"to an address, by an agent":    {robot, sharing.Draft{Type: sharing.ToEmail, Email: "a@example.com"}, "share_not_allowed"},
		"a link by an agent":            {robot, sharing.Draft{Type: link}, ""},
		"to who is not there":           {nil, sharing.Draft{Type: sharing.ToUser, RecipientID: nobody}, "principal_not_found"},
		"to who is elsewhere":           {nil, sharing.Draft{Type: sharing.ToUser, RecipientID: s.eve.ID}, "principal_not_found"},
		"to an agent that is a user":    {nil, sharing.Draft{Type: sharing.ToAgent, RecipientID: s.bob.ID}, "principal_not_found"},
		"the right to read":             {nil, sharing.Draft{Type: link, Permissions: []string{"read", "read"}}, ""},
		"the right to write":            {nil, sharing.Draft{Type: link, Permissions: []string{"read", "write"}}, "invalid_permissions"},
		"as often as anybody likes":     {nil, sharing.Draft{Type: link, MaxAccess: 0}, ""},
		"less than never":               {nil, sharing.Draft{Type: link, MaxAccess: -1}, "invalid_max_access_count"},
		"the largest count":             {nil, sharing.Draft{Type: link, MaxAccess: math.MaxInt32}, ""},
		"a larger count":                {nil, sharing.Draft{Type: link, MaxAccess: math.MaxInt32 + 1}, "invalid_max_access_count"},
		"an empty passphrase":           {nil, sharing.Draft{Type: link, Passphrase: phrase("")}, "invalid_passphrase"},
		"a passphrase of 1,024 bytes":   {nil, sharing.Draft{Type: link, Passphrase: phrase(strings.Repeat("a", 1024))}, ""},
		"a passphrase of one byte more": {nil, sharing.Draft{Type: link, Passphrase: phrase(strings.Repeat("a", 1025))}, "invalid_passphrase"},
		"an end in the past":            {nil, sharing.Draft{Type: link, ExpiresAt: end(-1)}, "expires_in_the_past"},
		"an end now":                    {nil, sharing.Draft{Type: link, ExpiresAt: end(0)}, "expires_in_the_past"},
		"a year and a day":              {nil, sharing.Draft{Type: link, ExpiresAt: end(366 * day)}, ""},
		"an instant more":               {nil, sharing.Draft{Type: link, ExpiresAt: end(366*day + 1)}, "invalid_expires_at"},
		"a path that is none":           {nil, sharing.Draft{Type: link, Vault: s.vault, Path: "../a"}, "invalid_path"},
		"a path with nothing":           {nil, sharing.Draft{Type: link, Vault: s.vault, Path: "a/c"}, "secret_not_found"},
		"a vault that is not there":     {nil, sharing.Draft{Type: link, Vault: nobody, Path: "a/b"}, "secret_not_found"},
		"a version that is not there":   {nil, sharing.Draft{Type: link, SecretID: nobody}, "secret_not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			who := s.ada
			if tc.maker != nil {
				who = *tc.maker
			}
			now := s.Clock.Now() // so that the ends of the table hold
			defer s.Clock.Set(now)
			before := len(s.Events(s.ada.Org))
			sh, err := s.create(who, tc.draft)
			world.WantCode(t, name, err, tc.code)
			if err == nil {
				s.must(s.revoke(s.ada, sh.ID)) // and the table may go on
				s.Exec(`DELETE FROM shares`)
			} else if len(s.Events(s.ada.Org)) != before {
				t.Error("a share that was refused is in the log")
			}
		})
	}
}

// A maker that may not read a secret gets the answer of one that does not exist.
func TestOnlyWhatItsMakerMayReadIsShared(t *testing.T) {
	s := open(t)
	missing := fault.KindOf(func() error {
		_, err := s.create(s.bob, sharing.Draft{Type: sharing.ToLink, Vault: s.vault, Path: "no/such"})
		return err
	}())
	version := s.Put(s.ada, s.vault, "a/b", "the value")
	for name, who := range map[string]policy.Principal{"a member": s.bob, "an agent": s.robot, "elsewhere": s.eve} {
		for what, d := range map[string]sharing.Draft{"by path": {Vault: s.vault, Path: "a/b"}, "by version": {SecretID: version}} {
			d.Type = sharing.ToLink
			_, err := s.create(who, d)
			world.WantCode(t, name+" "+what, err, "secret_not_found")
			if fault.KindOf(err) != missing {
				t.Errorf("%s %s: %v is told from what does not exist", name, what, err)
			}
		}
	}
	s.Grant(s.ada, s.vault, s.bob, "a/*", "read")
	sh := s.share(s.bob, sharing.Draft{Type: sharing.ToLink})
	s.reads("a member who may read", policy.Principal{}, sh.PublicID(), "")
	if sh.MakerID != s.bob.ID || sh.MakerHuman != s.bob.ID || !sh.InPerson {
		t.Errorf("it is %+v", sh)
	}
	s.Grant(s.ada, s.vault, s.robot, "a/*", "read")
	if sh := s.share(s.robot, sharing.Draft{Type: sharing.ToLink}); sh.MakerKind != policy.KindAgent || sh.MakerHuman != s.ada.ID || sh.InPerson {
		t.Errorf("the agent's is %+v", sh)
	}
}

func TestWhenAShareEnds(t *testing.T) {
	s := open(t)
	sh := s.share(s.ada, sharing.Draft{Type: sharing.ToLink})
	if want := s.Clock.Now().Add(day); !sh.ExpiresAt.Equal(want) {
		t.Errorf("a share that was not told ends %s, want %s", sh.ExpiresAt, want)
	}
	to := s.share(s.ada, sharing.Draft{Type: sharing.ToUser, RecipientID: s.bob.ID, ExpiresAt: sh.ExpiresAt})
	s.Clock.Set(sh.ExpiresAt.Add(-time.Microsecond))
	s.reads("in its last instant", policy.Principal{}, sh.PublicID(), "")
	s.Clock.Set(sh.ExpiresAt)
	s.reads("at its end", policy.Principal{}, sh.PublicID(), "share_gone")
	world.WantCode(t, "to accept one that ended", s.accept(s.bob, to.PublicID()), "share_not_found")
	if got, err := s.get(s.ada, sh.ID); err != nil || got.Status(s.Clock.Now()) != "expired" || !got.Expired(s.Clock.Now()) || got.Expired(s.Clock.Now().Add(-1)) {
		t.Errorf("it is %+v, %v", got, err)
	}
	// What a key or an agent makes ends with it.
	soon := s.Clock.Now().Add(hour)
	robot := s.Agent(s.ada, func(a *agent.Agent) { a.ExpiresAt = soon })
	s.Grant(s.ada, s.vault, robot, "**", "read")
	if sh := s.share(robot, sharing.Draft{Type: sharing.ToLink}); !sh.ExpiresAt.Equal(soon) {
		t.Errorf("an agent that ends %s made a share that ends %s", soon, sh.ExpiresAt)
	}
}

func TestAnOrganisationMakesTenSharesAMinute(t *testing.T) {
	s := open(t)
	s.Clock.Forward(hour)
	add := func(who policy.Principal) error {
		_, err := s.Sharing.Create(t.Context(), s.Call(s.Here(who), policy.CreateShare), sharing.Draft{Vault: s.vault, Path: "a/b", Type: sharing.ToLink})
		return err
	}
	s.Grant(s.ada, s.vault, s.bob, "**", "read")
	who := []policy.Principal{s.ada, s.bob}
	got := world.Count(world.AtOnce(14, func(i int) error { return add(who[i%2]) }))
	if got[""] != sharing.PerWindow || got["rate_limited"] != 4 {
		t.Errorf("got %v", got)
	}
	s.Clock.Forward(sharing.Window - time.Microsecond)
	err := add(s.ada)
	world.WantCode(t, "before the minute is over", err, "rate_limited")
	s.Clock.Forward(time.Microsecond)
	world.WantCode(t, "when it is", add(s.ada), "")
	v := s.NewVault(s.eve, "hers")
	s.Put(s.eve, v, "x", "y")
	_, err = s.Sharing.Create(t.Context(), s.Call(s.Here(s.eve), policy.CreateShare), sharing.Draft{Vault: v, Path: "x", Type: sharing.ToLink})
	world.WantCode(t, "another organisation", err, "")
}

func TestAddressesThatAShareIsReadFrom(t *testing.T) {
	s := open(t)
	id := s.link(sharing.Draft{Allowed: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/30"), netip.MustParsePrefix("2001:db8::/64")}})
	for address, code := range map[string]string{
		"192.0.2.0": "", "192.0.2.3": "", "192.0.2.4": "share_address_not_allowed", "2001:db8::ffff": "", "2001:db8:0:1::": "share_address_not_allowed",
		"": "share_address_not_allowed",
	} {
		from, _ := netip.ParseAddr(address)
		_, err := s.readFrom(policy.Principal{}, id, "", from)
		world.WantCode(t, "from "+address, err, code)
	}
	// The rules of the organisation hold for whoever is none of its own.
	free := s.link(sharing.Draft{})
	_, err := s.IPRules.Add(t.Context(), s.Call(s.Here(s.ada), policy.CreateIPRule), iprule.Draft{Type: "deny", CIDR: "192.0.2.128/25", AppliesTo: "all"})
	s.must(err)
	denied := netip.MustParseAddr("192.0.2.200")
	for name, who := range map[string]policy.Principal{"a stranger": {}, "elsewhere": s.eve} {
		_, err := s.readFrom(who, free, "", denied)
		if fault.CodeOf(err) != "share_address_not_allowed" || fault.ReasonOf(err) != "ip_rule" {
			t.Errorf("%s: %v because of %s", name, err, fault.ReasonOf(err))
		}
		_, err = s.readFrom(who, free, "", world.Address)
		world.WantCode(t, name+", from an address that is let in", err, "")
	}
	_, err = s.readFrom(s.bob, free, "", denied)
	world.WantCode(t, "a member, who was let in by the rules for members", err, "")
	if got := s.outbound(s.ada); !slices.Contains(got, free) {
		t.Errorf("the list has %v", got)
	}
}
