package billing

import (
	"context"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Setting is one thing that platform admins set for the whole server.
type Setting struct {
	Name, Value string
	By          string // user's id
	At          time.Time
}

// The settings that the server reads.
const (
	RequireSimulation = "intents_api.require_simulation" // true or false
	DefaultTier       = "billing.default_tier"
	RequestPrice      = "billing.request_price_usd"
	x402PayTo         = "x402.pay_to"
	x402Network       = "x402.network"
	x402Scheme        = "x402.scheme"
	x402Facilitator   = "x402.facilitator_url"
	x402Asset         = "x402.asset" // the token's contract, where the network has no USD Coin that is known here
	FreeRequests      = "x402.free_tier_limit"
)

const (
	maxSettings     = 200
	maxSettingValue = 4096
)

var settingName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,99}$`)

var (
	errSettingName  = invalid("invalid_key", "A setting's key has 1 to 100 of the characters a-z, 0-9, dot, underscore and hyphen.")
	errSettingValue = invalid("invalid_value", "This setting does not take that value. docs/billing.md lists what the known ones take; others take at most 4,096 characters.")
	errNoSetting    = fault.New(fault.NotFound, "setting_not_found", "There is no setting with this key.")
)

// Settings returns what is set.
func (s *Service) Settings(ctx context.Context, c *call.Call) ([]Setting, error) {
	c.Touch("setting", "")
	if err := c.Authorize(policy.ReadSettings, c.Own()); err != nil {
		return nil, err
	}
	return s.store.Settings(ctx)
}

// PutSetting sets one thing. Of the keys that the server reads it takes what
// they can be; other keys are kept for others to read.
func (s *Service) PutSetting(ctx context.Context, c *call.Call, name, value string) (Setting, error) {
	c.Touch("setting", "")
	if err := c.Authorize(policy.UpdateSettings, c.Own()); err != nil {
		return Setting{}, err
	}
	if !settingName.MatchString(name) {
		return Setting{}, errSettingName
	}
	if !acceptable(name, value) {
		return Setting{}, errSettingValue
	}
	if err := moneyGoes(c, name); err != nil {
		return Setting{}, err
	}
	set := Setting{Name: name, Value: value, By: c.Who.ID, At: stamp.Of(c.Now)}
	c.Succeed("setting", name)
	return set, s.store.PutSettings(ctx, c.Who.Org, []Setting{set}, maxSettings, c.Event)
}

// DropSetting takes a setting back: what it says then is the server's default.
func (s *Service) DropSetting(ctx context.Context, c *call.Call, name string) error {
	c.Touch("setting", "")
	if err := c.Authorize(policy.UpdateSettings, c.Own()); err != nil {
		return err
	}
	if !settingName.MatchString(name) {
		return errNoSetting
	}
	if err := moneyGoes(c, name); err != nil {
		return err
	}
	c.Succeed("setting", name)
	return s.store.DropSetting(ctx, c.Who.Org, name, c.Event)
}

// moneyGoes refuses to set or drop what says where payments go, and who says that they
// came, unless a person is there: a stolen key would lead them elsewhere.
func moneyGoes(c *call.Call, name string) error {
	switch name {
	case x402PayTo, x402Facilitator, x402Network, x402Asset:
		return c.RequirePerson()
	}
	return nil
}

// acceptable reports whether a setting takes a value.
func acceptable(name, value string) bool {
	if len(value) > maxSettingValue || !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return false
	}
	switch name {
	case RequireSimulation:
		return value == "true" || value == "false"
	case DefaultTier:
		_, known := CapsOf(Tier(value))
		return known
	case RequestPrice:
		_, err := ParseDollars(value)
		return err == nil
	case FreeRequests:
		n, err := parseCount(value)
		return err == nil && n <= 1e12
	case x402PayTo, x402Asset:
		return value == "" || walletAddress.MatchString(value)
	case x402Network:
		return value == "" || networkName.MatchString(value)
	case x402Scheme:
		return value == "exact"
	case x402Facilitator:
		return value == "" || facilitatorURL(value)
	}
	return true
}

var (
	walletAddress = regexp.MustCompile(`^0x[0-9a-fA-F]{40}$`)
	networkName   = regexp.MustCompile(`^[a-z0-9-]{1,32}(:[a-zA-Z0-9-]{1,32})?$`)
)

// facilitatorURL takes https, and plain http to this machine only. Whether the
// server may call it at all, its outbound guard decides.
func facilitatorURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" || u.ForceQuery || len(s) > 512 {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	here := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && here
}

// X402 is how strangers and organisations over their limit may pay by request.
// Without PayTo and Facilitator it is off.
type X402 struct {
	PayTo, Network, Scheme, Facilitator, Asset string
	FreeRequests                               int64
	Price                                      int64 // of a request, in millionths of a dollar
}

// X402 returns it, for those who set it.
func (s *Service) X402(ctx context.Context, c *call.Call) (X402, error) {
	c.Touch("setting", "x402")
	if err := c.Authorize(policy.ReadSettings, c.Own()); err != nil {
		return X402{}, err
	}
	return s.ReadX402(ctx)
}

// ReadX402 returns it, for the server's own use. It decides nothing.
func (s *Service) ReadX402(ctx context.Context) (X402, error) {
	all, err := s.store.Settings(ctx)
	if err != nil {
		return X402{}, err
	}
	free, _ := CapsOf(Free)
	x := X402{Network: "eip155:8453", Scheme: "exact", FreeRequests: free.Requests, Price: defaultPrice}
	for _, set := range all {
		switch set.Name {
		case x402PayTo:
			x.PayTo = set.Value
		case x402Network:
			x.Network = set.Value
		case x402Scheme:
			x.Scheme = set.Value
		case x402Facilitator:
			x.Facilitator = strings.TrimRight(set.Value, "/")
		case x402Asset:
			x.Asset = set.Value
		case RequestPrice:
			if n, err := ParseDollars(set.Value); err == nil {
				x.Price = n
			}
		case FreeRequests:
			if n, err := parseCount(set.Value); err == nil {
				x.FreeRequests = n
			}
		}
	}
	return x, nil
}

// X402Change changes what is not nil.
type X402Change struct {
	PayTo, Network, Scheme, Facilitator, FreeRequests *string
}

// SetX402 changes it and returns what it then is.
func (s *Service) SetX402(ctx context.Context, c *call.Call, change X402Change) (X402, error) {
	c.Touch("setting", "x402")
	if err := c.Authorize(policy.UpdateSettings, c.Own()); err != nil {
		return X402{}, err
	}
	var all []Setting
	for _, p := range []struct {
		name  string
		value *string
	}{{x402PayTo, change.PayTo}, {x402Network, change.Network}, {x402Scheme, change.Scheme}, {x402Facilitator, change.Facilitator}, {FreeRequests, change.FreeRequests}} {
		if p.value == nil {
			continue
		}
		if !acceptable(p.name, *p.value) {
			return X402{}, errSettingValue
		}
		if err := moneyGoes(c, p.name); err != nil {
			return X402{}, err
		}
		all = append(all, Setting{Name: p.name, Value: *p.value, By: c.Who.ID, At: stamp.Of(c.Now)})
	}
	c.Succeed("setting", "x402")
	if err := s.store.PutSettings(ctx, c.Who.Org, all, maxSettings, c.Event); err != nil {
		return X402{}, err
	}
	return s.ReadX402(ctx)
}
