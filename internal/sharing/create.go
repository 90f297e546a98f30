package sharing

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// defaultLife is how long a share lives that was not told; maxLife bounds it.
const (
	defaultLife = 24 * time.Hour
	maxLife     = 366 * 24 * time.Hour
)

// maxPassphrase bounds what is hashed, in bytes.
const maxPassphrase = 1024

// Draft is what a new share is made of.
type Draft struct {
	SecretID string // the id of any version of the secret, or else ...
	Vault    string // ... its vault and path
	Path     string

	Type        RecipientType
	RecipientID string
	Email       string
	Permissions []string
	MaxAccess   int64
	ExpiresAt   time.Time      // zero: in a day
	Passphrase  *secret.Bytes  // nil: none
	Allowed     []netip.Prefix // empty: any address
}

// Create makes a share of a secret that the caller may read. It follows the path:
// who reads it later gets the version that is the newest then.
//
// A secret that does not exist, is another organisation's or may not be read by
// the caller is NotFound, with the same answer.
func (s *Service) Create(ctx context.Context, c *call.Call, d Draft) (Share, error) {
	c.Touch("share", "")
	if err := d.check(c); err != nil {
		return Share{}, err
	}
	vaultID, p, err := s.place(ctx, &d)
	if err != nil {
		return Share{}, err
	}
	if err := s.cfg.Vault.MayShare(ctx, c, vaultID, p); err != nil {
		return Share{}, err
	}
	c.Event.Details.Vault, c.Event.Details.Path = vaultID, p.String()
	sh := Share{
		ID: ids.New(), Org: c.Who.Org, Vault: vaultID, Path: p.String(),
		MakerKind: c.Who.Kind, MakerID: c.Who.ID, MakerHuman: c.Who.ID, MakerIP: c.IP, InPerson: c.PersonHere(),
		Type: d.Type, Allowed: d.Allowed, MaxAccess: d.MaxAccess,
		CreatedAt: stamp.Of(c.Now), ExpiresAt: d.ExpiresAt,
	}
	if c.Who.Kind == policy.KindAgent {
		sh.MakerHuman = c.Who.Creator
	} else {
		sh.MakerScopes = c.Who.Scopes
	}
	if err := s.address(ctx, c, &sh, &d); err != nil {
		return Share{}, err
	}
	if d.Passphrase != nil {
		if sh.PassphraseHash, err = s.cfg.People.HashPassphrase(ctx, *d.Passphrase); err != nil {
			return Share{}, err
		}
	}
	if err := s.name(ctx, &sh); err != nil {
		return Share{}, err
	}
	c.Touch("share", sh.ID)
	c.Event.Details.Outcome, c.Event.Details.Target = audit.Success, sh.target()
	told, err := s.cfg.Store.AddShare(ctx, sh, c.Event)
	if err != nil {
		c.Touch("share", "")
		return Share{}, err
	}
	if sh.Unmailed = sh.Type == ToEmail && told.Warns(); told.Tells() && sh.Type == ToEmail {
		s.tellRecipient(ctx, c, &sh)
	}
	return sh, nil
}

// place finds the secret. The same fault answers for all that is wrong.
func (s *Service) place(ctx context.Context, d *Draft) (string, secretpath.Path, error) {
	path := d.Path
	vaultID := d.Vault
	if d.SecretID != "" {
		var err error
		if vaultID, path, err = s.cfg.Store.Place(ctx, d.SecretID); err != nil {
			return "", secretpath.Path{}, err
		}
	}
	p, err := secretpath.Parse(path)
	return vaultID, p, err
}

// address fills in whom the share is for.
func (s *Service) address(ctx context.Context, c *call.Call, sh *Share, d *Draft) (err error) {
	switch d.Type {
	case ToUser:
		sh.RecipientID, err = d.RecipientID, s.cfg.Principals.Exists(ctx, sh.Org, policy.KindUser, d.RecipientID)
	case ToAgent:
		sh.RecipientID, err = d.RecipientID, s.cfg.Principals.Exists(ctx, sh.Org, policy.KindAgent, d.RecipientID)
	case ToCreator:
		sh.RecipientID, err = c.Who.Creator, s.cfg.Principals.Exists(ctx, sh.Org, policy.KindUser, c.Who.Creator)
	case ToEmail:
		sh.Email, err = s.cfg.People.NormalizeEmail(d.Email)
		sh.proof = rand.Text()
		sh.ProofHash = hashed(sh.proof)
	case ToLink:
	}
	return err
}

