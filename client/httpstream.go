package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// streamType is the content type of a request that is sent with secrets in it, and of its answer:
// a line of JSON, and then the body as it comes.
const streamType = "application/vnd.oneclaw.http-stream"

// maxStreamHead bounds that line.
const maxStreamHead = 256 << 10

// HTTPStream is a request that the server sends with secrets in it while its body still comes.
// {{secret:PATH}} or oneclaw://VAULT/PATH stands where a secret goes.
type HTTPStream struct {
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers [][2]string `json:"headers"`
	VaultID string      `json:"vault_id,omitempty"`
	AWS     *AWSScope   `json:"aws,omitempty"`
	// References are all that the request may have, as they stand in it, where somebody else wrote
	// the rest of it: the server refuses any other. None: it may have any.
	References []string `json:"references,omitempty"`
}

// AWSScope is what a signature of AWS is for.
type AWSScope struct {
	Region  string `json:"region"`
	Service string `json:"service"`
}

// HTTPStreamAnswer is what the other server answers, as it comes. Close Body.
type HTTPStreamAnswer struct {
	Status  int         `json:"status"`
	Headers [][2]string `json:"headers"`
	// Body ends with io.EOF only where the answer is whole.
	Body io.ReadCloser `json:"-"`
	// Trailers are what came after the body; ask when it has ended.
	Trailers func() [][2]string `json:"-"`
}

// OpenStream has a request sent, and returns when the answer begins. body may be nil; it is
// read until it ends, also while the answer comes, and closed. Nothing is sent twice, but where
// the token is refused before anything of the body was read.
func (c *Client) OpenStream(ctx context.Context, head HTTPStream, body io.ReadCloser) (*HTTPStreamAnswer, error) {
	if head.Headers == nil {
		head.Headers = [][2]string{}
	}
	line, err := encode(head)
	if err != nil {
		return nil, err
	}
	if body == nil {
		body = http.NoBody
	}
	in := &untouched{ReadCloser: body}
	for renewed := false; ; renewed = true {
		token, err := c.auth.token(ctx)
		if err != nil {
			_ = body.Close()
			return nil, err
		}
		out, err := c.openStream(ctx, line, in, token)
		if err == nil {
			return out, nil
		}
		e, _ := errors.AsType[*Error](err)
		if renewed || e.Status != http.StatusUnauthorized || in.touched.Load() && body != http.NoBody || !c.auth.refused(token) {
			_ = body.Close()
			return nil, err
		}
	}
}

// untouched knows whether a body was read. Closing it is left to whoever gives up.
type untouched struct {
	io.ReadCloser
	touched atomic.Bool
}

// Read implements io.Reader.
func (u *untouched) Read(p []byte) (int, error) {
	u.touched.Store(true)
	return u.ReadCloser.Read(p)
}

func (c *Client) openStream(ctx context.Context, line []byte, body *untouched, token string) (*HTTPStreamAnswer, error) {
	content := io.MultiReader(bytes.NewReader(append(line, '\n')), body)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/v1/http-stream", content)
	if err != nil {
		return nil, refuse("invalid_request", "The request does not make a valid URL.")
	}
	if body.ReadCloser == http.NoBody {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(append(line, '\n'))), int64(len(line)+1)
	}
	r.Header.Set("User-Agent", c.userAgent)
	r.Header.Set("Accept", streamType+", application/json")
	r.Header.Set("Content-Type", streamType)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.streams.Do(r)
	if err != nil {
		return nil, unreachable(c.base, err)
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		text, _ := readAll(io.LimitReader(res.Body, maxProblem+1), res.ContentLength, maxProblem)
		return nil, problem(res, text, c.now())
	}
	out, err := readStream(res, body.ReadCloser)
	if err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	return out, nil
}

func readStream(res *http.Response, sent io.Closer) (*HTTPStreamAnswer, error) {
	in := bufio.NewReaderSize(res.Body, 32<<10)
	var line []byte
	for {
		piece, err := in.ReadSlice('\n')
		line = append(line, piece...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) || len(line) > maxStreamHead {
			return nil, badReply("The server's answer to the request ended before it began.")
		}
	}
	out := new(HTTPStreamAnswer)
	if json.Unmarshal(line, out) != nil || out.Status < 100 || out.Status > 999 {
		return nil, badReply("The server answered the request with something that is no head of an answer.")
	}
	out.Body = streamBody{in, res.Body, sent}
	out.Trailers = func() (all [][2]string) {
		_ = json.Unmarshal([]byte(res.Trailer.Get("Oneclaw-Trailers")), &all)
		return all
	}
	return out, nil
}

// streamBody is an answer. Closing it ends the request, also where that is still sent.
type streamBody struct {
	io.Reader
	answer, sent io.Closer
}

// Close implements io.Closer.
func (b streamBody) Close() error {
	_ = b.sent.Close()
	return b.answer.Close()
}

// forStreams is a client for answers that may begin after any time.
func forStreams(h http.Client) *http.Client {
	if t, ok := h.Transport.(*http.Transport); ok {
		t = t.Clone()
		t.ResponseHeaderTimeout = 0
		t.MaxIdleConnsPerHost = 64
		t.ReadBufferSize = 64 << 10 // an answer of any length comes in pieces of that size
		h.Transport = t
	}
	h.Timeout = 0
	return &h
}
