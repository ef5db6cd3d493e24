// Package config reads Margay's config file.
//
// Reading is strict: an unknown key is an error, as are two of one kind, a
// value out of bounds and a variable that is not set. All problems are reported
// at once, each with its place in the file and mostly with a hint, and none
// shows a value that could be a secret. What a key means is written down once,
// in a table of fields beside the struct that it fills; the same table makes
// docs/reference/config.md.
//
// A kind of source is one entry of the table kinds and one file of this
// package, with a struct of its own. Values are plain: cmd/margay makes sources
// and the store of them.
package config

//go:generate go test -run TestReference -update .
