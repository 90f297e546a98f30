package account

import (
	"context"
	"crypto/rand"
	"regexp"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/network"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// The device login (RFC 8628): a program without a browser shows a short code,
// and a human who is signed in elsewhere lets it in.
const (
	deviceLife = 10 * time.Minute
	// DeviceInterval is how often a device may ask. A second less is taken: the
	// network does not keep time.
	DeviceInterval = 5 * time.Second
	pollSlack      = time.Second
	// DeviceKept is how long a login that ended is still told from one that never was.
	// It is short since strangers make them: a code that is swept lets nobody in.
	DeviceKept = time.Hour
)

// How many codes may wait at a time.
const (
	maxDevicesPerNetwork = 20
	maxDevices           = 10_000
)

// DeviceStatus is how far a device's login is.
type DeviceStatus string

// The states of a device's login.
const (
	DevicePending  DeviceStatus = "pending"
	DeviceApproved DeviceStatus = "approved"
	DeviceDenied   DeviceStatus = "denied"
	DeviceUsed     DeviceStatus = "used" // its token was handed out
	DeviceExpired  DeviceStatus = "expired"
)

// Device is a login that a device asks for.
type Device struct {
	ID                   string
	DeviceHash, UserHash string // SHA-256 of the codes in hexadecimal
	ClientID             string
	Address, Network     string // where it was asked for
	Status               DeviceStatus
	User, Org            string // who decided
	TokenGen             int64  // of that user at that moment
	With                 string // the credential that it was decided with
	CreatedAt, ExpiresAt time.Time
}

// DeviceStore keeps the logins of devices.
type DeviceStore interface {
	// AddDevice stores d unless perNetwork of its network or all of everybody's
	// wait already: then it returns false. What ended DeviceKept ago is forgotten.
	AddDevice(ctx context.Context, d Device, perNetwork, all int, ev *audit.Event) (bool, error)
	// DeviceByCode and DeviceByUserCode return NotFound when there is none.
	DeviceByCode(ctx context.Context, hash string) (Device, error)
	DeviceByUserCode(ctx context.Context, hash string) (Device, error)
	// DecideDevice stores the answer to a login that waits; false when none does.
	DecideDevice(ctx context.Context, d Device, now time.Time, ev *audit.Event) (bool, error)
	// PollDevice notes that a device asks, unless it did after since: then false.
	PollDevice(ctx context.Context, id string, since, now time.Time) (bool, error)
	// UseDevice spends an approved login. NotFound when that was done already.
	UseDevice(ctx context.Context, d Device, now time.Time, ev *audit.Event) error
}

// DeviceCode is what a device is told: the code that it keeps, and the one that
// it shows.
type DeviceCode struct {
	Device, User string
	ExpiresIn    int64 // seconds
}

var clientID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$`)

var (
	errManyDevices = &fault.Error{Kind: fault.RateLimited, Code: "too_many_device_codes", RetryAfter: time.Minute,
		Detail: "Too many logins of devices are waiting. Finish or leave those that are open, and try again in some minutes."}
	errNoDevice      = fault.New(fault.NotFound, "user_code_not_found", "There is no such code. Compare it with what the device shows.")
	errDeviceExpired = invalid("user_code_expired", "The code has expired. Start the login on the device again.")
	errDeviceDecided = invalid("user_code_decided", "This code was approved or denied already.")
)

// StartDevice begins the login of a device.
func (s *Service) StartDevice(ctx context.Context, c *call.Call, client string) (DeviceCode, error) {
	c.Touch("device_code", "")
	if !clientID.MatchString(client) {
		return DeviceCode{}, invalid("invalid_client_id", "client_id must be a short name of letters, digits, blanks and . _ -")
	}
	code := DeviceCode{Device: identity.RandomText(), User: newUserCode(), ExpiresIn: int64(deviceLife / time.Second)}
	d := Device{
		ID: ids.New(), DeviceHash: identity.HashKey(code.Device), UserHash: identity.HashKey(plainUserCode(code.User)), ClientID: client,
		Address: identity.AddressText(c.IP), Network: network.Of(c.IP), Status: DevicePending, CreatedAt: stamp.Of(c.Now), ExpiresAt: stamp.Of(c.Now.Add(deviceLife)),
	}
	c.Succeed("device_code", d.ID)
	added, err := s.store.AddDevice(ctx, d, maxDevicesPerNetwork, maxDevices, c.Event)
	if err == nil && !added {
		c.Touch("device_code", "")
		err = errManyDevices
	}
	if err != nil {
		return DeviceCode{}, err
	}
	return code, nil
}

// DeviceByUserCode returns the login that a device shows the code of. Case,
// blanks and dashes in the code do not matter.
func (s *Service) DeviceByUserCode(ctx context.Context, c *call.Call, code string) (Device, error) {
	c.Touch("device_code", "")
	d, err := s.waiting(ctx, code, c.Now)
	c.Touch("device_code", d.ID)
	return d, err
}

func (s *Service) waiting(ctx context.Context, code string, now time.Time) (Device, error) {
	plain := plainUserCode(code)
	if len(plain) != userCodeLength {
		return Device{}, errNoDevice
	}
	d, err := s.store.DeviceByUserCode(ctx, identity.HashKey(plain))
	if fault.Is(err, fault.NotFound) {
		err = errNoDevice
	}
	if err == nil && d.Status == DevicePending && !now.Before(d.ExpiresAt) {
		d.Status = DeviceExpired
	}
	return d, err
}

// ApproveDevice lets the device in as the calling user, in the organisation that
// the caller acts in. It takes a person: a device that could let in others would
// stay for ever.
func (s *Service) ApproveDevice(ctx context.Context, c *call.Call, code string) error {
	return s.decideDevice(ctx, c, code, policy.ApproveDevice, DeviceApproved)
}

// DenyDevice refuses the device.
func (s *Service) DenyDevice(ctx context.Context, c *call.Call, code string) error {
	return s.decideDevice(ctx, c, code, policy.DenyDevice, DeviceDenied)
}

func (s *Service) decideDevice(ctx context.Context, c *call.Call, code string, action policy.Action, to DeviceStatus) error {
	c.Touch("device_code", "")
	if err := c.Authorize(action, c.Own()); err != nil {
		return err
	}
	d, err := s.waiting(ctx, code, c.Now)
	if err != nil {
		return err
	}
	c.Touch("device_code", d.ID)
	switch d.Status {
	case DevicePending:
	case DeviceExpired:
		return errDeviceExpired
	default:
		return errDeviceDecided
	}
	a, err := s.store.Account(ctx, c.Who.ID, c.Who.Org)
	if err != nil {
		return err
	}
	d.Status, d.User, d.Org, d.TokenGen, d.With = to, a.ID, a.Org, a.TokenGen, c.Who.Credential()
	c.Succeed("device_code", d.ID)
	done, err := s.store.DecideDevice(ctx, d, c.Now, c.Event)
	if err == nil && !done { // of two that decide at once, one
		err = errDeviceDecided
	}
	return err
}

// DevicePoll is the answer to a device that asks: a token, or why there is none
// in the words of RFC 8628.
type DevicePoll struct {
	identity.Token
	User, Org string
	Refusal   string // empty when there is a token
	Unknown   bool   // no device has this code
}

// The refusals of a poll.
const (
	pollPending = "authorization_pending"
	pollSlow    = "slow_down"
	pollExpired = "expired_token"
	pollDenied  = "access_denied"
)

// DeviceToken hands the token out, once, of a login that was approved. The login
// of the human who approved it passed the second factor, if there is one; so
// none is asked for here. The token is of the generation that the human's tokens
// had then: it ends with the password. A login that is ended for cause lets nothing in any
// more; one that is logged out does, as the page that asks for the decision is at once.
func (s *Service) DeviceToken(ctx context.Context, c *call.Call, code string) (DevicePoll, error) {
	c.Touch("device_code", "")
	d, err := s.store.DeviceByCode(ctx, identity.HashKey(code))
	if fault.Is(err, fault.NotFound) {
		return DevicePoll{Refusal: pollExpired, Unknown: true}, refusePoll(c, "unknown_device_code")
	}
	if err != nil {
		return DevicePoll{}, err
	}
	c.Touch("device_code", d.ID)
	switch {
	case d.Status == DeviceDenied:
		return DevicePoll{Refusal: pollDenied}, refusePoll(c, pollDenied)
	case d.Status == DeviceUsed || !c.Now.Before(d.ExpiresAt):
		return DevicePoll{Refusal: pollExpired}, refusePoll(c, pollExpired)
	}
	inTime, err := s.store.PollDevice(ctx, d.ID, c.Now.Add(pollSlack-DeviceInterval), c.Now)
	switch {
	case err != nil:
		return DevicePoll{}, err
	case !inTime:
		stillWaiting(c, pollSlow)
		return DevicePoll{Refusal: pollSlow}, nil
	case d.Status == DevicePending:
		stillWaiting(c, pollPending)
		return DevicePoll{Refusal: pollPending}, nil
	}
	return s.useDevice(ctx, c, &d)
}

func (s *Service) useDevice(ctx context.Context, c *call.Call, d *Device) (DevicePoll, error) {
	a, err := s.store.Account(ctx, d.User, d.Org)
	if err == nil && a.TokenGen != d.TokenGen || fault.Is(err, fault.NotFound) {
		return DevicePoll{Refusal: pollDenied}, refusePoll(c, "approver_revoked")
	}
	if err != nil {
		return DevicePoll{}, err
	}
	l := &audit.Login{Kind: identity.ByDevice, Client: d.ClientID, Address: d.Address, With: d.With}
	var t identity.Token
	err = c.Draft(func(c *call.Call) (err error) {
		c.By(policy.KindUser, a.ID, a.Org)
		c.Event.Details.Reason = "device_code"
		t, err = s.identity.IssueForDevice(ctx, c, &a, l, func(ctx context.Context, ev *audit.Event) error {
			return s.store.UseDevice(ctx, *d, c.Now, ev)
		})
		return err
	})
	if fault.Is(err, fault.NotFound) { // of many that ask at once, one
		return DevicePoll{Refusal: pollExpired}, refusePoll(c, pollExpired)
	}
	if err != nil {
		return DevicePoll{}, err
	}
	return DevicePoll{Token: t, User: a.ID, Org: a.Org}, nil
}

// refusePoll makes the event one of a failed authentication. The answer is no
// error: devices go on asking after any error.
func refusePoll(c *call.Call, reason string) error { return identity.Refuse(c, reason, nil) }

// stillWaiting makes the event one of a device that looks: nobody was let in.
func stillWaiting(c *call.Call, reason string) {
	c.Event.Action, c.Event.Details.Reason = string(policy.ReadDevice), reason
}

// userCodeLetters have no vowels, so that no words come out, and none that look
// like another letter or digit.
const (
	userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLength  = 8
)

// newUserCode returns 8 of 20 letters, 2.5e10 codes: with 10,000 of them waiting
// and one attempt a second from an address, a hit takes a month.
func newUserCode() string {
	var code strings.Builder
	for code.Len() < userCodeLength+1 {
		if code.Len() == userCodeLength/2 {
			code.WriteByte('-')
		}
		b := []byte{0}
		_, _ = rand.Read(b) // never fails: the program ends before that
		if n := int(b[0]); n < 256/len(userCodeLetters)*len(userCodeLetters) {
			code.WriteByte(userCodeLetters[n%len(userCodeLetters)])
		}
	}
	return code.String()
}

// plainUserCode is the code as it is hashed, or nothing.
func plainUserCode(code string) string {
	if len(code) > 64 {
		return ""
	}
	plain := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(code))
	if len(plain) != userCodeLength || strings.Trim(plain, userCodeLetters) != "" {
		return ""
	}
	return plain
}

// ShownUserCode is the code as the device shows it, or nothing when it is none.
func ShownUserCode(code string) string {
	plain := plainUserCode(code)
	if plain == "" {
		return ""
	}
	return plain[:userCodeLength/2] + "-" + plain[userCodeLength/2:]
}

// DeviceShown is the login that a device shows the code of, for the page that
// shows it. The page asks the API first, which counts attempts.
func (s *Service) DeviceShown(ctx context.Context, code string) (Device, error) {
	return s.waiting(ctx, code, s.cfg.Now())
}
