package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
)

type sharePath struct {
	ShareID string `path:"share_id" doc:"A share's id. That of a link opens it."`
}

// ShareDraft holds what both ways to make a share take.
type ShareDraft struct {
	RecipientID    *string      `json:"recipient_id,omitempty" nullable:"true" maxLength:"64" doc:"The user or agent, for those recipient types."`
	Email          *string      `json:"email,omitempty" nullable:"true" maxLength:"320" doc:"The address, for external_email."`
	RecipientEmail *string      `json:"recipient_email,omitempty" nullable:"true" maxLength:"320" doc:"Another name for email."`
	Permissions    []string     `json:"permissions,omitempty" nullable:"true" maxItems:"8" doc:"read, which is all that a share gives."`
	ExpiresAt      *time.Time   `json:"expires_at,omitempty" nullable:"true" doc:"A year from now at most. Absent: in 24 hours."`
	Passphrase     *secretValue `json:"passphrase,omitempty" nullable:"true" doc:"Asked for at each access."`
	IPAllowlist    []string     `json:"ip_allowlist,omitempty" nullable:"true" maxItems:"256" doc:"Networks and addresses that the share may be read from. Absent or null: any; an empty list is refused."`
}

type createShare struct {
	UserAgent string `header:"User-Agent" hidden:"true"`
	SecretID  string `path:"secret_id" doc:"The id of any version of the secret. The share follows the path: it gives the version that is newest when it is read."`
	Body      struct {
		ShareDraft
		RecipientType  string `json:"recipient_type" enum:"user,agent,external_email,anyone_with_link,creator"`
		MaxAccessCount *int64 `json:"max_access_count,omitempty" nullable:"true" minimum:"0" maximum:"2147483647" doc:"How often it may be read; 0 or absent: without limit."`
	}
}

type createShareByPath struct {
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      struct {
		ShareDraft
		VaultID        *string  `json:"vault_id,omitempty" nullable:"true" maxLength:"64"`
		SecretPath     *string  `json:"secret_path,omitempty" nullable:"true" maxLength:"512"`
		SecretID       *string  `json:"secret_id,omitempty" nullable:"true" maxLength:"64" doc:"In place of vault_id and secret_path."`
		RecipientType  *string  `json:"recipient_type,omitempty" nullable:"true" enum:"user,agent,external_email,anyone_with_link,creator" doc:"Absent: external_email with an address, else anyone_with_link."`
		ExpiresInHours *float64 `json:"expires_in_hours,omitempty" nullable:"true" minimum:"0" maximum:"8784" doc:"In place of expires_at."`
		MaxViews       *int64   `json:"max_views,omitempty" nullable:"true" minimum:"0" maximum:"2147483647" doc:"Another name for max_access_count."`
		MaxAccessCount *int64   `json:"max_access_count,omitempty" nullable:"true" minimum:"0" maximum:"2147483647"`
	}
}

// shareBody is Share of the contract, section 9.
type shareBody struct {
	ID             string    `json:"id"`
	ShareURL       string    `json:"share_url"`
	RecipientType  string    `json:"recipient_type"`
	RecipientEmail *string   `json:"recipient_email" nullable:"true"`
	ExpiresAt      time.Time `json:"expires_at"`
	MaxAccessCount int64     `json:"max_access_count"`
	// Of a new share alone, when there are any, and not for clients that refuse unknown fields.
	Warnings []string `json:"warnings,omitempty" doc:"A mail that was not sent."`
}

// shareItem is ShareItem of the contract, section 9, with what command lines
// read beside it.
type shareItem struct {
	ID             string    `json:"id"`
	SecretPath     string    `json:"secret_path"`
	RecipientType  string    `json:"recipient_type"`
	RecipientID    *string   `json:"recipient_id" nullable:"true"`
	RecipientEmail *string   `json:"recipient_email" nullable:"true"`
	AccessCount    int64     `json:"access_count"`
	MaxAccessCount int64     `json:"max_access_count"`
	ExpiresAt      time.Time `json:"expires_at"`
	CreatedAt      time.Time `json:"created_at"`
	IsExpired      bool      `json:"is_expired"`
	IsAccepted     bool      `json:"is_accepted"`
	Status         string    `json:"status" enum:"pending,accepted,active,declined,expired,used_up"`
	ShareID        string    `json:"share_id" format:"uuid" doc:"As the log names it. It opens no link, and revokes the share as id does."`
}

type shareList struct {
	Shares []shareItem `json:"shares"`
}

