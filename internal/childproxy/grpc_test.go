package childproxy_test

import (
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

// Clients of gRPC, in Node and in Go, send their token as metadata, stream both ways, and read the status from the
// trailers.
func TestAClientOfGRPCUsesASecretThatItDoesNotHave(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"grpc.test"}, Methods: []string{"POST"}, Paths: []string{"/test.Echo/**"}})
	s.site.says(echoOfGRPC)
	byProcess := s.start(map[string]string{"API_TOKEN": "k"})
	withToken := s.start(map[string]string{"API_TOKEN": "k"}, byToken)
	script := `cd ` + npmModules(t) + ` && node ` + s.file("grpc.cjs", `module.paths.push(process.cwd() + "/node_modules");`+clientOfGRPC)
	inGo := strings.TrimSuffix(npmModules(t), "npm") + "grpc/bin/client" // see scripts/test-deps.sh
	for how, r := range map[string]*run{"known by its process": byProcess, "with the token": withToken} {
		if out := r.does(inGo); out != "[\"one\" \"two\"], status 0\nwithout it: 16 no token\n" {
			t.Errorf("in Go, %s: got %q", how, out)
		}
		if out := r.sh(script); out != "one, two, status 0\nwithout it: 16 no token\n" {
			t.Errorf("%s: got %q", how, out)
		}
	}
}

// echoOfGRPC sends back each message of those who have the token.
func echoOfGRPC(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/grpc")
	if r.ProtoMajor != 2 || r.Header.Get("Authorization") != "Bearer "+hidden {
		w.Header().Set("Grpc-Status", "16")
		w.Header().Set("Grpc-Message", "no token")
		return
	}
	w.Header().Set("Trailer", "Grpc-Status")
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(r.Body, head); err != nil {
			break
		}
		message := make([]byte, binary.BigEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(r.Body, message); err != nil {
			break
		}
		_, _ = io.Copy(w, io.MultiReader(strings.NewReader(string(head)), strings.NewReader(string(message))))
		_ = http.NewResponseController(w).Flush()
	}
	w.Header().Set("Grpc-Status", "0")
}

// clientOfGRPC sends the second message when the answer to the first is there.
const clientOfGRPC = `
const grpc = require("@grpc/grpc-js");
const text = {serialize: s => Buffer.from(s), deserialize: b => b.toString()};
const Echo = grpc.makeGenericClientConstructor({echo: {
	path: "/test.Echo/Echo", requestStream: true, responseStream: true,
	requestSerialize: text.serialize, requestDeserialize: text.deserialize, responseSerialize: text.serialize, responseDeserialize: text.deserialize,
}}, "Echo");
const client = new Echo("grpc.test:443", grpc.credentials.createSsl());
const call = token => {
	const metadata = new grpc.Metadata();
	if (token) metadata.set("authorization", "Bearer " + token);
	return client.echo(metadata, {deadline: Date.now() + 120000});
};
const first = call(process.env.API_TOKEN), got = [];
first.on("data", message => {
	got.push(message);
	message === "one" ? first.write("two") : first.end();
});
first.on("error", e => { console.error(e.message); process.exit(1); });
first.on("status", status => {
	console.log(got.join(", ") + ", status " + status.code);
	const second = call("");
	second.on("data", () => {});
	second.on("error", e => { console.log("without it: " + e.code + " " + e.details); client.close(); });
	second.end();
});
first.write("one");
`
