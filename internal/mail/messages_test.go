package mail_test

import (
	"context"
	"html"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
)

const (
	shareID = "7b6f2a10-3c4d-4e5f-8a9b-0c1d2e3f4a5b"
	sender  = "o'brien+team@example.com" // with what HTML escapes
)

// delivered queues a mail and returns what a mail server got.
func delivered(t *testing.T, queue func(ctx context.Context, s *mail.Service) error) mailed {
	t.Helper()
	s := serve(t, &server{mode: mail.STARTTLS})
	n := open(t, setup{dir: ready.Dir(t), sender: s.sender(t, nil), now: newClock().Now})
	if err := queue(t.Context(), n.Service); err != nil {
		t.Fatal(err)
	}
	n.DeliverDue(t.Context())
	n.empty(t)
	if len(s.mails()) != 1 || len(s.mails()[0].to) != 1 || s.mails()[0].to[0] != to {
		t.Fatalf("mails: %+v", s.mails())
	}
	return parse(t, s.mails()[0].raw)
}

func TestMailsAboutSharesAndInvitations(t *testing.T) {
	for name, c := range map[string]struct {
		queue   func(ctx context.Context, s *mail.Service) error
		subject string
		says    []string // in both forms
		lines   []string // alone on a line of the text, to be copied
		link    string
		not     []string
	}{
		"an invitation": {
			func(ctx context.Context, s *mail.Service) error {
				return s.Invite(ctx, to, sender, token, time.Date(2026, 12, 1, 8, 30, 0, 0, time.UTC))
			},
			"You are invited to an organisation",
			[]string{sender + " invites you", "once, until 2026-12-01 08:30 UTC"},
			[]string{public + "/invite?token=" + token, token, "oneclaw org accept"},
			public + "/invite?token=" + token,
			nil,
		},
		"a request to approve": {
			func(ctx context.Context, s *mail.Service) error {
				return s.ApprovalRequested(ctx, to, approval.Letter{Notices: []approval.Notice{{ID: shareID, Vault: "vault-id", VaultName: "main", Path: "prod/db",
					Operation: "read", Requester: "agent agent-id", RequesterName: "deployer", Reason: "the <b>new</b> release"}}})
			},
			"Someone asks to use a secret",
			[]string{"deployer asks to", "prod/db", "vault-id", "agent agent-id", "the <b>new</b> release"},
			[]string{"oneclaw approval approve " + shareID},
			"",
			[]string{"may hold a link"},
		},
		"a request to sign, in the server's words": {
			func(ctx context.Context, s *mail.Service) error {
				return s.ApprovalRequested(ctx, to, approval.Letter{Notices: []approval.Notice{{ID: shareID, Vault: "vault-id", Path: "agents/a/transactions/b",
					Operation: "sign", Requester: "agent agent-id", Reason: "0.5 ETH on base to 0x1", Signs: true}}})
			},
			"Someone asks you to approve a signature",
			[]string{"asks to have this signed", "0.5 ETH on base to 0x1"},
			[]string{"oneclaw approval approve " + shareID, "oneclaw approval show " + shareID, "oneclaw approval deny " + shareID},
			"",
			[]string{"own words", "secret", "transactions/b", "show ID"},
		},
		"a request with a reason that is not shown": {
			func(ctx context.Context, s *mail.Service) error {
				return s.ApprovalRequested(ctx, to, approval.Letter{Notices: []approval.Notice{{ID: shareID, Vault: "vault-id", Path: "prod/db",
					Operation: "read", Requester: "agent agent-id", ReasonHidden: true}}})
			},
			"Someone asks to use a secret",
			[]string{"The agent agent-id asks to", "prod/db", "may hold a link"},
			[]string{"oneclaw approval approve " + shareID},
			"",
			nil,
		},
		"secrets that agents lack": {
			func(ctx context.Context, s *mail.Service) error {
				return s.SecretsWanted(ctx, to, wanted.Letter{More: 2, Requests: []wanted.Request{
					{ID: shareID, Vault: "vault-id", VaultName: "main", Path: "prod/db", Agent: "agent-id", AgentName: "deployer", Reason: "the <b>new</b> release"},
					{ID: token, Vault: "vault-id", VaultName: "evil.example", Path: "prod/x", Agent: "agent-id", AgentName: "see www.evil.example", Reason: "go to https://evil.example"},
				}})
			},
			"Agents ask you for 2 and more secrets",
			[]string{"prod/db", "main", "deployer", "the <b>new</b> release", "oneclaw wanted show " + token, "prod/x"},
			[]string{"oneclaw wanted fill " + shareID, "oneclaw wanted fill " + token},
			public + "/requests/" + shareID,
			[]string{"evil.example"},
		},
		"a share from somebody": {
			func(ctx context.Context, s *mail.Service) error {
				return s.ShareReceived(ctx, to, shareID, token, sender, time.Date(2026, 12, 1, 8, 30, 0, 0, time.UTC))
			},
			"A secret was shared with you",
			[]string{sender + " has shared a secret", "no account", "until 1 December 2026, 08:30 UTC"},
			[]string{public + "/share/" + shareID + "?proof=" + token, "oneclaw share get '" + public + "/share/" + shareID + "?proof=" + token + "'"},
			public + "/share/" + shareID + "?proof=" + token,
			[]string{"Someone has"},
		},
		"a share whose maker has no address": {
			func(ctx context.Context, s *mail.Service) error {
				return s.ShareReceived(ctx, to, shareID, token, "", time.Time{})
			},
			"A secret was shared with you",
			[]string{"Someone has shared a secret"},
			[]string{public + "/share/" + shareID + "?proof=" + token},
			public + "/share/" + shareID + "?proof=" + token,
			nil,
		},
		"one access": {
			func(ctx context.Context, s *mail.Service) error {
				return s.ShareAccessed(ctx, to, sharing.Notice{ID: shareID, Path: "prod/db", VaultName: "main", Type: sharing.ToAgent, Recipient: "deployer", Times: 1})
			},
			"A secret that you shared was read",
			[]string{"shared was read:", "prod/db", "main", "the agent deployer"},
			[]string{"oneclaw audit list --resource " + shareID, "oneclaw share revoke " + shareID},
			"",
			[]string{"times"},
		},
		"more accesses": {
			func(ctx context.Context, s *mail.Service) error {
				return s.ShareAccessed(ctx, to, sharing.Notice{ID: shareID, Path: "prod/db", VaultName: "see www.evil.example", Type: sharing.ToEmail, Recipient: sender, Times: 12})
			},
			"A secret that you shared was read",
			[]string{"shared was read 12 times:", "prod/db", sender},
			[]string{"oneclaw share revoke " + shareID},
			"",
			[]string{"evil"},
		},
		"an access by a link, of an agent whose name is a link": {
			func(ctx context.Context, s *mail.Service) error {
				return s.ShareAccessed(ctx, to, sharing.Notice{ID: shareID, Path: "prod/db", Type: sharing.ToAgent, Recipient: "https://evil.example", Times: 1})
			},
			"A secret that you shared was read",
			[]string{"prod/db", "an agent"},
			[]string{"oneclaw share revoke " + shareID},
			"",
			[]string{"evil"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := delivered(t, c.queue)
			if got := l.header.Get("Subject"); got != c.subject {
				t.Errorf("the subject is %q", got)
			}
			page := html.UnescapeString(l.html)
			for _, want := range c.says {
				if !strings.Contains(l.text, want) || !strings.Contains(page, want) {
					t.Errorf("%q is missing:\n%s\n%s", want, l.text, l.html)
				}
			}
			for _, want := range c.lines {
				if !strings.Contains("\n"+strings.ReplaceAll(l.text, "\r\n", "\n"), "\n"+want+"\n") || !strings.Contains(page, want) {
					t.Errorf("%q has no line of its own:\n%s\n%s", want, l.text, l.html)
				}
			}
			if strings.Contains(l.html, sender) || c.link != "" && !strings.Contains(l.html, `<a href="`+c.link+`">`) {
				t.Errorf("the HTML: %s", l.html)
			}
			for _, no := range c.not {
				if strings.Contains(l.text+page, no) {
					t.Errorf("%q is there:\n%s", no, l.text)
				}
			}
		})
	}
}