// sharedSecret is SharedSecret of the contract, section 9.
type sharedSecret struct {
	ID             string      `json:"id"`
	Path           string      `json:"path"`
	Type           string      `json:"type"`
	Value          secretValue `json:"value"`
	AccessCount    int64       `json:"access_count"`
	MaxAccessCount int64       `json:"max_access_count"`
	CMEKEncrypted  bool        `json:"cmek_encrypted,omitempty" doc:"The value is encrypted with a key that this server does not have."`
}

// Length implements rest.Lengthy.
func (s *sharedSecret) Length() int {
	if s == nil {
		return 0
	}
	return s.Value.Length()
}

// AppendJSON appends the secret and wipes its value: it is sent once.
func (s *sharedSecret) AppendJSON(b []byte) []byte {
	if s == nil { // a browser is led elsewhere
		return append(b, "{}"...)
	}
	b = appendQuoted(append(b, `{"id":`...), s.ID)
	b = appendQuoted(append(b, `,"path":`...), s.Path)
	b = appendQuoted(append(b, `,"type":`...), s.Type)
	b = appendQuoted(append(b, `,"value":`...), s.Value.Reveal())
	s.Value.Wipe()
	s.Value = secretValue{}
	b = strconv.AppendInt(append(b, `,"access_count":`...), s.AccessCount, 10)
	b = strconv.AppendInt(append(b, `,"max_access_count":`...), s.MaxAccessCount, 10)
	if s.CMEKEncrypted {
		b = append(b, `,"cmek_encrypted":true`...)
	}
	return append(b, '}')
}

func (a *API) shareOf(s *sharing.Share) shareBody {
	return shareBody{
		ID: s.PublicID(), ShareURL: a.sharing.URL(s), RecipientType: string(s.Type), RecipientEmail: present(s.Email),
		ExpiresAt: s.ExpiresAt, MaxAccessCount: s.MaxAccess,
	}
}

func itemOf(s *sharing.Share, now time.Time) shareItem {
	return shareItem{
		ID: s.PublicID(), SecretPath: s.Path, RecipientType: string(s.Type), RecipientID: present(s.RecipientID),
		RecipientEmail: present(s.Email), AccessCount: s.AccessCount, MaxAccessCount: s.MaxAccess, ExpiresAt: s.ExpiresAt,
		CreatedAt: s.CreatedAt, IsExpired: s.Expired(now), IsAccepted: !s.AcceptedAt.IsZero(), Status: s.Status(now),
		ShareID: s.ID,
	}
}

// draft reads what both requests have in common.
func (b *ShareDraft) draft() (sharing.Draft, error) {
	d := sharing.Draft{
		RecipientID: deref(b.RecipientID), Email: deref(b.Email), Permissions: b.Permissions, ExpiresAt: end(b.ExpiresAt),
	}
	if other := deref(b.RecipientEmail); other != "" {
		if d.Email != "" && d.Email != other {
			return d, fault.New(fault.Invalid, "recipient_mismatch", "email and recipient_email are one field under two names, and differ.")
		}
		d.Email = other
	}
	if b.Passphrase != nil {
		d.Passphrase = &b.Passphrase.Bytes
	}
	if b.IPAllowlist != nil && len(b.IPAllowlist) == 0 {
		return d, fault.New(fault.Invalid, "invalid_ip_allowlist", "An empty ip_allowlist would allow every address. To allow every address on purpose, leave it out or send null.")
	}
	for _, text := range b.IPAllowlist {
		net, ok := policy.ParseNet(text)
		if !ok {
			return d, fault.New(fault.Invalid, "invalid_ip_allowlist", "Every ip_allowlist entry is a network such as 10.0.0.0/8 or an address.")
		}
		d.Allowed = append(d.Allowed, net)
	}
	return d, nil
}

func (b *ShareDraft) wipeAfter(ctx context.Context) {
	if b.Passphrase != nil {
		gate.WipeAfter(ctx, b.Passphrase.Bytes)
	}
}

func (a *API) registerShares() {
	a.registerShareMaking()
	a.registerShareReading()
	a.registerShareLists()
	a.registerShareAnswers()
}

