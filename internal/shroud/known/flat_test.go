package known

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

// account is a key of a service account as its file has it.
const account = "{\n  \"type\": \"service_account\",\n  \"project_id\": \"acme-prod\",\n  \"private_key_id\": \"0f3c9a1be77d42c4a8b1d5e6f7a8b9c0d1e2f3a4\",\n  \"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\\nOF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\\n-----END PRIVATE KEY-----\\n\",\n  \"client_email\": \"app@acme-prod.iam.gserviceaccount.com\"\n}\n"

// gaps are what programs write for a line break.
var gaps = []string{"", " ", "  ", "\t", "|", " | ", ",", ", ", ";", "; ", "<br>", "<br/>", "<BR />\n", "\n\n", "\r\n\r\n    ", `\n`, `\r\n`, `\\n`, `\\\\n`, `\n\n`, "%0A%0A", "%20", "&#10;&#10;", `", "`, `" + "`, "\u003cbr\u003e", "&lt;br&gt;", `\u003cbr\u003e`, "\n                              "}

func flattened(value string) map[string]string {
	value = strings.TrimSpace(value)
	out := map[string]string{}
	for _, sep := range gaps {
		out[fmt.Sprintf("%q", sep)] = strings.ReplaceAll(value, "\n", sep)
		out[fmt.Sprintf("CRLF, %q", sep)] = strings.ReplaceAll(value, "\n", "\r"+sep)
	}
	blanks := strings.Join(strings.Fields(value), " ")
	out["a blank for each white space"] = blanks
	out["JSON of that"] = quoted(blanks)
	out["JSON of JSON of that"] = quoted(quoted(blanks))
	out["a query of that"] = url.QueryEscape(blanks)
	out["HTML of that"] = html.EscapeString(blanks)
	out["JSON, three times"] = quoted(quoted(quoted(value)))
	var b bytes.Buffer
	if json.Compact(&b, []byte(value)) == nil {
		out["without blanks"] = b.String()
		b.Reset()
		_ = json.Indent(&b, []byte(value), "", "\t\t")
		out["indented otherwise"] = b.String()
	}
	return out
}

var ofLines = map[string]string{"pem": pem, "account": account, "env": "USER=app\nPASSWORD=hunter2 and more\nHOST=db.internal", "crlf": strings.ReplaceAll(pem, "\n", "\r\n")}

func TestAValueOfLinesIsFoundInOneLine(t *testing.T) {
	for name, value := range ofLines {
		set := setOf(map[string]string{name: value})
		for how, text := range flattened(value) {
			src := "<p>It is: " + text + " and so on."
			if got := set.Redact(src, label); got != "<p>It is: [REDACTED:"+name+"] and so on." {
				t.Errorf("%s, %s: %q", name, how, got)
			}
			var f Finder
			f.Read([]byte(src))
			if found := f.Find(set); len(found) != 1 {
				t.Errorf("%s, %s: a Finder has %v", name, how, found)
			}
			f.Wipe()
			if found := f.Find(set); len(found) != 0 {
				t.Errorf("what was wiped is found: %v", found)
			}
		}
	}
}

func TestAFlatValueIsFoundHoweverItIsCut(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 9))
	set := setOf(map[string]string{"pem": pem, "account": account, "env": ofLines["env"], "token": "sk-proj-abcDEF123456_ghiJKL-7890", "tag": "one line\nand <br"})
	for _, value := range []string{pem, account, ofLines["env"], "one line\nand <br"} {
		for how, text := range flattened(value) {
			src := "It is, <br" + text + "<b" + text[:random.IntN(len(text))] + "<br />" + text[random.IntN(len(text)):] + " \\\\ and so on. "
			agrees(t, set, src, pieces(random, src))
			if random.IntN(8) == 0 {
				agrees(t, set, src, strings.Split(src, ""))
			}
			if !strings.Contains(value, "<") && len(set.Find(src)) == 0 { // what of that is escaped twice stays so
				t.Errorf("%s: nothing is found in %q", how, src)
			}
		}
	}
}