func TestMailsTakeNothingThatWouldNotStayInItsPlace(t *testing.T) {
	n := open(t, setup{dir: ready.Dir(t), sender: unused{t}, now: newClock().Now})
	for name, c := range map[string]struct {
		to, id, by, code string
	}{
		"a header after the address":      {to + "\r\nBcc: x@example.org", shareID, sender, "invalid_recipient"},
		"an id with markup":               {to, "<b>", sender, "invalid_mail_token"},
		"an id that ends a shell word":    {to, shareID + ";id", sender, "invalid_mail_token"},
		"no id":                           {to, "", sender, "invalid_mail_token"},
		"a sender with a line":            {to, shareID, "a@example.com\r\nx", "invalid_mail_from"},
		"a sender with a name":            {to, shareID, "Your bank <a@example.com>", "invalid_mail_from"},
		"a sender that is a sentence":     {to, shareID, "Click https://evil.example", "invalid_mail_from"},
		"a sender with letters of abroad": {to, shareID, "ä@example.com", "invalid_mail_from"},
	} {
		t.Run(name, func(t *testing.T) {
			wants(t, n.ShareReceived(t.Context(), c.to, c.id, token, c.by, time.Time{}), c.code)
			if c.code == "invalid_mail_token" {
				wants(t, n.ShareReceived(t.Context(), c.to, shareID, c.id, c.by, time.Time{}), c.code)
			}
			wants(t, n.Invite(t.Context(), c.to, c.by, c.id, time.Time{}), c.code)
			if c.code != "invalid_mail_from" {
				wants(t, n.ShareAccessed(t.Context(), c.to, sharing.Notice{ID: c.id, Times: 1}), c.code)
			}
		})
	}
	wants(t, n.Invite(t.Context(), to, "", token, time.Time{}), "invalid_mail_from")
	n.empty(t)
}
