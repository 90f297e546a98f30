package childproxy_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

const (
	keyOfAWS    = "AKIAREALREALREALREAL"
	secretOfAWS = "real-s3cr3t-of-aws-0123456789012345678901"
	tokenOfAWS  = "real-session-token-of-aws-01234567890123456789"
)

// The AWS command line signs with placeholders; the service gets signatures of the real key.
func TestAWSSignsWithAKeyThatItDoesNotHave(t *testing.T) {
	s := openStage(t)
	s.keep("aws", `{"access_key_id":"`+keyOfAWS+`","secret_access_key":"`+secretOfAWS+`","session_token":"`+tokenOfAWS+`"}`,
		client.Binding{Hosts: []string{"*.amazonaws.com"}, In: "sigv4", Region: "eu-west-1", Service: "s3,sts"})
	var mu sync.Mutex
	objects := map[string][]byte{}
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if why := verifyAWS(r, body); why != "" {
			http.Error(w, why, http.StatusForbidden)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case strings.HasPrefix(r.Host, "sts."):
			w.Header().Set("Content-Type", "text/xml")
			_, _ = io.WriteString(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/ada</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
		case r.Method == http.MethodPut:
			objects[r.URL.Path] = body
			w.Header().Set("ETag", `"e"`)
		case objects[r.URL.Path] == nil:
			w.WriteHeader(http.StatusNotFound)
		default:
			w.Header().Set("Content-Length", fmt.Sprint(len(objects[r.URL.Path])))
			w.Header().Set("ETag", `"e"`)
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
			if r.Method == http.MethodGet {
				_, _ = w.Write(objects[r.URL.Path])
			}
		}
	})
	r := s.start(map[string]string{
		"AWS_ACCESS_KEY_ID": "aws#access_key_id", "AWS_SECRET_ACCESS_KEY": "aws#secret_access_key", "AWS_SESSION_TOKEN": "aws#session_token",
	})
	r.vars["AWS_DEFAULT_REGION"] = "eu-west-1"
	if out := r.sh(`/usr/bin/aws sts get-caller-identity --query Arn --output text`); out != "arn:aws:iam::1:user/ada\n" {
		t.Errorf("got %q", out)
	}
	r.sh(`
		head -c 2000000 /dev/urandom > up
		/usr/bin/aws s3 cp up 's3://bucket/a folder/b+c.bin' >&2
		/usr/bin/aws s3 cp 's3://bucket/a folder/b+c.bin' down >&2
		cmp up down
	`)
	// Another region is not what the key is bound to.
	if out := r.sh(`AWS_DEFAULT_REGION=us-east-2 /usr/bin/aws sts get-caller-identity 2>&1 || true`); strings.Contains(out, "arn:") {
		t.Errorf("got %q", out)
	}
}

var authorizationOfAWS = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$`)

// verifyAWS says what is wrong with a request's signature, as the documentation of Signature
// Version 4 has it.
func verifyAWS(r *http.Request, body []byte) string {
	m := authorizationOfAWS.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil || m[1] != keyOfAWS {
		return "no signature of the key: " + r.Header.Get("Authorization")
	}
	if r.Header.Get("X-Amz-Security-Token") != tokenOfAWS {
		return "no session token"
	}
	hash := r.Header.Get("X-Amz-Content-Sha256")
	if hash == "" {
		hash = sum(body)
	}
	if !strings.HasPrefix(hash, "UNSIGNED") && !strings.HasPrefix(hash, "STREAMING") && hash != sum(body) {
		return "another body"
	}
	var headers strings.Builder
	for name := range strings.SplitSeq(m[5], ";") {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = fmt.Sprint(r.ContentLength)
		}
		headers.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	path := r.URL.EscapedPath()
	if m[4] != "s3" {
		path = (&url.URL{Path: path}).EscapedPath()
	}
	canonical := strings.Join([]string{r.Method, path, queryOfAWS(r.URL.Query()), headers.String(), m[5], hash}, "\n")
	scope := strings.Join([]string{m[2], m[3], m[4], "aws4_request"}, "/")
	text := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + scope + "\n" + sum([]byte(canonical))
	key := []byte("AWS4" + secretOfAWS)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	if hex.EncodeToString(mac(key, text)) != m[6] {
		return "another signature of " + canonical
	}
	return ""
}

func queryOfAWS(q url.Values) string {
	var all []string
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	for name, values := range q {
		for _, v := range values {
			all = append(all, escape(name)+"="+escape(v))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "&")
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = io.WriteString(h, text)
	return h.Sum(nil)
}
