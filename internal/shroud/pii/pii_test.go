package pii

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The samples are made here, so that no number of anybody stands in the source.

func withLuhn(d string) string {
	for c := '0'; c <= '9'; c++ {
		if full := d + string(c); luhn([]byte(full)) {
			return full
		}
	}
	panic("no digit fits")
}

func apart(s, gap string, sizes ...int) string {
	var out []string
	for _, n := range sizes {
		out, s = append(out, s[:n]), s[n:]
	}
	return strings.Join(out, gap)
}

func account(country, rest string) string {
	mod := 0
	for _, c := range []byte(rest + country + "00") {
		if isDigit(c) {
			mod = (mod*10 + int(c-'0')) % 97
		} else {
			mod = (mod*100 + int(c-'A') + 10) % 97
		}
	}
	return fmt.Sprintf("%s%02d%s", country, 98-mod, rest)
}

func zones() (one, two, card string) {
	c := func(s string) string { return s + string(check(s)) }
	number, born, until := c("L12345678"), c("740812"), c("320415")
	other := c(strings.Repeat("<", 14))
	one = "P<UTODOE<<JANE" + strings.Repeat("<", 30)
	two = number + "UTO" + born + "F" + until + other
	two += string(check(number + born + until + other))
	first := "I<UTO" + c("D23145890") + strings.Repeat("<", 15)
	second := born + "F" + until + "UTO" + strings.Repeat("<", 11)
	second += string(check(first[5:] + born + until + second[18:29]))
	return one, two, first + "\n" + second + "\n" + "DOE<<JANE" + strings.Repeat("<", 21)
}

func block(of string, lines int) string {
	out := "-----BEGIN " + of + "-----\n"
	for range lines {
		out += strings.Repeat("Ab3/", 16) + "\n"
	}
	return out + "Zm9v\n-----END " + of + "-----"
}

var (
	visa    = withLuhn("400000123456789")
	amex    = withLuhn("37000012345678")
	wide    = withLuhn("621234567890123456")
	maestro = withLuhn("50389054722")
	keyID   = "AKIA" + strings.Repeat("Q7", 8)
	mailbox = "jane.doe+box" + "@mail.shop.de"
)

// samples are findings that need nothing around them.
func samples() map[string][]string {
	one, two, card := zones()
	german := account("DE", "370400440532013000")
	return map[string][]string{
		Email: {mailbox, "x_1@a-b.co", "jörg@exämple.org", "info@xn--80ak6aa92e.com", "jane@shop.xn--p1ai"},
		SSN:   {"078-05-" + "1120", "123-45-" + "6789"},
		Card: {
			visa, apart(visa, " ", 4, 4, 4, 4), apart(visa, "-", 4, 4, 4, 4), amex, apart(amex, " ", 4, 6, 5),
			withLuhn("222300312200322"), withLuhn("601100012345678"), withLuhn("353011133330000"), withLuhn("3056930902590"),
		},
		PhoneUS:  {"(212) 555-0134", "212-555-0134", "212.555.0134", "+1 212 555 0134", "+12125550134", "1-212-555-0134", "+1 (212) 555-0134", "212-555-0134x22"},
		Phone:    {"+44 20 7946 0958", "+442079460958", "+49 (0)30 1234567", "+33 1 99 00 12 34", "+91-98765-43210"},
		IBAN:     {german, strings.ToLower(german), apart(german, " ", 4, 4, 4, 4, 4, 2), account("GB", "WEST12345698765432"), account("NO", "86011117947")},
		IP:       {"86.231.85.193", "203.0.113.7", "2a02:8071:b0c:1::17", "2001:db8:85a3:0:0:8a2e:370:7334", "::ffff:86.231.85.193", "64:ff9b::86.231.85.193"},
		Passport: {one + "\n" + two, one + "\r\n" + two, card},
		AWSKey:   {keyID, "ASIA" + "IOSFODNN7EXAMPLE"},
		PrivateKey: {
			block("PRIVATE KEY", 3), block("RSA PRIVATE KEY", 20), block("OPENSSH PRIVATE KEY", 5), block("PGP PRIVATE KEY BLOCK", 9),
			strings.ReplaceAll(block("EC PRIVATE KEY", 2), "\n", `\n`), "-----BEGIN ENCRYPTED PRIVATE KEY-----",
		},
	}
}

func show(s string, found []Match) (out []string) {
	for _, m := range found {
		out = append(out, m.Kind+" "+s[m.Start:m.End])
	}
	return out
}

func TestSamplesAreFoundWhole(t *testing.T) {
	for kind, list := range samples() {
		for _, s := range list {
			for _, around := range []string{"%s", "it is %s.", "(%s)", "“%s”", "\n%s\n", `{"v":"%s"}`, "a=%s, b", "是%s。", "<b>%s</b>", "end: %s?"} {
				text := fmt.Sprintf(around, s)
				if got := show(text, Find(text)); !slices.Equal(got, []string{kind + " " + s}) {
					t.Errorf("%q: got %q", text, got)
				}
			}
		}
	}
}

