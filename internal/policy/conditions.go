package policy

import (
	"net/netip"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/network"
)

const (
	maxConditionBytes = 16 << 10
	maxAllowedNets    = 256
	minutesPerDay     = 24 * 60
)

// Conditions restrict when a policy counts. All that are set must hold. The zero
// value restricts nothing.
type Conditions struct {
	IPAllowlist []netip.Prefix // masked, IPv4 never written as IPv6; empty is any address
	TimeWindow  *TimeWindow    // nil is any time
	Approval    *Approval      // nil: no human is asked

	emptyList bool // "ip_allowlist": [] was sent, rather than null or nothing
}

// Approval asks that a human approves before a policy lets its principal use a
// secret: read, write or delete it. What may be listed stays as it is.
type Approval struct {
	ValidFor time.Duration // how long an approval can be used
	MaxUses  int           // and how often
}

// UsualApproval is what an approval is worth when no policy says: fifteen
// minutes, one use.
func UsualApproval() Approval { return Approval{ValidFor: approvalValid, MaxUses: 1} }

// The terms of an approval when the policy does not say, and their bounds.
const (
	approvalValid    = 15 * time.Minute
	maxApprovalValid = 30 * 24 * time.Hour
	maxApprovalUses  = 1000
)

// TimeWindow is a span of each day: from After up to, not including, Before, in
// minutes since midnight on the wall clock of Zone. It wraps midnight when
// Before is not later than After.
type TimeWindow struct {
	After, Before int
	Zone          *time.Location
}

// CompileConditions reads the conditions object of a policy. Nothing, null and
// {} restrict nothing. Anything not understood is fault.Invalid
// "invalid_conditions", unknown keys too: a restriction that was dropped would
// leave a policy wider than its author believes.
//
// ip_allowlist takes networks and single addresses; an IPv4 address in IPv6 form
// is taken as the IPv4 address that it is. In time_window a missing after is
// 00:00, a missing before is midnight at the day's end, a missing timezone UTC.
// require_approval is a truth value or {valid_seconds, max_uses}: true is 900
// seconds and one use, as is what the object leaves out.
func CompileConditions(raw []byte) (Conditions, error) {
	var c Conditions
	if len(raw) == 0 {
		return c, nil
	}
	if len(raw) > maxConditionBytes {
		return c, badConditions("The conditions are too long.")
	}
	var in struct {
		IPAllowlist []string `json:"ip_allowlist"`
		TimeWindow  *struct {
			After    *string `json:"after"`
			Before   *string `json:"before"`
			Timezone *string `json:"timezone"`
		} `json:"time_window"`
		RequireApproval jsontext.Value `json:"require_approval"`
	}
	// The cause is dropped: it repeats the input.
	if json.Unmarshal(raw, &in, json.RejectUnknownMembers(true)) != nil {
		return c, badConditions("Conditions are an object with ip_allowlist time_window {after, before, timezone} and require_approval; other keys are not supported.")
	}
	if len(in.IPAllowlist) > maxAllowedNets {
		return c, badConditions("ip_allowlist has at most 256 entries.")
	}
	for _, s := range in.IPAllowlist {
		net, ok := ParseNet(s)
		if !ok {
			return Conditions{}, badConditions("Every ip_allowlist entry is a network such as 10.0.0.0/8 or an address.")
		}
		c.IPAllowlist = append(c.IPAllowlist, net)
	}
	c.emptyList = in.IPAllowlist != nil && len(in.IPAllowlist) == 0
	if w := in.TimeWindow; w != nil {
		window, err := compileWindow(w.After, w.Before, w.Timezone)
		if err != nil {
			return Conditions{}, err
		}
		c.TimeWindow = window
	}
	var err error
	if c.Approval, err = compileApproval(in.RequireApproval); err != nil {
		return Conditions{}, err
	}
	return c, nil
}