// TestGapsAreNotHeldBack: of a text of blanks no more is held back than a value can take.
func TestGapsAreNotHeldBack(t *testing.T) {
	set := setOf(map[string]string{"env": ofLines["env"]})
	for _, piece := range []string{" ", ", ", "a ", "<br>", "<", `\`, "| x", "\"\t", `\\n`, "a" + strings.Repeat(" ", 500)} {
		stream := set.Stream(label)
		for i := range 5000 {
			stream.Write(piece)
			if i > 500 && stream.Held() > (mostGap+1)*(set.Longest()+1)+len(piece) {
				t.Fatalf("%q: %d bytes are held back; a value has %d", piece, stream.Held(), set.Longest())
			}
		}
	}
}

func TestFewLinesAreNoValue(t *testing.T) {
	set := setOf(map[string]string{"short": "on\noff\nyes", "words": "type: service_account\nname: production database"})
	for _, src := range []string{"on, off, yes", "it is on off yes or no", "type: service_account", "the production database", "on" + strings.Repeat(" ", 50) + "off yes"} {
		if found := set.Find(src); len(found) > 0 {
			t.Errorf("%q: %v", src, found)
		}
	}
	one := setOf(map[string]string{"one": "a value, with blanks; and | more"})
	if one.flat != nil {
		t.Error("a value of one line costs what one of several does")
	}
	if found := one.Find("a value with blanks and more"); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

func TestALineThatIsRandomIsFoundAlone(t *testing.T) {
	for what, c := range map[string]struct {
		value string
		found []string
		not   []string
	}{
		"a key":                           {pem, strings.Split(strings.TrimSpace(pem), "\n")[1:4], []string{"-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"}},
		"an account":                      {account, []string{"OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r", "0f3c9a1be77d42c4a8b1d5e6f7a8b9c0d1e2f3a4"}, []string{`"type": "service_account",`, "service_account", "acme-prod", "app@acme-prod.iam.gserviceaccount.com"}},
		"variables":                       {"# of the service getUserByIdFromDatabase\nDATABASE_HOST=db.internal.example.com\nAPI_KEY=fU8xQ2mV9kLw3ZrT7yBn5HcJ\nID=DatabaseConnectionPoolSettings", []string{"fU8xQ2mV9kLw3ZrT7yBn5HcJ"}, []string{"db.internal.example.com", "getUserByIdFromDatabase", "DatabaseConnectionPoolSettings", "DATABASE_HOST"}},
		"one that others begin with, too": {"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\nQyNTUxOQAAACD7mT0qZ8wXhK1vRb3JpYs5Lf2NnGc9UoEaI6tDxWyVkQAAAJhXz4rPV8+K\n-----END OPENSSH PRIVATE KEY-----", []string{"QyNTUxOQAAACD7mT0qZ8wXhK1vRb3JpYs5Lf2NnGc9UoEaI6tDxWyVkQAAAJhXz4rPV8+K"}, []string{"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW"}},
		"a certificate":                   {strings.ReplaceAll(pem, "PRIVATE KEY", "CERTIFICATE"), nil, strings.Split(pem, "\n")},
		"what repeats":                    {"first\n" + strings.Repeat("Ab1", 12) + "\n" + strings.Repeat("0123456789", 4), nil, []string{strings.Repeat("Ab1", 12), strings.Repeat("0123456789", 4)}},
	} {
		set := setOf(map[string]string{"it": c.value})
		for _, line := range c.found {
			for _, text := range []string{line, quoted(line), url.QueryEscape(line)} {
				if got := set.Redact("of it: "+text+".", label); got != "of it: [REDACTED:it]." {
					t.Errorf("%s: %q", what, got)
				}
			}
		}
		for _, line := range c.not {
			if found := set.Find("of it: " + line + " and so on"); len(found) > 0 {
				t.Errorf("%s: %v in %q", what, found, line)
			}
		}
	}
	set := setOf(map[string]string{"one": "fU8xQ2mV9kLw3ZrT7yBn5HcJ=fU8xQ2mV9kLw3ZrT7yBn5HcK"})
	if found := set.Find("fU8xQ2mV9kLw3ZrT7yBn5HcJ"); len(found) > 0 {
		t.Errorf("of a value of one line a part is found: %v", found)
	}
	var many strings.Builder
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		b := make([]byte, 48)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		many.WriteString(base64.StdEncoding.EncodeToString(b) + "\n")
	}
	if n := len(tokens([]byte(many.String()))); n != mostTokens {
		t.Errorf("%d tokens of one value are looked for", n)
	}
}
