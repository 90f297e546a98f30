// Command grpc is a client of gRPC for the tests of oneclaw proxy: it finds the proxy and its authorities by its
// environment alone, as programs in Go do. It is a module of its own, so that the product's go.mod has no gRPC.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// text is a codec of messages that are texts.
type text struct{}

// Marshal implements encoding.Codec.
func (text) Marshal(v any) ([]byte, error) { return []byte(*v.(*string)), nil }

// Unmarshal implements encoding.Codec.
func (text) Unmarshal(data []byte, v any) error {
	*v.(*string) = string(data)
	return nil
}

// Name implements encoding.Codec.
func (text) Name() string { return "text" }

func main() {
	conn, err := grpc.NewClient("grpc.test:443", grpc.WithTransportCredentials(credentials.NewTLS(nil)), grpc.WithDefaultCallOptions(grpc.ForceCodec(text{})))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	got, err := echo(conn, os.Getenv("API_TOKEN"))
	fmt.Printf("%q, status %d\n", got, status.Code(err))
	_, err = echo(conn, "")
	fmt.Printf("without it: %d %s\n", status.Code(err), status.Convert(err).Message())
	_ = conn.Close()
}

// echo sends a second message when the first has come back, and returns what came.
func echo(conn *grpc.ClientConn, token string) (got []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/test.Echo/Echo")
	if err != nil {
		return nil, err
	}
	for _, m := range []string{"one", "two"} {
		if err := s.SendMsg(&m); err != nil && !errors.Is(err, io.EOF) {
			return got, err
		}
		var back string
		if err := s.RecvMsg(&back); err != nil {
			return got, err
		}
		got = append(got, back)
	}
	if err := s.CloseSend(); err != nil {
		return got, err
	}
	var more string
	if err := s.RecvMsg(&more); !errors.Is(err, io.EOF) {
		return got, err
	}
	return got, nil
}
