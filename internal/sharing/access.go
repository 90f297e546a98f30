package sharing

import (
	"context"
	"crypto/subtle"
	"net/netip"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

var (
	errSignIn      = fault.New(fault.Unauthenticated, "unauthenticated", "This share is for somebody by name: sign in as its recipient, or open the link from the mail about it.")
	errNotAccepted = fault.New(fault.Denied, "share_not_accepted", "Accept this share first: POST /v1/shares/{id}/accept.")
	errDeclined    = fault.New(fault.Denied, "share_declined", "This share was declined. Ask for another one.")
	errAddress     = fault.New(fault.Denied, "share_address_not_allowed", "This share may not be read from your address.")
	errNoPhrase    = fault.New(fault.Denied, "passphrase_required", "This share needs its passphrase: enter it, or let a program send it in the header X-Share-Passphrase.")
	errPhrase      = fault.New(fault.Denied, "wrong_passphrase", "The passphrase is not this share's.")
)

// SharedValue is a share's value. Wipe it after use.
type SharedValue struct {
	Share Share
	vault.Secret
}

// Access returns the newest version of what is shared. The access is counted,
// with its event, before the value leaves; if that can't be, nothing does.
//
// What is checked goes from outside inwards, so that nobody learns of a later
// check before the earlier ones hold: whom it is for, its state, the address,
// the passphrase, and at last what its maker may read now.
//
// proof is what was mailed with the share, if the caller has it: it shows that the caller
// reads the mail of the recipient, and opens and accepts the share without an account.
func (s *Service) Access(ctx context.Context, c *call.Call, id string, passphrase secret.Bytes, proof string) (SharedValue, error) {
	c.Touch("share", "")
	if err := c.Authorize(policy.AccessShare, c.Own()); err != nil {
		return SharedValue{}, err
	}
	if c.Who.NoReveal {
		return SharedValue{}, policy.ErrNoReveal
	}
	sh, err := s.find(ctx, id)
	if err != nil {
		return SharedValue{}, err
	}
	sh.ByMail = sh.ProofHash != "" && subtle.ConstantTimeCompare([]byte(hashed(proof)), []byte(sh.ProofHash)) == 1
	if sh.Type != ToLink && !sh.ByMail {
		if err := s.received(ctx, c, &sh); err != nil {
			return SharedValue{}, err
		}
	}
	s.enter(c, &sh)
	sh.public = id
	if err := sh.open(c); err != nil {
		return SharedValue{}, err
	}
	if err := s.admitted(ctx, c, &sh); err != nil {
		return SharedValue{}, err
	}
	if err := s.phrase(ctx, c, &sh, passphrase); err != nil {
		return SharedValue{}, err
	}
	maker, err := s.maker(ctx, c, &sh)
	if err != nil {
		return SharedValue{}, err
	}
	p, err := secretpath.Parse(sh.Path)
	if err != nil {
		return SharedValue{}, err
	}
	spend := func(v *vault.Version) (err error) {
		if err := sh.within(c, p, v.Type); err != nil {
			return err
		}
		done(c, "share")
		if sh.ByMail {
			done(c, "mailed_link")
		}
		c.Event.Details.Version = v.Meta.Version
		sh.AccessCount, err = s.cfg.Store.SpendShare(ctx, &sh, v, sh.PassphraseHash != "", c.Event)
		return err
	}
	var got vault.Secret
	err = s.cfg.Vault.Lend(ctx, c, maker, policy.Moment{Now: c.Now, IP: sh.MakerIP}, sh.Vault, p, spend, func(lent *vault.Secret) error { got = lent.Take(); return nil })
	if err != nil {
		if fault.Is(err, fault.NotFound) && fault.CodeOf(err) != ErrNoShare.Code {
			err = errLapsed // the vault or the secret is gone; a share that was revoked this very moment is not found
		}
		return SharedValue{}, err
	}
	s.nudge()
	return SharedValue{Share: sh, Secret: got}, nil
}

// enter puts the event into the log of the organisation whose secret it is.
func (s *Service) enter(c *call.Call, sh *Share) {
	c.Touch("share", sh.ID)
	c.Event.Org = sh.Org
	c.Event.Details.Vault, c.Event.Details.Path = sh.Vault, sh.Path
}

// received returns nil when the caller is whom the share is for. A share to a
// mail address is claimed on the way.
func (s *Service) received(ctx context.Context, c *call.Call, sh *Share) error {
	if c.Who.ID == "" {
		s.enter(c, sh) // its owners are told that a stranger tried
		return errSignIn
	}
	home := c.Who.Org == sh.Org
	mine := false
	switch {
	case sh.Type == ToEmail && c.Who.Kind == policy.KindUser:
		if sh.RecipientID == "" {
			if err := s.claim(ctx, c, sh); err != nil {
				return err
			}
		}
		mine = sh.RecipientID == c.Who.ID
	case sh.Type == ToAgent:
		mine = home && c.Who.Kind == policy.KindAgent && sh.RecipientID == c.Who.ID
	case sh.Type == ToUser, sh.Type == ToCreator:
		mine = home && c.Who.Kind == policy.KindUser && sh.RecipientID == c.Who.ID
	}
	switch {
	case mine:
		return nil
	case home:
		c.Touch("share", sh.ID)
		return errNotYours
	default:
		return ErrNoShare
	}
}

// claim takes the shares to the caller's confirmed mail address for it, and
// looks whether sh is among them.
func (s *Service) claim(ctx context.Context, c *call.Call, sh *Share) error {
	email, err := s.confirmed(ctx, c)
	if err != nil || email == "" || email != sh.Email {
		return err
	}
	if err := s.cfg.Store.ClaimShares(ctx, c.Who.ID, email, c.Now); err != nil {
		return err
	}
	*sh, err = s.cfg.Store.Share(ctx, sh.Handle, sh.Handle)
	return err
}

// confirmed returns the mail address that the caller has shown to be its own, or
// nothing.
func (s *Service) confirmed(ctx context.Context, c *call.Call) (string, error) {
	if c.Who.Kind != policy.KindUser {
		return "", nil
	}
	email, confirmed, err := s.cfg.People.Address(ctx, c.Who.ID, c.Who.Org)
	if err != nil || !confirmed && !s.cfg.TrustAddresses {
		return "", err
	}
	return email, nil
}

// open returns nil when the share can be read from where the caller is.
func (sh *Share) open(c *call.Call) error {
	switch {
	case !sh.RevokedAt.IsZero():
		return ErrNoShare
	case !sh.DeclinedAt.IsZero():
		return errDeclined
	case sh.Expired(c.Now), sh.spent():
		return ErrGone
	case sh.Type != ToLink && !sh.ByMail && sh.AcceptedAt.IsZero():
		return errNotAccepted
	case len(sh.Allowed) > 0 && !slices.ContainsFunc(sh.Allowed, func(n netip.Prefix) bool { return n.Contains(c.IP) }):
		return errAddress
	}
	return nil
}

// admitted returns nil unless the IP rules of the share's organisation keep the
// caller out. A caller of another organisation, or of none, is held to the rules for
// all; its own were held to theirs when they came in. The answer is that of the
// share's own addresses: which of both it was is the organisation's to know.
func (s *Service) admitted(ctx context.Context, c *call.Call, sh *Share) error {
	if c.Who.ID != "" && c.Who.Org == sh.Org {
		return nil
	}
	err := s.cfg.People.Admit(ctx, sh.Org, policy.KindAnonymous, c.IP)
	if fault.Is(err, fault.Denied) {
		return errAddress.Because("ip_rule")
	}
	return err
}

// phrase compares the passphrase. It is counted before it is compared, so that
// many at once are no more than so many.
func (s *Service) phrase(ctx context.Context, c *call.Call, sh *Share, given secret.Bytes) error {
	if sh.PassphraseHash == "" {
		return nil
	}
	if given.Len() == 0 {
		return errNoPhrase
	}
	if err := s.cfg.Store.TryPassphrase(ctx, sh.Org, sh.ID, c.Now); err != nil {
		return err
	}
	same, err := s.cfg.People.MatchesPassphrase(ctx, given, sh.PassphraseHash)
	if err == nil && !same {
		err = errPhrase
	}
	return err
}

// maker returns who made the share as it is now, with the cap of the key that it
// was made with, and with the person who was there.
func (s *Service) maker(ctx context.Context, c *call.Call, sh *Share) (policy.Principal, error) {
	who, err := s.cfg.People.PrincipalNow(ctx, sh.MakerKind, sh.MakerID, sh.Org, c.Now)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unauthenticated) {
		return who, errLapsed
	}
	if sh.MakerKind == policy.KindUser {
		who.Scopes = sh.MakerScopes
	}
	if sh.InPerson {
		who.Person = sh.CreatedAt
	}
	return who, err
}

// within returns nil unless the recipient's own credential is capped to other
// paths or vaults, or signs through Intents and must not see keys: what was
// given to it does not lift what holds for it. A link has no recipient, and who opens a
// share by mail is no principal.
func (sh *Share) within(c *call.Call, p secretpath.Path, secretType string) error {
	if sh.Type == ToLink || sh.ByMail {
		return nil
	}
	d := capped(c.Who, sh, p, secretType, c.At())
	c.Event.Details.Reason = string(d.Reason)
	return d.Err()
}
