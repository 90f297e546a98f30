package vaults

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var sharePages = map[string]frame.Page{
	"GET /shares":                          shares,
	"POST /shares/{share}/accept":          acceptShare,
	"POST /shares/{share}/decline":         declineShare,
	"POST /shares/{share}/revoke":          revokeShare,
	"POST /shares/{share}/read":            readShare,
	"GET /vaults/{vault}/share/{path...}":  newShare,
	"POST /vaults/{vault}/share/{path...}": makeShare,
}

// shareRow is a share with the name of who reads it.
type shareRow struct {
	client.ShareItem
	Who string
}

// shares lists what was shared with the visitor, or what the visitor shared.
func shares(v *frame.Visit) error {
	d := struct {
		Tab  string
		Rows []shareRow
	}{Tab: v.Query("tab")}
	var all []client.ShareItem
	var err error
	if d.Tab == "out" {
		all, err = v.API.OutboundShares(v.R.Context())
	} else {
		d.Tab = "in"
		all, err = v.API.InboundShares(v.R.Context())
	}
	if err != nil {
		return err
	}
	var n names
	if d.Tab == "out" && len(all) > 0 {
		if n, err = namesFor(v.R.Context(), v); err != nil {
			return err
		}
	}
	for i := range all {
		s := &all[i]
		// The id of a link opens it: the page has the one that does not.
		s.ID = cmp.Or(s.ShareID, s.ID)
		row := shareRow{ShareItem: *s, Who: s.RecipientEmail}
		if row.Who == "" && s.RecipientID != "" {
			row.Who = n.of(s.RecipientType, s.RecipientID)
		}
		d.Rows = append(d.Rows, row)
	}
	return v.Show(http.StatusOK, "shares", v.T("Shares"), d)
}

func acceptShare(v *frame.Visit) error {
	if err := v.API.AcceptShare(v.R.Context(), v.R.PathValue("share")); err != nil {
		return err
	}
	return v.Back("/shares", "The share is accepted. You can read it now.")
}

func declineShare(v *frame.Visit) error {
	if err := v.API.DeclineShare(v.R.Context(), v.R.PathValue("share")); err != nil {
		return err
	}
	return v.Back("/shares", "The share is declined.")
}

func revokeShare(v *frame.Visit) error {
	if err := v.API.RevokeShare(v.R.Context(), v.R.PathValue("share")); err != nil {
		return err
	}
	return v.Back("/shares?tab=out", "The share is revoked. Nobody reads it any more.")
}

// readShare shows what was shared, once: each time counts.
func readShare(v *frame.Visit) error {
	got, err := v.API.ReadShare(v.R.Context(), v.R.PathValue("share"), client.ValueOf(v.R.PostFormValue("passphrase")))
	if err != nil {
		return err
	}
	defer got.Value.Wipe()
	d := revealed{Value: string(got.Value.Reveal()), CMEK: got.CMEKEncrypted, Path: got.Path, Back: "/shares"}
	return v.Show(http.StatusOK, "revealed", v.T("The value of %s", got.Path), d)
}

// shareForm is what was filled in to share a secret. It has no passphrase: that is filled
// in again.
type shareForm struct {
	vaultHead
	Path, Kind, Email, Expires, Uses, Nets string
	Who                                    string // "agent:ID" or "user:ID"
	Agents, People                         []frame.Choice
	Problem                                string
	Secret                                 *client.SecretVersion
}

// shareFormOf is the form of the secret that the address names.
func shareFormOf(v *frame.Visit) (f shareForm, err error) {
	f = shareForm{Path: v.R.PathValue("path")}
	if f.vaultHead, err = headOf(v, "secrets"); err != nil {
		return f, err
	}
	if f.Secret, _, _, err = versionsOf(v.R.Context(), v, f.ID, f.Path); err != nil {
		return f, err
	}
	n, err := namesFor(v.R.Context(), v)
	if err != nil {
		return f, err
	}
	for i := range n.agents {
		f.Agents = append(f.Agents, frame.Choice{Value: "agent:" + n.agents[i].ID, Text: n.agents[i].Name})
	}
	for _, m := range n.members {
		f.People = append(f.People, frame.Choice{Value: "user:" + m.ID, Text: m.Email})
	}
	return f, nil
}

// newShare asks for who signed in to be there before the form is filled in: one with a
// passphrase would be filled in twice.
func newShare(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	f, err := shareFormOf(v)
	if err != nil {
		return err
	}
	f.Kind, f.Uses = "anyone_with_link", "1"
	f.Expires = v.Now().UTC().Add(24 * time.Hour).Format(formTime)
	return v.Show(http.StatusOK, "share-new", v.T("Share %s", f.Path), f)
}

func makeShare(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	f, err := shareFormOf(v)
	if err != nil {
		return err
	}
	f.Kind, f.Email, f.Who = v.Form("kind"), v.Form("email"), v.Form("who")
	f.Expires, f.Uses, f.Nets = v.Form("expires"), v.Form("uses"), v.Form("nets")
	again := func(status int, problem string) error {
		f.Problem = problem
		return v.Show(status, "share-new", v.T("Share %s", f.Path), f)
	}
	c := client.ShareCreate{
		RecipientType: f.Kind, MaxAccessCount: frame.Number(f.Uses), IPAllowlist: listOf(f.Nets),
		Passphrase: client.ValueOf(v.R.PostFormValue("passphrase")),
	}
	switch f.Kind {
	case "external_email":
		c.Email = f.Email
	case "member":
		c.RecipientType, c.RecipientID, _ = strings.Cut(f.Who, ":")
	}
	end, ok := parseTime(f.Expires)
	if !ok {
		return again(http.StatusUnprocessableEntity, v.T("The end is a date and a time, such as 2030-01-31T18:00."))
	}
	if end != nil {
		c.ExpiresAt = *end
	}
	made, err := v.API.CreateShare(v.R.Context(), f.Secret.ID, c)
	if frame.Retry(err) {
		return again(v.Describe(err))
	}
	if err != nil {
		return err
	}
	d := struct {
		*client.Share
		Path, Back string
		Link       bool // whoever has it opens the share
	}{made, f.Path, here(v), f.Kind == "anyone_with_link"}
	return v.Show(http.StatusOK, "share-made", v.T("%s is shared", f.Path), d)
}
