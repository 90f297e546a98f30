// Package process asks the operating system how this process is treated.
//
// Its promise: it only ever asks for less: memory and new files that others can't
// read, and a lower priority. A system that refuses, or has no such thing, is no reason to stop.
package process
