package childproxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

// bucket is a service that keeps objects as S3 does: whole, or in parts, and gives pieces of them.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	parts   map[string][]byte // by path and number
	pieces  int               // that were given
}

func (b *bucket) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if why := verifyAWS(r, body); why != "" {
		http.Error(w, why, http.StatusForbidden)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	path, query := r.URL.Path, r.URL.Query()
	w.Header().Set("ETag", `"e"`)
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		_, _ = io.WriteString(w, `<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>k</Key><UploadId>u/1+2</UploadId></InitiateMultipartUploadResult>`)
	case query.Has("uploadId") && query.Get("uploadId") != "u/1+2":
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodPut && query.Has("partNumber"):
		b.parts[path+query.Get("partNumber")] = body
	case r.Method == http.MethodPost:
		for n := 1; b.parts[path+fmt.Sprint(n)] != nil; n++ {
			b.objects[path] = append(b.objects[path], b.parts[path+fmt.Sprint(n)]...)
		}
		_, _ = io.WriteString(w, `<CompleteMultipartUploadResult><Location>l</Location><Bucket>bucket</Bucket><Key>k</Key><ETag>"e"</ETag></CompleteMultipartUploadResult>`)
	case query.Has("list-type"):
		_, _ = io.WriteString(w, `<ListBucketResult><Name>bucket</Name><KeyCount>1</KeyCount><Contents><Key>a folder/large.bin</Key><LastModified>2026-01-02T15:04:05Z</LastModified><ETag>"e"</ETag><Size>21000000</Size></Contents></ListBucketResult>`)
	case r.Method == http.MethodPut:
		b.objects[path] = body
	case b.objects[path] == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		b.give(w, r, b.objects[path])
	}
}

func (b *bucket) give(w http.ResponseWriter, r *http.Request, all []byte) {
	w.Header().Set("Accept-Ranges", "bytes")
	w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
	status, size := http.StatusOK, len(all)
	var from, to int
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); n > 0 {
		if n == 1 || to >= size {
			to = size - 1
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, size))
		status, all, b.pieces = http.StatusPartialContent, all[from:to+1], b.pieces+1
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(all)))
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		_, _ = w.Write(all)
	}
}

// The AWS command line sends what is long in parts, and fetches it in pieces: each is signed anew, and what comes together
// is what was sent.
func TestLongObjectsOfS3ComeWhole(t *testing.T) {
	s := openStage(t)
	s.keep("aws", `{"access_key_id":"`+keyOfAWS+`","secret_access_key":"`+secretOfAWS+`","session_token":"`+tokenOfAWS+`"}`,
		client.Binding{Hosts: []string{"*.amazonaws.com"}, In: "sigv4"})
	b := &bucket{objects: map[string][]byte{}, parts: map[string][]byte{}}
	s.site.says(b.serve)
	r := s.start(map[string]string{
		"AWS_ACCESS_KEY_ID": "aws#access_key_id", "AWS_SECRET_ACCESS_KEY": "aws#secret_access_key", "AWS_SESSION_TOKEN": "aws#session_token",
	})
	r.vars["AWS_DEFAULT_REGION"] = "eu-west-1"
	out := r.sh(`
		head -c 21000000 /dev/urandom > up
		/usr/bin/aws s3 cp --only-show-errors up 's3://bucket/a folder/large.bin' >&2
		/usr/bin/aws s3 cp --only-show-errors 's3://bucket/a folder/large.bin' down >&2
		cmp up down && echo same
		/usr/bin/aws s3api get-object --bucket bucket --key 'a folder/large.bin' --range bytes=10-19 piece >&2
		cmp <(tail -c +11 up | head -c 10) piece && echo piece
		/usr/bin/aws s3 ls 's3://bucket/a folder/' | grep -o 'large.bin'
		odd='odd/a=b&c@d:e$f,g!h(i)*j;k'\''l+m~n ü.txt'
		echo hello | /usr/bin/aws s3 cp --only-show-errors - "s3://bucket/$odd" >&2
		/usr/bin/aws s3 cp --only-show-errors "s3://bucket/$odd" -
		/usr/bin/aws s3 cp --only-show-errors --storage-class STANDARD_IA --metadata 'x=two  blanks' up 's3://bucket/meta.bin' >&2
	`)
	if out != "same\npiece\nlarge.bin\nhello\n" || len(b.parts) < 2 || b.pieces < 3 {
		t.Errorf("got %q, with %d parts and %d pieces", out, len(b.parts), b.pieces)
	}
	if strings.Contains(out, secretOfAWS) {
		t.Error("the key is shown")
	}
}
