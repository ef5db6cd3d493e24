// Package margay is the root of the module. It holds no code but the test of
// the architecture; package event tells the whole story, cmd/margay is the
// program.
package margay