func (a *API) registerShareMaking() {
	making := []int{http.StatusForbidden, http.StatusNotFound}
	handle(a, op{
		method: http.MethodPost, path: "/v1/secrets/{secret_id}/share", id: "create-share", tag: "Sharing", status: http.StatusCreated,
		summary: "Share a secret that you may read, for a time", errors: making, action: policy.CreateShare,
	}, func(ctx context.Context, c *call.Call, in *createShare) (*body[shareBody], error) {
		in.Body.wipeAfter(ctx)
		d, err := in.Body.draft()
		if err != nil {
			return nil, err
		}
		d.SecretID, d.Type, d.MaxAccess = in.SecretID, sharing.RecipientType(in.Body.RecipientType), deref(in.Body.MaxAccessCount)
		return a.share(ctx, c, d, in.UserAgent)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/shares", id: "create-share-by-path", tag: "Sharing", status: http.StatusCreated,
		summary: "Share a secret, named by its vault and path", errors: making, action: policy.CreateShare,
	}, func(ctx context.Context, c *call.Call, in *createShareByPath) (*body[shareBody], error) {
		in.Body.wipeAfter(ctx)
		b := &in.Body
		d, err := b.draft()
		if err != nil {
			return nil, err
		}
		d.SecretID, d.Vault, d.Path = deref(b.SecretID), deref(b.VaultID), deref(b.SecretPath)
		if (d.SecretID == "") == (d.Vault == "" || d.Path == "") {
			return nil, fault.New(fault.Invalid, "secret_required", "Name the secret by secret_id, or by vault_id and secret_path.")
		}
		if b.ExpiresInHours != nil {
			if b.ExpiresAt != nil {
				return nil, fault.New(fault.Invalid, "invalid_expires_at", "Give expires_at or expires_in_hours, not both.")
			}
			d.ExpiresAt = c.Now.Add(time.Duration(*b.ExpiresInHours * float64(time.Hour)))
		}
		if d.MaxAccess = deref(b.MaxAccessCount); b.MaxViews != nil {
			if b.MaxAccessCount != nil && *b.MaxAccessCount != *b.MaxViews {
				return nil, fault.New(fault.Invalid, "invalid_max_access_count", "max_views and max_access_count are one field under two names, and differ.")
			}
			d.MaxAccess = *b.MaxViews
		}
		switch {
		case b.RecipientType != nil:
			d.Type = sharing.RecipientType(*b.RecipientType)
		case d.Email != "":
			d.Type = sharing.ToEmail
		default:
			d.Type = sharing.ToLink
		}
		return a.share(ctx, c, d, in.UserAgent)
	})
}

func (a *API) share(ctx context.Context, c *call.Call, d sharing.Draft, userAgent string) (*body[shareBody], error) {
	s, err := a.sharing.Create(ctx, c, d)
	if err != nil {
		return nil, err
	}
	b := a.shareOf(&s)
	if s.Unmailed && !decodesStrictly(userAgent) {
		b.Warnings = []string{"No mail was sent: the address was sent as many within the hour as it may be. Revoke this share and make it again later."}
	}
	return &body[shareBody]{b}, nil
}

type readShare struct {
	sharePath
	// The header comes first: addresses end up in more logs than headers do.
	Header string `header:"X-Share-Passphrase" doc:"The share's passphrase, if it has one."`
	Query  string `query:"passphrase" doc:"The same in the address, for clients that can't send headers."`
	Accept string `header:"Accept" hidden:"true"`
}

// sharePage leads a browser to the page of the share, which reads nothing by itself: what
// only looks at links must not spend accesses.
type sharePage struct {
	Status   int
	Location string `header:"Location"`
	Body     *sharedSecret
}

// forPeople reports whether a client wants a page: browsers name HTML, programs do not.
func forPeople(accept string) bool {
	return strings.Contains(accept, "text/html") && !strings.Contains(accept, "application/json")
}

type readShareByBody struct {
	sharePath
	Body struct {
		Passphrase *secretValue `json:"passphrase,omitempty" nullable:"true"`
		Proof      string       `json:"proof,omitempty" maxLength:"64" doc:"What the link in the mail about the share ends with: opens a share to a mail address without an account."`
	}
}

func (a *API) registerShareReading() {
	reading := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone}
	handle(a, op{
		method: http.MethodGet, path: "/v1/share/{share_id}", id: "read-share", tag: "Sharing", knowsCaller: true,
		summary: "Read what was shared: a link without a credential, anything else as its recipient. A browser is led to a page with a button", errors: reading, action: policy.AccessShare,
	}, func(ctx context.Context, c *call.Call, in *readShare) (*sharePage, error) {
		if forPeople(in.Accept) || gate.Bodyless(ctx) { // an access that shows nobody a value would be lost
			c.Touch("share", "")
			c.Event.Details.Outcome, c.Event.Details.Reason = audit.Success, "page"
			return &sharePage{Status: http.StatusSeeOther, Location: "../../share/" + in.ShareID}, nil
		}
		phrase := in.Header
		if phrase == "" {
			phrase = in.Query
		}
		got, err := a.readShare(ctx, c, in.ShareID, secret.FromString(phrase), "")
		if err != nil {
			return nil, err
		}
		return &sharePage{Status: http.StatusOK, Body: got.Body}, nil
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/shares/{share_id}/access", id: "access-share", tag: "Sharing", knowsCaller: true, bodyOptional: true,
		summary: "Read what was shared, with the passphrase in the body", errors: reading, action: policy.AccessShare,
	}, func(ctx context.Context, c *call.Call, in *readShareByBody) (*body[*sharedSecret], error) {
		var phrase secret.Bytes
		if in.Body.Passphrase != nil {
			phrase = in.Body.Passphrase.Bytes
		}
		return a.readShare(ctx, c, in.ShareID, phrase, in.Body.Proof)
	})
}

