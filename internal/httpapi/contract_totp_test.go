package httpapi_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

const seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

// codeAt is RFC 6238 once more, as it stands there.
func codeAt(t *testing.T, at time.Time) string {
	key, err := base32.StdEncoding.DecodeString(seed)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, at.Unix()/30)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1000000)
}

// An agent that is shown nothing gets the codes of a seed that it may use: each is one use, in the
// log, and counts.
func TestACodeIsGivenAndItsSeedIsNot(t *testing.T) {
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			s := openSession(t, rest.OneByOne, database.on)
			agent := s.ada.agent(object{"name": "unseeing", "reveal": "never"})
			s.ada.grant(s.vault, agent, "totp/**", nil, "use")
			s.ada.grant(s.vault, agent, "asked/*", object{"conditions": object{"require_approval": true}}, "use")
			keep := func(path string, body object) {
				t.Helper()
				s.do("PUT", secretAt(s.vault, path), s.ada.token, body).want(201)
			}
			keep("totp/github", object{"value": seed, "type": "totp_seed"})
			keep("totp/address", object{"value": "otpauth://totp/GitHub:me?secret=" + seed + "&issuer=GitHub", "max_access_count": 1})
			keep("totp/password", object{"value": seed, "type": "password"})
			keep("totp/key", object{"value": seed, "type": "ssh_key"})
			keep("other/github", object{"value": seed, "type": "totp_seed"})
			keep("asked/github", object{"value": seed, "type": "totp_seed"})
			code := func(path, token string) reply {
				t.Helper()
				return s.do("POST", "/v1/vaults/"+s.vault+"/totp/"+path, token, nil)
			}
			s.Clock.Set(time.Unix(s.Clock.Now().Unix()/30*30+7, 0))
			got := code("totp/github", agent.token).want(200)
			if want := codeAt(t, s.Clock.Now()); got.str("code") != want || fmt.Sprint(got.json()["period_seconds"]) != "30" ||
				got.str("valid_until") != s.Clock.Now().Add(23*time.Second).UTC().Format(time.RFC3339) {
				t.Errorf("got %s, want %s", got.body, want)
			}
			if code("totp/address", agent.token).want(200).str("code") != codeAt(t, s.Clock.Now()) {
				t.Error("another code of the same seed")
			}
			code("totp/address", agent.token).want(410, "secret_gone")
			code("totp/password", agent.token).want(409, "no_totp_seed")
			code("totp/key", agent.token).want(403, "private_key_not_sent")
			code("totp/none", agent.token).want(404)
			code("other/github", agent.token).want(403)
			code("asked/github", agent.token).want(403, "approval_required")
			code("totp/github", "").want(401)
			s.do("GET", secretAt(s.vault, "totp/github"), agent.token, nil).want(403)

			uses := 0
			for _, e := range s.Events(s.ada.org) {
				text := string(e.DetailsJSON)
				if strings.Contains(text, seed) || strings.Contains(text, codeAt(t, s.Clock.Now())) {
					t.Errorf("the log has %s", text)
				}
				if e.Action == "secret.use" && strings.Contains(text, `"outcome":"success"`) {
					uses++
					if !strings.Contains(text, `"how":"totp"`) {
						t.Errorf("the log says %s", text)
					}
				}
			}
			if uses != 3 { // the third gave no code: what it is was found out by opening it
				t.Errorf("the log has %d uses", uses)
			}
		})
	}
}
