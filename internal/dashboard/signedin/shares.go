package signedin

import (
	"net/http"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

var sharePages = map[string]page{
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
func shares(v *visit) error {
	d := struct {
		Tab  string
		Rows []shareRow
	}{Tab: v.query("tab")}
	var all []client.ShareItem
	var err error
	if d.Tab == "out" {
		all, err = v.api.OutboundShares(v.r.Context())
	} else {
		d.Tab = "in"
		all, err = v.api.InboundShares(v.r.Context())
	}
	if err != nil {
		return err
	}
	var n names
	if d.Tab == "out" && len(all) > 0 {
		if n, err = v.names(v.r.Context()); err != nil {
			return err
		}
	}
	for i := range all {
		s := &all[i]
		// The id of a link opens it: the page has the one that does not.
		s.ID = nameOr(s.ShareID, s.ID)
		row := shareRow{ShareItem: *s, Who: s.RecipientEmail}
		if row.Who == "" && s.RecipientID != "" {
			row.Who = n.of(s.RecipientType, s.RecipientID)
		}
		d.Rows = append(d.Rows, row)
	}
	return v.show(http.StatusOK, "shares", v.t("Shares"), d)
}

func acceptShare(v *visit) error {
	if err := v.api.AcceptShare(v.r.Context(), v.r.PathValue("share")); err != nil {
		return err
	}
	return v.back("/shares", "The share is accepted. You can read it now.")
}

func declineShare(v *visit) error {
	if err := v.api.DeclineShare(v.r.Context(), v.r.PathValue("share")); err != nil {
		return err
	}
	return v.back("/shares", "The share is declined.")
}

func revokeShare(v *visit) error {
	if err := v.api.RevokeShare(v.r.Context(), v.r.PathValue("share")); err != nil {
		return err
	}
	return v.back("/shares?tab=out", "The share is revoked. Nobody reads it any more.")
}

// readShare shows what was shared, once: each time counts.
func readShare(v *visit) error {
	got, err := v.api.ReadShare(v.r.Context(), v.r.PathValue("share"), client.ValueOf(v.r.PostFormValue("passphrase")))
	if err != nil {
		return err
	}
	defer got.Value.Wipe()
	d := revealed{Value: string(got.Value.Reveal()), CMEK: got.CMEKEncrypted, Path: got.Path, Back: "/shares"}
	return v.show(http.StatusOK, "revealed", v.t("The value of %s", got.Path), d)
}

// shareForm is what was filled in to share a secret. It has no passphrase: that is filled
// in again.
type shareForm struct {
	vaultHead
	Path, Kind, Email, Expires, Uses, Nets string
	Who                                    string // "agent:ID" or "user:ID"
	Agents, People                         []choice
	Problem                                string
	Secret                                 *client.SecretVersion
}

// shareForm is the form of the secret that the address names.
func (v *visit) shareForm() (f shareForm, err error) {
	f = shareForm{Path: v.r.PathValue("path")}
	if f.vaultHead, err = v.head("secrets"); err != nil {
		return f, err
	}
	if f.Secret, _, _, err = v.versions(v.r.Context(), f.ID, f.Path); err != nil {
		return f, err
	}
	n, err := v.names(v.r.Context())
	if err != nil {
		return f, err
	}
	for i := range n.agents {
		f.Agents = append(f.Agents, choice{"agent:" + n.agents[i].ID, n.agents[i].Name})
	}
	for _, m := range n.members {
		f.People = append(f.People, choice{"user:" + m.ID, m.Email})
	}
	return f, nil
}

// newShare asks for who signed in to be there before the form is filled in: one with a
// passphrase would be filled in twice.
func newShare(v *visit) error {
	if v.person() {
		return nil
	}
	f, err := v.shareForm()
	if err != nil {
		return err
	}
	f.Kind, f.Uses = "anyone_with_link", "1"
	f.Expires = v.Now().UTC().Add(24 * time.Hour).Format(formTime)
	return v.show(http.StatusOK, "share-new", v.t("Share %s", f.Path), f)
}

func makeShare(v *visit) error {
	if v.person() {
		return nil
	}
	f, err := v.shareForm()
	if err != nil {
		return err
	}
	f.Kind, f.Email, f.Who = v.form("kind"), v.form("email"), v.form("who")
	f.Expires, f.Uses, f.Nets = v.form("expires"), v.form("uses"), v.form("nets")
	again := func(status int, problem string) error {
		f.Problem = problem
		return v.show(status, "share-new", v.t("Share %s", f.Path), f)
	}
	c := client.ShareCreate{
		RecipientType: f.Kind, MaxAccessCount: number(f.Uses), IPAllowlist: listOf(f.Nets),
		Passphrase: client.ValueOf(v.r.PostFormValue("passphrase")),
	}
	switch f.Kind {
	case "external_email":
		c.Email = f.Email
	case "member":
		c.RecipientType, c.RecipientID, _ = strings.Cut(f.Who, ":")
	}
	end, ok := parseTime(f.Expires)
	if !ok {
		return again(http.StatusUnprocessableEntity, v.t("The end is a date and a time, such as 2030-01-31T18:00."))
	}
	if end != nil {
		c.ExpiresAt = *end
	}
	made, err := v.api.CreateShare(v.r.Context(), f.Secret.ID, c)
	if retry(err) {
		return again(describe(v, err))
	}
	if err != nil {
		return err
	}
	d := struct {
		*client.Share
		Path, Back string
		Link       bool // whoever has it opens the share
	}{made, f.Path, v.here(), f.Kind == "anyone_with_link"}
	return v.show(http.StatusOK, "share-made", v.t("%s is shared", f.Path), d)
}