// target names the recipient in the log.
func (s *Share) target() string {
	switch s.Type {
	case ToUser, ToCreator:
		return "user:" + s.RecipientID
	case ToAgent:
		return "agent:" + s.RecipientID
	default:
		return string(s.Type)
	}
}

// tellRecipient queues the letter to an address. The share stands without it.
func (s *Service) tellRecipient(ctx context.Context, c *call.Call, sh *Share) {
	by, confirmed, err := s.cfg.People.Address(ctx, c.Who.ID, c.Who.Org)
	if err != nil || !confirmed {
		by = ""
	}
	if err := s.cfg.Mailer.ShareReceived(context.WithoutCancel(ctx), sh.Email, sh.public, sh.proof, by, sh.ExpiresAt); err != nil {
		s.cfg.Log.Error("the letter about a share was not queued", slog.String("share", sh.ID), slog.Any("error", err))
	}
}

// check refuses what no share can be, before anything is looked up.
func (d *Draft) check(c *call.Call) error {
	switch d.Type {
	case ToUser, ToAgent:
		if d.RecipientID == "" {
			return fault.New(fault.Invalid, "recipient_required", "recipient_id is required for this recipient_type.")
		}
	case ToEmail:
		if d.Email == "" {
			return fault.New(fault.Invalid, "recipient_required", "email is required for this recipient_type.")
		}
	case ToLink, ToCreator:
	default:
		return fault.New(fault.Invalid, "invalid_recipient_type", "recipient_type is user, agent, external_email, anyone_with_link or creator.")
	}
	if d.misaddressed(&c.Who) {
		return fault.New(fault.Invalid, "recipient_mismatch", "The request names a recipient that its recipient_type does not take. Leave it out, or choose another type.")
	}
	if slices.ContainsFunc(d.Permissions, func(p string) bool { return p != "read" }) {
		return fault.New(fault.Invalid, "invalid_permissions", "A share gives the right to read and no other: permissions may hold read only.")
	}
	if d.MaxAccess < 0 || d.MaxAccess > 1<<31-1 {
		return fault.New(fault.Invalid, "invalid_max_access_count", "max_access_count must be between 0 (unlimited) and 2147483647.")
	}
	if d.Passphrase != nil && (d.Passphrase.Len() == 0 || d.Passphrase.Len() > maxPassphrase) {
		return fault.New(fault.Invalid, "invalid_passphrase", "A passphrase has 1 to 1,024 bytes. Leave it out for none.")
	}
	if d.ExpiresAt.IsZero() {
		d.ExpiresAt = c.Now.Add(defaultLife)
	}
	if !d.ExpiresAt.After(c.Now) {
		return fault.New(fault.Invalid, "expires_in_the_past", "expires_at must be in the future.")
	}
	if d.ExpiresAt.After(c.Now.Add(maxLife)) {
		return fault.New(fault.Invalid, "invalid_expires_at", "A share lives for a year at most.")
	}
	var err error
	if d.ExpiresAt, err = c.Capped(d.ExpiresAt); err != nil {
		return err
	}
	d.ExpiresAt = stamp.Of(d.ExpiresAt)
	if d.Type == ToEmail && c.Who.Kind == policy.KindAgent {
		return fault.New(fault.Denied, "share_not_allowed", "Agents share within the organisation or by a link, not to mail addresses.")
	}
	if d.Type == ToCreator && c.Who.Kind != policy.KindAgent {
		return fault.New(fault.Denied, "share_not_allowed", "Only agents share with their creator. Name the user instead.")
	}
	return nil
}

// misaddressed reports a recipient beside the one that the type takes: whoever
// sent it believes that the share is for that one alone.
func (d *Draft) misaddressed(who *policy.Principal) bool {
	switch d.Type {
	case ToUser, ToAgent:
		return d.Email != ""
	case ToEmail:
		return d.RecipientID != ""
	case ToCreator:
		return d.Email != "" || d.RecipientID != "" && d.RecipientID != who.Creator
	default:
		return d.Email != "" || d.RecipientID != ""
	}
}