func (a *API) readShare(ctx context.Context, c *call.Call, id string, phrase secret.Bytes, proof string) (*body[*sharedSecret], error) {
	gate.WipeAfter(ctx, phrase)
	got, err := a.sharing.Access(ctx, c, id, phrase, proof)
	if err != nil {
		return nil, err
	}
	return &body[*sharedSecret]{&sharedSecret{
		ID: id, Path: got.Path, Type: got.Type, Value: secretValue{got.Value}, AccessCount: got.Share.AccessCount,
		MaxAccessCount: got.Share.MaxAccess, CMEKEncrypted: got.CMEK,
	}}, nil
}

type listShares struct {
	Direction string `query:"direction" enum:"inbound,outbound" doc:"Absent: outbound."`
}

func (a *API) registerShareLists() {
	type find = func(context.Context, *call.Call) ([]sharing.Share, error)
	list := func(ctx context.Context, c *call.Call, rows find) (*body[shareList], error) {
		all, err := rows(ctx, c)
		if err != nil {
			return nil, err
		}
		out := &body[shareList]{}
		for i := range all {
			out.Body.Shares = append(out.Body.Shares, itemOf(&all[i], c.Now))
		}
		return out, nil
	}
	handle(a, op{
		method: http.MethodGet, path: "/v1/shares/outbound", id: "list-outbound-shares", tag: "Sharing",
		summary: "List what you and your agents have shared", action: policy.ListShares,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[shareList], error) {
		return list(ctx, c, a.sharing.Outbound)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/shares/inbound", id: "list-inbound-shares", tag: "Sharing",
		summary: "List what was shared with you by name", action: policy.ListShares,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[shareList], error) {
		return list(ctx, c, a.sharing.Inbound)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/shares", id: "list-shares", tag: "Sharing",
		summary: "List shares in one direction", action: policy.ListShares,
	}, func(ctx context.Context, c *call.Call, in *listShares) (*body[shareList], error) {
		if in.Direction == "inbound" {
			return list(ctx, c, a.sharing.Inbound)
		}
		return list(ctx, c, a.sharing.Outbound)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/shares/{share_id}", id: "get-share", tag: "Sharing",
		summary: "See how a share stands, without its value", action: policy.ListShares,
	}, func(ctx context.Context, c *call.Call, in *sharePath) (*body[shareItem], error) {
		s, err := a.sharing.Get(ctx, c, in.ShareID)
		if err != nil {
			return nil, err
		}
		return &body[shareItem]{itemOf(&s, c.Now)}, nil
	})
}

func (a *API) registerShareAnswers() {
	for _, o := range []struct {
		method, path, id, summary string
		action                    policy.Action
		do                        func(context.Context, *call.Call, string) error
	}{
		{http.MethodPost, "/v1/shares/{share_id}/accept", "accept-share", "Accept a share that is for you, so that you can read it", policy.AcceptShare, a.sharing.Accept},
		{http.MethodPost, "/v1/shares/{share_id}/decline", "decline-share", "Refuse a share that is for you, for good", policy.DeclineShare, a.sharing.Decline},
		{http.MethodDelete, "/v1/share/{share_id}", "revoke-share", "Revoke a share; it ends at once", policy.RevokeShare, a.sharing.Revoke},
		{http.MethodDelete, "/v1/shares/{share_id}", "delete-share", "Revoke a share, by its other address", policy.RevokeShare, a.sharing.Revoke},
	} {
		handle(a, op{method: o.method, path: o.path, id: o.id, tag: "Sharing", summary: o.summary, action: o.action},
			func(ctx context.Context, c *call.Call, in *sharePath) (*empty, error) {
				return &empty{}, o.do(ctx, c, in.ShareID)
			})
	}
}