func TestSeverities(t *testing.T) {
	want := map[string]string{
		Email: "medium", SSN: "critical", Card: "critical", PhoneUS: "low", Phone: "low", IBAN: "high", IP: "low",
		Passport: "high", AWSKey: "critical", PrivateKey: "critical",
	}
	for kind, list := range samples() {
		for _, m := range Find(list[0]) {
			if m.Severity.String() != want[kind] {
				t.Errorf("%s is %s", kind, m.Severity)
			}
		}
	}
}

func TestWordsTellWhatANumberIs(t *testing.T) {
	for text, want := range map[string]string{
		"SSN: 123456789":                        "ssn 123456789",
		"social security number 123 45 6789":    "ssn 123 45 6789",
		"card no. " + wide:                      "credit_card " + wide,
		"Maestro: " + maestro:                   "credit_card " + maestro,
		"call 212 555 0134":                     "phone_us 212 555 0134",
		"Phone:\n2125550134":                    "phone_us 2125550134",
		"you can call me on 089 72 63 41":       "phone 089 72 63 41",
		"Tel. (03) 5327 5996":                   "phone (03) 5327 5996",
		"24 428557 office":                      "phone 24 428557",
		"whatsapp 0917-123-4567, thanks":        "phone 0917-123-4567",
		"-----BEGIN PRIVATE KEY-----\nMIIEvQ":   "private_key_header -----BEGIN PRIVATE KEY-----",
		"https://jane" + "@shop.example.com/x":  "",
		"postgres://u:p4ss" + "@db.acme.com/x":  "",
		"card " + visa + " 12/27 123":           "credit_card " + visa,
		"mail <" + mailbox + ">, or call a lot": "email " + mailbox,
	} {
		if got := strings.Join(show(text, Find(text)), "|"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestABlockWithoutAnEndIsCoveredAsFarAsItGoes(t *testing.T) {
	head := "-----BEGIN PRIVATE KEY-----"
	body := "\n" + strings.Repeat("Ab3/", 16) + "\n" + strings.Repeat("Ab3/", 16)
	text := "x " + head + body + "\n\nThen somebody wrote on."
	if got := show(text, Find(text)); !slices.Equal(got, []string{PrivateKey + " " + head + body}) {
		t.Errorf("got %q", got)
	}
	long := head + strings.Repeat(body, 1000) + "\n-----END PRIVATE KEY-----"
	if got := Find(long); len(got) != 1 || got[0].End < len(long)-100 {
		t.Errorf("got %v of %d", got, len(long))
	}
	for _, text := range []string{block("PUBLIC KEY", 2), block("CERTIFICATE", 9), "-----BEGIN PRIVATE KEY"} {
		if got := Find(text); len(got) > 0 {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestFalseFriends(t *testing.T) {
	one, two, _ := zones()
	for _, text := range []string{
		// identifiers and hashes
		"550e8400-e29b-41d4-a716-446655440000", "12345678-1234-1234-1234-123456789012", "id_" + visa, "0x" + visa, "0." + visa,
		"d41d8cd98f00b204e9800998ecf8427e", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		"1748503543012", "1700000000000000000", "snowflake 175928847299117063", "tweet 1234567890123456789", visa[:15] + string('0'+(visa[15]-'0'+1)%10),
		"0000 0000 0000 0000", "ISBN 978-3-16-148410-0", "EAN 4006381333931", "x" + keyID, keyID + "A",
		// dates, times, versions, prices, tables
		"2024-01-15 10:20:30", "15.01.2024", "01/15/2024", "2024-01-15T10:20:30.123456Z", "10:20:30:40", "1.2.3", "v86.231.85.193", "version 10.12.4.3",
		"1.3.6.1.4.1.311", "1.2.3.4", "86.231.85.193-rc1", "$1,234,567.89", "1 234 567", "1.234.567,89", "100-200-3000", "12 345 678 901 234", "lines 100-200", "1999-2000-2001",
		"512 256 1024", "3.14159265358979", "pages 212-555", "RFC 2119, 8174", "1920x1080", "a + 123456789", "x+447700921916", "212 555 0134",
		// addresses of nobody
		"127.0.0.1:8080", "10.0.0.5", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "255.255.255.0", "224.0.0.1", "256.1.1.1",
		"::1", "fe80::1", "fd00::1", "ff02::1", "a[3::6]", "std::string", "MyClass::toString", "aa:bb:cc:dd:ee:ff", "12:34:56", "::", "f::a::b",
		"user@localhost", "logo@2x.png", "@decorator", "a@b", "npm i @scope/name", "git@host", "me@.com", "me.@", "image@sha256:abc", "x@1.2.3",
		// wrong check digits and sizes
		"DE00370400440532013000", account("DE", "370400440532013000") + "1", "XX82WEST12345698765432", "DE89 3704",
		"666-45-" + "6789", "000-12-" + "3456", "912-34-" + "5678", "123-00-" + "4567", "123-45-" + "0000", "AB-123-45-" + "6789", "123-45-" + "67890",
		"ISBN:123456789", strings.Replace(two, "7", "1", 1), one, "IF A<B AND C<D THEN", "<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<",
		"A" + strings.Repeat("B", 43), "-----BEGIN", "----------", "+0000", "+10:00", "UTC+12345678", "+1 911 555 0134", "+12345",
		"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==",
	} {
		if got := show(text, Find(text)); len(got) > 0 {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

// any text of samples and what looks like them.
func mixed(r *rand.Rand, list []string) string {
	var b strings.Builder
	for range 12 + r.IntN(24) {
		switch r.IntN(5) {
		case 0:
			b.WriteString(list[r.IntN(len(list))])
		case 1:
			for range r.IntN(30) {
				b.WriteByte("0123456789 -.:@+(<xA/"[r.IntN(21)])
			}
		case 2:
			b.WriteString([]string{"call ", "SSN ", "card ", " office", "version ", "fax: ", "http://", "u:p"}[r.IntN(8)])
		case 3:
			b.WriteString(strings.Repeat("word ", r.IntN(20)))
		}
		b.WriteByte(" \n,\"x1-"[r.IntN(7)])
	}
	return b.String()
}

func listed() (list []string) {
	for kind, of := range samples() {
		if kind != PrivateKey {
			list = append(list, of...)
		}
	}
	slices.Sort(list)
	return list
}

// windows says where a finding is not the same in a window around it.
func windows(text string) error {
	space := func(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
	for _, m := range Find(text) {
		if m.Kind == PrivateKey {
			continue
		}
		from, to := max(0, m.Start-Around), min(len(text), m.End+Around)
		for from > 0 && !space(text[from-1]) {
			from--
		}
		for to < len(text) && !space(text[to]) {
			to++
		}
		shown := m
		shown.Start, shown.End = m.Start-from, m.End-from
		if got := Find(text[from:to]); !slices.Contains(got, shown) {
			return fmt.Errorf("%v %q is not in its window %q: %v", m, text[m.Start:m.End], text[from:to], got)
		}
	}
	return nil
}

func TestAFindingIsTheSameInAWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	list, found := listed(), 0
	for range 3000 {
		text := mixed(r, list)
		found += len(Find(text))
		if err := windows(text); err != nil {
			t.Fatal(err)
		}
	}
	if found < 3000 {
		t.Errorf("only %d findings", found)
	}
}

// What is found in a window whose ends are far away is found in the whole too.
func TestAWindowFindsNothingElse(t *testing.T) {
	space := func(c byte) bool { return c == ' ' || c == '\n' }
	r := rand.New(rand.NewPCG(3, 4))
	list := listed()
	for range 2000 {
		text := mixed(r, list)
		from := r.IntN(len(text))
		for from > 0 && !space(text[from-1]) {
			from--
		}
		to := from + r.IntN(len(text)-from)
		for to < len(text) && !space(text[to]) {
			to++
		}
		whole := Find(text)
		for _, m := range Find(text[from:to]) {
			if from > 0 && m.Start < Around || to < len(text) && m.End > to-from-Around {
				continue
			}
			m.Start, m.End = m.Start+from, m.End+from
			if !slices.Contains(whole, m) {
				t.Fatalf("%v %q is in a window only", m, text[m.Start:m.End])
			}
		}
	}
}

func hostile() map[string]string {
	const size = 5 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	return map[string]string{
		"at signs": fill("@"), "mail": fill("a@a."), "mail without an end": fill("a.a@a"), "digits": fill("4"), "groups": fill("4111 "), "cards": fill("4111 1111 1111 1112 "),
		"one digit": fill("1 "), "colons": fill("a:"), "addresses": fill("1.1."), "dashes": fill("-"), "keys": fill("-----BEGIN PRIVATE KEY-----"),
		"keys without an end": fill("-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("A", 64) + "\n"), "zones": fill(strings.Repeat("A", 43) + "<\n"), "fillers": fill("A<"),
		"key ids": fill("AKIA"), "accounts": fill("DE11 "), "phones": fill("+44 20 7946 "), "phone words": fill("call call call call 089 72 63 4 "), "calls": fill("+442079460958 "),
		"parentheses": fill("(212)"), "groups of one": fill("1-"),
	}
}

func TestHostileTextsEnd(t *testing.T) {
	for name, text := range hostile() {
		if end := Find(text[len(text)/2:]); len(end) > len(text) {
			t.Error(name)
		}
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, text := range hostile() {
		b.Run(name, func(b *testing.B) { measure(b, text) })
	}
}

func BenchmarkOrdinary(b *testing.B) {
	measure(b, strings.Repeat("The deployment of release 4.2.1 took 35 minutes: see https://ci.example.com/run/812 for what was done on 2024-01-15. ", 18)[:2048])
}

// measure runs Find over a text.
func measure(b *testing.B, text string) {
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Find(text)
	}
}

func FuzzFind(f *testing.F) {
	for _, list := range samples() {
		for _, s := range list {
			f.Add("call " + s + " now")
		}
	}
	f.Add("::")
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for _, m := range Find(text) {
			if m.Start < end || m.End <= m.Start || m.End > len(text) || m.Kind == "" {
				t.Fatalf("%v after %d of %d", m, end, len(text))
			}
			end = m.End
		}
		if err := windows(text); err != nil {
			t.Fatal(err)
		}
	})
}
