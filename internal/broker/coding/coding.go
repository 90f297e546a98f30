// Package coding decodes answers that a server encoded (Content-Encoding), so that secrets can be
// found in them.
//
// Its promise: a body is decoded as it comes, in memory that no answer can raise above 8 MiB for
// its window (brotli: 16 MiB); what is not understood is an error, and never passed on.
package coding

import (
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// ErrUnknown is returned for an encoding that is not decoded here, and for two of them.
var ErrUnknown = errors.New("coding: not an encoding that is decoded")

// window is how far back zstd may refer: RFC 9659 has clients of HTTP support 8 MiB and refuse more.
const window = 8 << 20

// Decoded is the body of an answer in the clear, and whether it was encoded. An answer that has no body by its
// kind only says how one would be.
func Decoded(res *http.Response) (body io.Reader, encoded bool, err error) {
	body = res.Body
	if none(res) {
		return body, false, nil
	}
	switch strings.ToLower(strings.TrimSpace(strings.Join(res.Header.Values("Content-Encoding"), ","))) {
	case "", "identity":
		return body, false, nil
	case "gzip", "x-gzip":
		body, err = gzip.NewReader(body)
	case "deflate": // with the frame of zlib (RFC 9110, section 8.4.1.2)
		body, err = zlib.NewReader(body)
	case "br":
		body = brotli.NewReader(body)
	case "zstd":
		// One at a time: it has no goroutines of its own then, and needs no Close.
		body, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
	default:
		err = ErrUnknown
	}
	return body, true, err
}

// none reports whether an answer has no body (RFC 9110, section 6.4.1).
func none(res *http.Response) bool {
	return res.Request != nil && res.Request.Method == http.MethodHead || res.Body == http.NoBody ||
		res.StatusCode == http.StatusSwitchingProtocols || res.StatusCode == http.StatusNoContent || res.StatusCode == http.StatusNotModified
}
