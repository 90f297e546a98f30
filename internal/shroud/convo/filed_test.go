package convo_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
)

// TestFilesCountByTheirSize, and pictures do not: providers scale those down, and read every page of a file.
func TestFilesCountByTheirSize(t *testing.T) {
	const size = 3000
	data := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", size)))
	chat := func(part string) string { return `{"model":"m","messages":[{"role":"user","content":[` + part + `]}]}` }
	for what, c := range map[string]struct {
		dialect convo.Dialect
		body    string
		filed   bool
	}{
		"a PDF":               {convo.Chat{}, chat(`{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,` + data + `"}}`), true},
		"a sound":             {convo.Chat{}, chat(`{"type":"input_audio","input_audio":{"data":"` + data + `","format":"wav"}}`), true},
		"a picture":           {convo.Chat{}, chat(`{"type":"image_url","image_url":{"url":"data:image/png;base64,` + data + `"}}`), false},
		"Responses' PDF":      {convo.Responses{}, `{"model":"m","input":[{"role":"user","content":[{"type":"input_file","file_data":"data:application/pdf;base64,` + data + `"}]}]}`, true},
		"Anthropic's PDF":     {convo.Messages{}, chat(`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"` + data + `"}}`), true},
		"Anthropic's picture": {convo.Messages{}, chat(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + data + `"}}`), false},
		"Google's PDF":        {convo.Gemini{}, `{"contents":[{"parts":[{"inlineData":{"mimeType":"application/pdf","data":"` + data + `"}}]}]}`, true},
		"Google's film":       {convo.Gemini{}, `{"contents":[{"parts":[{"inline_data":{"mime_type":"video/mp4","data":"` + data + `"}}]}]}`, true},
		"Google's picture":    {convo.Gemini{}, `{"contents":[{"parts":[{"inlineData":{"mimeType":"image/webp","data":"` + data + `"}}]}]}`, false},
	} {
		r, err := c.dialect.Request([]byte(c.body), "/v1beta/models/m:generateContent")
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if r.Media != 1 || c.filed != (r.Filed >= size && r.Filed < size+50) || !c.filed && r.Filed != 0 {
			t.Errorf("%s: %d media, %d bytes", what, r.Media, r.Filed)
		}
	}
}
