package policy_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// allowed asks Decide with one policy that has the conditions.
func allowed(t *testing.T, conditions string, expires time.Time, at policy.Moment) bool {
	t.Helper()
	r := policy.Resource{Org: "acme", Vault: carolsVault(), Path: path(t, "a"),
		Policies: set(t, grant("**", "read", when(conditions), until(expires)))}
	return policy.Decide(agent(), policy.ReadSecret, r, at).Allow
}

func TestTimeWindow(t *testing.T) {
	const day, night = `{"time_window":{"after":"09:00","before":"17:00"}}`, `{"time_window":{"after":"22:00","before":"06:00"}}`
	for name, c := range map[string]struct {
		conditions, at string // at is RFC 3339
		want           bool
	}{
		"a day window before it opens":           {day, "2026-03-10T08:59:59Z", false},
		"a day window as it opens":               {day, "2026-03-10T09:00:00Z", true},
		"a day window in its last second":        {day, "2026-03-10T16:59:59Z", true},
		"a day window as it closes":              {day, "2026-03-10T17:00:00Z", false},
		"the caller's own zone does not matter":  {day, "2026-03-10T18:30:00+02:00", true},
		"a night window before midnight":         {night, "2026-03-10T23:59:59Z", true},
		"a night window at midnight":             {night, "2026-03-10T00:00:00Z", true},
		"a night window in its last second":      {night, "2026-03-10T05:59:59Z", true},
		"a night window as it closes":            {night, "2026-03-10T06:00:00Z", false},
		"a night window in daytime":              {night, "2026-03-10T12:00:00Z", false},
		"a night window as it opens":             {night, "2026-03-10T22:00:00Z", true},
		"a window until midnight, last second":   {`{"time_window":{"after":"20:00","before":"00:00"}}`, "2026-03-10T23:59:59Z", true},
		"a window until midnight, at midnight":   {`{"time_window":{"after":"20:00","before":"00:00"}}`, "2026-03-10T00:00:00Z", false},
		"only after, later":                      {`{"time_window":{"after":"20:00"}}`, "2026-03-10T23:59:00Z", true},
		"only after, past midnight":              {`{"time_window":{"after":"20:00"}}`, "2026-03-10T00:00:00Z", false},
		"only before, at midnight":               {`{"time_window":{"before":"06:00"}}`, "2026-03-10T00:00:00Z", true},
		"only before, later":                     {`{"time_window":{"before":"06:00"}}`, "2026-03-10T06:00:00Z", false},
		"Berlin in winter is an hour ahead":      {`{"time_window":{"after":"09:00","before":"17:00","timezone":"Europe/Berlin"}}`, "2026-01-10T08:00:00Z", true},
		"Berlin in winter, an hour earlier":      {`{"time_window":{"after":"09:00","before":"17:00","timezone":"Europe/Berlin"}}`, "2026-01-10T07:59:59Z", false},
		"Berlin in summer is two hours ahead":    {`{"time_window":{"after":"09:00","before":"17:00","timezone":"Europe/Berlin"}}`, "2026-07-10T07:00:00Z", true},
		"Berlin as the clock jumps over 02:30":   {`{"time_window":{"after":"02:00","before":"03:00","timezone":"Europe/Berlin"}}`, "2026-03-29T01:00:00Z", false},
		"Berlin in the hour that comes twice":    {`{"time_window":{"after":"02:00","before":"03:00","timezone":"Europe/Berlin"}}`, "2026-10-25T01:30:00Z", true},
		"Kathmandu's three quarters of an hour":  {`{"time_window":{"after":"09:00","before":"09:30","timezone":"Asia/Kathmandu"}}`, "2026-03-10T03:15:00Z", true},
		"the other side of the date line":        {`{"time_window":{"after":"00:00","before":"01:00","timezone":"Pacific/Kiritimati"}}`, "2026-03-10T10:30:00Z", true},
		"null conditions":                        {`null`, "2026-03-10T12:00:00Z", true},
		"an empty object":                        {`{}`, "2026-03-10T12:00:00Z", true},
		"null members":                           {`{"ip_allowlist":null,"time_window":null}`, "2026-03-10T12:00:00Z", true},
		"an empty list is no restriction":        {`{"ip_allowlist":[]}`, "2026-03-10T12:00:00Z", true},
		"a null zone is UTC":                     {`{"time_window":{"after":"09:00","before":"17:00","timezone":null}}`, "2026-03-10T09:00:00Z", true},
		"both conditions, one of them not met":   {`{"ip_allowlist":["10.0.0.0/8"],"time_window":{"after":"09:00","before":"10:00"}}`, "2026-03-10T12:00:00Z", false},
		"both conditions, the other one not met": {`{"ip_allowlist":["192.0.2.0/24"],"time_window":{"after":"09:00","before":"17:00"}}`, "2026-03-10T12:00:00Z", false},
		"both conditions met":                    {`{"ip_allowlist":["10.0.0.0/8"],"time_window":{"after":"09:00","before":"17:00"}}`, "2026-03-10T12:00:00Z", true},
	} {
		t.Run(name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := allowed(t, c.conditions, time.Time{}, policy.Moment{Now: now, IP: noon.IP}); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestIPAllowlist(t *testing.T) {
	for name, c := range map[string]struct {
		list, ip string
		want     bool
	}{
		"inside a network":                      {`"10.0.0.0/8"`, "10.255.255.255", true},
		"outside a network":                     {`"10.0.0.0/8"`, "11.0.0.0", false},
		"the second of two":                     {`"192.0.2.0/24","10.0.0.0/8"`, "10.0.0.1", true},
		"a network written with host bits":      {`"10.1.2.3/8"`, "10.9.9.9", true},
		"a single address":                      {`"10.0.0.1"`, "10.0.0.1", true},
		"next to a single address":              {`"10.0.0.1"`, "10.0.0.2", false},
		"a mapped caller, a plain list":         {`"10.0.0.0/8"`, "::ffff:10.0.0.1", true},
		"a plain caller, a mapped list":         {`"::ffff:10.0.0.0/104"`, "10.0.0.1", true},
		"a plain caller outside a mapped list":  {`"::ffff:10.0.0.0/104"`, "11.0.0.1", false},
		"a mapped caller, a mapped address":     {`"::ffff:10.0.0.1"`, "::ffff:10.0.0.1", true},
		"an IPv6 network":                       {`"2001:db8::/32"`, "2001:db8:1::1", true},
		"outside an IPv6 network":               {`"2001:db8::/32"`, "2001:db9::1", false},
		"all of IPv4 does not hold IPv6":        {`"0.0.0.0/0"`, "2001:db8::1", false},
		"all of IPv6 does not hold IPv4":        {`"::/0"`, "10.0.0.1", false},
		"all of IPv6 does not hold mapped IPv4": {`"::/0"`, "::ffff:10.0.0.1", false},
		"a caller with a zone":                  {`"fe80::/10"`, "fe80::1%eth0", true},
		"a caller whose address is not known":   {`"0.0.0.0/0","::/0"`, "", false},
		"a compatible address is not IPv4":      {`"10.0.0.0/8"`, "::10.0.0.1", false},
	} {
		t.Run(name, func(t *testing.T) {
			at := policy.Moment{Now: noon.Now}
			if c.ip != "" {
				at.IP = netip.MustParseAddr(c.ip)
			}
			if got := allowed(t, `{"ip_allowlist":[`+c.list+`]}`, time.Time{}, at); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestAllowedNetworksAreKeptInOneForm(t *testing.T) {
	c, err := policy.CompileConditions([]byte(`{"ip_allowlist":["10.1.2.3/8","::ffff:10.1.2.3/104","10.0.0.1","2001:DB8::1/32"]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range c.IPAllowlist {
		got = append(got, n.String())
	}
	if want := "10.0.0.0/8 10.0.0.0/8 10.0.0.1/32 2001:db8::/32"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestExpiry(t *testing.T) {
	now := noon.Now
	for name, c := range map[string]struct {
		expires time.Time
		want    bool
	}{
		"never":                        {time.Time{}, true},
		"one nanosecond ahead":         {now.Add(1), true},
		"this instant":                 {now, false},
		"this instant, in other words": {now.In(time.FixedZone("x", 3600)), false},
		"one nanosecond ago":           {now.Add(-1), false},
		"1970":                         {time.Unix(0, 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := allowed(t, "", c.expires, noon); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestCompilePolicyRefuses(t *testing.T) {
	long := `{"ip_allowlist":["10.0.0.1"` + strings.Repeat(`,"10.0.0.1"`, 256) + `]}`
	for name, c := range map[string]struct {
		spec policy.Spec
		code string
	}{
		"no id":                         {grant("**", "read", named("")), "invalid_policy"},
		"no vault":                      {grant("**", "read", inVault("")), "invalid_policy"},
		"no principal":                  {grant("**", "read", to("agent", "")), "invalid_principal"},
		"an anonymous principal":        {grant("**", "read", to(policy.KindAnonymous, "x")), "invalid_principal"},
		"an unknown kind of principal":  {grant("**", "read", to("group", "x")), "invalid_principal"},
		"a bad pattern":                 {grant("a//b", "read"), "invalid_pattern"},
		"no permissions":                {policy.Spec{ID: "p", Vault: "v", Pattern: "**", PrincipalKind: "agent", PrincipalID: "a"}, "invalid_permissions"},
		"an empty permission":           {grant("**", ""), "invalid_permissions"},
		"an unknown permission":         {grant("**", "admin"), "invalid_permissions"},
		"an unknown permission, last":   {grant("**", "read,write,admin"), "invalid_permissions"},
		"an unknown permission, first":  {grant("**", "admin,read"), "invalid_permissions"},
		"a permission in capitals":      {grant("**", "Read"), "invalid_permissions"},
		"conditions that are not JSON":  {grant("**", "read", when(`{`)), "invalid_conditions"},
		"conditions that are a list":    {grant("**", "read", when(`[]`)), "invalid_conditions"},
		"conditions that are text":      {grant("**", "read", when(`"x"`)), "invalid_conditions"},
		"an unknown condition":          {grant("**", "read", when(`{"require_coffee":true}`)), "invalid_conditions"},
		"an unknown condition, null":    {grant("**", "read", when(`{"mfa":null}`)), "invalid_conditions"},
		"a condition in capitals":       {grant("**", "read", when(`{"IP_allowlist":["10.0.0.1"]}`)), "invalid_conditions"},
		"a condition said twice":        {grant("**", "read", when(`{"ip_allowlist":["10.0.0.1"],"ip_allowlist":[]}`)), "invalid_conditions"},
		"something after the object":    {grant("**", "read", when(`{} {}`)), "invalid_conditions"},
		"bad UTF-8":                     {grant("**", "read", when("{\"ip_allowlist\":[\"\xff\"]}")), "invalid_conditions"},
		"deep nesting":                  {grant("**", "read", when(strings.Repeat("[", 10_000))), "invalid_conditions"},
		"conditions of 17 KiB":          {grant("**", "read", when(`{}`+strings.Repeat(" ", 17<<10))), "invalid_conditions"},
		"an allow-list that is text":    {grant("**", "read", when(`{"ip_allowlist":"10.0.0.1"}`)), "invalid_conditions"},
		"an allow-list of numbers":      {grant("**", "read", when(`{"ip_allowlist":[10]}`)), "invalid_conditions"},
		"an allow-list of null":         {grant("**", "read", when(`{"ip_allowlist":[null]}`)), "invalid_conditions"},
		"an allow-list of 257":          {grant("**", "read", when(long)), "invalid_conditions"},
		"an address that is none":       {grant("**", "read", when(`{"ip_allowlist":["10.0.0.256"]}`)), "invalid_conditions"},
		"an address with leading zeros": {grant("**", "read", when(`{"ip_allowlist":["010.0.0.1"]}`)), "invalid_conditions"},
		"an address with a zone":        {grant("**", "read", when(`{"ip_allowlist":["fe80::1%eth0"]}`)), "invalid_conditions"},
		"a network with a zone":         {grant("**", "read", when(`{"ip_allowlist":["fe80::1%eth0/64"]}`)), "invalid_conditions"},
		"a host name":                   {grant("**", "read", when(`{"ip_allowlist":["localhost"]}`)), "invalid_conditions"},
		"a network too long":            {grant("**", "read", when(`{"ip_allowlist":["10.0.0.0/33"]}`)), "invalid_conditions"},
		"a mapped network too short":    {grant("**", "read", when(`{"ip_allowlist":["::ffff:10.0.0.0/64"]}`)), "invalid_conditions"},
		"an empty entry":                {grant("**", "read", when(`{"ip_allowlist":[""]}`)), "invalid_conditions"},
		"a good entry and a bad one":    {grant("**", "read", when(`{"ip_allowlist":["10.0.0.1","x"]}`)), "invalid_conditions"},
		"an empty window":               {grant("**", "read", when(`{"time_window":{}}`)), "invalid_conditions"},
		"a window with only a zone":     {grant("**", "read", when(`{"time_window":{"timezone":"UTC"}}`)), "invalid_conditions"},
		"a window of no length":         {grant("**", "read", when(`{"time_window":{"after":"09:00","before":"09:00"}}`)), "invalid_conditions"},
		"an unknown word in a window":   {grant("**", "read", when(`{"time_window":{"after":"09:00","before":"10:00","days":["mon"]}}`)), "invalid_conditions"},
		"an hour without its zero":      {grant("**", "read", when(`{"time_window":{"after":"9:00","before":"10:00"}}`)), "invalid_conditions"},
		"seconds":                       {grant("**", "read", when(`{"time_window":{"after":"09:00:00","before":"10:00"}}`)), "invalid_conditions"},
		"hour 24":                       {grant("**", "read", when(`{"time_window":{"after":"09:00","before":"24:00"}}`)), "invalid_conditions"},
		"minute 60":                     {grant("**", "read", when(`{"time_window":{"after":"09:60","before":"11:00"}}`)), "invalid_conditions"},
		"a sign":                        {grant("**", "read", when(`{"time_window":{"after":"+9:00","before":"10:00"}}`)), "invalid_conditions"},
		"a bad after and a good before": {grant("**", "read", when(`{"time_window":{"after":"x","before":"10:00"}}`)), "invalid_conditions"},
		"an unknown zone":               {grant("**", "read", when(`{"time_window":{"after":"09:00","timezone":"Mars/Olympus"}}`)), "invalid_conditions"},
		"an empty zone":                 {grant("**", "read", when(`{"time_window":{"after":"09:00","timezone":""}}`)), "invalid_conditions"},
		"the machine's own zone":        {grant("**", "read", when(`{"time_window":{"after":"09:00","timezone":"Local"}}`)), "invalid_conditions"},
		"a zone that climbs":            {grant("**", "read", when(`{"time_window":{"after":"09:00","timezone":"../../etc/passwd"}}`)), "invalid_conditions"},
		"an approval that is a word":    {grant("**", "read", when(`{"require_approval":"yes"}`)), "invalid_conditions"},
		"an approval that is a number":  {grant("**", "read", when(`{"require_approval":1}`)), "invalid_conditions"},
		"an approval with other keys":   {grant("**", "read", when(`{"require_approval":{"valid_for":60}}`)), "invalid_conditions"},
		"an approval without a use":     {grant("**", "read", when(`{"require_approval":{"max_uses":0}}`)), "invalid_conditions"},
		"an approval of too many uses":  {grant("**", "read", when(`{"require_approval":{"max_uses":1001}}`)), "invalid_conditions"},
		"an approval for no time":       {grant("**", "read", when(`{"require_approval":{"valid_seconds":0}}`)), "invalid_conditions"},
		"an approval for too long":      {grant("**", "read", when(`{"require_approval":{"valid_seconds":2592001}}`)), "invalid_conditions"},
		"half a use":                    {grant("**", "read", when(`{"require_approval":{"max_uses":1.5}}`)), "invalid_conditions"},
		"a zone from the root":          {grant("**", "read", when(`{"time_window":{"after":"09:00","timezone":"/etc/localtime"}}`)), "invalid_conditions"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := policy.CompilePolicy(c.spec)
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Kind != fault.Invalid || e.Code != c.code || e.Detail == "" {
				t.Fatalf("got %v, want %s", err, c.code)
			}
			if e.Err != nil {
				t.Errorf("the cause would put the input into the log: %v", e.Err)
			}
			if p.Permissions != 0 {
				t.Errorf("a refused policy grants %v", p.Permissions)
			}
		})
	}
}

func TestWriteImpliesDeleteAndReadImpliesUse(t *testing.T) {
	for words, want := range map[string]policy.Permission{
		"read": policy.Read | policy.Use, "use": policy.Use, "write": policy.Write | policy.Delete, "delete": policy.Delete,
		"read,write": policy.Read | policy.Use | policy.Write | policy.Delete, "read,read,delete": policy.Read | policy.Use | policy.Delete,
		"use,write": policy.Use | policy.Write | policy.Delete,
	} {
		got, err := policy.ParsePermissions(strings.Split(words, ","))
		if err != nil || got != want {
			t.Errorf("%s: got %v, %v", words, got, err)
		}
	}
}

func TestAnAllowlistIsNotEmptiedByAccident(t *testing.T) {
	for name, c := range map[string]struct {
		old, update string
		want        bool
	}{
		"an empty list over a full one": {`{"ip_allowlist":["10.0.0.0/8"]}`, `{"ip_allowlist":[]}`, true},
		"null over a full one":          {`{"ip_allowlist":["10.0.0.0/8"]}`, `{"ip_allowlist":null}`, false},
		"nothing over a full one":       {`{"ip_allowlist":["10.0.0.0/8"]}`, `{}`, false},
		"an empty list over none":       {`{}`, `{"ip_allowlist":[]}`, false},
		"a full list over a full one":   {`{"ip_allowlist":["10.0.0.0/8"]}`, `{"ip_allowlist":["::1"]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			old, err1 := policy.CompileConditions([]byte(c.old))
			update, err2 := policy.CompileConditions([]byte(c.update))
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			if got := update.EmptiesAllowlistOf(old); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// FuzzConditions: whatever compiles can be decided upon and refuses an address
// that is not known if it has a list; whatever does not is a plain refusal.
func FuzzConditions(f *testing.F) {
	for _, s := range []string{"", "null", "{}", farIP, atNight, nightFar, `{"x":1}`, `{"time_window":{"after":"09:00","timezone":"Europe/Berlin"}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := policy.CompileConditions(raw)
		if err != nil {
			if fault.CodeOf(err) != "invalid_conditions" {
				t.Fatal(err)
			}
			return
		}
		ok := allowed(t, string(raw), time.Time{}, policy.Moment{Now: noon.Now})
		if ok && len(c.IPAllowlist) > 0 {
			t.Fatalf("%s lets a caller without an address in", raw)
		}
	})
}

func TestApprovalTerms(t *testing.T) {
	for conditions, want := range map[string]*policy.Approval{
		`{}`:                         nil,
		`{"require_approval":false}`: nil,
		`{"require_approval":null}`:  nil,
		`{"require_approval":true}`:  {ValidFor: 15 * time.Minute, MaxUses: 1},
		`{"require_approval":{}}`:    {ValidFor: 15 * time.Minute, MaxUses: 1},
		`{"require_approval":{"valid_seconds":60,"max_uses":5}}`: {ValidFor: time.Minute, MaxUses: 5},
	} {
		c, err := policy.CompileConditions([]byte(conditions))
		if err != nil || (c.Approval == nil) != (want == nil) || want != nil && *c.Approval != *want {
			t.Errorf("%s: got %+v, %v", conditions, c.Approval, err)
		}
		terms, _, ok := set(t, grant("**", "read", when(conditions))).Terms(agent(), "p1")
		if ok != (want != nil) || ok && terms != *want {
			t.Errorf("%s: terms %+v, %v", conditions, terms, ok)
		}
	}
	if _, _, ok := set(t, grant("**", "read", when(`{"require_approval":true}`))).Terms(user("olga", "owner"), "p1"); ok {
		t.Error("another principal has the terms")
	}
}
