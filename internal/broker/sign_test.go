package broker

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// The examples of AWS's documentation of Signature Version 4 for S3.
func TestSignaturesOfAWS(t *testing.T) {
	key := awsScope{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", "us-east-1", "s3"}
	at := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	for address, want := range map[string]string{
		"https://examplebucket.s3.amazonaws.com/?lifecycle":           "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
		"https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J": "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		signAWS(r, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", key, at)
		if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="+want) {
			t.Errorf("%s: %s", address, got)
		}
	}
}

func FuzzReferences(f *testing.F) {
	for _, s := range []string{"Bearer {{secret:a/b}}", "oneclaw://main/a/b#c x", "{{secret:{{secret:a}}}}", "{{secret:", "oneclaw://"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := pieces(text)
		if err != nil {
			return
		}
		refs := 0
		for _, p := range all {
			if p.ref != nil {
				refs++
			} else if has(p.text) {
				t.Errorf("%q: a reference is left in %q", text, p.text)
			}
		}
		if has(text) != (refs > 0) {
			t.Errorf("%q: %d references", text, refs)
		}
	})
}
