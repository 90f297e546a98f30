// Package docstest holds the documentation to the truth: the README's first
// minute runs as it is written, and links lead somewhere. It has tests only.
package docstest
