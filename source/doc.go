// Package source keeps sources running.
//
// A source ([event.Source]) reads until a pass fails and then returns; it
// neither waits nor tries again. [Supervisor] does both for every kind alike:
// it starts the source anew from the durable positions, waits longer after each
// failure in a row, and knows at any time how the source is doing and why.
//
// Each kind of source has a package of its own below this one. Package
// sourcetest holds the promises that all of them are tested against.
package source
