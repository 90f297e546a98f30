package typed_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/typed"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// mail is the example of EIP-712.
const mail = `{"types":{
	"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],
	"Person":[{"name":"name","type":"string"},{"name":"wallet","type":"address"}],
	"Mail":[{"name":"from","type":"Person"},{"name":"to","type":"Person"},{"name":"contents","type":"string"}]},
	"primaryType":"Mail",
	"domain":{"name":"Ether Mail","version":"1","chainId":1,"verifyingContract":"0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"},
	"message":{"from":{"name":"Cow","wallet":"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
		"to":{"name":"Bob","wallet":"0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},"contents":"Hello, Bob!"}}`

func parse(t testing.TB, s string) *typed.Data {
	t.Helper()
	d, err := typed.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%v: %.300s", err, s)
	}
	return d
}

func TestTheExampleOfEIP712(t *testing.T) {
	d := parse(t, mail)
	if got := d.Hash().String(); got != "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2" {
		t.Errorf("the hash is %s", got)
	}
	if got := d.EncodeType(); got != "Mail(Person from,Person to,string contents)Person(string name,address wallet)" {
		t.Errorf("the type is %s", got)
	}
	if d.Domain.Name != "Ether Mail" || d.Domain.Version != "1" || *d.Domain.ChainID != 1 || d.Domain.VerifyingContract.String() != "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC" || d.Domain.Salt != nil {
		t.Errorf("the domain is %+v", d.Domain)
	}
	if to := d.Message.Get("to").Get("wallet"); to.Address().String() != "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB" || d.Message.Get("cc") != nil {
		t.Errorf("the recipient is %s", to.String())
	}
	bare := parse(t, strings.Replace(mail, `"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],`, "", 1))
	if bare.Hash() != d.Hash() {
		t.Error("without the domain's type the hash is another")
	}
}

// The vectors are random structs, with arrays of arrays, fixed arrays and negative
// numbers, as ethers 6 and viem 2 hash them alike.
func TestHashesAreThoseOfEthersAndViem(t *testing.T) {
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Typed []struct {
			Data json.RawMessage
			Hash string
		}
		Texts []struct{ Text, Hash string }
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors.Typed) < 50 || len(vectors.Texts) == 0 {
		t.Fatalf("%d and %d vectors, %v", len(vectors.Typed), len(vectors.Texts), err)
	}
	for i, v := range vectors.Typed {
		if got := parse(t, string(v.Data)).Hash().String(); got != v.Hash {
			t.Errorf("vector %d: %s, want %s: %s", i, got, v.Hash, v.Data)
		}
	}
	for _, v := range vectors.Texts {
		if got := typed.TextHash([]byte(v.Text)).String(); got != v.Hash {
			t.Errorf("%.20q: %s, want %s", v.Text, got, v.Hash)
		}
	}
}

// of is typed data with one field of a type.
func of(typ, value string) string {
	return `{"types":{"A":[{"name":"x","type":"` + typ + `"}],"B":[{"name":"y","type":"bool"}]},"primaryType":"A","domain":{"name":"n"},"message":{"x":` + value + `}}`
}

