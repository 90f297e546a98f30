package pii_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/pii"
)

// found are the findings of a text as "pattern: what".
func found(s string) (out []string) {
	for _, f := range pii.Find(s) {
		out = append(out, f.Pattern+": "+s[f.Start:f.End])
	}
	return out
}

const (
	block = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nAAAA\n-----END RSA PRIVATE KEY-----"
	line  = "L898902C36UTO7408122F1204159ZE184226B<<<<<10" // the specimen of ICAO 9303
)

func TestEachKindIsFoundWithItsPlace(t *testing.T) {
	for s, want := range map[string]string{
		"Write to Jane.Doe+x@mail.example.co.uk.":         "email: Jane.Doe+x@mail.example.co.uk",
		"<ö.müller@exämple.de>":                           "email: ö.müller@exämple.de",
		"mailto:a@b.example":                              "email: a@b.example",
		"card 4111 1111 1111 1111, please":                "credit_card: 4111 1111 1111 1111",
		"card 4111111111111111":                           "credit_card: 4111111111111111",
		"3782-822463-10005":                               "credit_card: 3782-822463-10005",
		"5555555555554444":                                "credit_card: 5555555555554444",
		"2223003122003222":                                "credit_card: 2223003122003222",
		"IBAN DE89 3704 0044 0532 0130 00.":               "iban: DE89 3704 0044 0532 0130 00",
		"NO9386011117947":                                 "iban: NO9386011117947",
		"my ssn is 536-22-8726":                           "ssn: 536-22-8726",
		"SSN: 536228726":                                  "ssn: 536228726",
		"call (212) 555-0123 now":                         "phone_us: (212) 555-0123",
		"212.555.0123":                                    "phone_us: 212.555.0123",
		"+1 212-555-0123":                                 "phone_us: +1 212-555-0123",
		"ring +49 30 901820":                              "phone: +49 30 901820",
		"+442079460958":                                   "phone: +442079460958",
		"phone: 030 901 820 11":                           "phone: 030 901 820 11",
		"030 901 820 11 (office)":                         "phone: 030 901 820 11",
		"212-555-0123x4567":                               "phone: 212-555-0123x4567",
		"from 203.0.113.77:443":                           "ipv4: 203.0.113.77",
		"at 2001:db8:85a3::8a2e:370:7334, and":            "ipv6: 2001:db8:85a3::8a2e:370:7334",
		"key AKIAIOSFODNN7EXAMPLE;":                       "aws_key: AKIAIOSFODNN7EXAMPLE",
		"x\n" + block + "\ny":                             "private_key_header: " + block,
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC": "private_key_header: -----BEGIN OPENSSH PRIVATE KEY-----",
		"P<UTOERIKSSON<<ANNA<MARIA<<<\n" + line:           "passport: " + line,
	} {
		if got := found(s); !slices.Equal(got, []string{want}) {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestWhatOnlyLooksLikeItIsNotFound(t *testing.T) {
	for _, s := range []string{
		"", "a @b c@ @", "logo@2x.png", "npm i @scope/pkg@1.2.3", "git@github.com:a/b.git", "postgres://app:pw@db.example.com/x", "user@host",
		"4111 1111 1111 1112", "1234567812345670", "0000000000000000", "order 41111111111111111111", "id-4111111111111111x",
		"DE88 3704 0044 0532 0130 00", "ZZ89370400440532013000", "LV80 bANK 0000 4351 9500 1",
		"000-12-3456", "666-12-3456", "912-34-5678", "123-00-4567", "536228726",
		"2024-01-02 10:20:30", "1700000000000", "v1.2.3.4", "version 10.2.3.4", "127.0.0.1", "192.168.1.10", "0.0.0.0", "256.1.1.1", "1.2.3.4.5",
		"12:30:45", "aa:bb:cc:dd:ee:ff", "::1", "fe80::1", "std::vector", "a::b",
		"AKIAIOSFODNN7EXAMPL", "XAKIAIOSFODNN7EXAMPLE", "-----BEGIN PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----\nPRIVATE KEY",
		line[:9] + "7" + line[10:], "7 + 8 - 9 (10) 11", "0.1234567890123", "123e4567-e89b-12d3-a456-426614174000",
	} {
		if got := found(s); len(got) > 0 {
			t.Errorf("%q: %q", s, got)
		}
	}
}

func TestPlacesDoNotOverlap(t *testing.T) {
	s := strings.Repeat("a@b.example 4111 1111 1111 1111 +49 30 901820 DE89 3704 0044 0532 0130 00 203.0.113.77 ", 20)
	list := pii.Find(s)
	if len(list) != 100 {
		t.Errorf("found %d of 100", len(list))
	}
	for i, f := range list {
		if i > 0 && f.Start < list[i-1].End {
			t.Fatalf("%v and %v", list[i-1], f)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("a@b.example 4111 1111 1111 1111 +49 (30) 901820x12 DE89 3704 0044 0532 0130 00 203.0.113.77 2001:db8::1 " + line + block)
	f.Fuzz(func(t *testing.T, s string) {
		end := 0
		for _, x := range pii.Find(s) {
			if x.Start < end || x.Start >= x.End || x.End > len(s) || x.Severity.Rank() == 0 {
				t.Fatalf("%+v after %d in %q", x, end, s)
			}
			end = x.End
		}
	})
}

func BenchmarkFind(b *testing.B) {
	for _, unit := range []string{"The quick brown fox. ", "1 ", "4111 1111 1111 1111 ", "a@", "@", "::", "A", "1.2.3.", "-----BEGIN PRIVATE KEY-----", "P<<<<", "DE89 "} {
		s := strings.Repeat(unit, 5<<20/len(unit))
		b.Run(fmt.Sprintf("5MB/%q", unit), func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				pii.Find(s)
			}
		})
	}
}
