package childproxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

// The key of an object reaches S3 with the escapes that the program wrote, and is signed so, however its body is.
func TestKeysOfS3KeepTheirEscapes(t *testing.T) {
	s := openStage(t)
	s.keep("aws", `{"access_key_id":"`+keyOfAWS+`","secret_access_key":"`+secretOfAWS+`","session_token":"`+tokenOfAWS+`"}`,
		client.Binding{Hosts: []string{"*.amazonaws.com"}, In: "sigv4", Region: "eu-west-1", Service: "s3"})
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if why := verifyAWS(r, body); why != "" {
			http.Error(w, why, http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, r.RequestURI+" "+string(body))
	})
	r := s.start(map[string]string{"AWS_ACCESS_KEY_ID": "aws#access_key_id", "AWS_SECRET_ACCESS_KEY": "aws#secret_access_key", "AWS_SESSION_TOKEN": "aws#session_token"})
	for name, hash := range map[string]string{"whole": sum([]byte("abc")), "unsigned": "UNSIGNED-PAYLOAD", "with a trailer": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "not said": ""} {
		for _, key := range []string{"a%2Fb", "a%20b%2Bc", "50%25", "%C3%A9%3F%23", "a%2fb"} {
			t.Run(name+" "+key, func(t *testing.T) {
				r.vars["HASH"], r.vars["KEY"] = hash, key
				out := r.sh(`curl -sS --path-as-is -X PUT --data-binary abc -H 'Content-Type: text/plain' -H "X-Amz-Security-Token: $AWS_SESSION_TOKEN" \
					-H "X-Amz-Date: 20300101T000000Z" ${HASH:+-H "X-Amz-Content-Sha256: $HASH"} \
					-H "Authorization: AWS4-HMAC-SHA256 Credential=$AWS_ACCESS_KEY_ID/20300101/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=$(printf '0%.0s' $(seq 64))" \
					"https://bucket.s3.eu-west-1.amazonaws.com/$KEY"`)
				if out != "/"+strings.ReplaceAll(key, "%2f", "%2F")+" abc" { // escapes have one spelling
					t.Errorf("S3 got %q", out)
				}
			})
		}
	}
}