func TestEachValueIsExactlyOfItsType(t *testing.T) {
	for typ, values := range map[string]struct{ good, bad []string }{
		"uint8":   {[]string{`0`, `255`, `"255"`, `"0xff"`, `"0x0"`}, []string{`256`, `-1`, `"-1"`, `1.0`, `1e2`, `"1e2"`, `"01"`, `" 1"`, `""`, `"0x"`, `"0x100"`, `true`, `null`, `[1]`, `-0`, `"0X1"`}},
		"int8":    {[]string{`-128`, `127`, `"-1"`, `"0x7f"`}, []string{`-129`, `128`, `"0x80"`, `"-0x1"`, `"-0"`, `"+1"`}},
		"uint256": {[]string{`115792089237316195423570985008687907853269984665640564039457584007913129639935`}, []string{`115792089237316195423570985008687907853269984665640564039457584007913129639936`, `"0x1` + strings.Repeat("0", 64) + `"`}},
		"bool":    {[]string{`true`, `false`}, []string{`0`, `1`, `"true"`, `null`}},
		"address": {
			[]string{`"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"`, `"0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826"`},
			[]string{`"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8dd826"`, `"0x00"`, `""`, `0`, `"cd2a3d9f938e13cd947ec05abc7fe734df8dd826"`},
		},
		"bytes":     {[]string{`"0x"`, `"0x00ff"`}, []string{`"0x0"`, `"00"`, `""`, `[1]`, `1`, `"0xgg"`}},
		"bytes2":    {[]string{`"0x00ff"`}, []string{`"0x00"`, `"0x00ff00"`, `"0x"`, `255`}},
		"string":    {[]string{`""`, `"0x00"`}, []string{`1`, `null`, `["a"]`}},
		"bool[]":    {[]string{`[]`, `[true]`}, []string{`true`, `{}`, `null`, `[[true]]`}},
		"bool[2]":   {[]string{`[true,false]`}, []string{`[]`, `[true]`, `[true,true,true]`}},
		"bool[2][]": {[]string{`[]`, `[[true,true]]`}, []string{`[true,true]`, `[[true]]`, `[[],[]]`}},
		"B":         {[]string{`{"y":true}`}, []string{`{}`, `{"y":true,"z":1}`, `null`, `{"Y":true}`, `[true]`, `{"y":true,"y":false}`}},
		"B[1]":      {[]string{`[{"y":true}]`}, []string{`{"y":true}`}},
	} {
		for _, v := range values.good {
			if _, err := typed.Parse([]byte(of(typ, v))); err != nil {
				t.Errorf("%s %s: %v", typ, v, err)
			}
		}
		for _, v := range values.bad {
			if _, err := typed.Parse([]byte(of(typ, v))); fault.CodeOf(err) != "invalid_typed_data" {
				t.Errorf("%s may be %s: %v", typ, v, err)
			}
		}
	}
}

