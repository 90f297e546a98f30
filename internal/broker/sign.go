package broker

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

var (
	errScope = fault.New(fault.Denied, "aws_scope_not_bound",
		"The binding of this secret does not allow that region or service, or names several and the request none: name one in aws.").Because("no_binding")
	errChunks = fault.New(fault.Unprocessable, "aws_chunks_signed",
		"A body in chunks that are signed one by one (STREAMING-AWS4-HMAC-SHA256-PAYLOAD) can't be signed again. Set the client to send unsigned payloads or whole ones.")
)

// awsKey has the request signed with Signature Version 4. The value is a JSON object with
// access_key_id, secret_access_key and perhaps session_token.
func (f *filled) awsKey(d *draft, b *binding.Binding, value secret.Bytes) error {
	var key struct {
		ID      string `json:"access_key_id"`
		Secret  string `json:"secret_access_key"`
		Session string `json:"session_token"`
	}
	if err := json.Unmarshal(value.Reveal(), &key); err != nil || key.ID == "" || len(key.Secret) < known.Shortest ||
		!headerText(key.ID) || !headerText(key.Session) {
		return errValue
	}
	for _, part := range []string{key.Secret, key.Session} {
		if len(part) >= known.Shortest {
			f.hidden = append(f.hidden, known.Value{Label: "secret_access_key", Value: secret.FromString(part)})
		}
	}
	region, ok := b.Scoped(b.Region, d.aws.region)
	service, ok2 := b.Scoped(b.Service, d.aws.service)
	if !ok || !ok2 {
		return errScope
	}
	payload := ""
	if d.streamed {
		payload = f.header.Get("X-Amz-Content-Sha256")
	}
	if strings.HasPrefix(payload, "STREAMING-") && payload != "STREAMING-UNSIGNED-PAYLOAD-TRAILER" {
		return errChunks
	}
	f.whole = f.whole || payload == ""
	f.header.Del("Authorization")
	f.sign = append(f.sign, func(r *http.Request, body []byte, now time.Time) error {
		if payload == "" {
			sum := sha256.Sum256(body)
			payload = hex.EncodeToString(sum[:])
		}
		signAWS(r, payload, awsScope{key.ID, key.Secret, key.Session, region, service}, now)
		return nil
	})
	return nil
}

func headerText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

type awsScope struct{ id, secret, session, region, service string }

// signAWS signs a request with the hash of its body, or what stands for that, as AWS's
// "Signature Version 4 signing process" describes: all headers that AWS asks for are signed.
func signAWS(r *http.Request, payload string, k awsScope, now time.Time) {
	stamp := now.UTC().Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", stamp)
	r.Header.Set("X-Amz-Content-Sha256", payload)
	r.Header.Del("X-Amz-Security-Token")
	if k.session != "" {
		r.Header.Set("X-Amz-Security-Token", k.session)
	}
	signed := map[string]string{"host": r.URL.Host}
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if name == "content-type" || name == "content-md5" || strings.HasPrefix(name, "x-amz-") {
			signed[name] = strings.Join(strings.Fields(strings.Join(values, ",")), " ")
		}
	}
	names := make([]string, 0, len(signed))
	for name := range signed {
		names = append(names, name)
	}
	slices.Sort(names)
	var canonical strings.Builder
	canonical.WriteString(r.Method + "\n" + awsPath(r.URL, k.service) + "\n" + awsQuery(r.URL) + "\n")
	for _, name := range names {
		canonical.WriteString(name + ":" + signed[name] + "\n")
	}
	list := strings.Join(names, ";")
	canonical.WriteString("\n" + list + "\n" + payload)
	digest := sha256.Sum256([]byte(canonical.String()))
	scope := stamp[:8] + "/" + k.region + "/" + k.service + "/aws4_request"
	key := []byte("AWS4" + k.secret)
	for _, part := range []string{stamp[:8], k.region, k.service, "aws4_request"} {
		key = mac(key, part)
	}
	signature := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+stamp+"\n"+scope+"\n"+hex.EncodeToString(digest[:])))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+k.id+"/"+scope+", SignedHeaders="+list+", Signature="+signature)
}

// awsPath is the path as it is signed: S3 takes it as it is sent, the others escape it once more.
func awsPath(u *url.URL, service string) string {
	p := u.EscapedPath()
	if p == "" {
		return "/"
	}
	if service == "s3" {
		return p
	}
	return awsEscape(p, true)
}

// awsQuery is the query, sorted, with everything escaped but the unreserved characters.
func awsQuery(u *url.URL) string {
	var pairs []string
	for name, values := range u.Query() {
		for _, v := range values {
			pairs = append(pairs, awsEscape(name, false)+"="+awsEscape(v, false))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func awsEscape(s string, slash bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 || slash && c == '/' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// hmacKey has the body signed with HMAC-SHA256. The signature goes into the binding's header in
// hexadecimal.
func (f *filled) hmacKey(label string, b *binding.Binding, value secret.Bytes) {
	key := plain(value)
	f.macs = append(f.macs, signature{label, b.Header})
	f.whole = true
	f.header.Del(b.Header)
	f.sign = append(f.sign, func(r *http.Request, body []byte, _ time.Time) error {
		h := hmac.New(sha256.New, key)
		h.Write(body)
		r.Header.Set(b.Header, hex.EncodeToString(h.Sum(nil)))
		return nil
	})
}