// EmptiesAllowlistOf reports whether c, as the new conditions of a policy that
// had old, would turn a list of allowed addresses into an empty one. Since an
// empty list is no restriction, such an update is refused; sending null lifts
// the restriction on purpose.
func (c Conditions) EmptiesAllowlistOf(old Conditions) bool {
	return c.emptyList && len(old.IPAllowlist) > 0
}

// EmptyAllowlist reports whether an empty list of addresses was sent. It restricts nothing, which
// is not what it looks like: a new policy has none.
func (c Conditions) EmptyAllowlist() bool { return c.emptyList }

// unmet returns why the conditions do not hold, or nothing when they do.
func (c *Conditions) unmet(at Moment) Reason {
	if len(c.IPAllowlist) > 0 && !contains(c.IPAllowlist, at.IP) {
		return ReasonIPNotAllowed
	}
	if c.TimeWindow != nil && !c.TimeWindow.holds(at.Now) {
		return ReasonOutsideTimeWindow
	}
	return ""
}

func contains(nets []netip.Prefix, ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	for _, n := range nets {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

func (w *TimeWindow) holds(now time.Time) bool {
	hour, minute, _ := now.In(w.Zone).Clock()
	m := hour*60 + minute
	if w.After < w.Before {
		return w.After <= m && m < w.Before
	}
	return m >= w.After || m < w.Before
}

func compileApproval(raw jsontext.Value) (*Approval, error) {
	switch raw.Kind() {
	case 0, 'n', 'f':
		return nil, nil
	case 't':
		usual := UsualApproval()
		return &usual, nil
	default: // an object, or refused
	}
	in := struct {
		ValidSeconds *int64 `json:"valid_seconds"`
		MaxUses      *int64 `json:"max_uses"`
	}{}
	if json.Unmarshal(raw, &in, json.RejectUnknownMembers(true)) != nil {
		return nil, badConditions("require_approval is true, false or an object with valid_seconds and max_uses.")
	}
	a := UsualApproval()
	if n := in.ValidSeconds; n != nil {
		if *n < 1 || *n > int64(maxApprovalValid/time.Second) {
			return nil, badConditions("valid_seconds is between 1 and 2592000, which is thirty days.")
		}
		a.ValidFor = time.Duration(*n) * time.Second
	}
	if n := in.MaxUses; n != nil {
		if *n < 1 || *n > maxApprovalUses {
			return nil, badConditions("max_uses is between 1 and 1000.")
		}
		a.MaxUses = int(*n)
	}
	return &a, nil
}

func compileWindow(after, before, zone *string) (*TimeWindow, error) {
	w := &TimeWindow{After: 0, Before: minutesPerDay, Zone: time.UTC}
	if after == nil && before == nil {
		return nil, badConditions("time_window needs after or before, written HH:MM.")
	}
	ok := true
	if after != nil {
		w.After, ok = parseClock(*after)
	}
	if ok && before != nil {
		w.Before, ok = parseClock(*before)
	}
	if !ok {
		return nil, badConditions("after and before are written HH:MM, from 00:00 to 23:59.")
	}
	if w.After == w.Before {
		return nil, badConditions("after and before must differ; leave time_window out to allow any time.")
	}
	if zone != nil {
		if w.Zone, ok = parseZone(*zone); !ok {
			return nil, badConditions("timezone is an IANA name such as Europe/Berlin, or UTC.")
		}
	}
	return w, nil
}

// ParseNet reads a network such as 10.0.0.0/8, or a single address. An IPv4
// address in IPv6 form is taken as the IPv4 address that it is.
func ParseNet(s string) (netip.Prefix, bool) {
	p, err := network.Parse(s)
	return p, err == nil
}

func parseClock(s string) (int, bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	for _, i := range []int{0, 1, 3, 4} {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	hour, minute := int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	return hour*60 + minute, hour < 24 && minute < 60
}

func badConditions(detail string) error {
	return fault.New(fault.Invalid, "invalid_conditions", detail)
}