func TestWhatIsNoTypedData(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":                      ``,
		"no object":                    `[]`,
		"a field more":                 strings.Replace(mail, `"primaryType"`, `"extra":1,"primaryType"`, 1),
		"a field twice":                strings.Replace(mail, `"primaryType":"Mail"`, `"primaryType":"Person","primaryType":"Mail"`, 1),
		"no message":                   strings.Replace(mail, `"message"`, `"massage"`, 1),
		"an unknown primary type":      strings.Replace(mail, `"primaryType":"Mail"`, `"primaryType":"Male"`, 1),
		"the domain as primary type":   strings.Replace(mail, `"primaryType":"Mail"`, `"primaryType":"EIP712Domain"`, 1),
		"an array as primary type":     strings.Replace(mail, `"primaryType":"Mail"`, `"primaryType":"Mail[]"`, 1),
		"a domain field without value": strings.Replace(mail, `"version":"1",`, ``, 1),
		"a domain field more":          strings.Replace(mail, `"version":"1"`, `"version":"1","salt":"0x00"`, 1),
		"chain id 0":                   strings.Replace(mail, `"chainId":1`, `"chainId":0`, 1),
		"a chain id of 2^64":           strings.Replace(mail, `"chainId":1`, `"chainId":18446744073709551616`, 1),
		"a chain id as text of a type": strings.Replace(mail, `"name":"chainId","type":"uint256"`, `"name":"chainId","type":"string"`, 1),
		"an unknown domain field":      strings.Replace(mail, `{"name":"version","type":"string"}`, `{"name":"owner","type":"string"}`, 1),
		"the alias uint":               of("uint", `1`),
		"uint7":                        of("uint7", `1`),
		"uint264":                      of("uint264", `1`),
		"bytes33":                      of("bytes33", `"0x"`),
		"bytes0":                       of("bytes0", `"0x"`),
		"an unknown struct":            of("C", `{}`),
		"an array of none":             of("bool[0]", `[]`),
		"a strange array":              of("bool[-1]", `[]`),
		"half an array":                of("bool[", `[]`),
		"the domain as a field":        of("EIP712Domain", `{"name":"n"}`),
		"a tuple of the ABI":           of("(bool,bool)", `[true,true]`),
		"a struct named as a type":     `{"types":{"uint257":[{"name":"x","type":"bool"}]},"primaryType":"uint257","domain":{},"message":{"x":true}}`,
		"a struct named address":       `{"types":{"A":[{"name":"x","type":"address"}],"address":[{"name":"x","type":"bool"}]},"primaryType":"A","domain":{},"message":{"x":{"x":true}}}`,
		"a name that closes the type":  `{"types":{"A":[{"name":"x)B(bool y","type":"bool"}]},"primaryType":"A","domain":{},"message":{"x)B(bool y":true}}`,
		"a field name twice":           `{"types":{"A":[{"name":"x","type":"bool"},{"name":"x","type":"bool"}]},"primaryType":"A","domain":{},"message":{"x":true}}`,
		"a struct in itself":           `{"types":{"A":[{"name":"x","type":"A"}]},"primaryType":"A","domain":{},"message":{"x":{}}}`,
		"too deep":                     `{"types":{"A":[{"name":"x","type":"A[]"}]},"primaryType":"A","domain":{},"message":` + strings.Repeat(`{"x":[`, 8) + strings.Repeat(`]}`, 8) + `}`,
		"too large":                    of("string", `"`+strings.Repeat("a", 256<<10)+`"`),
		"too many values":              of("uint8[]", `[`+strings.Repeat("1,", 20_000)+`1]`),
		"text that is no UTF-8":        of("string", "\"\xff\""),
	} {
		if d, err := typed.Parse([]byte(s)); fault.CodeOf(err) != "invalid_typed_data" {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

func TestTextsThatHideSomething(t *testing.T) {
	to := evm.Address{7}
	tx := evm.Tx{Type: 2, ChainID: 1, Gas: 21000, To: &to}
	raw, _ := tx.Encode(evm.Signature{})
	legacy := evm.Tx{ChainID: 1, Gas: 21000, To: &to, Data: make([]byte, 300)}
	old, _ := legacy.Encode(evm.Signature{})
	authorization := append([]byte{5, 0xd7, 1, 0x94}, append(make([]byte, 20), 0x80)...)
	digest := typed.TextHash(nil)
	for name, tc := range map[string]struct {
		text       string
		tx, digest bool
	}{
		"a transaction of type 2":        {string(raw), true, false},
		"one in hexadecimal":             {"0x" + hex.EncodeToString(raw), true, false},
		"one in capitals, without 0x":    {strings.ToUpper(hex.EncodeToString(raw)), true, false},
		"one with blanks around it":      {" 0x" + hex.EncodeToString(raw) + "\n", true, false},
		"a transaction of type 0":        {string(old), true, false},
		"an authorization of EIP-7702":   {string(authorization), true, false},
		"the bytes of typed data":        {"\x19\x01" + strings.Repeat("x", 64), true, false},
		"a digest":                       {string(digest[:]), false, true},
		"a digest in hexadecimal":        {digest.String(), false, true},
		"a digest in capitals, bare":     {strings.ToUpper(digest.String()[2:]), false, true},
		"a greeting":                     {"Sign in to example.com", false, false},
		"nothing":                        {"", false, false},
		"a text that begins like a list": {"éab", false, false},
		"0x":                             {"0x", false, false},
		"part of a transaction":          {string(raw[:20]), false, false},
	} {
		if got := typed.LooksLikeTx([]byte(tc.text)); got != tc.tx {
			t.Errorf("%s looks like a transaction: %v", name, got)
		}
		if got := typed.LooksLikeDigest([]byte(tc.text)); got != tc.digest {
			t.Errorf("%s looks like a digest: %v", name, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(mail))
	f.Add([]byte(of("B[1][]", `[[{"y":true}]]`)))
	f.Add([]byte(of("int8[2][]", `[[-1,"0x7f"]]`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		typed.LooksLikeTx(data)
		d, err := typed.Parse(data)
		if err != nil {
			if fault.CodeOf(err) != "invalid_typed_data" {
				t.Fatal(err)
			}
			return
		}
		if again, err := typed.Parse(data); err != nil || again.Hash() != d.Hash() || again.EncodeType() != d.EncodeType() {
			t.Fatalf("is another the second time: %v", err)
		}
	})
}
