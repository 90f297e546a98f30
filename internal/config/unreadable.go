package config

import (
	"errors"
	"io/fs"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// unreadable says which setting could not be read and what it takes. It never
// quotes a value or the content of a file: both may be secrets.
func unreadable(err error) error {
	if e, ok := errors.AsType[env.LoadFileContentError](err); ok {
		return bad("The file that %s names can't be read: %s.", e.Key, reason(e.Err))
	}
	e, ok := errors.AsType[env.ParseError](err)
	if !ok {
		return bad("A setting can't be read. docs/config.md lists them all.")
	}
	f, ok := reflect.TypeFor[Config]().FieldByName(e.Name)
	if !ok {
		return bad("A setting can't be read. docs/config.md lists them all.")
	}
	name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
	return bad("%s must be %s.", prefix+name, accepted(f.Type))
}

// accepted is what a setting of the type may be.
func accepted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Rate]():
		return "PER_SECOND:BURST, such as 1:5, or off"
	case t == reflect.TypeFor[Networks]():
		return "a list of addresses and networks, such as 10.0.0.5,192.0.2.0/24, and not all addresses"
	case t == reflect.TypeFor[ChainRPC]():
		return `a JSON object of lists of at most 15 http(s) URLs by the name of their chain, such as {"base":["https://node.example/KEY"]}`
	case t == reflect.TypeFor[Upstreams]():
		return `a JSON object of http(s) URLs by the name of their provider, such as {"openai":"http://127.0.0.1:9000"}`
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "a whole number"
	}
	return "text"
}

// reason is the system's word for it, without the file's name.
func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return "it is not readable"
}
