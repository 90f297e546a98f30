package client

import (
	"context"
	"net/http"
	"time"
)

// Member is a user as others in the organisation see it. Role is "owner", "admin"
// or "member".
type Member struct {
	ID          string    `json:"id"`
	Email       string    `json:"email"`
	DisplayName string    `json:"display_name"`
	Role        string    `json:"role"`
	AuthMethod  string    `json:"auth_method"`
	CreatedAt   time.Time `json:"created_at"`
}

// Invitation waits for somebody to join.
type Invitation struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Role      string    `json:"role"`
	InvitedBy string    `json:"invited_by"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	IsExpired bool      `json:"is_expired"`
}

// Org is an organisation that the caller belongs to. IsCurrent marks the one that
// the token is for.
type Org struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	IsCurrent bool      `json:"is_current"`
	JoinedAt  time.Time `json:"joined_at"`
}

// Joined is the organisation that an invitation led to, and the role there.
type Joined struct {
	OrgID string `json:"org_id"`
	Role  string `json:"role"`
}

// Members lists the members of the caller's organisation, oldest first.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	var out struct {
		Members []Member `json:"members"`
	}
	err := c.read(ctx, &out, "org", "members")
	return out.Members, err
}

// UpdateMemberRole gives a member another role, at once.
func (c *Client) UpdateMemberRole(ctx context.Context, userID, role string) (*Member, error) {
	out := new(Member)
	return got(out, c.write(ctx, http.MethodPatch, map[string]string{"role": role}, out, "org", "members", userID))
}

// RemoveMember ends a membership, with the keys and policies of that user.
func (c *Client) RemoveMember(ctx context.Context, userID string) error {
	return c.remove(ctx, "org", "members", userID)
}

// Invite mails an invitation. An empty role is "member".
func (c *Client) Invite(ctx context.Context, email, role string) error {
	body := map[string]string{"email": email}
	if role != "" {
		body["role"] = role
	}
	return c.write(ctx, http.MethodPost, body, nil, "org", "invite")
}

// Invitations lists those that nobody has accepted, oldest first.
func (c *Client) Invitations(ctx context.Context) ([]Invitation, error) {
	var out struct {
		Invitations []Invitation `json:"invitations"`
	}
	err := c.read(ctx, &out, "org", "invitations")
	return out.Invitations, err
}

// ResendInvitation mails an invitation again; the token of the earlier mail ends.
func (c *Client) ResendInvitation(ctx context.Context, id string) error {
	return c.write(ctx, http.MethodPost, nil, nil, "org", "invitations", id, "resend")
}

// RevokeInvitation takes an invitation back.
func (c *Client) RevokeInvitation(ctx context.Context, id string) error {
	return c.remove(ctx, "org", "invitations", id)
}

// AcceptInvitation joins the organisation that the mailed token invites to. It
// takes a login, as Orgs and SwitchOrg do: an API key stays in its organisation.
func (c *Client) AcceptInvitation(ctx context.Context, token Value) (*Joined, error) {
	out := new(Joined)
	return got(out, c.write(ctx, http.MethodPost, map[string]string{"token": string(token.Reveal())}, out, "org", "invitations", "accept"))
}

// Orgs lists the organisations that the caller belongs to.
func (c *Client) Orgs(ctx context.Context) ([]Org, error) {
	var out struct {
		Orgs []Org `json:"orgs"`
	}
	err := c.read(ctx, &out, "auth", "orgs")
	return out.Orgs, err
}

// SwitchOrg returns a token for another of the caller's organisations, which
// logins lead to from now on. The client itself does not change: use UsingToken.
func (c *Client) SwitchOrg(ctx context.Context, orgID string) (*Token, error) {
	out := new(Token)
	err := c.write(ctx, http.MethodPost, map[string]string{"org_id": orgID}, out, "auth", "switch-org")
	if err == nil && out.AccessToken.Len() == 0 {
		err = badReply("The server switched the organisation but gave no token.")
	}
	return got(out, err)
}
